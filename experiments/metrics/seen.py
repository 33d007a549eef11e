"""What the measurements tell: from which dose on a number sees a fault, as a table and as a picture."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from experiments.metrics.faults import DOSES, NONE
from gan.metrics.report import BETTER

WORSE: Final = {"lower": +1, "higher": -1, "to 1": 0, "to fresh": 0}
"""To which side a fault should move a number; 0: either."""
UNSEEN, UNMEASURED = "-", ""
NEED_CLASSES: Final = frozenset({"modes", "class_divergence"})


class Case(NamedTuple):
    """What one row of the table is about."""

    name: str
    features: str
    samples: int


class Readings(NamedTuple):
    """Of one number: the null's value and interval by seed; each dose's value by seed."""

    null: dict[int, Sequence[float]]
    doses: dict[float, dict[int, float]]


def readings(results: Mapping[str, Any]) -> dict[tuple[Case, str, str], Readings]:
    """By case, fault and number, each picked out of the flat results once."""
    nulls: dict[Case, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    found: dict[tuple[Case, str, str], Readings] = {}
    for key, numbers in results.items():
        name, features, count, seed, fault, _ = key.split(" | ")
        if fault == NONE and numbers is not None:
            nulls[Case(name, features, int(count))][int(seed)] = numbers
    for key, numbers in results.items():
        name, features, count, seed, fault, dose = key.split(" | ")
        if fault == NONE or numbers is None:
            continue
        case = Case(name, features, int(count))
        for number, (value, *_) in numbers.items():
            if (at := (case, fault, number)) not in found:
                found[at] = Readings({s: null[number] for s, null in nulls[case].items()}, defaultdict(dict))
            found[at].doses[float(dose)][int(seed)] = value
    return found


def seen_from(number: str, what: Readings) -> str:
    """The least dose from which on each one lies outside the null's interval, on the worse side, for every seed.

    `-` where there is none; `~` behind it where the mean does not go one way only from dose to dose.
    """
    side = WORSE[BETTER[number]]
    found = UNSEEN
    for dose in sorted(what.doses, reverse=True):
        if not all(_outside(value, what.null[seed], side) for seed, value in what.doses[dose].items()):
            break
        found = f"{dose:g}"
    means = [np.mean([null[0] for null in what.null.values()])]
    means += [np.mean(list(what.doses[dose].values())) for dose in sorted(what.doses)]
    steps = np.diff(means)
    return found + ("" if (steps >= 0).all() or (steps <= 0).all() else " ~")


def _outside(value: float, null: Sequence[float], side: int) -> bool:
    _, low, high = null
    return (side >= 0 and value > high) or (side <= 0 and value < low)


def false_alarms(results: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """By net and number: of pairs of faultless sets, how often one lies outside the other's interval, on the worse
    side. Both are draws, so some .08 would be an honest interval's share (.17 for either side)."""
    nulls: dict[Case, list[Mapping[str, Any]]] = defaultdict(list)
    for key, numbers in results.items():
        name, features, count, _, fault, _ = key.split(" | ")
        if fault == NONE and numbers is not None:
            nulls[Case(name, features, int(count))].append(numbers)
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for case, sets in nulls.items():
        for i, one in enumerate(sets):
            for j, other in enumerate(sets):
                for number in one if i != j else ():
                    found[case.features, number].append(_outside(one[number][0], other[number], WORSE[BETTER[number]]))
    return {at: float(np.mean(alarms)) for at, alarms in found.items()}


def sight(results: Mapping[str, Any]) -> dict[tuple[str, tuple[str, ...], str], float]:
    """By net, one or two numbers, and fault: the share of all spoilt sets that one of the numbers sees."""
    found: dict[tuple[str, tuple[str, ...], str], list[bool]] = defaultdict(list)
    seen: dict[tuple[Case, str, float, int], dict[str, bool]] = defaultdict(dict)
    for (case, fault, number), what in readings(results).items():
        for dose, values in what.doses.items():
            for seed, value in values.items():
                seen[case, fault, dose, seed][number] = _outside(value, what.null[seed], WORSE[BETTER[number]])
    for (case, fault, _, _), numbers in seen.items():
        for number, is_seen in numbers.items():
            found[case.features, (number,), fault].append(is_seen)
        for one, other in combinations(numbers, 2):
            found[case.features, (one, other), fault].append(numbers[one] or numbers[other])
    return {at: float(np.mean(shares)) for at, shares in found.items()}


def summary(results: Mapping[str, Any], best: int = 10) -> str:
    """What each number, and the best pairs of numbers, see under each net: shares of all spoilt sets, by fault.

    Pairs are those best on average without copies, which one number alone sees, and without known classes.
    """
    shares = sight(results)
    alarms = false_alarms(results)
    lines = []
    for net in sorted({net for net, _, _ in shares}):
        columns = [fault for fault in DOSES if any((net, (number,), fault) in shares for number in BETTER)]
        lines += [f"| {net} | {' | '.join(columns)} | false alarms |", f"|{'---|' * (len(columns) + 2)}"]
        rows = {
            numbers: [shares.get((net, numbers, fault), np.nan) for fault in columns]
            for numbers in {numbers for of, numbers, _ in shares if of == net}
        }
        singles = [(number,) for number in BETTER if (number,) in rows]
        judged = [index for index, fault in enumerate(columns) if fault != "copies"]
        pairs = sorted(
            (numbers for numbers in rows if len(numbers) == 2 and not NEED_CLASSES & set(numbers)),
            key=lambda at: -float(np.mean([rows[at][index] for index in judged])),
        )
        for numbers in (*singles, *pairs[:best]):
            alarm = f"{alarms.get((net, numbers[0]), np.nan):.2f}" if len(numbers) == 1 else ""
            cells = " | ".join(f"{share:.2f}" for share in rows[numbers])
            lines.append(f"| {' or '.join(numbers)} | {cells} | {alarm} |")
        lines.append("")
    return "\n".join(lines)


def sight_by_size(results: Mapping[str, Any]) -> dict[str, dict[tuple[int, float], float]]:
    """By number, and by samples and reals (infinite: all of a set): its mean share of spoilt sets seen, over those
    faults of which it sees a quarter with the most samples."""
    seen: dict[tuple[str, tuple[int, float], str], list[bool]] = defaultdict(list)
    for (case, fault, number), what in readings(results).items():
        _, limited, reals = case.name.partition(", ")
        size = (case.samples, float(reals.split()[0]) if limited else np.inf)
        for values in what.doses.values():
            for seed, value in values.items():
                seen[number, size, fault].append(_outside(value, what.null[seed], WORSE[BETTER[number]]))
    sizes = {size for _, size, _ in seen}
    found: dict[str, dict[tuple[int, float], float]] = {}
    for number in BETTER:
        own = [fault for fault in DOSES if np.mean(seen.get((number, max(sizes), fault), [False])) >= 0.25]
        found[number] = {
            size: float(np.mean([np.mean(seen.get((number, size, fault), [np.nan])) for fault in own]))
            for size in sizes
        }
    return found


def by_size(results: Mapping[str, Any]) -> str:
    """`sight_by_size` as a table."""
    sight = sight_by_size(results)
    sizes = sorted(next(iter(sight.values())), key=lambda size: (size[1], size[0]))
    heads = [f"{samples} to {'all' if np.isinf(reals) else f'{reals:g}'}" for samples, reals in sizes]
    lines = [f"| number | {' | '.join(heads)} |", f"|{'---|' * (1 + len(sizes))}"]
    for number, found in sight.items():
        lines.append(f"| {number} | {' | '.join(f'{found[size]:.2f}' for size in sizes)} |")
    return "\n".join(lines)


def table(results: Mapping[str, Any]) -> str:
    """A row a case and number: the least dose seen of each fault, and the largest dose there was if not all."""
    found = readings(results)
    alarms = false_alarms(results)
    lines = [
        f"| set | net | samples | number | {' | '.join(DOSES)} | false alarms |",
        f"|{'---|' * (5 + len(DOSES))}",
    ]
    for case in sorted({case for case, _, _ in found}, key=lambda case: (case.features, case.name, case.samples)):
        for number in BETTER:
            cells = []
            for fault, doses in DOSES.items():
                what = found.get((case, fault, number))
                cell = UNMEASURED if what is None else seen_from(number, what)
                if what is not None and max(what.doses) < doses[-1] and cell.startswith(UNSEEN):
                    cell += f" (to {max(what.doses):g})"
                cells.append(cell)
            if any(cells):
                alarm = f"{alarms.get((case.features, number), np.nan):.2f}"
                lines.append(
                    f"| {case.name} | {case.features} | {case.samples} | {number} | {' | '.join(cells)} | {alarm} |"
                )
    return "\n".join(lines)


def plot(results: Mapping[str, Any], file: Path) -> None:
    """A panel a fault and net: how far each number has moved, in half-widths of the null's interval, by dose.

    Lines are means over sets, counts and seeds; above 1 a number sees the fault.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = readings(results)
    nets = sorted({case.features for case, _, _ in found})
    numbers = [number for number in BETTER if number != "modes"]
    colours = {number: pyplot.get_cmap("tab20")(index) for index, number in enumerate(numbers)}
    figure, panels = pyplot.subplots(
        len(nets), len(DOSES), figsize=(3.4 * len(DOSES), 3.0 * len(nets)), squeeze=False, sharey=True
    )
    for down, net in enumerate(nets):
        for across, (fault, doses) in enumerate(DOSES.items()):
            panel = panels[down][across]
            panel.axhspan(-1, 1, color="0.9", linewidth=0)
            for number in numbers:
                moved: dict[float, list[float]] = defaultdict(list)
                for (case, of_fault, of), what in found.items():
                    if case.features == net and of_fault == fault and of == number:
                        for dose, values in what.doses.items():
                            moved[dose] += [_moved(value, what.null[seed], number) for seed, value in values.items()]
                at = sorted(moved)
                panel.plot(
                    [0, *(doses.index(dose) + 1 for dose in at)],
                    [0, *(float(np.mean(moved[dose])) for dose in at)],
                    ".-",
                    color=colours[number],
                    label=number,
                )
            panel.set_xticks(range(len(doses) + 1), ["0", *(f"{dose:g}" for dose in doses)], fontsize=7)
            panel.set_yscale("symlog", linthresh=1)
            panel.set_title(f"{fault}, {net}", fontsize=9)
            if across == 0:
                panel.set_ylabel("moved to the worse, in half-widths\nof the interval without a fault", fontsize=8)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(numbers), fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.03 if len(nets) > 1 else 0.08, 1, 1))
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _moved(value: float, null: Sequence[float], number: str) -> float:
    """To the worse side in half-widths of the interval; either side counts where either is worse."""
    middle, low, high = null
    side = WORSE[BETTER[number]]
    moved = (value - middle) / max((high - low) / 2, 1e-9)
    return float(abs(moved) if side == 0 else side * moved)
