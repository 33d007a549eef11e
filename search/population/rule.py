"""Population based training (Jaderberg et al. 2017, arXiv 1711.09846): who takes over from whom, and with what. Pure.

All members train at once. Every few ticks the worst quarter takes over networks, optimisers and settings from members
of the best quarter (the paper's truncation selection), and goes on with settings moved a little (its explore). So
settings change while training goes on, and what collapsed is replaced by what did not.

Departures from the paper: members wait for each other at an exchange, so that all scores are of the same number of
images, no member goes back or ahead in its own records, and what happens does not depend on who was faster: a search
that was killed and resumed goes on as an uncut one would. And a step of explore is a share of the setting's range, not
the factor 0.8 or 1.2 for all: R1's range is a factor of a thousand, where 1.2 would be nothing.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from search.space.fields import Field, Point, Range


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the population at an exchange.

    loss: of its weights as they are, lower is better; NaN where it is unknown or worth nothing (noise, copies).
    is_example: others may take over from it. collapsed: it cannot go on by itself.
    """

    number: int
    loss: float
    is_example: bool
    collapsed: bool
    point: Point


class TakeOver(NamedTuple):
    """receiver and donor by number; point: what the receiver goes on with."""

    receiver: int
    donor: int
    point: Point


Explore = Callable[[Member, Sequence[Point], np.random.Generator], Point]
"""The donor, what others got at this exchange already, chance: to the settings that its receiver goes on with."""


@dataclass(frozen=True, kw_only=True)
class PopulationRule:
    """every: ticks between two exchanges. after: no exchange before that share of the budget, as no trial has a score
    then (CollapseRule.candidate_after). share: of the population that takes over, and that is taken over from: Tune's
    quarter, up to half where the population is small. step: of explore, as a share of the range (by its logarithm
    where the range is): a twelfth is the paper's 1.2 for a learning rate, whose range is a factor of ten. resample:
    how often a setting is drawn anew from its range instead, as in Tune.
    """

    every: int = 2
    after: float = 0.25
    share: float = 0.25
    step: float = 1.0 / 12.0
    resample: float = 0.25

    def exchanges(self, num_ticks: int) -> list[int]:
        """The ticks at which members exchange, never the last."""
        return [tick for tick in range(self.every, num_ticks, self.every) if tick >= self.after * num_ticks]

    def take_overs(
        self,
        members: Sequence[Member],
        fields: Sequence[Field],
        *,
        seed: int,
        tick: int,
        explore: Explore | None = None,
    ) -> list[TakeOver]:
        """What is done at that exchange; none where there is nobody to take over from.

        Those that collapsed all take over, whatever their rank; others only from a lower loss than theirs. Draws depend
        on seed, tick and receiver alone. explore: PBT's own by default.
        """
        explore = explore or (lambda donor, taken, rng: self.explore(donor.point, fields, rng))
        ranked = sorted(members, key=lambda m: (m.collapsed, math.inf if math.isnan(m.loss) else m.loss, m.number))
        num = min(math.ceil(len(ranked) * self.share), len(ranked) // 2)
        receivers = {m.number for m in ranked if m.collapsed} | {m.number for m in ranked[len(ranked) - num :]}
        examples = [m for m in ranked if m.is_example and math.isfinite(m.loss) and not m.collapsed][: max(1, num)]
        done: list[TakeOver] = []
        for receiver in sorted((m for m in ranked if m.number in receivers), key=lambda m: m.number):
            hopeless = receiver.collapsed or math.isnan(receiver.loss)
            donors = [m for m in examples if m is not receiver and (hopeless or m.loss < receiver.loss)]
            if donors:
                rng = np.random.default_rng([seed, tick, receiver.number])
                donor = donors[int(rng.integers(len(donors)))]
                point = explore(donor, [one.point for one in done], rng)
                done.append(TakeOver(receiver.number, donor.number, point))
        return done

    def explore(self, point: Point, fields: Iterable[Field], rng: np.random.Generator) -> Point:
        """The donor's settings, every number moved up or down a step within its range, every choice as it is."""
        explored = dict(point)
        for field in fields:
            if isinstance(field, Range) and field.name in point:
                explored[field.name] = self._moved(field, float(point[field.name]), rng)
        return explored

    def _moved(self, field: Range, value: float, rng: np.random.Generator) -> float:
        low, high, value = (math.log(v) if field.log else v for v in (field.low, field.high, value))
        if rng.random() < self.resample:
            value = rng.uniform(low, high)
        else:
            value += self.step * (high - low) * (1.0 if rng.random() < 0.5 else -1.0)
        value = min(max(value, low), high)
        return min(max(math.exp(value), field.low), field.high) if field.log else float(value)
