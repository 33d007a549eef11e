"""An ensemble: several generators with weights, in one folder that needs nothing else.

ensemble.json            `format`, `fingerprint`, `members` with weights, `report` of the selection
members/<id>/            generator.safetensors + record.json of each, as in their checkpoints
polish.safetensors       the reals that members' pictures are held against (gan/ensemble/polish.py), where any are

A picture is (member, seed, truncation, label); the same four give the same picture, in any batch, to within 1/255.
Polish decides which seeds are given out, never what a seed means.
"""

import dataclasses
import hashlib
import itertools
import json
import math
import shutil
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gan.checkpoint import GENERATOR, RECORD, CheckpointRecord, load_generator, load_record
from gan.ensemble.polish import Polish
from gan.errors import UserError
from gan.features.interface import FeatureNet
from gan.features.registry import load_feature_net
from gan.metrics.arrays import Float64Array
from gan.networks.interface import Generator
from gan.networks.registry import name_of
from gan.pixels import UInt8Array
from gan.sampling.blend import Origin, can_morph, mix_styles, morph
from gan.sampling.sample import sample

FORMAT = 1
MANIFEST, POLISH = "ensemble.json", "polish.safetensors"
_AFRESH = 32  # pictures drawn at once, where those before were not accepted
_PATIENCE = 100  # times as many pictures drawn as wanted, before a floor is called out of reach
_MEMBER_CHANCE = 1  # keeps the choice of a member apart from the picture's own draws of the same seed


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A checkpoint that was chosen: where it lies, how often it is to be used, at which truncation."""

    id: str
    checkpoint: Path
    weight: float
    truncation: float = 1.0
    realism_floor: float | None = None


@dataclass(frozen=True, kw_only=True)
class Member:
    """A generator of the ensemble. weight is its share of the pictures; class_names and class_counts, how
    often each came in the data, are () when unconditional. realism_floor: what its pictures must reach to be given
    out, None where all are."""

    id: str
    weight: float
    truncation: float
    network: str
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    images_seen: int
    realism_floor: float | None = None


class Ensemble:
    """Loaded members, ready to draw. Drawing is safe from several threads (one draws at a time a member)."""

    def __init__(
        self,
        *,
        version: str,
        fingerprint: str,
        members: Sequence[Member],
        generators: Sequence[Generator],
        records: Sequence[CheckpointRecord],
        report: dict[str, Any],
        polish: Polish | None = None,
        net: FeatureNet | None = None,
    ) -> None:
        """polish and its net: where any member has a realism floor."""
        assert len(members) == len(generators) == len(records) > 0
        self.version = version
        self.fingerprint = fingerprint
        self.members = tuple(members)
        self.report = report
        self._generators = tuple(generators)
        self._records = tuple(records)
        self._polish, self._net = polish, net
        self._locks = tuple(threading.Lock() for _ in members)
        shape = generators[0].shape
        self.height, self.width, self.channels = shape.height, shape.width, shape.channels

    def draw(
        self,
        member: int,
        seeds: Sequence[int],
        *,
        truncation: float = 1.0,
        labels: Sequence[int] | None = None,
    ) -> UInt8Array:
        """Pictures uint8 `[n, c, h, w]` of one member, one a seed, in the inside convention.

        truncation multiplies the member's own. Labels only for a conditional member; without them the seed chooses.
        """
        if labels is not None and not self.members[member].class_names:
            raise UserError(f"member {self.members[member].id} has no classes: leave the type out")
        with self._locks[member]:
            return sample(
                self._generators[member],
                seeds,
                truncation=self.members[member].truncation * truncation,
                class_counts=self._records[member].class_counts,
                labels=labels,
            )

    def can_morph(self, member: int, a: Origin, b: Origin) -> bool:
        """Whether the member has pictures between the two (gan/sampling/blend.py)."""
        return can_morph(self._generators[member], a, b)

    def morph(self, member: int, a: Origin, b: Origin, shares: Sequence[float]) -> UInt8Array:
        """Pictures `[n, c, h, w]` on the member's way from a to b, one a share; truncations multiply its own."""
        with self._locks[member]:
            return morph(self._generators[member], self._own(member, a), self._own(member, b), shares)

    def num_styles(self, member: int) -> int:
        """Layers that take a style of their own; 1: none to mix."""
        return self._generators[member].mixing_layers()

    def mix_styles(self, member: int, coarse: Origin, fine: Origin, layer: int) -> UInt8Array:
        """One picture `[c, h, w]` with the styles of both; UserError where the member cannot."""
        with self._locks[member]:
            return mix_styles(self._generators[member], self._own(member, coarse), self._own(member, fine), layer)

    def _own(self, member: int, origin: Origin) -> Origin:
        return dataclasses.replace(origin, truncation=self.members[member].truncation * origin.truncation)

    def accepts(self, member: int, pictures: UInt8Array) -> NDArray[np.bool_]:
        """Which of the member's pictures `[n, c, h, w]` are to be given out: all, where it is not polished."""
        floor = self.members[member].realism_floor
        if floor is None or not len(pictures):
            return np.ones(len(pictures), dtype=np.bool_)
        return np.asarray(self.realism(pictures) >= floor)

    def realism(self, pictures: UInt8Array) -> Float64Array:
        """Each picture's score by the reals that came with the ensemble; only where a member is polished."""
        assert self._polish is not None
        assert self._net is not None
        return self._polish.realism(self._net(pictures))

    def draw_accepted(
        self, member: int, count: int, *, seeds: Iterable[int] | None = None, truncation: float = 1.0
    ) -> UInt8Array:
        """The first `count` pictures that the member's polish accepts, of these seeds, then of those after them.

        seeds: None counts from 0. UserError where next to none is accepted.
        """
        given = list(seeds) if seeds is not None else []
        upwards = itertools.chain(given, itertools.count(max(given, default=-1) + 1))
        kept: list[UInt8Array] = []
        found, drawn = 0, 0
        while found < count or not kept:
            at_once = max(count, _AFRESH if kept else 1)
            pictures = self.draw(member, list(itertools.islice(upwards, at_once)), truncation=truncation)
            kept.append(pictures[self.accepts(member, pictures)])
            found, drawn = found + len(kept[-1]), drawn + len(pictures)
            if drawn > _PATIENCE * max(count, _AFRESH):
                raise UserError(
                    f"member {self.members[member].id}: {found} of {drawn} pictures reach its realism floor of"
                    f" {self.members[member].realism_floor}; refresh with a larger --polish"
                )
        return np.concatenate(kept)[:count]

    def member_of(self, seed: int) -> int:
        """The member that a seed falls to, by weight: the same for the same seed."""
        chance = np.random.default_rng([seed, _MEMBER_CHANCE])
        return int(chance.choice(len(self.members), p=[member.weight for member in self.members]))

    def draw_mixed(self, seeds: Sequence[int], *, truncation: float = 1.0) -> UInt8Array:
        """Pictures `[n, c, h, w]` of the whole ensemble: each seed from the member it falls to.

        What a member's polish refuses is replaced by what it draws from seeds beyond the highest.
        """
        members = np.array([self.member_of(seed) for seed in seeds])
        images = np.empty((len(seeds), self.channels, self.height, self.width), dtype=np.uint8)
        for member in np.unique(members):
            (places,) = np.nonzero(members == member)
            own = [seeds[place] for place in places.tolist()]
            images[places] = self.draw_accepted(int(member), len(own), seeds=own, truncation=truncation)
        return images


def write_ensemble(
    folder: Path, choices: Sequence[Choice], report: dict[str, Any], *, polish: Polish | None = None
) -> None:
    """Copy the chosen generators into a new ensemble folder; complete or absent.

    Weights must be positive; they are scaled to sum to 1. Members must share one picture size. polish: what realism
    floors are measured by; needed where a choice has one.
    """
    assert polish is not None or all(choice.realism_floor is None for choice in choices)
    if not choices:
        raise UserError("an ensemble needs at least one member")
    if any(not math.isfinite(choice.weight) or choice.weight <= 0.0 for choice in choices):
        raise UserError(f"ensemble weights must be over 0, got {[choice.weight for choice in choices]}")
    records = [load_record(choice.checkpoint) for choice in choices]
    sizes = {(r.config.data.channels, r.config.data.height, r.config.data.width) for r in records}
    if len(sizes) > 1:
        raise UserError(f"members of one ensemble must make pictures of one size, got {sorted(sizes)}")
    total = sum(choice.weight for choice in choices)
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        for choice in choices:
            member = partial / "members" / choice.id
            member.mkdir(parents=True)
            for name in (GENERATOR, RECORD):
                shutil.copyfile(choice.checkpoint / name, member / name)
        manifest = {
            "format": FORMAT,
            "fingerprint": _fingerprint(partial, choices),
            "members": [
                {
                    "id": choice.id,
                    "weight": choice.weight / total,
                    "truncation": choice.truncation,
                    "realism_floor": choice.realism_floor,
                }
                for choice in choices
            ],
            "report": report,
        }
        if polish is not None:
            polish.save(partial / POLISH)
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1, allow_nan=False))
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """ensemble.json of that folder, or a UserError."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError:
        raise UserError(f"ensemble {str(folder)!r} does not exist: there is no {MANIFEST} in it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{str(folder / MANIFEST)!r} cannot be read: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise UserError(f"ensemble {str(folder)!r} is of format {found}, this version reads {FORMAT}")
    missing = {"fingerprint", "members", "report"} - set(manifest)
    if missing or not manifest["members"]:
        raise UserError(f"{str(folder / MANIFEST)!r} is damaged: {', '.join(sorted(missing)) or 'no members'}")
    return manifest


def load_ensemble(folder: Path, *, version: str | None = None, device: torch.device | None = None) -> Ensemble:
    """Load every member and make one picture with each: a broken member is refused here, not on a request.

    version is the registry's number; a local folder goes by the first 8 hex digits of its fingerprint.
    """
    manifest = read_manifest(folder)
    members, generators, records = [], [], []
    for entry in manifest["members"]:
        generator, record = load_generator(folder / "members" / entry["id"], device or torch.device("cpu"))
        generators.append(generator)
        records.append(record)
        members.append(
            Member(
                id=entry["id"],
                weight=entry["weight"],
                truncation=entry["truncation"],
                network=name_of(record.config.network),
                class_names=record.class_names,
                class_counts=record.class_counts,
                images_seen=record.images_seen,
                realism_floor=entry.get("realism_floor"),
            )
        )
        _check_finite(generator, folder / "members" / entry["id"])
    polish, net = None, None
    if any(member.realism_floor is not None for member in members):
        polish = Polish.load(folder / POLISH)
        net = load_feature_net(polish.features, device or torch.device("cpu"))
    return Ensemble(
        polish=polish,
        net=net,
        version=version or manifest["fingerprint"][:8],
        fingerprint=manifest["fingerprint"],
        members=members,
        generators=generators,
        records=records,
        report=manifest["report"],
    )


def _check_finite(generator: Generator, folder: Path) -> None:
    if any(not torch.isfinite(value).all() for value in generator.state_dict().values() if value.is_floating_point()):
        raise UserError(f"member {str(folder)!r} holds weights that are not finite; choose another checkpoint")
    sample(generator, [0], class_counts=[1] * generator.shape.num_classes)  # runs, or says why it cannot


def _fingerprint(folder: Path, choices: Sequence[Choice]) -> str:
    """sha256 over the members' weights and shares, 16 hex digits."""
    digest = hashlib.sha256()
    for choice in choices:
        digest.update(f"{choice.id} {choice.weight!r} {choice.truncation!r}".encode())
        if choice.realism_floor is not None:
            digest.update(f" {choice.realism_floor!r}".encode())
        digest.update((folder / "members" / choice.id / GENERATOR).read_bytes())
    return digest.hexdigest()[:16]
