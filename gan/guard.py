"""What keeps a run from going on with numbers that are none: it goes back to its last good tick, and on more slowly.

What a run draws depends on the place, so going back alone would come to the same end; at a lower rate it does not.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from gan.training import Training, TrainingState


class Guard:
    """Holds the run as it was at its last good tick, in the CPU's memory."""

    def __init__(self, training: Training) -> None:
        self._most_returns = training.config.guard.most_returns
        self._good: TrainingState = {}
        self.remember(training)

    def remember(self, training: Training) -> None:
        """This is a good tick."""
        if self._most_returns:
            self._good = {name: value.detach().cpu().clone() for name, value in training.state().items()}

    def go_back(self, training: Training) -> bool:
        """To the last good tick, at `slow_down` times the rates; False if that has been done too often already."""
        if training.num_returns >= self._most_returns:
            return False
        num_returns = training.num_returns + 1
        training.load_state(self._good)
        training.num_returns = num_returns
        return True


def is_finite(training: Training, losses: Iterable[float]) -> bool:
    """Whether every loss, weight and running statistic of the run is a number; waits for the device."""
    if not all(math.isfinite(loss) for loss in losses):
        return False
    modules = (training.generator, training.discriminator, training.average)
    weights = [parameter.detach() for module in modules for parameter in module.parameters()]
    norms: Iterable[Tensor] = torch._foreach_norm([*weights, *training.statistics()])
    return bool(torch.isfinite(torch.stack(list(norms))).all())
