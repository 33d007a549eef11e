"""A checkpoint is a folder: safetensors and JSON, never pickle, complete or absent.

generator.safetensors   the averaged generator's weights: all that sampling needs
training.safetensors    everything that resuming needs, to the bit (gan/training.py); absent where only a generator
                        was imported (gan/convert)
features.safetensors    features of the pictures that were scored, half precision, by feature net (optional)
record.json             `CheckpointRecord`: settings, scores, what it was trained on
"""

import dataclasses
import glob
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from gan.config import RunConfig, from_plain, picture_shape, to_plain
from gan.data.dataset import PictureSet
from gan.errors import UserError
from gan.metrics.evaluate import Scores
from gan.networks.interface import Generator, PictureShape
from gan.networks.registry import build_generator
from gan.training import Training
from gan.version import code_version

FORMAT = 1
_LONGEST_REASON = 240
GENERATOR, TRAINING, FEATURES, RECORD = (
    "generator.safetensors",
    "training.safetensors",
    "features.safetensors",
    "record.json",
)


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    """What a checkpoint is. `class_counts` is how often each class came in the data, () without classes."""

    config: RunConfig
    images_seen: int
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    data_fingerprint: str
    scores: tuple[Scores, ...] = ()
    code_version: str = field(default_factory=code_version)
    format: int = FORMAT

    @property
    def shape(self) -> PictureShape:
        return picture_shape(self.config, len(self.class_names))

    def to_json(self) -> str:
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain["config"] = to_plain(self.config)
        plain["scores"] = [score.to_plain() for score in self.scores]
        return json.dumps(plain, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "CheckpointRecord":
        plain: dict[str, Any] = json.loads(text)
        if plain["format"] != FORMAT:
            raise UserError(f"checkpoint format {plain['format']} is not {FORMAT}, which this version reads")
        return cls(
            config=from_plain(plain["config"]),
            images_seen=plain["images_seen"],
            class_names=tuple(plain["class_names"]),
            class_counts=tuple(plain["class_counts"]),
            data_fingerprint=plain["data_fingerprint"],
            scores=tuple(Scores.from_plain(score) for score in plain["scores"]),
            code_version=plain["code_version"],
        )


def save_checkpoint(
    folder: Path,
    training: Training,
    pictures: PictureSet,
    *,
    scores: Sequence[Scores] = (),
    features: Mapping[str, NDArray[np.float32]] | None = None,
    resumable: bool = True,
) -> CheckpointRecord:
    """Write all of it beside `folder`, then rename: after a crash there is a whole checkpoint or none.

    An existing checkpoint of that name is replaced. Not `resumable`: without training.safetensors.
    """
    conditional = training.shape.num_classes > 0
    record = CheckpointRecord(
        config=training.config,
        images_seen=training.images_seen,
        class_names=pictures.class_names if conditional else (),
        class_counts=tuple(np.bincount(pictures.labels, minlength=training.shape.num_classes).tolist())
        if conditional
        else (),
        data_fingerprint=pictures.fingerprint,
        scores=tuple(scores),
    )
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.partial")
    partial.mkdir(parents=True)
    try:
        save_file(_storable(training.average.state_dict()), partial / GENERATOR)
        if resumable:
            save_file(_storable(training.state()), partial / TRAINING)
        if features is not None:
            save_arrays({net: values.astype(np.float16) for net, values in features.items()}, partial / FEATURES)
        (partial / RECORD).write_text(record.to_json())
        _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for leftover in folder.parent.glob(f".{glob.escape(folder.name)}.*"):  # of this save, or of one that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    return record


def _put_in_place(partial: Path, folder: Path) -> None:
    """Rename; what was there comes back where that fails."""
    if not folder.exists():
        partial.rename(folder)
        return
    replaced = partial.with_suffix(".replaced")
    folder.rename(replaced)
    try:
        partial.rename(folder)
    except OSError:
        replaced.rename(folder)
        raise


def load_record(folder: Path) -> CheckpointRecord:
    """The record of a checkpoint folder, or a UserError that says what is wrong with the folder."""
    try:
        return CheckpointRecord.from_json((folder / RECORD).read_text())
    except FileNotFoundError:
        raise UserError(f"{str(folder)!r} is not a checkpoint: it has no {RECORD}") from None
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{str(folder / RECORD)!r} is damaged: {error!r}") from None


def load_generator(folder: Path, device: torch.device) -> tuple[Generator, CheckpointRecord]:
    """The averaged generator, in evaluation mode, and its record."""
    record = load_record(folder)
    generator = build_generator(record.config.network, record.shape)
    try:
        generator.load_state_dict(load_file(folder / GENERATOR))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _unreadable(folder / GENERATOR, record, error) from None
    return generator.to(device).eval().requires_grad_(False), record


def load_training(folder: Path, device: torch.device, config: RunConfig | None = None) -> Training:
    """The run as it was when the checkpoint was saved; on the CPU it goes on to the very same weights.

    config: settings to go on with instead of its own, resolved, of networks of the same shapes (a UserError else).
    """
    record = load_record(folder)
    training = Training(config or record.config, record.shape, device)
    try:
        training.load_state(load_file(folder / TRAINING))
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise _unreadable(folder / TRAINING, record, error) from None
    return training


def _unreadable(file: Path, record: CheckpointRecord, error: Exception) -> UserError:
    """What torch says over several lines, in one; weights that do not fit are mostly another version's."""
    said = " ".join(str(error).split())
    said = said if len(said) <= _LONGEST_REASON else f"{said[:_LONGEST_REASON]} …"
    return UserError(
        f"{str(file)!r}, written by Ganvil {record.code_version}, cannot be read by {code_version()}: {said}"
    )


def load_features(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Stored sample features by feature net; empty where none were stored."""
    path = folder / FEATURES
    return {net: values.astype(np.float32) for net, values in load_arrays(path).items()} if path.exists() else {}


def _storable(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Plain contiguous copies on the CPU: safetensors refuses shared or strided memory."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
