"""Who should propose a dozen trials? Searches by the thousand in made-up worlds that look like the measured one.

    python experiments/does_it_pay/run.py --sets dcss-weapons-plus.zip armory --keep pools
    python experiments/samplers/run.py --pools pools/*       (gathers what was recorded into trials.json)
    python experiments/samplers/run.py

A search of real trainings takes half an hour, and what one finds is luck. Here the trials that experiments/does_it_pay
recorded make worlds (experiments/samplers/worlds.py) in which a search takes a fifth of a second. The space, its first
points, the samplers and the rule for hopeless trials are the product's own. A search is worth the area that FID (below
300) and recall dominate together; every contender sees the same worlds, so differences are paired.
"""

import json
import math
import statistics
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from tqdm import tqdm

from experiments.does_it_pay.run import RECIPES, area
from experiments.samplers.worlds import Outcome, Recorded, World, fit_all
from gan.command_line import Parser, run_command
from search.judging.collapse import non_dominated
from search.judging.hopeless import HopelessRule, Point
from search.names import CURVE
from search.plan import Plan
from search.proposing.samplers import sampler_for
from search.space.space import Space

HERE = Path(__file__).resolve().parent
TRIALS = HERE / "trials.json"
BUDGETS = (12, 24, 48)  # trials' worth of images
IMAGES = 24_000.0
PLAN = Plan(
    name="s", data="any", data_fingerprint="", height=32, width=32, channels=4, conditional=False, recipes=RECIPES,
    num_trials=12, kimg=IMAGES / 1000, num_ticks=10, num_samples=1000, features="randconv", seed=0,
)  # fmt: skip

Make = Callable[[int, int], BaseSampler]  # from a trial's seed and the search's number of trials


def tpe(startup: int, **settings: Any) -> Make:
    """The product's TPE, but for this."""

    def make(seed: int, _: int) -> BaseSampler:
        kept = {"multivariate": True, "group": True, "constant_liar": True, **settings}
        return TPESampler(seed=seed, n_startup_trials=startup, **kept)

    return make


def good(share: float) -> Callable[[int], int]:
    """How many of n trials TPE takes for good."""
    return lambda n: max(1, math.ceil(share * n))


@dataclass(frozen=True, kw_only=True)
class Contender:
    make: Make
    stopping: bool = True
    turns: int = 0  # so many trials take the networks by turns, the rest of their settings from the sampler


CONTENDERS: dict[str, Contender] = {
    "random, none stopped": Contender(make=lambda seed, _: RandomSampler(seed=seed), stopping=False),
    "random": Contender(make=lambda seed, _: RandomSampler(seed=seed)),
    "Ganvil's default": Contender(make=lambda seed, num: sampler_for("tpe", seed, num)),
    "NSGA-II": Contender(make=lambda seed, num: sampler_for("nsga2", seed, num)),
    **{f"TPE from trial {first} on": Contender(make=tpe(first)) for first in (2, 3, 4, 6, 10)},
    "TPE from 2, a fifth good": Contender(make=tpe(2, gamma=good(0.2))),  # deprecated in Optuna, so left alone
    "TPE from 2, three tenths good": Contender(make=tpe(2, gamma=good(0.3))),
    "TPE from 2, each setting by itself": Contender(make=tpe(2, multivariate=False, group=False)),
    "TPE from 2, of 64 draws the best": Contender(make=tpe(2, n_ei_candidates=64)),
    "TPE from 2, half the prior": Contender(make=tpe(2, prior_weight=0.5)),
    **{f"TPE from 2, networks by turns to {last}": Contender(make=tpe(2), turns=last) for last in (6, 10)},
}


def search(contender: Contender, world: World, space: Space, budget: int, seed: int) -> list[tuple[float, float]]:
    """(trials' worth of images spent, area so far) after each trial."""
    study = optuna.create_study(directions=["minimize", "maximize"])
    first_points = space.first_points()
    for point in first_points:
        study.enqueue_trial(point)
    rule = HopelessRule()
    curves: dict[str, list[Point]] = {}
    ended: list[tuple[float, float]] = []
    found, spent = [], 0.0
    while spent < budget:
        number = len(curves)
        if len(first_points) <= number < contender.turns:
            study.enqueue_trial({"network": first_points[number % len(first_points)]["network"]})
        study.sampler = contender.make(1000 * seed + number, round(1.6 * budget))
        trial = study.ask()
        outcome = world.run(space.point_from(trial))
        half = Point(int(IMAGES / 2), *outcome.half)
        stopped = contender.stopping and bool(rule.ahead(half.images_seen, [half], curves, IMAGES))
        curves[str(number)] = [half] if stopped else [half, Point(int(IMAGES), *outcome.end)]
        spent += 0.5 if stopped else 1.0
        if spent > budget:
            break
        if stopped:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, list(outcome.end))
            ended.append(outcome.end)
        front = non_dominated(ended)
        found.append((spent, area([ended[index] for index in front])))
    return found


def at(curve: Sequence[tuple[float, float]], images: float) -> float:
    return max((value for spent, value in curve if spent <= images), default=0.0)


def gather(pools: Sequence[Path]) -> None:
    """Every trial with a score, of every study in these folders, into trials.json; one cut short as it then was."""
    rows = []
    for pool in pools:
        pictures = pool.name.partition("-12-x-")[0]
        for database in sorted(pool.glob("search/*/optuna.db")):
            study = optuna.load_study(study_name="search", storage=f"sqlite:///{database.resolve()}")
            for trial in study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED)):
                curve = [Point(*point) for point in trial.user_attrs.get(CURVE, ())]
                if not curve:
                    continue
                whole = trial.state == TrialState.COMPLETE
                half = [point for point in curve if whole and point.images_seen <= 0.51 * IMAGES]
                rows.append(
                    {
                        "pictures": pictures,
                        "point": trial.params,
                        "half": list(half[-1][1:]) if half else None,
                        "end": list(curve[-1][1:]),
                    }
                )
    partial = TRIALS.with_suffix(".partial")
    partial.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    partial.replace(TRIALS)


def recorded() -> list[Recorded]:
    rows: list[dict[str, Any]] = json.loads(TRIALS.read_text())
    return [
        Recorded(
            pictures=row["pictures"],
            point=row["point"],
            outcome=Outcome(half=tuple(row["half"] or (math.inf, 0.0)), end=tuple(row["end"])),
        )
        for row in rows
    ]


def compare(trials: Sequence[Recorded], space: Space, budget: int, num_worlds: int) -> dict[str, list[list[float]]]:
    """By contender: (area at half of the budget, at its end) in each world."""
    fits = fit_all(trials)
    pictures = sorted({trial.pictures for trial in trials})
    found: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for seed in tqdm(range(num_worlds), desc=f"{budget} trials", unit="world", disable=None):
        for name, contender in CONTENDERS.items():
            world = World(fits, trials, pictures[seed % len(pictures)], seed)
            curve = search(contender, world, space, budget, seed)
            found[name].append([at(curve, budget / 2), at(curve, budget)])
    return found


def report(found: Mapping[str, list[list[float]]], budget: int) -> None:
    chance = [end for _, end in found["random, none stopped"]]
    print(f"\nimages of {budget} trials, {len(chance)} worlds\n")
    print(
        "| who proposes | area at half | area | more than chance | better in | at half as good as chance at the end |"
    )
    print("|---|---|---|---|---|---|")
    for name, values in found.items():
        more = [end - other for (_, end), other in zip(values, chance, strict=True)]
        error = 2.0 * statistics.stdev(more) / math.sqrt(len(more))
        better = statistics.fmean(value > 0 for value in more)
        soon = statistics.fmean(half >= other for (half, _), other in zip(values, chance, strict=True))
        half, end = (statistics.fmean(column) for column in zip(*values, strict=True))
        gain = f"{statistics.fmean(more):+.3f} ± {error:.3f}"
        print(f"| {name} | {half:.3f} | {end:.3f} | {gain} | {better:.0%} | {soon:.0%} |")


def main() -> int:
    parser = Parser(prog="experiments/samplers/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--pools", nargs="+", type=Path, metavar="FOLDER", help="gather these searches' trials first")
    parser.add_argument("--worlds", type=int, default=100, help="of 12 trials each; fewer of the longer ones [100]")
    options = parser.parse_args()

    def command() -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")  # TPE's settings and scikit-learn's bounds say that they are what they are
        if options.pools:
            gather(options.pools)
        trials, space = recorded(), PLAN.space()
        for (network, score), fitted in fit_all(trials).items():
            print(
                f"{network}, {score}: {len(fitted.rows)} trials, {fitted.predicted:.0%} of left-out variance predicted"
            )
        for budget in BUDGETS:
            report(compare(trials, space, budget, max(2, options.worlds * BUDGETS[0] // budget)), budget)

    return run_command("samplers", command)


if __name__ == "__main__":
    raise SystemExit(main())
