"""Randomness by place, not by history: what a run draws at some point depends on where it is, not on how it got there.

So a run that was cut and resumed draws as one that was not, and a picture depends on its seed, not on its batch.
"""

from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What the numbers are for; two purposes at one place draw independently."""

    WEIGHTS = 0
    ORDER = 1
    STEP = 2
    AUGMENT = 3


def seed_at(seed: int, purpose: Purpose, place: int) -> int:
    """A 63-bit seed for that purpose at that place (images seen, epoch, …) of the run with that seed."""
    return int(np.random.SeedSequence([seed, int(purpose), place]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def chance_at(seed: int, purpose: Purpose, place: int, device: torch.device) -> torch.Generator:
    """A torch generator on that device, seeded by `seed_at`."""
    return torch.Generator(device).manual_seed(seed_at(seed, purpose, place))
