"""How a fresh run begins: settings resolved, networks built, weights taken over where the settings say so."""

from pathlib import Path

import torch

from gan.config import RunConfig, picture_shape, resolve
from gan.data.dataset import PictureSet
from gan.training import Training
from gan.transfer import take_over


def begin(config: RunConfig, pictures: PictureSet, device: torch.device) -> Training:
    """A fresh run on these pictures. `taken_over` of it says what came from another run's checkpoint."""
    resolved = resolve(config, pictures)
    training = Training(resolved, picture_shape(resolved, len(pictures.class_names)), device)
    if resolved.transfer.start_from is not None:
        taken = take_over(training, Path(resolved.transfer.start_from))
        training.taken_over = {name: str(part) for name, part in taken.items()}
    return training
