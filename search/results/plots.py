"""A search's settings as pictures: which of them decided (importance.png), and where each trial lay (parallel.png)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import optuna

from search.plan import Plan
from search.results.importance import FEWEST_TRIALS, Importance, Share, importances
from search.results.report import Finding
from search.space.fields import Choice, Field, Value
from search.space.short_names import short_name, short_value

matplotlib.use("agg")  # no display on a cluster

_FID_COLOUR, _RECALL_COLOUR = "#1b7fb3", "#c98a1b"
_FRONT_COLOURS = ("#d1495b", "#3c8d53", "#8a5fb0", "#1b7fb3", "#c98a1b", "#00798c")
_ALIVE, _CUT_SHORT = "#6f8fa3", "#d9a38f"
_ABSENT = -0.14  # the height of a trial that has no such setting
_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 10}
_TICKS = (0.0, 0.5, 1.0)
_LINE_HEIGHT = 0.065
_SPREAD = 0.035  # by which trials of the same choice lie apart


def draw_settings(
    study: optuna.Study, found: Sequence[Finding], plan: Plan, folder: Path
) -> tuple[list[Path], list[str]]:
    """Both pictures, as far as there is something to see; and in words what was left out and why."""
    pictures: dict[Path, Callable[[Path], list[str]]] = {
        folder / "importance.png": lambda path: draw_importance(study, plan, path),
        folder / "parallel.png": lambda path: draw_parallel(found, plan, path),
    }
    notes = []
    for path, draw in pictures.items():
        try:
            notes += draw(path)
        except Exception as error:  # a picture must not cost a search its end
            notes.append(f"{path.name} could not be drawn: {type(error).__name__}: {error}")
    return [path for path in pictures if path.exists()], notes


def draw_importance(study: optuna.Study, plan: Plan, path: Path) -> list[str]:
    """A row a network, FID and recall beside each other; no file where all have too few trials. Lines for a log."""
    from matplotlib import pyplot

    rows, lacking = importances(study)
    if not rows:
        return [f"no importance.png: of fewer than {FEWEST_TRIALS} trials that came to an end it says little"]
    heights = [1.3 + 0.3 * _num_bars(row) for row in rows]
    figure, panels = pyplot.subplots(
        len(rows), 2, figsize=(10, sum(heights) + 0.7), height_ratios=heights, sharey="row", squeeze=False, dpi=120
    )
    for row, (left, right) in zip(rows, panels, strict=True):
        names = _by_importance(row)
        for axes, shares, colour, what in (
            (left, row.fid, _FID_COLOUR, "a low FID"),
            (right, row.recall, _RECALL_COLOUR, "a high recall"),
        ):
            if shares:
                _draw_shares(axes, [shares[name] for name in names], colour)
            else:
                middle = {"transform": axes.transAxes, "ha": "center", "va": "center", "color": "#777777"}
                axes.text(0.5, 0.5, "too many trials alike", **middle)
            axes.set_xlim(0, 1.0)
            axes.set_title(f"{_heading(row)}\nwhat brings {what}" if axes is left else f"what brings {what}", **_TITLE)
            axes.spines[["top", "right"]].set_visible(False)
        left.set_yticks(range(len(names)), [short_name(name) for name in names])
        left.invert_yaxis()
    figure.suptitle(
        f"search {plan.name}: which settings decide between the better and the worse half (Optuna's PED-ANOVA);\n"
        "strokes: what a setting that decides nothing comes to by chance, once in ten times",
        fontsize=10,
    )
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
    return [f"importance.png is without {'; '.join(lacking)}"] if lacking else []


def _draw_shares(axes: Any, shares: Sequence[Share], colour: str) -> None:
    """Bars, pale up to what chance gives, which a stroke marks."""
    for place, (share, chance) in enumerate(shares):
        axes.barh(place, share, color=colour, alpha=1.0 if share > chance else 0.3, height=0.7)
        axes.plot([chance, chance], [place - 0.42, place + 0.42], color="#222222", lw=1.4)
        axes.text(max(share, chance) + 0.015, place, f"{share:.2f}", va="center", fontsize=8)


def draw_parallel(found: Sequence[Finding], plan: Plan, path: Path) -> list[str]:
    """A panel a network, an axis a setting, a line a trial; no file without one. Up is better in FID and in recall."""
    from matplotlib import pyplot

    space = plan.space()
    fields = {network: list(space.fields({"network": network, "augment": "ada"}))[1:] for network in space.bases}
    networks = [network for network in space.bases if any(f.network == network for f in found)]
    if not networks:
        return ["no parallel.png: no trial has ended"]
    widest = max(len(fields[network]) for network in networks) + 2
    figure, panels = pyplot.subplots(
        len(networks), 1, figsize=(1.5 * widest + 0.5, 3.9 * len(networks) + 0.6), squeeze=False, dpi=90
    )
    scales = _Scales.of([f for f in found if _whole(f)])
    for network, axes in zip(networks, panels[:, 0], strict=True):
        _draw_network(axes, network, [f for f in found if f.network == network], fields[network], scales)
    figure.suptitle(f"search {plan.name}: {len(found)} trials of {plan.kimg:.4g} kimg, a line each", fontsize=11)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
    return []


def _draw_network(
    axes: Any, network: str, found: Sequence[Finding], fields: Sequence[Field], scales: "_Scales"
) -> None:
    done = [f for f in found if _whole(f)]
    front = [f for f in done if f.on_front]
    for finding in (f for f in found if f not in done):
        axes.plot(range(len(fields)), _places(finding, fields), color=_CUT_SHORT, lw=0.9, ls=":", zorder=1)
    for finding in sorted(done, key=lambda f: (f.on_front, -f.fid)):
        look: dict[str, Any] = {"color": _ALIVE, "lw": 1.0, "alpha": 0.7, "zorder": 2}
        if finding.on_front:
            look = {"color": _front_colour(front, finding), "lw": 2.2, "zorder": 3}
        axes.plot(range(len(fields) + 2), [*_places(finding, fields), *scales.heights(finding)], **look)
    height = math.inf
    for finding in sorted(front, key=lambda f: -f.recall):  # their numbers, none over another
        height = min(scales.heights(finding)[1], height - _LINE_HEIGHT)
        look = {"va": "center", "fontsize": 9, "color": _front_colour(front, finding)}
        axes.text(len(fields) + 1.06, height, f"{finding.number:03d}", **look)
    for place, field in enumerate(fields):
        _axis(axes, place, _ticks(field))
        if any(field.name not in f.point for f in found):
            _axis(axes, place, [(_ABSENT, "-")])
    if done:
        _axis(axes, len(fields), scales.fid_ticks())
        _axis(axes, len(fields) + 1, scales.recall_ticks())
    labels = [*(short_name(field.name) for field in fields), *(["FID", "recall"] if done else [])]
    axes.set_xticks(range(len(labels)), labels)
    axes.tick_params(axis="x", length=0, pad=8)
    axes.set_yticks([])
    axes.set_ylim(_ABSENT - 0.06, 1.06)
    axes.set_xlim(-0.5, len(fields) + 1.3)
    axes.spines[:].set_visible(False)
    cut = f", {len(found) - len(done)} failed or cut short (dotted)" if len(found) > len(done) else ""
    bold = f"; the front's {len(front)} in bold" if front else ""
    axes.set_title(f"{network}: {len(done)} whole trials{bold}{cut}", **_TITLE)


def _whole(finding: Finding) -> bool:
    return finding.status == "done" and math.isfinite(finding.fid)


def _front_colour(front: Sequence[Finding], finding: Finding) -> str:
    return _FRONT_COLOURS[front.index(finding) % len(_FRONT_COLOURS)]


@dataclass(frozen=True, kw_only=True)
class _Scales:
    """Of FID (by its logarithm, the lowest on top) and recall, the same in every panel."""

    best_fid: float
    worst_fid: float
    best_recall: float

    @classmethod
    def of(cls, done: Sequence[Finding]) -> "_Scales":
        best = max(min((f.fid for f in done), default=1.0), 1e-6)
        worst = max((f.fid for f in done), default=1.0)
        return cls(
            best_fid=best,
            worst_fid=max(worst, 1.01 * best),
            best_recall=max((f.recall for f in done), default=0.0) or 1.0,
        )

    def heights(self, finding: Finding) -> tuple[float, float]:
        fall = math.log(max(finding.fid, self.best_fid) / self.best_fid) / math.log(self.worst_fid / self.best_fid)
        return 1.0 - fall, finding.recall / self.best_recall

    def fid_ticks(self) -> list[tuple[float, str]]:
        spaced = np.geomspace(self.worst_fid, self.best_fid, 3)
        return [(height, _number(fid)) for height, fid in zip(_TICKS, spaced, strict=True)]

    def recall_ticks(self) -> list[tuple[float, str]]:
        return [(height, _number(height * self.best_recall)) for height in _TICKS]


def _axis(axes: Any, place: int, ticks: Sequence[tuple[float, str]]) -> None:
    axes.axvline(place, color="#bbbbbb", lw=0.8, zorder=0)
    for height, text in ticks:
        axes.plot([place - 0.02, place + 0.02], [height, height], color="#888888", lw=0.8, zorder=4)
        box = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75}
        axes.text(place - 0.06, height, text, ha="right", va="center", fontsize=8, color="#333333", bbox=box, zorder=5)


def _places(finding: Finding, fields: Sequence[Field]) -> list[float]:
    """Heights in [0, 1] of the trial on the fields' axes."""
    shift = _SPREAD * (2.0 * ((finding.number * 0.618) % 1.0) - 1.0)
    heights = []
    for field in fields:
        value = finding.point.get(field.name)
        height = _ABSENT if value is None else _height(field, value)
        heights.append(height + shift if isinstance(field, Choice) or value is None else height)
    return heights


def _height(field: Field, value: Value) -> float:
    if isinstance(field, Choice):
        return field.values.index(value) / max(1, len(field.values) - 1)
    low, high, number = field.low, field.high, float(value)
    if field.log:
        low, high, number = math.log(low), math.log(high), math.log(number)
    return (number - low) / (high - low)


def _ticks(field: Field) -> list[tuple[float, str]]:
    """Heights and words: the choices, else the ends and what lies between."""
    if isinstance(field, Choice):
        return [(_height(field, value), short_value(value)) for value in field.values]
    spaced = np.geomspace if field.log else np.linspace
    values = spaced(field.low, field.high, len(_TICKS))
    return [(height, _number(value)) for height, value in zip(_TICKS, values, strict=True)]


def _number(value: float) -> str:
    return f"{float(format(value, '.2g')):g}"  # 1000, not 1e+03


def _by_importance(row: Importance) -> list[str]:
    """The settings, the ones that decide most first."""
    names = {*row.fid, *row.recall}
    both = {name: sum(of[name].share for of in (row.fid, row.recall) if of) for name in names}
    return sorted(names, key=lambda name: (-both[name], name))


def _num_bars(row: Importance) -> int:
    return max(2, len(_by_importance(row)))


def _heading(row: Importance) -> str:
    words = [f"{row.num_trials} trials"]
    if row.num_cut_short:
        words.append(f"{row.num_cut_short} of them cut short")
    if row.num_learnt:
        words.append(f"{row.num_learnt} of earlier searches")
    return f"{row.network} ({', '.join(words)})"
