"""What does ending hopeless trials save, and what does it lose? Searches replayed from recorded runs.

    python experiments/early_stopping/run.py

Recorded runs of other experiments (ablation, networks, quality: 64,000 images, eight ticks, scores of the reference
half) are the trials. A search draws some of them in a random order, a few at a time; the rule
(search/judging/hopeless.py for two objectives, search/judging/halving.py for one) sees the curves as they come. Lost is
a trial that would have been on the final front of that search, or its best one, and was ended.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from scipy.stats import spearmanr
from tqdm import tqdm

from gan.command_line import Parser, run_command
from search.judging.halving import HalvingRule
from search.judging.hopeless import Curve, HopelessRule, Point
from search.judging.objectives import BOTH, OBJECTIVES, Objective, Objectives
from search.stopper import Rule

EXPERIMENTS = Path(__file__).resolve().parents[1]
RECORDS = ("ablation", "networks", "quality")
RULES = {
    "the default": HopelessRule(),
    "from a quarter of the budget": HopelessRule(after=0.25),
    "from three eighths": HopelessRule(after=0.375),
    "one dominator": HopelessRule(dominators=1),
    "five dominators": HopelessRule(dominators=5),
    "no margins": HopelessRule(fid_margin=0.0, recall_margin=0.0),
    "half of the margins": HopelessRule(fid_margin=0.05, recall_margin=0.025),
    "twice the margins": HopelessRule(fid_margin=0.2, recall_margin=0.1),
    "one dominator, from a quarter, no margins": HopelessRule(
        after=0.25, dominators=1, fid_margin=0.0, recall_margin=0.0
    ),
}
HALVINGS: dict[str, dict[str, Any]] = {
    "the default": {},
    "factor 3": {"factor": 3.0},
    "factor 4": {"factor": 4.0},
    "one other (Tune's)": {"fewest": 1},
    "five others": {"fewest": 5},
    "from a quarter": {"first": 0.25},
    "from half": {"first": 0.5},
    "from half, factor 1.5": {"first": 0.5, "factor": 1.5},
    "from half, factor 4": {"first": 0.5, "factor": 4.0},
}  # the default but for these


class Replay(NamedTuple):
    """Of one search: images trained on of those planned, trials on its front, and those of them that were ended.

    worse: how much worse the best trial that came to its end is than the best of all, as a share; for one objective.
    """

    trained: float
    planned: float
    front: int
    lost: int
    worse: float = 0.0


def recorded() -> list[Curve]:
    """The best so far at each tick, of every run that was followed to its end; a peer's code is no trial of ours."""
    curves: list[Curve] = []
    for name in RECORDS:
        runs = json.loads((EXPERIMENTS / name / "results.json").read_text())["runs"]
        for key, run in runs.items():
            if not key.startswith("nvlabs"):
                curves.append(list(_best_so_far(run["ticks"])))
    return curves


def _best_so_far(ticks: Sequence[dict[str, dict[str, float]]]) -> Iterator[Point]:
    best = (np.inf, 0.0)
    for tick in ticks:
        now = (tick["reference"]["fid"], tick["reference"]["recall"])
        best = min(best, now, key=lambda scores: scores[0])
        yield Point(int(tick["images_seen"]), *best)  # type: ignore[call-overload]


def replay(curves: Sequence[Curve], rule: Rule, at_a_time: int, objectives: Objectives = OBJECTIVES[BOTH]) -> Replay:
    """One search of these trials in this order."""
    total = float(curves[0][-1].images_seen)
    waiting, running = list(range(len(curves))), list[int]()
    ticks = dict.fromkeys(range(len(curves)), 0)
    ended: set[int] = set()
    while waiting or running:
        while waiting and len(running) < at_a_time:
            running.append(waiting.pop(0))
        for trial in list(running):
            ticks[trial] += 1
            seen = curves[trial][: ticks[trial]]
            others = {str(other): curves[other][:num] for other, num in ticks.items() if num and other != trial}
            if rule.reason(seen[-1].images_seen, seen, others, total) is not None:
                ended.add(trial)
            if trial in ended or ticks[trial] == len(curves[trial]):
                running.remove(trial)
    front = set(objectives.front([(curve[-1].fid, curve[-1].recall) for curve in curves]))
    trained = sum(curves[trial][num - 1].images_seen for trial, num in ticks.items())
    return Replay(
        trained=trained,
        planned=total * len(curves),
        front=len(front),
        lost=len(front & ended),
        worse=0.0 if objectives.single is None else _worse(curves, ended, objectives.single),
    )


def _worse(curves: Sequence[Curve], ended: set[int], objective: Objective) -> float:
    values = [objective.value_at(curve[-1]) for curve in curves]
    best = min(values, key=objective.loss)
    left = min((value for trial, value in enumerate(values) if trial not in ended), key=objective.loss)
    return abs(left - best) / best


def main() -> int:
    parser = Parser(prog="experiments/early_stopping/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--searches", type=int, default=300, help="replayed for each rule [300]")
    parser.add_argument("--trials", type=int, default=24, help="of a search [24]")
    parser.add_argument("--at-a-time", type=int, default=4, help="trials that run at once [4]")
    options = parser.parse_args()

    def command() -> None:
        curves = [curve for curve in recorded() if len(curve) == 8]
        print(f"{len(curves)} recorded runs; {options.searches} searches of {options.trials} trials a rule")
        fids = np.array([[point.fid for point in curve] for curve in curves])
        ranks = [f"{spearmanr(fids[:, tick], fids[:, -1])[0]:.2f}" for tick in range(fids.shape[1])]
        print(f"rank correlation of the best FID at each tick with that of the last: {', '.join(ranks)}\n")
        print("| rule | images saved | of the final fronts ended | searches with a loss |\n|---|---|---|---|")
        for name, rule in RULES.items():
            rng = np.random.default_rng(0)  # the same searches for every rule
            found = []
            for _ in tqdm(range(options.searches), desc=name, leave=False, disable=None):
                drawn = [curves[index] for index in rng.permutation(len(curves))[: options.trials]]
                found.append(replay(drawn, rule, options.at_a_time))
            saved = 1.0 - sum(one.trained for one in found) / sum(one.planned for one in found)
            lost, front = sum(one.lost for one in found), sum(one.front for one in found)
            losing = sum(one.lost > 0 for one in found)
            print(f"| {name} | {saved:.0%} | {lost} of {front} | {losing} of {options.searches} |")
        for objective in ("fid", "recall"):
            _print_halvings(curves, OBJECTIVES[objective], options.searches, options.trials, options.at_a_time)

    return run_command("early_stopping", command)


def _print_halvings(
    curves: Sequence[Curve], objectives: Objectives, searches: int, trials: int, at_a_time: int
) -> None:
    """The table for one objective."""
    single = objectives.single
    assert single is not None
    print(f"\n| halving by {single.word} | images saved | best trial ended | best that is left, worse by (mean; 95%) |")
    print("|---|---|---|---|")
    for name, settings in HALVINGS.items():
        rule = HalvingRule(objective=single, num_ticks=len(curves[0]), **settings)
        rng = np.random.default_rng(0)
        found = []
        for _ in tqdm(range(searches), desc=name, leave=False, disable=None):
            drawn = [curves[index] for index in rng.permutation(len(curves))[:trials]]
            found.append(replay(drawn, rule, at_a_time, objectives))
        saved = 1.0 - sum(one.trained for one in found) / sum(one.planned for one in found)
        lost = sum(one.lost for one in found)
        worse = [one.worse for one in found]
        print(f"| {name} | {saved:.0%} | {lost} of {searches} | {np.mean(worse):.1%}; {np.quantile(worse, 0.95):.1%} |")


if __name__ == "__main__":
    raise SystemExit(main())
