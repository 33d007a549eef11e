"""How early does the collapse rule see what has died, and how often does it end what would have lived?

    python experiments/collapse/calibrate.py

Replays the runs of results.json (experiments/collapse/record.py) under the rule and under variants of it. Truth is
taken from the half of the pictures that no rule sees: a run has died at a tick from which on its FID never again comes
within a quarter of its best. (Coverage is no such truth on a hundred pictures: of 50 held-out ones a few shapes cover
all, now and then.) A false alarm is an end after which the run would still have had its best tick.
"""

import dataclasses
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scipy.stats import spearmanr

from search.judging.collapse import CollapseRule, Moment, best_moment

HERE = Path(__file__).resolve().parent
FID = "fid_randconv"  # of the held-out half
WORSE = 1.25

SIGNALS: Mapping[str, str] = {
    "similarity": "similarity of samples (SSIM)",
    "diversity_features": "feature variance over the reals'",
    "diversity": "pixel distance over the reals'",
    "sign_real": "ADA's r_t",
    "ada_p": "ADA's p",
    "logit_gap": "gap of the logits",
    "r1_penalty": "R1 penalty",
    "recall_reference": "recall, reference half",
}

RULE = CollapseRule()
RULES: Mapping[str, CollapseRule] = {
    "**the default**": RULE,
    "no warm-up": dataclasses.replace(RULE, warm_up_images=0),
    "warm-up of 8,000": dataclasses.replace(RULE, warm_up_images=8_000),
    "one tick under a floor": dataclasses.replace(RULE, ticks=1),
    "three ticks under a floor": dataclasses.replace(RULE, ticks=3),
    "floors halved": dataclasses.replace(RULE, pixel_floor=0.1, feature_floor=0.025),
    "floors doubled": dataclasses.replace(RULE, pixel_floor=0.4, feature_floor=0.1),
    "floors of .6 and .3": dataclasses.replace(RULE, pixel_floor=0.6, feature_floor=0.3),
    "recall lost after one tick": dataclasses.replace(RULE, recall_ticks=1),
    "no rule for recall": dataclasses.replace(RULE, recall_had=math.inf),
}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A run: what the rule may see, and the held-out FID beside it."""

    name: str
    moments: Sequence[Moment]
    signals: Sequence[Mapping[str, float]]
    fids: Sequence[float]
    total_images: float

    @classmethod
    def of(cls, key: str, run: Mapping[str, Any]) -> "Recorded":
        kimg = float(key.split(" | ")[1].removesuffix(" kimg"))
        moments = [Moment(**tick["moment"]) for tick in run["ticks"]]
        signals = [
            {**tick["metrics"], "recall_reference": moment.recall}
            for tick, moment in zip(run["ticks"], moments, strict=True)
        ]
        fids = [float(tick["metrics"].get(FID, math.inf)) for tick in run["ticks"]]
        return cls(name=key, moments=moments, signals=signals, fids=fids, total_images=kimg * 1000)

    @property
    def died(self) -> int | None:
        """The first tick from which on its FID stays over `WORSE` times its best before; None where it lived."""
        for index in range(1, len(self.fids)):
            best = min(self.fids[:index])
            if all(later > WORSE * best for later in self.fids[index:]):
                return index
        return None

    def ended(self, rule: CollapseRule) -> int | None:
        """The tick at which the rule ends it; None for its last tick, where nothing is saved, and for never."""
        for end in range(1, len(self.moments)):
            if rule.reason(self.moments[:end], self.total_images) is not None:
                return end - 1
        return None

    def lost(self, tick: int) -> float:
        """The best FID that an end at that tick would have left, over the best of the whole run; 1 loses nothing."""
        rule = CollapseRule()
        whole = best_moment(self.moments, rule, self.total_images)
        part = best_moment(self.moments[: tick + 1], rule, self.total_images)
        if whole is None:
            return 1.0
        return math.inf if part is None else part.fid / whole.fid


def recorded() -> list[Recorded]:
    runs = json.loads((HERE / "results.json").read_text())["runs"]
    return [Recorded.of(key, run) for key, run in runs.items()]


def rules_table(runs: Sequence[Recorded]) -> str:
    """A row a rule: what it finds, how late, and what it costs."""
    dead = [run for run in runs if run.died is not None]
    total = sum(run.total_images for run in runs)
    lines = [
        "| rule | dead runs ended | ticks after death | images saved | living runs ended | false alarms (FID lost) |",
        "|---|---|---|---|---|---|",
    ]
    for name, rule in RULES.items():
        ends = {run.name: run.ended(rule) for run in runs}
        late = [end - run.died for run in dead if (end := ends[run.name]) is not None and run.died is not None]
        saved = sum(
            run.total_images - run.moments[end].images_seen for run in runs if (end := ends[run.name]) is not None
        )
        living = sum(ends[run.name] is not None for run in runs if run.died is None)
        losses = [run.lost(end) for run in runs if (end := ends[run.name]) is not None]
        wrong = [loss for loss in losses if loss > 1.0]
        worst = f" ({', '.join(f'x {loss:.2f}' for loss in sorted(wrong))})" if wrong else ""
        shown_late = f"{statistics.median(late):+.0f} ({min(late):+d} to {max(late):+d})" if late else "-"
        lines.append(
            f"| {name} | {len(late)} of {len(dead)} | {shown_late} | {saved / total:.0%} |"
            f" {living} of {len(runs) - len(dead)} | {len(wrong)}{worst} |"
        )
    return "\n".join(lines)


def signals_table(runs: Sequence[Recorded], warm_up: float) -> str:
    """A row a signal: its rank correlation with how far a run is from its best, at that tick and three ticks later."""
    lines = [
        "| signal | with FID over the run's best so far | with what that becomes three ticks later |",
        "|---|---|---|",
    ]
    for signal, words in SIGNALS.items():
        now: list[tuple[float, float]] = []
        later: list[tuple[float, float]] = []
        for run in runs:
            for index, values in enumerate(run.signals):
                value = values.get(signal, math.nan)
                if run.moments[index].images_seen < warm_up or not math.isfinite(value):
                    continue
                now.append((value, run.fids[index] / min(run.fids[: index + 1])))
                if index + 3 < len(run.fids):
                    later.append((value, run.fids[index + 3] / min(run.fids[: index + 1])))
        lines.append(f"| {words} | {_rank(now)} | {_rank(later)} |")
    return "\n".join(lines)


def _rank(pairs: Sequence[tuple[float, float]]) -> str:
    if len(pairs) < 3 or len({x for x, _ in pairs}) < 2:
        return "-"
    found = spearmanr([x for x, _ in pairs], [y for _, y in pairs]).statistic
    return f"{found:+.2f}"


def returns_table() -> str:
    """A row a run that the rule ends: its best tick by the reference half, ended or gone back, on the held-out half."""
    path = HERE / "returned.json"
    if not path.exists():
        return ""
    first = {run.name: run for run in recorded()}
    lines = ["| run | ended at kimg | held-out FID, recall if ended | and if it goes back |", "|---|---|---|---|"]
    for key, plain in json.loads(path.read_text())["runs"].items():
        run, again = first[key], Recorded.of(key, plain)
        end = run.ended(RULE)
        assert end is not None
        shown = [_best(run, end + 1), _best(again, len(again.moments))]
        name = key.replace(" | ", ", ")
        lines.append(f"| {name} | {run.moments[end].images_seen / 1000:g} | {shown[0]} | {shown[1]} |")
    return "\n".join(lines)


def _best(run: Recorded, num_ticks: int) -> str:
    best = best_moment(run.moments[:num_ticks], RULE, run.total_images)
    if best is None:
        return "none"
    index = [moment is best for moment in run.moments].index(True)
    return f"{run.fids[index]:.0f}, {run.signals[index]['recall_randconv']:.2f}"


def main() -> None:
    runs = recorded()
    dead = [run for run in runs if run.died is not None]
    ticks = sum(len(run.moments) for run in runs)
    print(f"{len(runs)} runs, {ticks} ticks; {len(dead)} died:\n")
    for run in dead:
        fids = " ".join(f"{value:.0f}" for value in run.fids)
        end = run.ended(RULE)
        shown = "never" if end is None else f"at {run.moments[end].images_seen / 1000:g} kimg"
        print(
            f"  {run.name}: died at {run.moments[run.died or 0].images_seen / 1000:g} kimg, ended {shown}; FID {fids}"
        )
    print(f"\n{rules_table(runs)}\n\n{signals_table(runs, RULE.warm_up_images)}\n\n{returns_table()}")


if __name__ == "__main__":
    main()
