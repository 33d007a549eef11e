"""OpenAI's moderation endpoint, asked about a model's text besides the kept list of swear words (decency.py)."""

from typing import Literal

import openai
from openai.types.moderation import Categories

from serve.texts.client_errors import kind_of
from serve.texts.lore import NoText

Moderation = Literal["auto", "on", "off"]
MODEL = "omni-moderation-latest"
HONEST = frozenset({"violence"})  # that foes fall is what weapons are for; `violence/graphic` is another matter
KNOWN = frozenset(field.alias or name for name, field in Categories.model_fields.items())


def is_moderated(moderation: Moderation, client: openai.OpenAI) -> bool:
    """auto: where OpenAI itself writes; few of the servers that speak its protocol have this endpoint."""
    return moderation == "on" or (moderation == "auto" and f".{client.base_url.host}".endswith(".openai.com"))


def objections(client: openai.OpenAI, text: str) -> list[str]:
    """The categories for which the text may not be shown, none if it may; NoText where the endpoint does not say."""
    try:
        (result,) = client.moderations.create(model=MODEL, input=text).results
        if result.flagged is False:
            return []
        if result.flagged is not True:
            raise ValueError
        named = {name for name, is_so in result.categories.model_dump(by_alias=True).items() if is_so}
    except openai.OpenAIError as error:
        raise NoText(f"no moderation: {kind_of(error)}; --moderation off does without") from None
    except Exception as error:  # as for completions: the client stumbles in many ways over what is none
        raise NoText(f"the answer is no moderation ({type(error).__name__}); --moderation off does without") from None
    if named and named <= HONEST:
        return []
    return sorted(named & KNOWN - HONEST) or ["for an unknown reason"]
