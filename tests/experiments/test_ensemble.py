from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from experiments.ensemble.run import Job, last_of_its_run, values_of
from gan.ensemble.selection import SIZE, Selection
from gan.errors import UserError
from ops.pool import Pool


def test_a_pool_is_named_by_its_pictures_and_its_seed() -> None:
    assert Job(folder=Path("pools/icons-random-seed-12")).key == "icons-random | seed 12"
    with pytest.raises(UserError, match="must end in -seed- and a number"):
        _ = Job(folder=Path("pools/icons")).key


def test_a_pools_number_is_the_mean_of_both_sides() -> None:
    sides = [{"scores": {"a": {"fid": fid}}} for fid in (10.0, 20.0)]
    assert values_of([{"sides": sides}], "a", "fid") == [15.0]


def test_the_last_of_the_best_run_leaves_out_others_and_vetoed() -> None:
    def stored(id: str, run: str, images: int) -> Any:
        return SimpleNamespace(id=id, run_id=run, record=SimpleNamespace(images_seen=images))

    many = [stored(f"best-{images:02d}", "best", images) for images in range(SIZE + 3)]
    others = [stored("other", "other", 99), stored("copies", "best", 98)]
    allowed = [SimpleNamespace(id=each.id) for each in (*many, others[0])]
    pool = cast(Pool, SimpleNamespace(stored=[*others, *many], allowed=allowed))
    found = last_of_its_run(pool, Selection(members=("best-00",), weights=(1.0,)))
    assert found.members == tuple(f"best-{images:02d}" for images in range(3, SIZE + 3))
    assert sum(found.weights) == pytest.approx(1.0)
