"""The numbers as people read them: value, interval, what fresh reals score, and what is not to be trusted."""

from collections.abc import Sequence

from gan.metrics.per_class import ClassNumbers
from gan.metrics.report import BETTER, Number, Report

WORDS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "to 1": "1 is as reals, above: crowded",
    "to fresh": "as of fresh reals is best",
}


def number_table(reports: Sequence[Report]) -> str:
    """A row a number, a column a side of the reals."""
    names = [name for name in BETTER if any(name in report.numbers for report in reports)]
    rows = [["", *(cell for report in reports for cell in (_title(report), "95 %", "fresh reals"))]]
    for name in names:
        cells = [cell for report in reports for cell in _cells(report.numbers.get(name))]
        rows.append([name, *cells, WORDS[BETTER[name]]])
    if len(reports) == 2:
        rows[0].insert(4, "")
        for row, name in zip(rows[1:], names, strict=True):
            row.insert(4, _gap([report.numbers.get(name) for report in reports]))
        rows[0][4] = "gap"
    return _aligned([[*rows[0], ""], *rows[1:]])


def doubts(reports: Sequence[Report]) -> list[str]:
    """What is not to be trusted and why, a line a reason."""
    by_reason: dict[str, list[str]] = {}
    for report in reports:
        for name, number in report.numbers.items():
            if number.distrusted:
                names = by_reason.setdefault(f"against {report.reals}: {number.distrusted}", [])
                names.append(name)
    return [f"(not to be trusted) {', '.join(names)} {reason}" for reason, names in by_reason.items()]


def class_table(title: str, classes: Sequence[ClassNumbers]) -> str:
    """A row a class, the least coverage first; `-`: too few."""
    with_fid = any(row.fid is not None for row in classes)
    head = [title, "samples", "reals", *(["fid"] if with_fid else []), "precision", "recall", "coverage", "95 %"]
    rows = [head]
    for row in sorted(classes, key=lambda one: (one.coverage is None, one.coverage, one.name)):
        interval = "" if row.coverage_interval is None else "{:.2f} to {:.2f}".format(*row.coverage_interval)
        rows.append(
            [
                row.name,
                str(row.num_samples),
                str(row.num_reals),
                *([_short(row.fid)] if with_fid else []),
                _short(row.precision),
                _short(row.recall),
                _short(row.coverage),
                interval,
            ]
        )
    return _aligned(rows)


def _title(report: Report) -> str:
    return {"reference": "reference", "held_out": "held out", "all": "all reals"}[report.reals]


def _cells(number: Number | None) -> list[str]:
    if number is None:
        return ["", "", ""]
    value = f"({number.value:.4g})" if number.distrusted else f"{number.value:.4g}"
    interval = "too few" if number.distrusted.count("needs") and "rightly" not in number.distrusted else "untrusted"
    if not number.distrusted:
        interval = "" if number.interval is None else f"{number.interval.low:.3g} to {number.interval.high:.3g}"
    return [value, interval, _short(number.fresh)]


def _gap(numbers: Sequence[Number | None]) -> str:
    first, second = numbers
    if first is None or second is None or first.distrusted or second.distrusted:
        return ""
    return f"{second.value - first.value:+.3g}"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """First and last columns to the left where they are words, the rest to the right."""
    num = max(len(row) for row in rows)
    full = [[*row, *[""] * (num - len(row))] for row in rows]
    widths = [max(len(row[column]) for row in full) for column in range(num)]
    words = {0} | ({num - 1} if any(" is " in row[-1] for row in full) else set())
    lines = []
    for row in full:
        cells = [
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
