"""Does the search pay? As many images for the defaults again and again, for chance, and for Ganvil's search.

    python experiments/does_it_pay/run.py --sets dcss-weapons-plus.zip armory
    python experiments/does_it_pay/run.py --table

Every arm is the command that a user types, one trial at a time on one core, with the same recipes, pictures and images:

  defaults   the recipes' own settings, a new seed each time
  random     settings by chance (--algorithm random), every trial to its end; the recipes' own come first here too
  ganvil     the default search: TPE, and early stopping; it runs on until the same images are spent

A trial is judged by its best tick of the reference half, and is worth that tick's scores on the held-out half. An
arm's worth after so many images: of the trials ended by then those on the front of the reference half, and the area
that their held-out FID and recall dominate (the hypervolume). results.json grows by a search at a time. --keep FOLDER
leaves the searches there, as ensembles may be chosen from them (experiments/ensemble).
"""

import functools
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import optuna

from experiments.half import Ledger, finished
from gan.command_line import Parser, run_command
from gan.errors import UserError
from gan.version import code_version
from search.judging.collapse import non_dominated

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ARMS = ("defaults", "random", "ganvil")
RECIPES = ("dcgan-small", "stylegan2-small")
WORST_FID = 300.0  # the corner that areas are measured from, with recall 0; the defaults come to half of it or less
NET = "randconv"
EXTRA = 1.6  # trials that the search may run beyond the others', for the images that early stopping saves


@dataclass(frozen=True, kw_only=True)
class Job:
    """One arm on one set, once."""

    data: str
    arm: str
    repeat: int
    trials: int
    kimg: float

    @property
    def key(self) -> str:
        return f"{Path(self.data).stem} | {self.trials} x {self.kimg:g} kimg | {self.arm} | seed {self.repeat}"

    @property
    def folder(self) -> str:
        return self.key.replace(" | ", "-").replace(" ", "-")

    def searches(self) -> list[tuple[str, ...]]:
        """What is typed beside what all have in common. A trial's seed is the search's plus its number."""
        seed = 1000 * self.repeat
        if self.arm == "defaults":
            pairs = math.ceil(self.trials / len(RECIPES))
            return [
                ("--trials", str(len(RECIPES)), "--seed", str(seed + len(RECIPES) * pair), "--no-early-stopping")
                for pair in range(pairs)
            ]
        if self.arm == "random":
            return [("--trials", str(self.trials), "--seed", str(seed), "--algorithm", "random", "--no-early-stopping")]
        return [("--trials", str(math.ceil(EXTRA * self.trials)), "--seed", str(seed))]


def follow(job: Job, *, keep: Path | None) -> dict[str, Any]:
    """The arm's trials in the order in which they ended."""
    trials: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="ganvil-pay-") as scratch:
        folder = scratch
        if keep:
            folder = str(keep / job.folder)
            shutil.rmtree(folder, ignore_errors=True)  # left by a run that was cut
        for number, typed in enumerate(job.searches()):
            name = f"s{number}"
            subprocess.run(
                [sys.executable, str(ROOT / "search" / "run.py"), "--data", job.data, "--name", name,
                 "--resolution", "32", "--recipe", *RECIPES, "--kimg", str(job.kimg), "--max-concurrent", "1",
                 "--storage", folder, "--tracking-uri", f"sqlite:///{folder}/mlflow.db", *typed],
                check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
            storage = f"sqlite:///{folder}/search/{name}/optuna.db"
            study = optuna.load_study(study_name="search", storage=storage)
            ended = [trial for trial in study.get_trials() if trial.datetime_complete is not None]
            trials += [facts(trial) for trial in sorted(ended, key=lambda trial: str(trial.datetime_complete))]
    return {"trials": trials, "commit": code_version()}


def facts(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    """Of a trial: what it cost, how it ended, and the scores of its best tick (absent where there was none)."""
    known = trial.user_attrs
    scores = {
        f"{score}{half}": known[name]
        for score in ("fid", "kid", "recall", "precision", "coverage", "memorised")
        for half in ("", "_reference")
        if (name := f"best_{score}_{NET}{half}") in known
    }
    return {
        "number": trial.number,
        "network": trial.params["network"],
        "state": trial.state.name,
        "images": known.get("images_seen", 0),
        "best_fid": known.get("best_fid"),
        "best_recall": known.get("best_recall"),
        "copies_over": trial.constraints.get("best_copies_over", 0.0),
        **scores,
    }


def area(points: Sequence[tuple[float, float]]) -> float:
    """The share of the rectangle from (WORST_FID, 0) to (0, 1) that these (FID, recall) dominate."""
    total, reached = 0.0, 0.0
    for fid, recall in sorted(points):  # from the lowest FID on: each next one counts for the recall beyond
        total += max(0.0, WORST_FID - fid) * max(0.0, recall - reached)
        reached = max(reached, recall)
    return total / WORST_FID


def worth(trials: Sequence[Mapping[str, Any]]) -> float:
    """The area of what was chosen by the reference half, on the held-out half."""
    scored = [t for t in trials if t["best_fid"] is not None and t["copies_over"] <= 0 and "fid" in t]
    front = non_dominated([(t["best_fid"], t["best_recall"]) for t in scored])
    return area([(scored[index]["fid"], scored[index]["recall"]) for index in front])


def curve(run: Mapping[str, Any], budget: float) -> list[tuple[float, float]]:
    """(images spent, worth) after each trial, up to the budget."""
    points, spent = [(0.0, 0.0)], 0.0
    for number, trial in enumerate(run["trials"], start=1):
        spent += trial["images"]
        if spent > budget * 1.001:
            break
        points.append((spent, worth(run["trials"][:number])))
    return points


def at(points: Sequence[tuple[float, float]], images: float) -> float:
    return [value for spent, value in points if spent <= images * 1.001][-1]


def reached(points: Sequence[tuple[float, float]], value: float) -> float:
    """The images after which the worth was that high; infinite where it never was."""
    return next((spent for spent, worth_then in points if worth_then >= value), math.inf)


def jobs(options: Any) -> Iterator[Job]:
    """Repeat by repeat, so that an early end leaves whole comparisons."""
    for repeat in range(options.repeats):
        for data in options.sets or []:
            for arm in options.arms:
                yield Job(data=data, arm=arm, repeat=repeat, trials=options.trials, kimg=options.kimg)


def report(ledger: Ledger) -> None:
    """The tables of what is there."""
    settings = dict.fromkeys(key.rpartition(" | ")[0].rpartition(" | ")[0] for key in ledger.results["runs"])
    for setting in settings:
        trials, kimg = (float(part) for part in setting.split(" | ")[1].removesuffix(" kimg").split(" x "))
        budget = trials * kimg * 1000
        curves = {arm: [curve(run, budget) for run in ledger.runs_of(f"{setting} | {arm}")] for arm in ARMS}
        print(f"\n{setting}\n")
        print(
            "| arm | repeats | trials | best FID | best KID | best recall | area | at half | images to random's end |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        final = [points[-1][1] for points in curves["random"]]
        goal = statistics.fmean(final) if final else math.inf
        for arm in ARMS:
            runs = ledger.runs_of(f"{setting} | {arm}")
            if not runs:
                continue
            within = [run["trials"][: len(points) - 1] for run, points in zip(runs, curves[arm], strict=True)]
            cells = [
                spread([len(trials) for trials in within], ".0f"),
                spread([min(scores_of(trials, "fid"), default=math.nan) for trials in within], ".0f"),
                spread([min(scores_of(trials, "kid"), default=math.nan) for trials in within], ".3f"),
                spread([max(scores_of(trials, "recall"), default=math.nan) for trials in within], ".2f"),
                spread([points[-1][1] for points in curves[arm]], ".3f"),
                spread([at(points, budget / 2) for points in curves[arm]], ".3f"),
                ", ".join(f"{reached(points, goal) / budget:.0%}" if reached(points, goal) < math.inf else "never"
                          for points in curves[arm]),
            ]  # fmt: skip
            print(f"| {arm} | {len(runs)} | {' | '.join(cells)} |")


def scores_of(trials: Sequence[Mapping[str, Any]], score: str) -> list[float]:
    """Of those that had any healthy tick, on the held-out half."""
    return [trial[score] for trial in trials if score in trial]


def spread(values: Sequence[float], form: str) -> str:
    more = f" ({statistics.stdev(values):{form}})" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{form}}{more}"


def draw(ledger: Ledger, path: Path) -> None:
    """Worth over images, a panel a set, a line a repeat."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    settings = list(dict.fromkeys(key.rpartition(" | ")[0].rpartition(" | ")[0] for key in ledger.results["runs"]))
    figure, panels = pyplot.subplots(1, len(settings), figsize=(6.0 * len(settings), 4.2), dpi=120, squeeze=False)
    for axes, setting in zip(panels[0], settings, strict=True):
        trials, kimg = (float(part) for part in setting.split(" | ")[1].removesuffix(" kimg").split(" x "))
        for arm, colour in zip(ARMS, ("#8c8c8c", "#d1495b", "#1b7fb3"), strict=True):
            for number, run in enumerate(ledger.runs_of(f"{setting} | {arm}")):
                points = curve(run, trials * kimg * 1000)
                label = arm if number == 0 else None
                axes.step(
                    [x / 1000 for x, _ in points], [y for _, y in points], where="post", color=colour, label=label
                )
        axes.set_title(setting, fontsize=10)
        axes.set_xlabel("thousands of images spent")
        axes.set_ylabel("area dominated on the held-out half")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, loc="lower right")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def main() -> int:
    parser = Parser(prog="experiments/does_it_pay/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--sets", nargs="+", metavar="SOURCE", help="picture sets")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS, help="[all]")
    parser.add_argument("--trials", type=int, default=12, help="of the arms that stop none [12]")
    parser.add_argument("--kimg", type=float, default=24.0, help="thousands of images a trial [24]")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the searches there [they are deleted]")
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if not options.sets:
                raise UserError("--sets is missing: give picture sets (folders, zips, or armory)")
            one = functools.partial(follow, keep=options.keep and options.keep.resolve())
            for job, run in finished(ledger.missing(jobs(options)), one, options.processes):
                ledger.add(job.key, run)
        report(ledger)
        draw(ledger, HERE / "worth.png")

    return run_command("does_it_pay", command)


if __name__ == "__main__":
    raise SystemExit(main())
