"""The JSON files beside the pictures, which say which class each is and what the licence: text in, values out."""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from gan.errors import UserError

DATASET_JSON, CLASSES_JSON = "dataset.json", "classes.json"
LICENCE_FILES = ("dataset-card.json", "source.json")


class _Dataset(BaseModel):
    """StyleGAN2-ADA's: {"labels": [["picture.png", 0], …]} or {"labels": null}."""

    labels: list[tuple[str, int]] | None


class _Classes(BaseModel):
    """Ours: {"classes": ["axe", …]}, by number."""

    classes: list[str]


class _Licensed(BaseModel):
    licence: str | None = None


def read_labels(source: str, text: bytes) -> dict[str, int] | None:
    """The number of each picture that dataset.json labels; None where it has no labels. UserError: damaged."""
    try:
        labels = _Dataset.model_validate_json(text).labels
    except ValidationError as error:
        raise UserError(
            f"{DATASET_JSON} in {source!r} cannot be read ({first_fault(error)}): it must hold "
            '{"labels": [["picture.png", 0], …]} or {"labels": null}'
        ) from None
    return None if labels is None else dict(labels)


def read_class_names(source: str, text: bytes) -> tuple[str, ...]:
    """The classes' names by number. UserError: damaged."""
    try:
        return tuple(_Classes.model_validate_json(text).classes)
    except ValidationError as error:
        raise UserError(
            f"{CLASSES_JSON} in {source!r} cannot be read ({first_fault(error)}): "
            'it must hold {"classes": ["axe", …]}'
        ) from None


def read_licence(text: bytes) -> str | None:
    """What a dataset-card.json of ours, or the source.json of `fetch`, says of the licence; None where it says none."""
    try:
        return _Licensed.model_validate_json(text).licence
    except ValidationError:
        return None


def labels_text(names: Sequence[str], labels: Sequence[int] | None) -> str:
    """dataset.json for pictures of those names."""
    pairs = None if labels is None else [[name, int(label)] for name, label in zip(names, labels, strict=True)]
    return json.dumps({"labels": pairs}, ensure_ascii=False)


def class_names_text(class_names: Sequence[str]) -> str:
    """classes.json."""
    return json.dumps({"classes": list(class_names)}, ensure_ascii=False, indent=1)


def first_fault(error: ValidationError) -> str:
    """The first thing that is wrong with a JSON file, on one line."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}"
