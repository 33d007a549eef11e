"""The pictures to score, wherever they come from, and the classes that they were meant to be of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from gan.checkpoint import RECORD, load_generator
from gan.data.dataset import PictureSet, load_pictures
from gan.data.fingerprint import picture_fingerprints
from gan.errors import UserError
from gan.networks.interface import device_of
from gan.pixels import UInt8Array
from gan.sample import draw, is_model
from gan.sampling.latents import seeded_latents
from gan.sampling.sample import sample

NUM_SAMPLES = 1000  # of a model, where nobody says how many
_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class ToScore:
    """images uint8 `[n, c, h, w]` of the reals' size; labels `[n]` into the reals' classes, or None: not known."""

    images: UInt8Array
    labels: NDArray[np.int64] | None


def pictures_to_score(source: str, reals: PictureSet, num: int | None, device: torch.device) -> ToScore:
    """Of a checkpoint or an ensemble those of seeds 0 to n - 1 (None: 1,000), else `num` of all there are.

    Raises UserError where the source cannot be read, has fewer, or makes pictures of another size.
    """
    if not is_model(Path(source)):
        given = load_pictures(source, reals.resolution, channels=reals.channels)
        rows = chosen(given.images, num)
        labels = _translated(given.labels, given.class_names, reals.class_names)
        return ToScore(images=given.images[rows], labels=None if labels is None else labels[rows])
    made = _made(Path(source), reals, NUM_SAMPLES if num is None else num, device)
    if made.images.shape[1:] != reals.images.shape[1:]:
        raise UserError(
            f"{source!r} makes pictures of {made.images.shape[1:]} (channels, height, width), the reals are"
            f" {reals.images.shape[1:]}: score them at one size (--resolution)"
        )
    return made


def chosen(images: UInt8Array, num: int | None) -> NDArray[np.int64]:
    """The places of `num` of them (None: all) in the order of their content, whatever order they were read in.

    So a number does not hang on the files' names. UserError where there are fewer.
    """
    if num is not None and not 0 < num <= len(images):
        raise UserError(f"--samples {num}: there are {len(images)} pictures to score; give a number from 1 to that")
    return np.argsort(picture_fingerprints(images), kind="stable")[:num]


def _made(model: Path, reals: PictureSet, num: int, device: torch.device) -> ToScore:
    parts = [range(start, min(start + _AT_ONCE, num)) for start in range(0, num, _AT_ONCE)]
    bar = tqdm(parts, desc="sampling", unit=f" batches of {_AT_ONCE}", disable=None, delay=2.0, leave=False)
    if not (model / RECORD).is_file():  # an ensemble: its members number classes each by itself
        return ToScore(images=np.concatenate([draw(model, part, 1.0, None, device) for part in bar]), labels=None)
    generator, record = load_generator(model, device)
    images, labels = [], []
    for part in bar:
        images.append(sample(generator, part, class_counts=record.class_counts))
        drawn = seeded_latents(generator, part, class_counts=record.class_counts, device=device_of(generator)).labels
        labels.append(np.zeros(len(part), dtype=np.int64) if drawn is None else drawn.cpu().numpy())
    known = _translated(np.concatenate(labels), record.class_names, reals.class_names)
    return ToScore(images=np.concatenate(images), labels=known)


def _translated(labels: NDArray[np.int64], names: Sequence[str], into: Sequence[str]) -> NDArray[np.int64] | None:
    """The same classes by the reals' numbers; None where there are none, or one is unknown to the reals."""
    if len(names) < 2 or not set(names) <= set(into):
        return None
    return np.array([into.index(name) for name in names], dtype=np.int64)[labels]
