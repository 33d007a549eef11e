"""A trial that several processes train together, each in a bundle of the trial's placement group (gan/parallel.py).

The trial's own process leads: it alone measures, records and saves. The others only train along, from the same state,
and are ended with the trial. One that dies breaks the next exchange of gradients: the trial fails as a whole, and Tune
begins it again from its last checkpoint.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ray
import torch
from ray.util.placement_group import get_current_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from torch import Tensor

from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.device import choose_device
from gan.loop import train
from gan.networks.interface import PictureShape
from gan.parallel import ALONE, World, leave_world, meet
from gan.training import Training


@contextmanager
def team(training: Training, pictures: PictureSet, *, num_processes: int, cpus: float, gpus: float) -> Iterator[World]:
    """The processes that train with this one, from `training` as it is now; each with so many CPUs and GPUs."""
    if num_processes == 1:
        yield ALONE
        return
    host = ray.util.get_node_ip_address()
    address = f"tcp://{host}:{_free_port(host)}"
    group = get_current_placement_group()
    state, shown = ray.put(training.state()), ray.put(pictures)
    workers = [
        _Worker.options(  # type: ignore[attr-defined]
            num_cpus=cpus,
            num_gpus=gpus,
            scheduling_strategy=PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank),
        ).remote()
        for rank in range(1, num_processes)
    ]
    try:
        for rank, worker in enumerate(workers, start=1):
            place = World(rank, num_processes)
            worker.train.remote(training.config, training.shape, state, shown, address, place, max(1, int(cpus)))
        world = meet(address, World(0, num_processes), training.device)
        yield world
    finally:
        for worker in workers:
            ray.kill(worker)
        leave_world(alone=True)


@ray.remote(max_restarts=0)
class _Worker:
    """One of the others."""

    def train(
        self,
        config: RunConfig,
        shape: PictureShape,
        state: Mapping[str, Tensor],
        pictures: PictureSet,
        address: str,
        place: World,
        num_threads: int,
    ) -> None:
        torch.set_num_threads(num_threads)
        device = choose_device("auto" if ray.get_gpu_ids() else "cpu")
        training = Training(config, shape, device)
        training.load_state(state)
        world = meet(address, place, device)
        for _ in train(training, pictures, world):
            pass


def _free_port(host: str) -> int:
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])
