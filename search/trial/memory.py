"""When a GPU's memory is too small for a trial: fewer pictures at once, the same batch, before it counts as failed."""

import dataclasses
import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from gan.config import RunConfig

Result = TypeVar("Result")

log = logging.getLogger("ganvil.trial")


def with_fewer_at_once(config: RunConfig) -> RunConfig | None:
    """The run with at most half as many pictures at a time, its gradients those of the whole batch; None for one."""
    optimiser = config.optimiser
    now = optimiser.microbatch or optimiser.batch_size
    fitting = [
        num for num in range(1, now // 2 + 1) if optimiser.batch_size % num == 0 and num % config.loss.packing == 0
    ]
    return with_microbatch(config, max(fitting)) if fitting else None


def with_microbatch(config: RunConfig, microbatch: int | None) -> RunConfig:
    """The run with that many pictures at a time, nothing else changed."""
    return dataclasses.replace(config, optimiser=dataclasses.replace(config.optimiser, microbatch=microbatch))


def within_memory(config: RunConfig, attempt: Callable[[RunConfig], Result]) -> Result:
    """attempt(config); where memory runs out, again with settings that need less, until it does not.

    Nobody but the attempt may hold what it fills the memory with. Raises torch.OutOfMemoryError where one picture at a
    time is too much.
    """
    while True:
        smaller = with_fewer_at_once(config)
        try:
            return attempt(config)
        except torch.OutOfMemoryError as error:
            if smaller is None:
                raise
            reason = str(error).partition(".")[0]
        # here the error is gone, and with it the frames that held the networks
        log.warning("%s: goes on with %d pictures at a time", reason, smaller.optimiser.microbatch)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        config = smaller
