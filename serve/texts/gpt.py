"""Text by a vision language model, through any server that speaks OpenAI's chat completions.

The picture goes along as an image, the answer comes back under a JSON schema (`response_format` json_schema),
which OpenAI, vLLM, Ollama and llama.cpp all speak. Whatever goes wrong (time out, 429, 500, refusal, an
answer that breaks the schema, a real item's name, an indecent word, a moderation that objects or is away) becomes
NoText; the caller falls back to the grammar. The key is never logged, and errors are told by their kind only, since
a server may echo a request in its message.
"""

import base64
import io
import math
import os
from dataclasses import dataclass

import openai
from PIL import Image
from pydantic import BaseModel, ValidationError

from gan.errors import UserError
from gan.pixels import to_pil
from serve.stock.drawable import Made
from serve.texts.budget import Budget
from serve.texts.client_errors import kind_of
from serve.texts.decency import is_decent
from serve.texts.grammar import show_type
from serve.texts.known_texts import KnownTexts, as_example
from serve.texts.lore import MAX_SOURCE, Lore, NoText, Perk, Rarity
from serve.texts.moderation import Moderation, is_moderated, objections

DEFAULT_MODEL = "gpt-5.4-mini"
IMAGE_SIDE = 512
INSTRUCTIONS = """\
You write item texts for a fantasy role-playing game. You see the icon of one weapon, made by a generator.
Look at its shape, materials and colours; write about THIS weapon, in the dry, evocative manner of good loot.
- name: 1 to 5 words, invented, never the name of a real product or of a weapon in an existing game
- type: what kind of weapon it is, 1 to 3 words
- rarity: most weapons are common or uncommon; exotic is for one in thirty
- flavour: one or two sentences, at most 200 characters, no exclamation marks
- perks: 1 to 3, each with a short name and one plain sentence about what it does; fitting for its type"""


class WrittenPerk(BaseModel):
    name: str
    text: str


class Written(BaseModel):
    """The schema that the model must keep: no limits here, since not every server accepts them; `Lore`
    checks.
    """

    name: str
    type: str
    rarity: Rarity
    flavour: str
    perks: list[WrittenPerk]


@dataclass(frozen=True, kw_only=True)
class GptConfig:
    """Budgets are of this process. `calls_per_hour` counts texts: retries of one call, which are the client's, and the
    moderation of its text, which costs nothing, are not counted.

    dollars_per_day: 0 for no bound; needs the prices, in dollars for a million tokens read and written.
    """

    model: str = DEFAULT_MODEL
    calls_per_hour: int = 120
    dollars_per_day: float = 0.0
    read_price: float = 0.0
    written_price: float = 0.0
    num_examples: int = 4
    moderation: Moderation = "auto"
    timeout_seconds: float = 30.0
    max_retries: int = 1
    max_answer_tokens: int = 1500


def gpt_is_configured() -> bool:
    """Whether the environment names a key or a compatible server."""
    return bool(os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"))


class GptAuthor:
    """An `Author` that asks a model. Reads OPENAI_API_KEY and OPENAI_BASE_URL; a local server may need no
    key.
    """

    def __init__(self, config: GptConfig, known: KnownTexts | None = None) -> None:
        """known: texts of the real items, for examples and as names that are taken."""
        self.config = config
        self._known = known or KnownTexts()
        self._calls = Budget(config.calls_per_hour, seconds=3600.0)
        self._dollars = Budget(config.dollars_per_day or math.inf, seconds=86400.0)
        try:
            self._client = openai.OpenAI(
                api_key=os.environ.get("OPENAI_API_KEY") or "no-key",
                timeout=config.timeout_seconds,
                max_retries=config.max_retries,
            )
        except Exception as error:
            url, kind = os.environ.get("OPENAI_BASE_URL"), type(error).__name__
            raise UserError(f"OPENAI_BASE_URL {url!r} is not a server's address: {kind}") from None
        self._is_moderated = is_moderated(config.moderation, self._client)

    def write(self, made: Made, type_name: str | None) -> Lore:
        if self._dollars.is_spent():
            raise NoText(f"the budget of {self.config.dollars_per_day:g} dollars a day is spent")
        if not self._calls.take(1):
            raise NoText(f"the budget of {self.config.calls_per_hour} calls an hour is spent")
        task = "Write this weapon's item text."
        if type_name is not None:
            task += f" Its type is: {show_type(type_name)}."
        examples = self._known.examples(self.config.num_examples, made.weapon_id.seed, type_name=type_name)
        manner = f"{INSTRUCTIONS}\n{as_example(examples)}" if examples else INSTRUCTIONS
        try:
            completion = self._client.chat.completions.parse(
                model=self.config.model,
                messages=[
                    {"role": "system", "content": manner},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": task},
                            {"type": "image_url", "image_url": {"url": image_url(made), "detail": "low"}},
                        ],
                    },
                ],
                response_format=Written,
                max_completion_tokens=self.config.max_answer_tokens,
            )
        except openai.OpenAIError as error:
            raise NoText(kind_of(error)) from None
        except ValidationError:
            raise NoText("the answer does not keep the schema") from None
        except Exception as error:  # the client stumbles in many ways over what is no completion at all
            raise NoText(f"the answer is no completion ({type(error).__name__})") from None
        if completion.usage is not None:
            read, written = completion.usage.prompt_tokens, completion.usage.completion_tokens
            self._dollars.spend((read * self.config.read_price + written * self.config.written_price) / 1e6)
        if not completion.choices:
            raise NoText("the answer is empty")
        message = completion.choices[0].message
        if message.refusal:
            raise NoText("the model refused")
        if message.parsed is None:
            raise NoText("the answer is empty")
        return self._checked(message.parsed, type_name)

    def _checked(self, written: Written, type_name: str | None) -> Lore:
        try:
            lore = Lore(
                name=one_line(written.name),
                # The class is known from the network that drew it; the model only looked.
                type=show_type(type_name)[:40] if type_name is not None else one_line(written.type),
                rarity=written.rarity,
                flavour=one_line(written.flavour),
                perks=tuple(Perk(name=one_line(perk.name), text=one_line(perk.text)) for perk in written.perks),
                source=f"gpt:{self.config.model}"[:MAX_SOURCE],  # a local model's name may be a long path
            )
        except ValidationError as error:
            fields = sorted({str(each["loc"][0]) for each in error.errors()})
            raise NoText(f"the answer does not fit a card: {', '.join(fields)}") from None
        if self._known.is_taken(lore.name):
            raise NoText("the name is a real item's")
        text = " / ".join([lore.name, lore.type, lore.flavour, *(f"{p.name}: {p.text}" for p in lore.perks)])
        if not is_decent(text):
            raise NoText("the text is indecent")
        if self._is_moderated and (wrong := objections(self._client, text)):
            raise NoText(f"the text is indecent ({', '.join(wrong)})")
        return lore


def one_line(text: str) -> str:
    """Printable characters only, runs of white space as one space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def image_url(made: Made) -> str:
    """The picture over a dark ground, enlarged by a whole factor with hard pixels, as a data URL."""
    picture = to_pil(made.picture).convert("RGBA")
    factor = max(1, IMAGE_SIDE // max(picture.size))
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    ground = Image.new("RGBA", picture.size, (38, 40, 48, 255))
    buffer = io.BytesIO()
    Image.alpha_composite(ground, picture).convert("RGB").save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
