"""What a search may change, and how a point of that space becomes a run. Pure: knows neither Optuna nor Ray.

A point is a flat dict of plain values. A network's own settings carry its name (`stylegan2.generator_lr`) and exist
only in its points; so does ADA's target only where the policy is ada. Ranges lie around a recipe, so that the
recipe itself is a point, and the first one tried: a search is never worse than the known defaults.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gan.config import RunConfig
from gan.regularisers import default_r1_gamma
from search.space.fields import Choice, Field, Point, Range, Value
from search.space.vary import Varied

WIDTHS = (0.5, 1.0, 1.5)  # times the recipe's channels; 2 would cost four times the time a picture
BATCHES = (0.5, 1.0, 2.0)  # times the recipe's; "batch size matters most" (seed projects)
POLICIES = ("ada", "diffaugment", "none")
# 1.5e-4 worked for a small conditional DCGAN where 2e-4 gave dark blobs and 1e-4 white grain (seed projects): what is
# right differs with the data by some factor of two. On 429 icons StyleGAN2 came apart at 1.6 times the recipe's rate
# (experiments/LOG.md); DCGAN still learned at twice its own.
LEARNING_RATES = (0.25, 2.5)  # times the recipe's
LR_RATIOS = (0.25, 4.0)  # discriminator over generator; Heusel et al. 2017 use up to 4
# The heuristic is a lower end for small sets: gamma 30 from scratch at 128 px, 150 times the heuristic for batches of
# 16, overfitted far less than transfer (seed projects); 10, 100 and 1000 times it led on 214 icons (LOG).
R1_MULTIPLIERS = (1.0, 1000.0)
ADA_TARGETS = (0.4, 0.8)  # the paper's 0.6, and what its figure 5 shows to be flat around it
HALF_LIVES = (0.25, 4.0)  # times the recipe's


class Suggester(Protocol):
    """What an Optuna trial offers and this file needs."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...
    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Space:
    """The space around one recipe a network. Bases carry the search's own data, schedule and seed already."""

    bases: Mapping[str, RunConfig]  # by network
    varied: tuple[Varied, ...] = ()  # further fields, which the user asked for
    shapes: bool = True  # whether widths and batch sizes are tried too; else they are the recipes'

    def point_from(self, trial: Suggester) -> Point:
        """Ask for every field that the answers so far call for."""
        point: Point = {}
        fields = self.fields(point)
        for field in fields:
            if isinstance(field, Choice):
                point[field.name] = trial.suggest_categorical(field.name, list(field.values))
            else:
                point[field.name] = trial.suggest_float(field.name, field.low, field.high, log=field.log)
        return point

    def fields(self, point: Mapping[str, Value]) -> Iterator[Field]:
        """The fields of a point, each decided by the values of those before it (read while iterating)."""
        yield Choice(name="network", values=tuple(self.bases))
        network = str(point["network"])
        base = self.bases[network]
        optimiser = base.optimiser
        yield _around(f"{network}.generator_lr", optimiser.generator_lr, LEARNING_RATES)
        yield Choice(name=f"{network}.width", values=WIDTHS if self.shapes else (1.0,))
        yield Choice(
            name=f"{network}.batch_size",
            values=tuple(
                dict.fromkeys(
                    max(2, round(optimiser.batch_size * factor)) for factor in (BATCHES if self.shapes else (1.0,))
                )
            ),
        )
        yield _around(f"{network}.half_life_kimg", base.average.half_life_kimg, HALF_LIVES)
        yield self._shared("discriminator_lr_ratio", LR_RATIOS, [b.optimiser.discriminator_lr_ratio for b in self._all])
        yield self._shared("r1_multiplier", R1_MULTIPLIERS, [_r1_multiplier(b) for b in self._all])
        policies = (*POLICIES, *(b.augment.policy for b in self._all))
        yield Choice(name="augment", values=tuple(dict.fromkeys(policies)))
        if point["augment"] == "ada":
            targets = [b.augment.target for b in self._all]
            low, high = min(ADA_TARGETS[0], *targets), max(ADA_TARGETS[1], *targets)
            yield Range(name="ada_target", low=low, high=high, log=False)
        yield from (varied.field for varied in self.varied if network in varied.networks)

    def first_points(self) -> list[Point]:
        """The recipes' own settings, one point a network, in the order of the networks."""
        return [self._point_of(network) for network in self.bases]

    def build_run(self, point: Mapping[str, Value]) -> RunConfig:
        """The run that a point of this space means. A name that is no field of it is our own mistake."""
        expected = [field.name for field in self.fields(point)]
        assert sorted(expected) == sorted(point), f"point has {sorted(point)}, the space asks for {sorted(expected)}"
        network = str(point["network"])
        base = self.bases[network]
        batch_size = int(point[f"{network}.batch_size"])
        policy: Any = point["augment"]
        augment = dataclasses.replace(base.augment, policy=policy)
        if policy == "ada":
            augment = dataclasses.replace(augment, target=float(point["ada_target"]))
        multiplier = float(point["r1_multiplier"])
        gamma = default_r1_gamma(base.data.height, base.data.width, batch_size) * multiplier
        run = dataclasses.replace(
            base,
            network=base.network.scaled(float(point[f"{network}.width"])),
            optimiser=dataclasses.replace(
                base.optimiser,
                generator_lr=float(point[f"{network}.generator_lr"]),
                discriminator_lr_ratio=float(point["discriminator_lr_ratio"]),
                batch_size=batch_size,
            ),
            regulariser=dataclasses.replace(base.regulariser, r1_gamma=gamma, r1_multiplier=multiplier),
            augment=augment,
            average=dataclasses.replace(base.average, half_life_kimg=float(point[f"{network}.half_life_kimg"])),
        )
        for varied in self.varied:
            if network in varied.networks:
                run = varied.applied(run, dict(point))
        return run

    def describe(self) -> list[str]:
        """One line a field, for people; a network's own fields under its name."""
        lines: dict[str, None] = {}
        for network in self.bases:
            for field in self.fields({"network": network, "augment": "ada"}):
                note = " (only with augment ada)" if field.name == "ada_target" else ""
                lines[f"{field}{note}"] = None
        return list(lines)

    @property
    def _all(self) -> list[RunConfig]:
        return list(self.bases.values())

    def _shared(self, name: str, bounds: tuple[float, float], values: list[float]) -> Range:
        """Bounds that every recipe's own value fits into."""
        return Range(name=name, low=min(bounds[0], *values), high=max(bounds[1], *values), log=True)

    def _point_of(self, network: str) -> Point:
        base = self.bases[network]
        point: Point = {
            "network": network,
            f"{network}.generator_lr": base.optimiser.generator_lr,
            f"{network}.width": 1.0,
            f"{network}.batch_size": base.optimiser.batch_size,
            f"{network}.half_life_kimg": base.average.half_life_kimg,
            "discriminator_lr_ratio": base.optimiser.discriminator_lr_ratio,
            "r1_multiplier": _r1_multiplier(base),
            "augment": base.augment.policy,
        }
        if base.augment.policy == "ada":
            point["ada_target"] = base.augment.target
        for varied in self.varied:
            if network in varied.networks:
                point[varied.field.name] = varied.value_in(base)
        return point


def _around(name: str, value: float, factors: tuple[float, float]) -> Range:
    return Range(name=name, low=value * factors[0], high=value * factors[1], log=True)


def _r1_multiplier(base: RunConfig) -> float:
    """The recipe's gamma over the heuristic's; a recipe without R1 (gamma 0) starts from the heuristic."""
    gamma = base.regulariser.r1_gamma
    if gamma is None:
        return base.regulariser.r1_multiplier
    return gamma / default_r1_gamma(base.data.height, base.data.width, base.optimiser.batch_size) or 1.0
