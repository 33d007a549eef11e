"""Who may propose the next trial, by the names of `--algorithm`. How each does it is in search/samplers.py."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gan.errors import UserError

DEFAULT: Final = "tpe"
ALGORITHMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tpe": "TPE (of two objectives: Ozaki et al. 2022), multivariate and grouped: made for spaces with branches",
        "nsga2": "evolution in five generations (NSGA-II, Deb et al. 2002)",
        "nsga3": "the same, spread along reference points (NSGA-III, Deb & Jain 2014)",
        "gp": "Gaussian processes and the improvement that they expect; for one network",
        "random": "chance, to compare with",
    }
)
_FOR_ONE_NETWORK = frozenset({"gp"})


def check_algorithm(name: str, num_networks: int) -> None:
    """UserError for an unknown name, or for one that does not know such a space."""
    if name not in ALGORITHMS:
        raise UserError(f"unknown algorithm {name!r}: choose one of {', '.join(ALGORITHMS)}")
    if num_networks > 1 and name in _FOR_ONE_NETWORK:
        raise UserError(
            f"--algorithm {name} models the settings that all trials have in common, and {num_networks} networks share"
            " few: give one to --networks, or take tpe"
        )
