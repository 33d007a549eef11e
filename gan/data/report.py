"""An overview and its advices as a page of text for a person."""

import os
import re
import textwrap
from collections.abc import Sequence
from typing import TextIO

from gan.data.advice import Advice, percent
from gan.data.files import Files
from gan.data.overview import Overview

LONGEST_NAME, LONGEST_BAR = 28, 40
MOST_SIZES, MOST_SKIPPED = 4, 10
BLOCKS = " ▏▎▍▌▋▊▉█"


def describe(overview: Overview, advices: Sequence[Advice], columns: int, *, coloured: bool = False) -> str:
    """The page for a person, in lines of at most that many columns (but commands and names are never cut).

    coloured: for a terminal, by its own sixteen colours.
    """
    *some, last = advices
    blocks = [_heading(overview), _facts(overview, columns), class_bars(overview.classes, columns), _skipped(overview)]
    blocks += [f"What to do\n{_advice_lines(some, columns)}", _last_lines(last, columns)]
    page = "\n\n".join(block for block in blocks if block)
    return in_colour(page) if coloured else page


_COLOURS = (  # what lines look like → the terminal's code for them
    (re.compile(r"\A.*", re.MULTILINE), "1"),
    (re.compile(r"^(What to do|\d[\d,]* classes .*|no classes)$", re.MULTILINE), "1"),
    (re.compile(r"^  fix(?= )", re.MULTILINE), "1;31"),
    (re.compile(r"^  choose(?= )", re.MULTILINE), "1;33"),
    (re.compile(r"^  fine(?= )", re.MULTILINE), "32"),
    (re.compile(f"[{BLOCKS[1:]}]+"), "36"),
    (re.compile(r"^    (?:python |--).*$|^ +(?:add: .*|\(the same command\))$", re.MULTILINE), "36"),
    (re.compile(r"^skipped .*|^… and .* more$", re.MULTILINE), "33"),
)


def in_colour(page: str) -> str:
    for pattern, code in _COLOURS:
        page = pattern.sub(lambda match, code=code: f"\x1b[{code}m{match[0]}\x1b[0m", page)  # type: ignore[misc]
    return page


def wants_colour(stream: TextIO) -> bool:
    """A terminal, where nobody said otherwise (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _heading(overview: Overview) -> str:
    kind = {1: "grey", 3: "RGB", 4: "RGBA"}[overview.channels]
    return (
        f"{overview.source}: {overview.num:,} pictures at {overview.height}x{overview.width}, {kind},"
        f" fingerprint {overview.fingerprint}"
    )


def _facts(overview: Overview, columns: int) -> str:
    facts = {
        "files": _files_line(overview.files),
        "copies": _copies_line(overview),
        "alpha": _alpha_line(overview),
        "colour": _colour_line(overview),
        "in a mirror": _mirror_line(overview),
    }
    width = max(map(len, facts)) + 4
    return "\n".join(_filled(text, columns, f"  {name:<{width - 2}}", " " * width) for name, text in facts.items())


def _files_line(files: Files | None) -> str:
    if files is None:
        return "none: drawn by a program"
    formats = ", ".join(f"{count:,} {name}" for name, count in files.formats)
    if len(files.sizes) == 1:
        ((height, width, _),) = files.sizes
        sizes = f"all {height}x{width}"
    else:
        shown = [f"{height}x{width} ({count:,})" for height, width, count in files.sizes[:MOST_SIZES]]
        sizes = f"{len(files.sizes)} sizes: {', '.join(shown)}{', …' if len(files.sizes) > MOST_SIZES else ''}"
    drawn = "pixel art" if files.pixel_art else "not pixel art"
    drawn += f", blown up {files.enlarged} times" if files.enlarged > 1 else ""
    return f"{formats}; {files.num_bytes / 1e6:,.1f} MB; {sizes}; {drawn}"


def _copies_line(overview: Overview) -> str:
    near = "" if overview.near is None else f", {overview.near.copies:,} near"
    near += f"; may be: {overview.near.lookalikes:,} pairs" if overview.near is not None else ""
    conflicts = f"; in more than one class: {overview.conflicts:,}" if overview.conflicts else ""
    blank = f"; blank: {overview.blank:,}" if overview.blank else ""
    return f"{overview.copies:,} exact{near}{conflicts}{blank}"


def _alpha_line(overview: Overview) -> str:
    if overview.transparent == 0:
        return "all opaque"
    return (
        f"{percent(overview.transparent)} of the pictures are transparent somewhere, {percent(overview.translucent)}"
        f" have half-transparent pixels; {percent(overview.drawn_area)} of the area is drawn"
    )


def _colour_line(overview: Overview) -> str:
    if overview.coloured == 0:
        return "none: black, grey or white" + (", all of the picture is in the alpha" if overview.channels == 4 else "")
    return f"{percent(overview.coloured)} of the pictures have colour"


def _mirror_line(overview: Overview) -> str:
    mirror = overview.mirror
    if mirror is None:
        return "not looked at: too few different pictures"
    return (
        f"told from their mirror images {100 * mirror.told_apart:.0f} ± {100 * mirror.error:.0f} times in 100"
        " (50 is guessing)"
    )


def class_bars(classes: Sequence[tuple[str, int]], columns: int) -> str:
    """A line a class: its name, its count and a bar."""
    if not classes:
        return "no classes"
    names = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name, _ in classes]
    counts = [count for _, count in classes]
    name_width, count_width = max(map(len, names)), len(f"{max(counts):,}")
    longest = max(1, min(LONGEST_BAR, columns - name_width - count_width - 6))
    lines = [
        f"  {name:<{name_width}}  {count:>{count_width},}  {_bar(longest * count / max(counts))}"
        for name, count in zip(names, counts, strict=True)
    ]
    span = f"{max(counts):,} pictures each" if len(set(counts)) == 1 else f"{min(counts):,} to {max(counts):,} pictures"
    return "\n".join([f"{len(counts)} classes of {span}", *lines])


def _bar(length: float) -> str:
    """So many columns, to an eighth of one; never none."""
    eighths = max(1, round(8 * length))
    return "█" * (eighths // 8) + BLOCKS[eighths % 8].strip()


def _skipped(overview: Overview) -> str:
    lines = [f"skipped {name}: {reason}" for name, reason in overview.skipped[:MOST_SKIPPED]]
    more = len(overview.skipped) - MOST_SKIPPED
    return "\n".join([*lines, f"… and {more:,} more"] if more > 0 else lines)


def _advice_lines(advices: Sequence[Advice], columns: int) -> str:
    level_width = max(len(advice.level) for advice in advices) + 4
    topic_width = level_width + max(len(advice.topic) for advice in advices) + 2
    lines: list[str] = []
    for advice in advices:
        start = f"{f'  {advice.level}':<{level_width}}{advice.topic}"
        indent = " " * topic_width
        lines.append(_filled(advice.text, columns, f"{start:<{topic_width}}", indent))
        if advice.command is not None:
            typed = _command_lines(advice.command, columns, indent)
            lines += [f"{indent}(the same command)"] if typed[0] in lines else typed
    return "\n".join(lines)


def _last_lines(advice: Advice, columns: int) -> str:
    """The search, as a paragraph of its own."""
    return "\n".join([_filled(advice.text, columns, "", ""), *_command_lines(advice.command or "", columns, "")])


def _filled(text: str, columns: int, start: str, indent: str) -> str:
    return textwrap.fill(text, columns, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False)


def _command_lines(command: str, columns: int, indent: str) -> list[str]:
    """What to type, broken between flags by the shell's own sign, so that it can be copied; or which flag to add."""
    if command.startswith("--"):
        return [f"{indent}add: {command}"]
    lines: list[str] = []
    for part in re.split(r" (?=--)", command):
        if lines and len(lines[-1]) + len(part) + 7 <= columns:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return [f"    {line} \\" for line in lines[:-1]] + [f"    {lines[-1]}"]
