"""`--on-collapse return`: a collapsed trial goes back to its last living tick, once, with settings that collapse less.

Training on after a collapse never recovers, and the same settings from the same weights would come to the same end: so
R1 is raised and the rates are lowered. The images that the collapse took stay counted. Ticks stay where they are, the
budget stays the budget, and two trials are still compared at the same number of images; what is drawn depends on that
number, so the run meets other pictures than the last time.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from safetensors.torch import load_file, save_file

from gan.config import RunConfig
from gan.regularisers import default_r1_gamma
from gan.training import Training, TrainingState
from search.judging.collapse import CollapseRule, Moment, OnCollapse

ALIVE: Final = "alive.safetensors"  # in a checkpoint that is not alive itself
R1_FACTOR: Final = 10.0
RATE_FACTOR: Final = 0.5


class SecondChance:
    """Holds the run as it was at its last living tick, in the CPU's memory, as long as it may be needed."""

    def __init__(self, policy: OnCollapse, rule: CollapseRule) -> None:
        self._policy = policy
        self._rule = rule
        self._alive: TrainingState = {}
        self._images_seen = 0

    def left(self, history: Sequence[Moment]) -> bool:
        """Whether a run with this history may still go back, if there is something to go back to."""
        return self._policy == "return" and not any(moment.returned for moment in history)

    def follow(self, training: Training, history: Sequence[Moment]) -> None:
        """After every tick: a living one is remembered."""
        if not self.left(history):
            self._alive = {}
        elif self._rule.worth_returning_to(history[-1]):
            state = training.state()
            self._alive = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
            self._images_seen = training.images_seen

    def take(self, training: Training) -> tuple[Training, str] | None:
        """The run as it was at the last living tick, at the images seen now, and what was done in words; None: none."""
        if not self._alive:
            return None
        again = Training(gentler(training.config), training.shape, training.device)
        again.load_state(self._alive)
        again.images_seen = training.images_seen
        was = self._images_seen
        self._alive = {}
        return again, f"back to {was / 1000:.4g} kimg, R1 x {R1_FACTOR:g}, rates x {RATE_FACTOR:g}"

    def save(self, folder: Path, moment: Moment) -> None:
        """Into a checkpoint folder, where the checkpoint itself is not what to go back to."""
        if self._alive and not self._rule.worth_returning_to(moment):
            save_file(self._alive, folder / ALIVE)

    def restore(self, folder: Path, training: Training, history: Sequence[Moment]) -> None:
        """What `save` and `follow` knew when this checkpoint was written."""
        if not (history and self.left(history)):
            return
        if (folder / ALIVE).exists():
            self._alive = load_file(folder / ALIVE)
            self._images_seen = int(self._alive["images_seen"])
        else:
            self.follow(training, history)


def gentler(config: RunConfig) -> RunConfig:
    """The run's settings with lower rates and R1 raised; where there was none, from the heuristic's on."""
    regulariser, data, optimiser = config.regulariser, config.data, config.optimiser
    gamma = regulariser.r1_gamma or default_r1_gamma(data.height, data.width, optimiser.batch_size)
    return dataclasses.replace(
        config,
        regulariser=dataclasses.replace(
            regulariser, r1_gamma=gamma * R1_FACTOR, r1_multiplier=regulariser.r1_multiplier * R1_FACTOR
        ),
        optimiser=dataclasses.replace(optimiser, generator_lr=optimiser.generator_lr * RATE_FACTOR),
    )
