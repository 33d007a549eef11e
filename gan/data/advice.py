"""What to do about a set of pictures before training on it: numbers in, sentences and commands out.

Each rule says where it comes from, in the text that the user reads. Sources: ADA (Karras et al. 2020,
arXiv:2006.06676, "Training Generative Adversarial Networks with Limited Data"), class balance (Mahajan et al. 2018,
arXiv:1805.00932), projects that trained on game art, and experiments/. Nothing here is a law: most of what was measured
is one seed each.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from gan.data.first_size import (
    LONGEST_SIDE,
    SEARCH_SIDE,
    TIMES_SHOWN,
    drawn_size,
    kimg_to_show,
    size_of_that_shape,
    size_to_train_at,
    times_larger,
)
from gan.data.overview import Overview
from gan.data.resolution import Resolution

FEWEST = 100  # where the sets begin that Ganvil is made for
FEWEST_FOR_SCORES = 400  # half of them is held out, and under 200 samples little is seen
FEW = 2000
FEWEST_A_CLASS = 20
UNEVEN = 5.0  # the largest class over the smallest
BALANCE, MOST_REPEATS = 0.5, 4.0
MANY_NEAR = 0.05
MIRROR_SAFE, MIRROR_SEEN = 0.6, 0.75
DCGAN_SMALL_A_SECOND, STYLEGAN2_SMALL_A_SECOND = 800, 300  # pictures of 32 px, one CPU core (gan/recipes.py)
SHOWN_CLASSES = 4

Level = Literal["fix", "choose", "fine"]


@dataclass(frozen=True)
class Advice:
    """fix: before training; choose: it depends on you; fine: as it should be. command: what to type, or to add."""

    topic: str
    level: Level
    text: str
    command: str | None = None


def advise(overview: Overview) -> tuple[Advice, ...]:
    """All there is to say, what to fix first, and last the search that it comes to."""
    advices = [
        *_faults(overview),
        _number(overview),
        *_classes(overview),
        _copies(overview),
        _mirror(overview),
        _resolution(overview),
        _length(overview),
        _recipe(overview),
    ]
    order: tuple[Level, ...] = ("fix", "choose", "fine")
    return (*sorted(advices, key=lambda advice: order.index(advice.level)), _search(overview))


def _faults(overview: Overview) -> Sequence[Advice]:
    faults = []
    if overview.skipped:
        faults.append(
            f"{_count(len(overview.skipped), 'file')} {'was' if len(overview.skipped) == 1 else 'were'} skipped"
        )
    if overview.blank:
        faults.append(f"{_count(overview.blank, 'picture')} {'is' if overview.blank == 1 else 'are'} blank")
    if not faults:
        return ()
    return (Advice("faults", "fix", f"{_and(faults)}: nothing is learnt from that.", _clean(overview)),)


def _number(overview: Overview) -> Advice:
    num = overview.num_different
    shown = _count(num, "different picture")
    if num < FEWEST:
        text = (
            f"{shown}: too few. The discriminator soon knows them all by heart, and what comes out are copies. Find"
            f" more of the kind ({FEWEST} at least), or begin from a network that was trained on something like them."
        )
        command = f"python -m gan.train --data {_source(overview)} --start-from CHECKPOINT --out runs/transfer"
        return Advice("number", "fix", text, command)
    if num < FEWEST_FOR_SCORES:
        text = (
            f"{shown}: enough to train, too few to measure well. Scores come from the half that is held out,"
            f" {num // 2} here, and under 200 they hardly see a lost mode: trust your eyes over small differences."
            " ADA augmentation, on in the recipes, matters most on such a set."
        )
        return Advice("number", "choose", text)
    if num < FEW:
        text = (
            f"{shown}: a small set. The authors of ADA speak of good results from a few thousand on; below, the"
            " discriminator overfits. Leave ADA on and R1 strong, as the recipes have them: on 214 icons R1 at a"
            " hundred times its usual heuristic brought FID from 155 to 129 and recall from .29 to .37."
        )
        return Advice("number", "choose", text)
    return Advice("number", "fine", f"{shown}: the authors of ADA speak of good results from a few thousand on.")


def _classes(overview: Overview) -> Sequence[Advice]:
    if not overview.classes:
        groups = min(16, max(4, overview.num_different // 50))
        text = (
            "None. That is fine; but a network that is told classes must serve every one of them. Groups of pictures"
            " that look alike can stand in for them: judge by the sheet."
        )
        out = f"--out {_name(overview)}-groups.zip --sheet groups.png"
        command = f"python -m gan.data labels {_source(overview)} --cluster {groups} {out}"
        return (Advice("classes", "choose", text, command),)
    balance = _balance(overview)
    small = [f"{name} ({count})" for name, count in overview.classes if count < FEWEST_A_CLASS]
    if not small:
        return (balance,)
    more = [f"{len(small) - SHOWN_CLASSES} more"] if len(small) > SHOWN_CLASSES else []
    text = (
        f"Under {FEWEST_A_CLASS} pictures: {_and([*small[:SHOWN_CLASSES], *more])}. Told its class, a network learns"
        " so few by heart. Train without --conditional, or join them to classes that look like them, in a table of"
        " file and label."
    )
    command = (
        f"python -m gan.data labels {_source(overview)} --csv labels.csv"
        f" --out {_name(overview)}-joined.zip --sheet classes.png"
    )
    return (balance, Advice("classes", "choose", text, command))


def _balance(overview: Overview) -> Advice:
    ratio = _unevenness(overview)
    how = f"The largest class has {ratio:.0f} times the pictures of the smallest"
    if ratio < UNEVEN:
        return Advice("balance", "fine", f"{how}: even enough." if ratio >= 1.5 else "Classes of about one size.")
    if not _can_balance(overview):
        text = (
            f"{how}. To balance that would show each picture of the smallest class {_repeats(overview):.0f} times a"
            " round, and what is shown so often is learnt by heart: join the small classes first."
        )
        return Advice("balance", "choose", text)
    text = (
        f"{how}, and what is seldom shown is lost first. class_balance {BALANCE} shows them"
        f" {ratio ** (1 - BALANCE):.1f} to 1 (square roots, as Mahajan et al. 2018); 1 shows all classes alike and"
        " repeats the small ones the more."
    )
    return Advice("balance", "choose", text, f"--set data.class_balance={BALANCE}")


def _copies(overview: Overview) -> Advice:
    near, share = overview.near, percent(overview.copies / overview.num)
    found = [f"{_count(overview.copies, 'exact copy', 'exact copies')} ({share})"]
    if near is not None:
        found.append(f"{_count(near.copies, 'near copy', 'near copies')}")
        found.append(f"{_count(near.lookalikes, 'pair')} that may be")
    if overview.conflicts:
        found.append(f"{_count(overview.conflicts, 'picture')} in more than one class")
    text = f"{_and(found)}."
    if overview.copies or (near is not None and near.copies):
        text += " What is there twice is shown twice as often, and copies feed collapse (so all projects on game art)."
        return Advice("copies", "fix", text, _clean(overview))
    if near is not None and near.lookalikes >= MANY_NEAR * overview.num:
        text += " Judge for yourself, by the pictures in the report, whether they are one thing or two."
        return Advice("copies", "choose", text, _clean(overview))
    if near is None and overview.files is not None:
        text += " Near ones were not looked for; that takes 10 to 30 s for 1,000 pictures."
        return Advice("copies", "fine", text, f"python -m gan.data info {_source(overview)} --near")
    return Advice("copies", "fine", text)


def _mirror(overview: Overview) -> Advice:
    mirror = overview.mirror
    if mirror is None:
        return Advice("mirror", "choose", "Too few different pictures to tell whether mirroring is safe.")
    if mirror.symmetric > 0.5:
        text = f"{percent(mirror.symmetric)} of the pictures are their own mirror images: mirroring adds little."
        return Advice("mirror", "fine", text)
    told = f"a picture is told from its mirror image {round(100 * mirror.told_apart)} times in 100 (50 is guessing)"
    command = "--set data.mirror=true"
    if mirror.told_apart <= MIRROR_SAFE:
        return Advice("mirror", "choose", f"Turn it on: {told}, so it is safe, and doubles the pictures.", command)
    if mirror.told_apart < MIRROR_SEEN:
        text = f"Perhaps: {told}. It doubles the pictures and shows some the wrong way round; try both."
        return Advice("mirror", "choose", text, command)
    text = (
        f"Leave it off: {told}. They face one way, or light and shadow come from one side; mirrored, half of what is"
        " made would be the other way round."
    )
    return Advice("mirror", "fine", text)


def _resolution(overview: Overview) -> Advice:
    if overview.files is None:
        return Advice("resolution", "fine", "Drawn by a program, at any size; 32 px learns fastest.")
    drawn, size = drawn_size(overview.files), size_to_train_at(overview.files)
    longer, enlarged, num_sizes = max(drawn.height, drawn.width), overview.files.enlarged, len(overview.files.sizes)
    facts = f"{num_sizes} different sizes, typically {_by(drawn)}. " if num_sizes > 1 else ""
    if enlarged > 1:
        facts += f"Every pixel was drawn {enlarged} times as large: the art is {_by(drawn)}. "
    if longer > SEARCH_SIDE:
        large = size_of_that_shape(drawn, min(longer, LONGEST_SIDE))
        text = f"{facts}Search at {size}, at a fraction of the cost, and train the best once more at {large}."
        return Advice("resolution", "choose", text)
    if size != drawn:
        times = times_larger(size, drawn)
        why = (
            f"{times} times {_by(drawn)}, so that pixels stay whole" if times else f"the least size around {_by(drawn)}"
        )
        text = f"{facts}Train at {size}, {why}: the networks take base x 2^k."
    else:
        art = ": any resize would smear the pixel art" if overview.files.pixel_art else ", which the networks take"
        text = f"{facts}Train at {size}, as drawn{art}."
    if size == drawn and enlarged == 1 and num_sizes == 1:
        return Advice("resolution", "fine", text)
    command = f"python -m gan.data import {_source(overview)} --resolution {size} --out {_name(overview)}-{size}.zip"
    return Advice("resolution", "choose", text, command)


def _length(overview: Overview) -> Advice:
    kimg, size = kimg_to_show(overview.num_different), _size(overview)
    seconds = [
        kimg * 1000 * (size.height * size.width / 32**2) / rate
        for rate in (DCGAN_SMALL_A_SECOND, STYLEGAN2_SMALL_A_SECOND)
    ]
    times = round(kimg * 1000 / overview.num_different)
    text = (
        f"Show {1000 * kimg:,} pictures at first, each some {times:,} times: after {TIMES_SHOWN} times about half of"
        " what networks made of 429 weapon icons passed for weapons (experiments/first_icons). On one CPU core that"
        f" takes dcgan-small {_duration(seconds[0])}, stylegan2-small {_duration(seconds[1])}. With a GPU show more;"
        " the authors of StyleGAN let runs end at 25,000,000 and find them reasonable from 5,000,000 on. Stop by"
        " recall and coverage: FID can fall while recall stays at .03, and what has collapsed never recovers."
    )
    return Advice("length", "fine", text)


def _recipe(overview: Overview) -> Advice:
    text = "Without a GPU dcgan-small and stylegan2-small, with one dcgan and stylegan2."
    if not overview.classes or min(count for _, count in overview.classes) < FEWEST_A_CLASS:
        return Advice("recipe", "fine", text)
    text += (
        " Your classes are large enough to be told to the networks: cdcgan-small with classes came to FID 117 on 429"
        " icons in 24,000 pictures, biggan-small to 155 (LOG, one seed each)."
    )
    return Advice("recipe", "fine", text, "--recipe cdcgan-small --conditional")


def _search(overview: Overview) -> Advice:
    parts = [
        f"python search/run.py --data {_source(overview)} --name {_name(overview)}",
        f"--resolution {_size(overview)} --recipe dcgan-small stylegan2-small",
        f"--kimg {kimg_to_show(overview.num_different)}",
    ]
    if overview.classes and _unevenness(overview) >= UNEVEN and _can_balance(overview):
        parts.append(f"--set data.class_balance={BALANCE}")
    mirror = overview.mirror
    if mirror is not None and mirror.told_apart <= MIRROR_SAFE and mirror.symmetric <= 0.5:
        parts.append("--set data.mirror=true")
    text = (
        "All of it in one search, for a CPU; with a GPU say --recipe dcgan stylegan2 and more --kimg. --dry-run"
        " shows the plan first."
    )
    return Advice("search", "fine", text, " ".join(parts))


def _size(overview: Overview) -> Resolution:
    """To search at; what is drawn by a program is drawn at that size already."""
    if overview.files is None:
        return Resolution(height=overview.height, width=overview.width)
    return size_to_train_at(overview.files)


def _unevenness(overview: Overview) -> float:
    counts = [count for _, count in overview.classes]
    return max(counts) / max(1, min(counts))


def _repeats(overview: Overview) -> float:
    """How often an epoch shows each picture of the smallest class under BALANCE (gan/data/stream.py)."""
    counts = [max(1, count) for _, count in overview.classes]
    return float(min(counts) ** -BALANCE * sum(counts) / sum(count ** (1 - BALANCE) for count in counts))


def _can_balance(overview: Overview) -> bool:
    return _repeats(overview) <= MOST_REPEATS


def _clean(overview: Overview) -> str:
    name = _name(overview)
    return f"python -m gan.data clean {_source(overview)} --out {name}-clean.zip --report {name}-clean.html"


def _source(overview: Overview) -> str:
    return shlex.quote(overview.source)


def _name(overview: Overview) -> str:
    """The source's name without folders and ending, as files and searches can be called."""
    stem = PurePosixPath(overview.source.partition("?")[0]).stem
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip("-.") or "pictures"


def _count(num: int, one: str, many: str | None = None) -> str:
    return f"{num:,} {one if num == 1 else many or one + 's'}"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def percent(share: float) -> str:
    """A share for a person: one digit more where it is small."""
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def _by(size: Resolution) -> str:
    return f"{size.height}x{size.width}"


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.0f} h"
