"""A trial that needs too much memory goes on with fewer pictures at once, from where it was."""

import dataclasses

import pytest
import torch

from gan.begin import begin
from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.loop import train
from gan.recipes import tiny_dcgan
from gan.training import Training
from search.memory import with_fewer_at_once, within_memory


def run(batch: int = 12, microbatch: int | None = None, packing: int = 1) -> RunConfig:
    config = tiny_dcgan()
    return dataclasses.replace(
        config,
        optimiser=dataclasses.replace(config.optimiser, batch_size=batch, microbatch=microbatch),
        loss=dataclasses.replace(config.loss, packing=packing),
        schedule=dataclasses.replace(config.schedule, total_kimg=0.048, tick_kimg=0.024),
    )


def at_once(config: RunConfig, times: int) -> list[int | None]:
    found = []
    for _ in range(times):
        smaller = with_fewer_at_once(config)
        if smaller is None:
            return [*found, None]
        assert smaller.optimiser.batch_size == config.optimiser.batch_size
        config = smaller
        found.append(config.optimiser.microbatch)
    return found


def test_half_as_many_as_divide_the_batch() -> None:
    assert at_once(run(12), 5) == [6, 3, 1, None]
    assert at_once(run(12, microbatch=4), 5) == [2, 1, None]
    assert at_once(run(12, packing=2), 5) == [6, 2, None]
    assert at_once(run(7), 5) == [1, None]


def test_it_goes_on_from_where_it_was_with_fewer(few_pictures: PictureSet) -> None:
    """Memory for three at a time: the first tick is made with all twelve, then memory is short."""
    device = torch.device("cpu")
    first = begin(run(), few_pictures, device)
    kept = {}
    ticks: list[tuple[int, int | None]] = []

    def attempt(training: Training) -> str:
        for tick in train(training, few_pictures):
            if kept and (training.config.optimiser.microbatch or 12) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            ticks.append((tick.images_seen, training.config.optimiser.microbatch))
            kept.update(training.state())
        return "ended"

    def again(smaller: RunConfig) -> Training:
        training = begin(run(), few_pictures, device)
        training.load_state(kept)
        training.config = smaller
        return training

    assert within_memory(first, attempt, again) == "ended"
    assert ticks == [(24, None), (48, 3)]


def test_one_picture_at_a_time_is_the_end(few_pictures: PictureSet) -> None:
    tried = []

    def attempt(training: Training) -> None:
        tried.append(training.config.optimiser.microbatch)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    def again(smaller: RunConfig) -> Training:
        return begin(smaller, few_pictures, torch.device("cpu"))

    with pytest.raises(torch.OutOfMemoryError):
        within_memory(begin(run(4), few_pictures, torch.device("cpu")), attempt, again)
    assert tried == [None, 2, 1]
