"""Settings beyond the space's own that a search may try, as typed: `--vary FIELD=VALUES`. Pure.

FIELD is any field of a run (`python -m gan.train --show` lists them). VALUES is a list, `non_saturating,hinge`, or a
range, `0.1..10`, by its logarithm as `0.1..10:log`. `NETWORK:FIELD=VALUES` is for that network alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gan.config import RunConfig, flatten, with_values
from gan.errors import UserError
from gan.networks.registry import NETWORKS
from search.space.fields import Choice, Field, Point, Range, Value

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(:log)?", re.IGNORECASE)
# What the space asks for already, in its own way (search/space/space.py).
_SEARCHED = {
    "optimiser.generator_lr", "optimiser.discriminator_lr_ratio", "optimiser.batch_size", "regulariser.r1_gamma",
    "augment.policy", "augment.target", "average.half_life_kimg", "network.width", "network.max_width",
    "network.channel_base", "network.channel_max",
}  # fmt: skip
# What the search gives every trial.
_GIVEN = ("data.source", "data.height", "data.width", "data.channels", "data.fit", "data.conditional", "seed")


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """`[NETWORK:]FIELD=TEXT`, as typed."""

    network: str | None
    field: str
    text: str

    @classmethod
    def parse(cls, flag: str, typed: str) -> "Assignment":
        """UserError for anything that does not read so, for an unknown network and for what the search itself sets."""
        target, equals, text = typed.partition("=")
        network, colon, field = target.rpartition(":")
        if not equals or not field or not text:
            raise UserError(f"{flag} {typed!r} cannot be read: write FIELD=VALUE, such as loss.packing=2 (see --help)")
        if colon and network not in NETWORKS:
            raise UserError(f"{flag} {typed!r}: unknown network {network!r}; known are {', '.join(NETWORKS)}")
        if field in _GIVEN or field.startswith("schedule."):
            raise UserError(f"{flag} {typed!r}: a search sets {field} by its own flags (see --help)")
        return cls(network=network or None, field=field, text=text)

    def concerns(self, network: str, run: RunConfig) -> bool:
        """Whether that network's runs have the field; one named by its network must have it."""
        return self.network == network if self.network else self.field in flatten(run)


def with_settings(typed: tuple[str, ...], bases: Mapping[str, RunConfig]) -> dict[str, RunConfig]:
    """The bases with `--set FIELD=VALUE` done. UserError where a field is nobody's or a value makes no sense."""
    changed = dict(bases)
    for text in typed:
        assignment = Assignment.parse("--set", text)
        for network in _concerned(assignment, "--set", text, bases):
            changed[network] = with_values(changed[network], {assignment.field: assignment.text})
    return changed


@dataclass(frozen=True, kw_only=True)
class Varied:
    """One field that trials differ in, beside the space's own. `networks`: whose runs have it."""

    field: Field
    run_field: str
    networks: tuple[str, ...]

    @classmethod
    def parse(cls, typed: str, bases: Mapping[str, RunConfig]) -> "Varied":
        """UserError for what cannot be read, is searched already, or would build no run at one of its values."""
        assignment = Assignment.parse("--vary", typed)
        if assignment.field in _SEARCHED:
            raise UserError(f"--vary {typed!r}: {assignment.field} is searched already, around what --set makes of it")
        networks = _concerned(assignment, "--vary", typed, bases)
        name = f"{assignment.network}:{assignment.field}" if assignment.network else assignment.field
        field = _field(name, assignment.text, typed)
        tried = field.values if isinstance(field, Choice) else (field.low, field.high)
        for network in networks:
            for value in tried:
                with_values(bases[network], {assignment.field: str(value)})
        return cls(field=field, run_field=assignment.field, networks=networks)

    def value_in(self, run: RunConfig) -> Value:
        """The run's own value, or the nearest that is tried: a list's first where the run's is not in it."""
        value = flatten(run)[self.run_field]
        if isinstance(self.field, Choice):
            text = "null" if value is None else str(value)
            same = (tried for tried in self.field.values if str(tried).lower() == text.lower())
            return next(same, self.field.values[0])
        if not isinstance(value, int | float):
            return self.field.low
        return min(max(float(value), self.field.low), self.field.high)

    def applied(self, run: RunConfig, point: Point) -> RunConfig:
        """The run with the point's value of this field."""
        return with_values(run, {self.run_field: str(point[self.field.name])})


def _concerned(assignment: Assignment, flag: str, typed: str, bases: Mapping[str, RunConfig]) -> tuple[str, ...]:
    networks = tuple(network for network, run in bases.items() if assignment.concerns(network, run))
    if not networks:
        raise UserError(
            f"{flag} {typed!r}: no run of {', '.join(bases)} has a field {assignment.field};"
            " python -m gan.train --show lists them"
        )
    return networks


def _field(name: str, text: str, typed: str) -> Field:
    match = _RANGE.fullmatch(text)
    if match is None:
        values = tuple(dict.fromkeys(value.strip() for value in text.split(",")))
        if len(values) < 2 or not all(values):
            raise UserError(f"--vary {typed!r}: give two values or more, a,b, or a range, 0.1..10 or 0.1..10:log")
        return Choice(name=name, values=values)
    low, high, log = float(match[1]), float(match[2]), match[3] is not None
    if not low < high or (log and low <= 0.0):
        raise UserError(f"--vary {typed!r}: the low end must be under the high end, and over 0 for :log")
    return Range(name=name, low=low, high=high, log=log)
