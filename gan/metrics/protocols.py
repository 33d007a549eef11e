"""Protocols by name: everything that a number depends on, so that it can be repeated from its name.

A name says what is computed from how many samples under which net. Samples of a generator are those of seeds 0 to
n - 1 at truncation 1; of a folder with more pictures than that, those of the smallest content fingerprints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from gan.errors import UserError
from gan.metrics.reals import Side
from gan.metrics.report import BETTER

FID_AND_KID: Final = ("fid", "kid")
HALVES: Final[tuple[Side, ...]] = ("reference", "held_out")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """num_samples: None takes all pictures of a folder. sides: which reals, each a column. numbers: of
    gan/metrics/report.py. seed: of the intervals' halves, and of the order in which parts are taken."""

    name: str
    features: str
    num_samples: int | None
    sides: tuple[Side, ...]
    numbers: tuple[str, ...]
    resize: str
    source: str
    seed: int = 0

    def at(self, num_samples: int) -> "Protocol":
        """The same at the count that was there."""
        return self if self.num_samples is not None else replace(self, num_samples=num_samples)


CLEAN_RESIZE: Final = "299x299 by clean-fid's bicubic on floats, low-passed when reducing; alpha over grey 128"
OWN_RESIZE: Final = "32 to 64 px by area, over black and over white (gan/features/random_convolutions.py)"

_ALL = (
    Protocol(
        name="held_out1k_randconv",
        features="randconv",
        num_samples=1000,
        sides=HALVES,
        numbers=tuple(BETTER),
        resize=OWN_RESIZE,
        source="ours, as a search scores: no download, one half to choose by, the other to report",
    ),
    Protocol(
        name="held_out2k_randconv",
        features="randconv",
        num_samples=2000,
        sides=HALVES,
        numbers=tuple(BETTER),
        resize=OWN_RESIZE,
        source="ours, steadier: at 2,000 samples lost classes and repeats show earlier",
    ),
    Protocol(
        name="held_out5k_inception",
        features="inception",
        num_samples=5000,
        sides=HALVES,
        numbers=tuple(BETTER),
        resize=CLEAN_RESIZE,
        source="ours, under the field's usual net",
    ),
    Protocol(
        name="fid5k_inception",
        features="inception",
        num_samples=5000,
        sides=("all",),
        numbers=FID_AND_KID,
        resize=CLEAN_RESIZE,
        source="5,000 samples against all reals, a usual short form of the next",
    ),
    Protocol(
        name="fid50k_inception",
        features="inception",
        num_samples=50_000,
        sides=("all",),
        numbers=FID_AND_KID,
        resize=CLEAN_RESIZE,
        source="counts of Karras et al. 2020 (StyleGAN2-ADA, fid50k_full: 50,000 samples, all reals); the resize is"
        " clean-fid's, theirs is the network's own bilinear one, so figures differ a little where pictures are resized",
    ),
    Protocol(
        name="clean_fid_inception",
        features="inception",
        num_samples=None,
        sides=("all",),
        numbers=FID_AND_KID,
        resize=CLEAN_RESIZE,
        source="Parmar et al. 2022, compute_fid(folder, folder): every picture; KID of all pairs, up to 5,000 a side",
    ),
)
PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({protocol.name: protocol for protocol in _ALL})


def protocol_of(name: str) -> Protocol:
    """By name; an unknown one is a UserError."""
    if name not in PROTOCOLS:
        raise UserError(f"unknown protocol {name!r}: choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def unnamed(features: str, num_samples: int | None, sides: tuple[Side, ...]) -> Protocol:
    """All numbers, under that net; its name says as much as is known."""
    count = "all" if num_samples is None else _count(num_samples)
    return Protocol(
        name=f"{'held_out' if 'held_out' in sides else 'all_reals'}{count}_{features}",
        features=features,
        num_samples=num_samples,
        sides=sides,
        numbers=tuple(BETTER),
        resize="the net's own",
        source="as asked for",
    )


def _count(num: int) -> str:
    return f"{num // 1000}k" if num and num % 1000 == 0 else str(num)
