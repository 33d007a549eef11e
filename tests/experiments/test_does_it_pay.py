import math
from typing import Any

import pytest

from experiments.does_it_pay.run import ARMS, Job, area, at, curve, reached, worth


def trial(fid: float, recall: float, *, images: int = 10, copies: float = 0.0, shift: float = 0.0) -> dict[str, Any]:
    """Scores of the reference half, and those of the held-out half so much worse."""
    known = {"best_fid": fid, "best_recall": recall, "fid": fid + shift, "recall": recall}
    return {"images": images, "copies_over": copies, **known}


def test_the_area_of_points() -> None:
    assert area([]) == 0.0
    assert area([(0.0, 1.0)]) == 1.0
    assert area([(150.0, 0.5)]) == pytest.approx(0.25)
    assert area([(150.0, 0.5), (225.0, 1.0)]) == pytest.approx(0.25 + 0.125)
    assert area([(150.0, 0.5), (200.0, 0.4), (400.0, 1.0)]) == pytest.approx(0.25), "dominated, and beyond the corner"


def test_what_the_reference_half_chose_counts_for_what_it_is_worth_on_the_other() -> None:
    assert worth([trial(150.0, 0.5, shift=75.0)]) == pytest.approx(0.125)
    good_there_alone = {**trial(200.0, 0.4), "fid": 10.0, "recall": 0.9}
    assert worth([trial(150.0, 0.5), good_there_alone]) == pytest.approx(0.25), "it is not on the front that chooses"
    assert worth([trial(150.0, 0.5, copies=0.1)]) == 0.0
    assert worth([{"images": 5, "copies_over": 0.0, "best_fid": None, "best_recall": None}]) == 0.0


def test_the_curve_ends_with_the_budget() -> None:
    run = {"trials": [trial(225.0, 0.5), trial(150.0, 0.5, images=5), trial(0.0, 1.0, images=10)]}
    points = curve(run, 20.0)
    assert points == [(0.0, 0.0), (10.0, pytest.approx(0.125)), (15.0, pytest.approx(0.25))]
    assert at(points, 14.0) == pytest.approx(0.125)
    assert reached(points, 0.2) == 15.0
    assert reached(points, 0.9) == math.inf


def test_every_arm_is_told_of_as_many_images_and_other_seeds() -> None:
    def typed(arm: str, repeat: int) -> list[tuple[str, ...]]:
        return Job(data="armory", arm=arm, repeat=repeat, trials=12, kimg=24.0).searches()

    defaults = typed("defaults", 1)
    assert len(defaults) == 6
    seeds = [int(words[words.index("--seed") + 1]) for words in defaults]
    assert seeds == [1000, 1002, 1004, 1006, 1008, 1010]
    for arm in ARMS:
        assert typed(arm, 0) != typed(arm, 1)
    (ganvil,) = typed("ganvil", 0)
    assert "--algorithm" not in ganvil
    assert "--no-early-stopping" not in ganvil
