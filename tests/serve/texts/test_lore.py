import pytest
from pydantic import ValidationError

from serve.texts import words
from serve.texts.grammar import RARITY_WEIGHTS, family_of, write_lore
from serve.texts.lore import RARITIES, Lore, Perk

IDS = [f"3-{index % 4}-{index}" for index in range(5000)]
TYPES = ("axe", "long_blade", "bow", "mace", "staff", "polearm", "crossbow_gun", "whip", "ammo", "banana", None)


def test_the_same_id_has_the_same_text_for_ever() -> None:
    texts = "\n".join(
        write_lore(each, TYPES[index % len(TYPES)]).model_dump_json() for index, each in enumerate(IDS[:99])
    )
    assert texts == "\n".join(
        write_lore(each, TYPES[index % len(TYPES)]).model_dump_json() for index, each in enumerate(IDS[:99])
    )
    # The very text, so that a change of words is a choice and not an accident.
    assert write_lore("3-2-k9x2m4", "axe").name == "Thaden's Winter"


@pytest.mark.parametrize("type_name", TYPES)
def test_thousands_of_distinct_texts_fit_a_card(type_name: str | None) -> None:
    lores = [write_lore(each, type_name) for each in IDS]
    assert len({lore.name for lore in lores}) > 2500
    assert len({lore.flavour for lore in lores}) > 2000
    assert all("{" not in lore.flavour and lore.source == "grammar" for lore in lores)
    assert all(len({perk.name for perk in lore.perks}) == len(lore.perks) for lore in lores)


def test_perks_and_nouns_belong_to_the_type() -> None:
    for index, each in enumerate(IDS[:300]):
        lore = write_lore(each, ("axe", "bow")[index % 2])
        own = words.FAMILIES[("axe", "bow")[index % 2]].perks
        assert (lore.perks[0].name, lore.perks[0].text) in own


@pytest.mark.parametrize(
    ("type_name", "family"),
    [
        ("long_blade", "blade"), ("Crossbow gun", "gun"), ("crossbow", "bow"), ("sling", "bow"), ("war axe", "axe"),
        ("poleaxe", "polearm"), ("battleaxe", "axe"), ("rod", "staff"), ("ammo", "thrown"), ("greatsword", "blade"),
        ("warhammer", "blunt"),
    ],
)  # fmt: skip
def test_families(type_name: str, family: str) -> None:
    assert family_of(type_name) is words.FAMILIES[family]


def test_unknown_types_keep_their_name_and_no_type_is_neutral() -> None:
    assert write_lore("3-2-1", "golden_banana").type == "Golden Banana"
    assert family_of("golden_banana") is words.UNNAMED
    assert {write_lore(each, None).type for each in IDS[:200]} == set(words.NEUTRAL_TYPES)


def test_rarities_are_weighted() -> None:
    counts = dict.fromkeys(RARITIES, 0)
    for each in IDS:
        counts[write_lore(each, None).rarity] += 1
    total = sum(RARITY_WEIGHTS.values())
    for rarity in RARITIES:
        assert counts[rarity] / len(IDS) == pytest.approx(RARITY_WEIGHTS[rarity] / total, abs=0.03)


def test_lore_refuses_what_no_card_can_hold() -> None:
    perk = Perk(name="a", text="b")
    fine = {"name": "a", "type": "b", "rarity": "rare", "flavour": "c", "perks": (perk,), "source": "x"}
    assert Lore.model_validate(fine)
    for name, value in [("name", " "), ("name", "x" * 65), ("perks", ()), ("rarity", "epic"), ("perks", (perk,) * 5)]:
        with pytest.raises(ValidationError):
            Lore.model_validate(fine | {name: value})


def test_every_word_list_has_no_double() -> None:
    for family in [*words.FAMILIES.values(), words.UNNAMED]:
        for each in (family.nouns, family.tails, family.sayings, family.perks, family.signs):
            assert len(set(each)) == len(each), each
