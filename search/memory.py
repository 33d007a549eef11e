"""When a GPU's memory is too small for a trial: fewer pictures at once, the same batch, before it counts as failed."""

import dataclasses
import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from gan.config import RunConfig
from gan.training import Training

Result = TypeVar("Result")

log = logging.getLogger("ganvil.trial")


def with_fewer_at_once(config: RunConfig) -> RunConfig | None:
    """The run with at most half as many pictures at a time, its gradients those of the whole batch; None for one."""
    optimiser = config.optimiser
    now = optimiser.microbatch or optimiser.batch_size
    fitting = [
        num for num in range(1, now // 2 + 1) if optimiser.batch_size % num == 0 and num % config.loss.packing == 0
    ]
    if not fitting:
        return None
    return dataclasses.replace(config, optimiser=dataclasses.replace(optimiser, microbatch=max(fitting)))


def within_memory(
    training: Training, attempt: Callable[[Training], Result], again: Callable[[RunConfig], Training]
) -> Result:
    """attempt(training); where memory runs out, attempt(again(settings that need less)) until it does not.

    again: the run as it was before, with these settings. Raises torch.OutOfMemoryError where one picture at a time is
    too much.
    """
    while True:
        smaller = with_fewer_at_once(training.config)
        try:
            return attempt(training)
        except torch.OutOfMemoryError as error:
            if smaller is None:
                raise
            reason = str(error).partition(".")[0]
        log.warning("%s: goes on with %d pictures at a time", reason, smaller.optimiser.microbatch)
        del training  # before another one is made
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        training = again(smaller)
