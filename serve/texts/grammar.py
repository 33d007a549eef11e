"""Names, flavour and perks without a network or a model: a grammar driven by the weapon's id.

Every decision is keyed by its own name under the sha256 of the id: the same id gives the same text on every
machine and Python version, and a new decision does not move the others. About 10^5 distinct names for each
type.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

from serve.stock.drawable import Made, plain_type
from serve.texts import words
from serve.texts.lore import RARITIES, Lore, Perk, Rarity
from serve.texts.words import Family

Item = TypeVar("Item")
SOURCE = "grammar"
RARITY_WEIGHTS: dict[Rarity, int] = {"common": 36, "uncommon": 28, "rare": 20, "legendary": 12, "exotic": 4}
NUM_PERKS: dict[Rarity, int] = {"common": 1, "uncommon": 1, "rare": 2, "legendary": 2, "exotic": 3}


class Dice:
    """Choices fixed by a text: `choose("name/noun", nouns)` depends on the text and the key alone."""

    def __init__(self, text: str) -> None:
        self._text = text

    def number(self, key: str, end: int) -> int:
        digest = hashlib.sha256(f"{self._text}\n{key}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % end

    def choose(self, key: str, items: Sequence[Item]) -> Item:
        return items[self.number(key, len(items))]


class Grammar:
    """An `Author` that always has a text."""

    def write(self, made: Made, type_name: str | None) -> Lore:
        return write_lore(str(made.weapon_id), type_name)


def write_lore(weapon_id: str, type_name: str | None) -> Lore:
    """The text of the weapon of that id; `type_name` None where the picture's class is not known."""
    dice = Dice(weapon_id)
    rarity = choose_rarity(dice)
    family = words.UNNAMED if type_name is None else family_of(type_name)
    shown_type = dice.choose("type", words.NEUTRAL_TYPES) if type_name is None else show_type(type_name)
    return Lore(
        name=weapon_name(dice, family, rarity),
        type=shown_type[:40],
        rarity=rarity,
        flavour=flavour(dice, family),
        perks=tuple(perks(dice, family, NUM_PERKS[rarity])),
        source=SOURCE,
    )


def family_of(type_name: str) -> Family:
    """The family whose sign stands in the type's name; the unnamed family for types that we do not know."""
    plain = plain_type(type_name)
    for by_word in (True, False):  # whole words first: a "bowl" is no bow while there is a better reading
        for family in words.FAMILIES.values():
            if any((sign in plain.split()) if by_word else (sign in plain) for sign in family.signs):
                return family
    return words.UNNAMED


def show_type(type_name: str) -> str:
    """`long_blade` as a reader expects it: `Long Blade`."""
    return plain_type(type_name).title() or "Weapon"


def choose_rarity(dice: Dice) -> Rarity:
    at = dice.number("rarity", sum(RARITY_WEIGHTS.values()))
    for rarity in RARITIES:
        at -= RARITY_WEIGHTS[rarity]
        if at < 0:
            return rarity
    raise AssertionError("the weights do not add up")


def weapon_name(dice: Dice, family: Family, rarity: Rarity) -> str:
    noun = dice.choose("name/noun", family.nouns)
    adjective = dice.choose("name/adjective", words.ADJECTIVES)
    abstract = dice.choose("name/abstract", words.ABSTRACTS)
    person = proper_name(dice, "name/person")
    compound = dice.choose("name/stem", words.STEMS) + dice.choose("name/tail", family.tails)
    plain = (f"{adjective} {noun}", compound, f"{person}'s {noun}", f"{adjective} {noun}")
    grand = (
        f"{noun} of {abstract}",
        f"{person}, the {adjective} {noun}",
        f"{compound}, {noun} of {abstract}",
        person,
        f"The {adjective} {noun}",
        f"{person}'s {abstract}",
    )
    chosen = plain if rarity in ("common", "uncommon") else grand
    return dice.choose("name/form", chosen)


def proper_name(dice: Dice, key: str) -> str:
    """A name that can be said aloud: two or three syllables, never three consonants that no tongue joins."""
    first = dice.choose(f"{key}/onset", words.ONSETS) + dice.choose(f"{key}/vowel", words.VOWELS)
    if first.endswith(("al", "or")):
        first += "a"
    middle = dice.choose(f"{key}/coda", words.CODAS)
    if dice.number(f"{key}/long", 3) == 0:
        middle = (
            dice.choose(f"{key}/onset2", ("l", "r", "n", "m", "v", "d", "th"))
            + dice.choose(f"{key}/vowel2", ("a", "e", "i", "o"))
            + dice.choose(f"{key}/coda2", ("l", "n", "r", "s", "th", "m"))
        )
    return (first + middle + dice.choose(f"{key}/ending", [end for end in words.ENDINGS if end[0] in "aeiouy"])).title()


def flavour(dice: Dice, family: Family) -> str:
    speaker = proper_name(dice, "flavour/speaker")
    if dice.number("flavour/titled", 2) == 0:
        speaker = f"{dice.choose('flavour/title', words.TITLES)} {speaker}"
    kind = dice.number("flavour/kind", 10)
    if kind < 3:
        return f"“{dice.choose('flavour/quote', words.QUOTES)}” — {speaker}"
    sayings = family.sayings if kind < 7 else words.GENERAL_SAYINGS
    saying = dice.choose("flavour/saying", sayings)
    text = saying.format(
        place=dice.choose("flavour/place", words.PLACES),
        stuff=dice.choose("flavour/stuff", words.STUFF),
        speaker=speaker,
    )
    # A saying that holds nothing of its own would come round often: someone has to have said it.
    return text if text != saying else f"“{text}” — {speaker}"


def perks(dice: Dice, family: Family, num: int) -> list[Perk]:
    """Distinct perks, the first from the weapon's own family."""
    chosen = [dice.choose("perk/0", family.perks)]
    for place in range(1, num):
        pool = family.perks if dice.number(f"perk/{place}/own", 2) == 0 else words.GENERAL_PERKS
        chosen.append(dice.choose(f"perk/{place}", [perk for perk in pool if perk not in chosen]))
    return [Perk(name=name, text=text) for name, text in chosen]
