"""Whether a text may be shown to anybody."""

from functools import cache

from glin_profanity import Filter

# What the filter takes for swearing and item texts use in earnest: a bastard sword is a sword for one hand or two.
HONEST = ("bastard", "bastard sword")


def is_decent(text: str) -> bool:
    """By a kept list of English swear words, written plainly or in disguise."""
    return not _filter().is_profane(text)


@cache
def _filter() -> Filter:
    return Filter({"languages": ["english"], "ignore_words": list(HONEST)})
