"""A recipe as a file: the settings of a run without its pictures and places, such as a search writes for its best."""

import dataclasses
import json
from pathlib import Path

from gan.config import RunConfig, from_plain, to_plain
from gan.errors import UserError
from gan.recipes import RECIPES, recipe_named

ENDING = ".json"
_OF_THE_PICTURES = ("source", "height", "width", "channels")


def recipe_text(config: RunConfig) -> str:
    """JSON that `recipe_from` reads, for other pictures, another size or length: R1 as a multiple of the heuristic.

    What the pictures decide, the seed and a checkpoint to start from are left out.
    """
    regulariser = config.regulariser
    if regulariser.r1_gamma:  # 0 stays 0: without R1
        regulariser = dataclasses.replace(regulariser, r1_gamma=None)
    plain = to_plain(dataclasses.replace(config, regulariser=regulariser))
    plain["data"] = {name: value for name, value in plain["data"].items() if name not in _OF_THE_PICTURES}
    plain["transfer"].pop("start_from")
    plain.pop("seed")
    return json.dumps(plain, indent=1) + "\n"


def recipe_from(name_or_file: str) -> RunConfig:
    """A recipe by name, or from a file that ends in .json. UserError for what is neither, or does not fit."""
    if not name_or_file.endswith(ENDING):
        if name_or_file not in RECIPES:
            raise UserError(
                f"unknown recipe {name_or_file!r}: known are {', '.join(RECIPES)}; or give a search's .json file"
            )
        return recipe_named(name_or_file)
    path = Path(name_or_file).expanduser()
    try:
        plain = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no JSON"
        raise UserError(f"recipe {name_or_file!r} cannot be read: {why}") from None
    if not isinstance(plain, dict) or not isinstance(plain.get("network"), dict) or "name" not in plain["network"]:
        raise UserError(f"recipe {name_or_file!r} holds no run's settings: it needs a network with its name")
    try:
        return from_plain(plain)
    except UserError as error:
        raise UserError(f"recipe {name_or_file!r}: {error}") from None
