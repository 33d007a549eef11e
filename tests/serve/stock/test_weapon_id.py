from itertools import product

import pytest

from gan.errors import UserError
from serve.stock.weapon_id import SEED_END, MalformedWeaponId, WeaponId


def test_round_trip() -> None:
    versions, seeds = ["1", "3", "4096", "0a1b2c3d", "99999999"], [0, 1, 31, 32, 123456789, SEED_END - 1]
    for version, seed, percent, label in product(versions, seeds, [0, 70, 100, 150], [None, 0, 4, 99999]):
        made = WeaponId(version=version, member=2, seed=seed, truncation_percent=percent, label=label)
        assert WeaponId.parse(str(made)) == made


def test_what_it_looks_like() -> None:
    assert str(WeaponId(version="3", member=2, seed=0)) == "3-2-0"
    assert str(WeaponId(version="3", member=2, seed=35, truncation_percent=70, label=4)) == "3-2-13-t70-c4"


def test_what_a_hand_copied_id_gets_wrong_is_forgiven() -> None:
    assert WeaponId.parse(" 3-2-K9X2M4-T70 ") == WeaponId.parse("3-2-k9x2m4-t70")
    assert WeaponId.parse("3-2-lo1") == WeaponId.parse("3-2-101")
    assert str(WeaponId.parse("3-2-0004")) == "3-2-4"


@pytest.mark.parametrize(
    "text",
    [
        "", "3", "3-2", "3-2-", "x-2-abc", "3-x-abc", "3-2-abc-", "3-2-ab!", "3-2-abu", "3-2-zzzzzzz", "3-2-abc-t151",
        "3-2-abc-t999", "3-2-abc-c", "3-2-abc-c1-t70", "0-2-abc", "3-2-abc/../x", "3-22222-abc", "3-2-abcdefgh",
        "3-2-٣", "\n", "a" * 500,
    ],
)  # fmt: skip
def test_malformed(text: str) -> None:
    with pytest.raises(MalformedWeaponId) as raised:
        WeaponId.parse(text)
    assert isinstance(raised.value, UserError)
    assert len(str(raised.value)) < 200
