import threading
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from serve.stock.choosing import UnknownWeapon
from serve.stock.demands import StockEmpty
from serve.stock.forge import BrokenEnsemble, Forge, ForgeConfig
from serve.stock.foundry import Foundry, GoneVersion
from serve.stock.weapon_id import WeaponId
from tests.serve.drawn_ensemble import DrawnEnsemble

SMALL = ForgeConfig(batch_size=8, num_stock=64)


def wait_for(condition, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


@pytest.fixture
def forge(drawn: DrawnEnsemble):
    forge = Forge(drawn, SMALL)
    yield forge
    forge.close()


def test_stock_holds_what_its_ids_draw(forge: Forge, drawn: DrawnEnsemble) -> None:
    for _ in range(50):
        made = forge.take()
        again = forge.make(made.weapon_id)
        np.testing.assert_array_equal(made.picture, again.picture)
        assert made.picture[0, 0, 0] == made.weapon_id.member
        assert made.picture[1, 0, 0] == (99 if made.weapon_id.label is None else made.weapon_id.label)
        assert made.picture[2, 0, 0] == 100


def test_shares_are_the_weights(forge: Forge) -> None:
    taken = Counter(forge.take().weapon_id.member for _ in range(1600))
    assert [taken[member] / 1600 for member in range(3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.04)


def test_only_what_polish_accepts_is_stocked_and_shares_stay(drawn: DrawnEnsemble) -> None:
    drawn.polished = (0, 1)
    forge = Forge(drawn, SMALL)
    made = [forge.take() for _ in range(800)]
    assert all(each.picture[0, 0, 1] < 50 for each in made if each.weapon_id.member in (0, 1))
    assert any(each.picture[0, 0, 1] >= 50 for each in made if each.weapon_id.member == 2)
    taken = Counter(each.weapon_id.member for each in made)
    assert [taken[member] / 800 for member in range(3)] == pytest.approx([0.5, 0.3, 0.2], abs=0.06)
    assert forge.tally.share_accepted(0) == pytest.approx(0.25, abs=0.08)  # a pixel is one of 200 values
    assert forge.tally.share_accepted(2) == 1.0
    assert forge.tally.num_refused > 800
    refused = WeaponId(version=drawn.version, member=0, seed=next(s for s in range(99) if not accepted(drawn, s)))
    assert forge.make(refused).weapon_id == refused  # by its id any picture is drawn
    forge.close()


def accepted(drawn: DrawnEnsemble, seed: int) -> bool:
    return bool(drawn.accepts(0, drawn.draw(0, [seed]))[0])


def test_classes_come_as_often_as_in_the_data(forge: Forge) -> None:
    labels = Counter(forge.ids.choose(type_name=None).label for _ in range(4000))
    del labels[None]
    total = sum(labels.values())
    assert [labels[label] / total for label in range(3)] == pytest.approx([0.25, 0.5, 0.25], abs=0.06)


def test_the_stock_is_shuffled(forge: Forge) -> None:
    wait_for(lambda: forge.num_stock >= 57)
    members = [forge.take().weapon_id.member for _ in range(40)]
    runs = 1 + sum(one != next_one for one, next_one in pairwise(members))
    assert runs > 10  # five whole batches, one after the other, would be five


def test_the_stock_is_bounded_in_number_and_bytes(drawn: DrawnEnsemble) -> None:
    picture_bytes = 4 * 16 * 12
    forge = Forge(drawn, ForgeConfig(batch_size=8, num_stock=1000, stock_bytes=20 * picture_bytes))
    try:
        wait_for(lambda: forge.num_stock > 12)
        time.sleep(0.1)
        assert forge.num_stock <= forge.capacity == 20
        assert all(made.picture.base is None for made in forge._stock)  # a view would hold its whole batch
    finally:
        forge.close()


def test_batches_are_full(forge: Forge, drawn: DrawnEnsemble) -> None:
    for _ in range(200):
        forge.take()
    assert {size for _, size in drawn.batches} == {8}


def test_demands_of_one_member_share_a_batch(drawn: DrawnEnsemble) -> None:
    forge = Forge(drawn, SMALL)
    forge.retire()
    try:
        wait_for(lambda: forge.num_stock == 0)
        drawn.batches.clear()
        ids = [WeaponId(version="3", member=index % 2 * 2, seed=index) for index in range(16)]
        made = forge.make_many(ids)
        assert [each.weapon_id for each in made] == ids
        assert [int(each.picture[0, 0, 0]) for each in made] == [index % 2 * 2 for index in range(16)]
        assert sorted(drawn.batches) == [(0, 8), (2, 8)]
    finally:
        forge.close()


def test_truncation_and_label_reach_the_picture(forge: Forge) -> None:
    made = forge.make(WeaponId.parse("3-1-abc-t35-c2"))
    assert made.picture[:3, 0, 0].tolist() == [1, 2, 35]


@pytest.mark.parametrize("text", ["3-3-abc", "3-0-abc-c0", "3-1-abc", "3-1-abc-c3"])
def test_ids_that_name_nothing(forge: Forge, text: str) -> None:
    with pytest.raises(UnknownWeapon):
        forge.make(WeaponId.parse(text))


def test_choose_by_type_and_seed(forge: Forge) -> None:
    for written in ("long_blade", "Long Blade", "long-blade"):
        chosen = forge.ids.choose(type_name=written)
        assert (chosen.member, chosen.label) == (1, 1)
    with pytest.raises(UnknownWeapon, match="axe, long_blade, staff"):
        forge.ids.choose(type_name="banana")
    assert forge.ids.choose(seed=7) == forge.ids.choose(seed=7)
    assert len({forge.ids.choose(seed=seed).member for seed in range(40)}) == 3


def test_dry_stock_waits_then_says_so(drawn: DrawnEnsemble) -> None:
    gate = threading.Event()
    drawn.broken = lambda member: not gate.wait(5.0)
    forge = Forge(drawn, SMALL)
    try:
        with pytest.raises(StockEmpty):
            forge.take(timeout_seconds=0.05)
        assert (forge.tally.num_misses, forge.tally.num_empty, forge.tally.num_taken) == (1, 1, 0)
        assert forge.tally.seconds_missing >= 0.05
        gate.set()
        assert forge.take(timeout_seconds=5.0).picture.shape == (4, 16, 12)
    finally:
        gate.set()
        forge.close()


def test_a_broken_ensemble_never_gets_warm(drawn: DrawnEnsemble) -> None:
    drawn.broken = lambda member: member == 2
    with pytest.raises(BrokenEnsemble, match="a weight is missing"):
        Foundry(drawn, config=SMALL)


def test_blank_pictures_are_a_broken_ensemble(drawn: DrawnEnsemble) -> None:
    drawn.draw = lambda member, seeds, **_: np.zeros((len(seeds), 4, 16, 12), np.uint8)
    with pytest.raises(BrokenEnsemble, match="blank"):
        Foundry(drawn, config=SMALL)


def test_swap_is_atomic_and_warm_under_load(drawn: DrawnEnsemble) -> None:
    foundry = Foundry(drawn, config=SMALL)
    wrong, seen, done = [], Counter(), threading.Event()

    def ask() -> None:
        while not done.is_set():
            forge = foundry.forge
            try:
                made = forge.take(timeout_seconds=2.0)
            except StockEmpty as error:
                if foundry.forge is forge:
                    wrong.append(error)
                continue
            seen[made.weapon_id.version] += 1
            if foundry.forge_of(made.weapon_id.version).make(made.weapon_id).picture.sum() != made.picture.sum():
                wrong.append(made)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in range(4, 9):
        assert foundry.swap(DrawnEnsemble(version=str(version), fingerprint=f"{version:016x}"))
        assert foundry.forge.num_stock > 0
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert set(seen) >= {"4", "8"}
    assert foundry.versions() == ["8", "7", "6", "5"]
    foundry.close()


def test_swap_to_the_same_or_a_broken_one_changes_nothing(drawn: DrawnEnsemble) -> None:
    foundry = Foundry(drawn, config=SMALL)
    try:
        assert not foundry.swap(DrawnEnsemble())
        broken = DrawnEnsemble(version="4", fingerprint="f", broken=lambda member: True)
        with pytest.raises(BrokenEnsemble):
            foundry.swap(broken)
        assert foundry.versions() == ["3"]
        assert foundry.forge.take().weapon_id.version == "3"
    finally:
        foundry.close()


def test_older_versions_are_loaded_again_or_gone(drawn: DrawnEnsemble) -> None:
    loaded = []

    def load(version: str) -> DrawnEnsemble:
        if version != "2":
            raise GoneVersion(f"no {version}")
        loaded.append(version)
        return DrawnEnsemble(version=version, fingerprint="2")

    foundry = Foundry(drawn, config=SMALL, load_older=load)
    try:
        for _ in range(3):
            assert foundry.forge_of("2").make(WeaponId.parse("2-0-abc")).weapon_id.version == "2"
        assert loaded == ["2"]
        assert foundry.forge_of("2").num_stock == 0
        with pytest.raises(GoneVersion):
            foundry.forge_of("1")
    finally:
        foundry.close()
