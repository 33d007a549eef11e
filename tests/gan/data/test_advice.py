import dataclasses
import itertools
import shlex

import pytest

from gan.config import RunConfig, with_values
from gan.data.advice import Advice, advise
from gan.data.files import Files
from gan.data.first_size import drawn_size, kimg_to_show, size_of_that_shape, size_to_train_at, sizes_that_train
from gan.data.overview import Mirror, Near, Overview
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.networks.interface import check_resolution
from gan.recipes import RECIPES

FILES = Files(num=3000, num_bytes=9, sizes=((32, 32, 3000),), formats=(("PNG", 3000),), pixel_art=True, enlarged=1)
WELL = Overview(
    source="my icons.zip",
    fingerprint="0" * 16,
    num=3000,
    height=32,
    width=32,
    channels=4,
    files=FILES,
    skipped=(),
    classes=(("axe", 1600), ("bow", 1400)),
    copies=0,
    conflicts=0,
    near=Near(copies=0, lookalikes=0),
    blank=0,
    transparent=1.0,
    translucent=0.1,
    drawn_area=0.3,
    coloured=1.0,
    mirror=Mirror(told_apart=0.9, error=0.02, symmetric=0.0),
)


def about(topic: str, **changes: object) -> Advice:
    (advice,) = [advice for advice in advise(dataclasses.replace(WELL, **changes)) if advice.topic == topic]
    return advice


def of_sizes(*sizes: tuple[int, int, int], enlarged: int = 1) -> Files:
    return dataclasses.replace(FILES, sizes=sizes, enlarged=enlarged)


def test_a_good_set_needs_nothing() -> None:
    assert {advice.level for advice in advise(WELL)} == {"fine"}


def test_what_is_to_fix_comes_first_and_the_search_last() -> None:
    advices = advise(dataclasses.replace(WELL, copies=100, num=90, blank=1, skipped=(("a", "b"),)))
    levels = ["fix", "choose", "fine"]
    assert [advice.level for advice in advices] == sorted((advice.level for advice in advices), key=levels.index)
    assert advices[-1].topic == "search"


@pytest.mark.parametrize(
    ("num", "level", "text"),
    [
        (99, "fix", "99 different pictures: too few"),
        (100, "choose", "too few to measure well"),
        (399, "choose", "199 here"),
        (400, "choose", "a small set"),
        (2000, "fine", "2,000 different"),
    ],
)
def test_how_many(num: int, level: str, text: str) -> None:
    advice = about("number", num=num + 7, copies=7)  # copies do not count
    assert advice.level == level
    assert text in advice.text


def test_too_few_shows_how_to_begin_from_another_network() -> None:
    assert "--data 'my icons.zip' --start-from" in str(about("number", num=50).command)


def test_uneven_classes_are_balanced_within_reason() -> None:
    uneven = about("balance", classes=(("axe", 900), ("bow", 100)))
    assert uneven.command == "--set data.class_balance=0.5"
    assert "9 times" in uneven.text
    assert "3.0 to 1" in uneven.text
    hopeless = about("balance", classes=(("axe", 2999), ("bow", 1)))
    assert hopeless.command is None
    assert "54 times a round" in hopeless.text  # 3000 / (sqrt(2999) + 1)
    assert about("balance", classes=(("axe", 499), ("bow", 100))).level == "fine"


def test_small_classes_are_named() -> None:
    advice = about("classes", classes=tuple((f"c{index}", 19) for index in range(6)))
    assert "c0 (19), c1 (19), c2 (19), c3 (19) and 2 more" in advice.text
    assert "--csv" in str(advice.command)


def test_no_classes_may_be_clustered() -> None:
    assert "--cluster 8 " in str(about("classes", classes=(), num=400).command)
    assert "--cluster 16 " in str(about("classes", classes=(), num=9000).command)


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, "fine"),
        ({"near": Near(copies=0, lookalikes=149)}, "fine"),
        ({"near": Near(copies=0, lookalikes=150)}, "choose"),
        ({"near": Near(copies=1, lookalikes=0)}, "fix"),
        ({"copies": 1}, "fix"),
        ({"copies": 1, "conflicts": 1, "near": None}, "fix"),
    ],
)
def test_copies(changes: dict[str, object], level: str) -> None:
    advice = about("copies", **changes)
    assert advice.level == level
    assert ("gan.data clean" in str(advice.command)) == (level != "fine")


def test_near_copies_that_nobody_looked_for_are_not_called_none() -> None:
    advice = about("copies", near=None)
    assert "not looked for" in advice.text
    assert "near cop" not in advice.text
    assert str(advice.command).endswith("--near")


@pytest.mark.parametrize(
    ("told_apart", "level", "command"),
    [
        (0.5, "choose", "--set data.mirror=true"),
        (0.6, "choose", "--set data.mirror=true"),
        (0.7, "choose", "--set data.mirror=true"),
        (0.75, "fine", None),
        (1.0, "fine", None),
    ],
)
def test_mirror(told_apart: float, level: str, command: str | None) -> None:
    advice = about("mirror", mirror=Mirror(told_apart=told_apart, error=0.02, symmetric=0.0))
    assert (advice.level, advice.command) == (level, command)
    assert f"{round(100 * told_apart)} times in 100" in advice.text


def test_symmetric_pictures_gain_nothing_from_a_mirror() -> None:
    assert about("mirror", mirror=Mirror(told_apart=0.5, error=0.02, symmetric=0.9)).command is None
    assert about("mirror", mirror=None).level == "choose"


def test_sizes_that_train_are_those_that_networks_take() -> None:
    def trains(height: int, width: int) -> bool:
        try:
            check_resolution(height, width)
        except UserError:
            return False
        return True

    sides = (*range(8, 66), 72, 96, 120, 128)
    listed = {(size.height, size.width) for size in sizes_that_train(128)}
    for height, width in itertools.product(sides, (24, 28, 32, 44, 48, 64, 96, 112, 128)):
        assert ((height, width) in listed) == trains(height, width), f"{height}x{width}"


@pytest.mark.parametrize(
    ("files", "size"),
    [
        (of_sizes((32, 32, 1)), "32"),
        (of_sizes((64, 48, 1)), "64x48"),
        (of_sizes((64, 64, 9), enlarged=2), "32"),
        (of_sizes((30, 30, 1)), "32"),
        (of_sizes((33, 20, 1)), "36x20"),
        (of_sizes((5, 5, 1)), "20"),
        (of_sizes((8, 4, 1)), "24x12"),
        (of_sizes((15, 15, 1)), "16"),
        (of_sizes((16, 16, 2), (24, 24, 5), (48, 48, 2)), "24"),
        (of_sizes((128, 128, 1)), "64"),
        (of_sizes((128, 96, 1)), "64x48"),
        (of_sizes((353, 616, 1)), "36x64"),
        (of_sizes((1000, 1, 1)), "64x12"),
    ],
)
def test_the_size_to_begin_with(files: Files, size: str) -> None:
    found = size_to_train_at(files)
    check_resolution(found.height, found.width)
    assert str(found) == size


def test_the_drawn_size_and_the_large_one() -> None:
    assert drawn_size(of_sizes((64, 32, 9), enlarged=4)) == Resolution(height=16, width=8)
    assert str(size_of_that_shape(Resolution(height=353, width=616), 128)) == "72x128"


def test_resolution_says_what_it_saw() -> None:
    assert about("resolution").command is None
    assert "smear the pixel art" in about("resolution").text
    blown_up = about("resolution", files=of_sizes((64, 64, 9), enlarged=2))
    assert "2 times as large: the art is 32x32" in blown_up.text
    assert "import 'my icons.zip' --resolution 32 --out my-icons-32.zip" in str(blown_up.command)
    small = about("resolution", files=of_sizes((8, 8, 9)))
    assert "Train at 16, 2 times 8x8, so that pixels stay whole" in small.text
    assert "the least size around 30x30" in about("resolution", files=of_sizes((30, 30, 9))).text
    assert "2 different sizes, typically 32x32" in about("resolution", files=of_sizes((32, 32, 5), (48, 48, 2))).text
    assert "Search at 64, at a fraction" in about("resolution", files=of_sizes((128, 128, 5))).text
    assert "by a program" in about("resolution", files=None).text


def test_how_long() -> None:
    assert [kimg_to_show(num) for num in (50, 429, 1200, 4168, 15_000)] == [100, 130, 360, 1300, 4500]
    assert "Show 900,000 pictures at first, each some 300 times" in about("length").text
    assert "dcgan-small 19 min, stylegan2-small 50 min" in about("length").text


def test_told_classes_need_enough_pictures() -> None:
    assert about("recipe").command == "--recipe cdcgan-small --conditional"
    assert about("recipe", classes=(("axe", 2981), ("bow", 19))).command is None
    assert about("recipe", classes=()).command is None


@pytest.mark.parametrize("mirrored", [0.5, 1.0])
@pytest.mark.parametrize("smallest", [1, 300, 1500])
def test_the_search_can_be_typed(mirrored: float, smallest: int) -> None:
    """Every recipe and setting in the command exists, and agrees with the advices above it."""
    overview = dataclasses.replace(
        WELL,
        mirror=Mirror(told_apart=mirrored, error=0.02, symmetric=0.0),
        classes=(("axe", 3000 - smallest), ("bow", smallest)),
    )
    advices = {advice.topic: advice for advice in advise(overview)}
    words = shlex.split(str(advices["search"].command))
    assert words[:8] == [
        "python",
        "search/run.py",
        "--data",
        "my icons.zip",
        "--name",
        "my-icons",
        "--resolution",
        "32",
    ]
    assert {"dcgan-small", "stylegan2-small"} <= set(words) & set(RECIPES)
    settings = [words[index + 1] for index, word in enumerate(words) if word == "--set"]
    said = [advices[topic].command for topic in ("balance", "mirror")]
    assert [f"--set {setting}" for setting in settings] == [command for command in said if command]
    config = with_values(RunConfig(), dict(setting.split("=") for setting in settings))
    assert config.data.mirror == (mirrored == 0.5)
    assert config.data.class_balance == (0.5 if smallest == 300 else 0.0)
