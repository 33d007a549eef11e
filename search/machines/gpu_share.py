"""How many trials share a GPU, from what a probe (search/machines/probe.py) measured of memory and speed. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Auto = Literal["auto"]
AUTO: Final[Auto] = "auto"
"""In place of a share: one that is measured."""
MARGIN = 0.2
"""More memory than was measured, as a share: what a trial needs in its thousandth step is not all seen in five."""
WORTH = 0.05
"""A more crowded GPU must make so many more pictures a second: a trial of many takes longer, and is known later."""
MOST_TRIALS = 8


@dataclass(frozen=True, kw_only=True)
class Need:
    """Of one network at the largest point of its space, on one kind of GPU. used: with the process's own context."""

    network: str
    gpu: str
    used_bytes: float
    total_bytes: float

    @property
    def room(self) -> int:
        """How many such trials fit into the memory."""
        return int(self.total_bytes // (self.used_bytes * (1.0 + MARGIN)))


Rates = Mapping[str, Mapping[int, float]]
"""Pictures a second of all processes on a GPU together, by network and by how many they are."""


def most_that_fit(needs: Iterable[Need], *, cpus_per_gpu: float, num_trials: int) -> int:
    """At least 1: where not even one has its margin, it is tried, and takes fewer pictures at a time (memory.py)."""
    room = min((need.room for need in needs), default=1)
    return max(1, min(room, math.floor(cpus_per_gpu), num_trials, MOST_TRIALS))


def crowds(most: int) -> list[int]:
    """How many side by side are timed: 1, 2, 4, … and `most`."""
    doubled = [2**power for power in range(most.bit_length())]
    return sorted({*doubled, most})


def best_crowd(rates: Rates) -> int:
    """Of the crowds timed for every network, the one that makes most; a fuller one only where it is worth it.

    Networks count alike: the geometric mean of what each gains over being alone.
    """
    timed = sorted(set.intersection(*(set(of) for of in rates.values())))
    best = timed[0]
    for crowd in timed[1:]:
        if gain(rates, crowd) >= gain(rates, best) * (1.0 + WORTH):
            best = crowd
    return best


def gain(rates: Rates, crowd: int) -> float:
    """Over one process alone."""
    return math.exp(sum(math.log(of[crowd] / of[min(of)]) for of in rates.values()) / len(rates))


def share_of(num_trials: int) -> float:
    """Of a GPU, for each; rounded down to what Ray counts in, so that all of them fit."""
    return math.floor(10_000 / num_trials) / 10_000


def table(needs: Iterable[Need], rates: Rates, chosen: int) -> list[str]:
    """What was measured and what follows, for people."""
    lines = [
        f"  {need.network} on {need.gpu}: {need.used_bytes / 1e9:.1f} of {need.total_bytes / 1e9:.1f} GB at its"
        f" largest, {need.room} fit with a margin of {MARGIN:.0%}"
        for need in needs
    ]
    for network, of in rates.items():
        each = ", ".join(f"{crowd} at once {rate:.0f}" for crowd, rate in sorted(of.items()))
        lines.append(f"  {network}, pictures a second of all together: {each}")
    lines.append(f"  so {chosen} trials a GPU: --gpus-per-trial {share_of(chosen):g}")
    return lines
