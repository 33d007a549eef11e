"""A trial that needs too much memory goes on with fewer pictures at once, from where it was."""

import dataclasses
import weakref

import pytest
import torch

from gan.begin import begin
from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.loop import train
from gan.recipes import tiny_dcgan
from gan.training import Training
from search.trial.memory import with_fewer_at_once, within_memory


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
    kept = {}
    ticks: list[tuple[int, int | None]] = []
    alive: list[weakref.ref[Training]] = []

    def attempt(settings: RunConfig) -> str:
        assert not any(ref() is not None for ref in alive), "the one before is gone"
        training = begin(settings, few_pictures, torch.device("cpu"))
        alive.append(weakref.ref(training))
        if kept:
            training.load_state(kept)
        for tick in train(training, few_pictures):
            if kept and (settings.optimiser.microbatch or 12) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            ticks.append((tick.images_seen, settings.optimiser.microbatch))
            kept.update({name: value.clone() for name, value in training.state().items()})
        return "ended"

    assert within_memory(run(), attempt) == "ended"
    assert ticks == [(24, None), (48, 3)]
    assert len(alive) == 3


def test_one_picture_at_a_time_is_the_end() -> None:
    tried = []

    def attempt(settings: RunConfig) -> None:
        tried.append(settings.optimiser.microbatch)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        within_memory(run(4), attempt)
    assert tried == [None, 2, 1]
