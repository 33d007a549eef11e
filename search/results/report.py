"""What a search found: the Pareto front as a table and a plot, all trials as a CSV. From the study alone."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from gan.recipe_file import ENDING
from search.names import COLLAPSED, FID, RECALL, SECOND_CHANCE, SETTINGS, STOPPED, TRIAL_ID, trial_name
from search.plan import Plan
from search.proposing.optuna_search import is_copying, own_trials
from search.space.fields import Point
from search.space.short_names import settings_line

matplotlib.use("agg")  # no display on a cluster

_COLOURS = ("#1b7fb3", "#d1495b", "#3c8d53", "#8a5fb0", "#c98a1b")
_STATUS = {TrialState.COMPLETE: "done", TrialState.FAIL: "failed", TrialState.PRUNED: "cut short"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A trial of the study. fid, recall: of its best tick, reference half; the held-out ones of that same tick.

    memorised: the share of near-copies of training pictures among that tick's samples.
    """

    number: int
    trial_id: str
    run_id: str
    network: str
    status: str
    collapsed: str
    stopped: str
    images_seen: int
    best_images_seen: int
    fid: float
    recall: float
    fid_held_out: float
    recall_held_out: float
    memorised: float
    on_front: bool = False
    returned: str = ""
    point: Point = field(default_factory=dict)


def findings(study: optuna.Study, plan: Plan) -> list[Finding]:
    """All ended trials: the front first, by falling FID, then by the first objective.

    With one objective the front is the best trial. Trials that copy training pictures are on the front only where all
    do: copies buy FID and recall.
    """
    objectives, first = plan.objectives, plan.objectives.parts[0]
    trials = [trial for trial in own_trials(study) if trial.state.is_finished()]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    complete = [trial for trial in complete if not is_copying(trial)] or complete
    front = objectives.front([(trial.user_attrs[FID], trial.user_attrs[RECALL]) for trial in complete])
    on_front = {complete[index].number for index in front}
    found = [_finding(trial, plan, on_front=trial.number in on_front) for trial in trials]

    def place(finding: Finding) -> tuple[bool, float, int]:
        value = finding.fid if first.name == FID else finding.recall
        return not finding.on_front, -finding.fid if finding.on_front else _last(first.loss(value)), finding.number

    return sorted(found, key=place)


def front_of(found: Sequence[Finding]) -> list[Finding]:
    """The non-dominated ones; the best one, with one objective."""
    return [finding for finding in found if finding.on_front]


def _finding(trial: FrozenTrial, plan: Plan, *, on_front: bool) -> Finding:
    facts = dict(trial.user_attrs)

    def number(name: str) -> float:
        return float(facts[name]) if name in facts else math.nan

    collapsed = str(facts[COLLAPSED]) if COLLAPSED in facts else ""
    returned = str(facts.get(SECOND_CHANCE, ""))
    return Finding(
        number=trial.number,
        trial_id=str(facts.get(TRIAL_ID, "")),
        run_id=str(facts.get("run_id", "")),
        network=str(trial.params.get("network", "")),
        status=_status(trial, collapsed, returned),
        collapsed=collapsed,
        returned=returned,
        stopped=str(facts.get(STOPPED, "")),
        images_seen=int(facts.get("images_seen", 0)),
        best_images_seen=int(facts.get("best_images_seen", 0)),
        fid=number(FID),
        recall=number(RECALL),
        fid_held_out=number(f"best_fid_{plan.features}"),
        recall_held_out=number(f"best_recall_{plan.features}"),
        memorised=number(f"best_memorised_{plan.features}"),
        on_front=on_front,
        point=dict(facts.get(SETTINGS, trial.params)),
    )


def _status(trial: FrozenTrial, collapsed: str, returned: str) -> str:
    if collapsed:
        return "collapsed"
    if returned:
        return "went back"
    return "stopped" if trial.user_attrs.get(STOPPED) else _STATUS[trial.state]


def recipe_file(finding: Finding) -> str:
    """The file's name, in the search's folder, with that trial's settings: `recipe-007-dcgan.json`."""
    return f"recipe-{trial_name(finding.number, finding.network)}{ENDING}"


def front_table(found: Sequence[Finding], plan: Plan) -> Table:
    """The front for people: what was chosen by, and what it is worth on the held-out half."""
    front, single = len(front_of(found)), plan.objectives.single
    what = "Pareto front" if single is None else f"Best trial by {single.word}"
    table = Table(title=f"{what} of search {plan.name}: {front} of {len(found)} trials")
    table.add_column("trial", justify="right")
    table.add_column("network")
    for name in ("kimg", "FID", "recall", "FID held out", "recall held out", "copies"):
        table.add_column(name, justify="right")
    for finding in front_of(found):
        table.add_row(
            f"{finding.number:03d}",
            finding.network,
            f"{finding.best_images_seen / 1000:.4g}",
            f"{finding.fid:.2f}",
            f"{finding.recall:.3f}",
            f"{finding.fid_held_out:.2f}",
            f"{finding.recall_held_out:.3f}",
            f"{finding.memorised:.3f}",
        )
    return table


def front_notes(found: Sequence[Finding], plan: Plan) -> list[str]:
    """What the table's numbers are, and the settings behind each row."""
    return [
        f"FID (lower is better) and recall (higher) by {plan.features}, {plan.num_samples} samples, at the best tick;"
        " held out: against the half of the pictures that nothing was chosen by; copies: the share of samples that are"
        " almost training pictures",
        *(f"{finding.number:03d} {finding.network}: {settings_line(finding.point)}" for finding in front_of(found)),
    ]


def write_leaderboard(found: Sequence[Finding], path: Path) -> None:
    """One row a trial, the front first; empty where there is no number."""
    fields = sorted({name for finding in found for name in finding.point if name != "network"})
    plain = [
        "number", "network", "status", "on_front", "fid", "recall", "fid_held_out", "recall_held_out",
        "memorised", "best_images_seen", "images_seen", "collapsed", "returned", "stopped", "trial_id", "run_id",
    ]  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*plain, *fields])
        for finding in found:
            own = [getattr(finding, name) for name in plain]
            values = [*own, *(finding.point.get(name, "") for name in fields)]
            writer.writerow(["" if isinstance(v, float) and math.isnan(v) else v for v in values])


def draw_front(found: Sequence[Finding], plan: Plan, path: Path) -> None:
    """All trials by FID and recall of the reference half, the front as a staircase, one colour a network."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9.5, 5.5), dpi=110)
    scored = [finding for finding in found if math.isfinite(finding.fid)]
    for colour, network in zip(_COLOURS, dict.fromkeys(f.network for f in scored), strict=False):
        own = [f for f in scored if f.network == network]
        for marker, words, some in (
            ("o", "", [f for f in own if not (f.collapsed or f.returned or f.stopped)]),
            ("x", ", collapsed later", [f for f in own if f.collapsed]),
            ("^", ", collapsed and went back", [f for f in own if f.returned and not f.collapsed]),
            ("|", ", stopped", [f for f in own if f.stopped]),
        ):
            if some or not words:
                places = [f.fid for f in some], [f.recall for f in some]
                axes.scatter(*places, color=colour, marker=marker, s=42, label=f"{network}{words}", zorder=3)
    front = sorted(front_of(found), key=lambda f: f.fid)
    if front and plan.objectives.single is None:
        steps = {"where": "post", "color": "#444444", "lw": 1.2, "ls": "--", "label": "front"}
        axes.step([f.fid for f in front], [f.recall for f in front], **steps)
    for finding in front:
        at = (finding.fid, finding.recall)
        axes.annotate(f"{finding.number:03d}", at, xytext=(6, 5), textcoords="offset points", fontsize=9)
    if scored and max(f.fid for f in scored) > 5 * max(1e-3, min(f.fid for f in scored)):
        axes.set_xscale("log")  # the hopeless would push all others into a corner
    axes.set_xlabel(f"FID of the reference half ({plan.features}, {plan.num_samples} samples); lower is better")
    axes.set_ylabel("recall of the reference half; higher is better")
    axes.set_title(f"search {plan.name}: {len(found)} trials of {plan.kimg:.4g} kimg")
    axes.grid(alpha=0.25)
    if scored:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value
