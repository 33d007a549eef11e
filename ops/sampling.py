"""Features of what checkpoints draw, many checkpoints side by side: Ray tasks on this machine or on the cluster."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.exceptions import RayTaskError
from tqdm import tqdm

from gan.checkpoint import GENERATOR, RECORD, load_generator
from gan.device import choose_device
from gan.errors import UserError
from gan.features.registry import load_feature_net
from gan.sampling.sample import sample
from search.machines import cluster

_CHUNK = 256  # pictures in memory at once
_GPU_SHARE = 0.25  # sampling leaves most of one idle


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A checkpoint folder (its generator and record), and at which truncation it is to draw."""

    folder: Path
    truncation: float = 1.0


def drawn_features(
    draws: Sequence[Draw], *, net: str, count: int
) -> Iterator[tuple[int, NDArray[np.float16] | UserError]]:
    """(place in `draws`, raw features `[count, d]`, row i from seed i) as each is done; a bar on a terminal.

    A checkpoint that cannot be drawn from comes with its error instead.

    The files travel to the tasks, so a cluster need not see the folders. Starts Ray, or joins that of RAY_ADDRESS, and
    leaves it at the end, where it was not there before.
    """
    was_there = ray.is_initialized()
    machines = cluster.connect() if not was_there else cluster.local_machine()
    task = ray.remote(num_cpus=1, num_gpus=_GPU_SHARE if machines.num_gpus >= 1 else 0)(_features)
    at_once = 2 * max(1, int(machines.num_cpus))  # so that the files of a few only lie in the object store
    running: dict[ray.ObjectRef, int] = {}
    waiting = list(enumerate(draws))[::-1]
    try:
        with tqdm(total=len(draws), desc="drawing", unit="checkpoint", disable=None) as bar:
            while waiting or running:
                while waiting and len(running) < at_once:
                    place, draw = waiting.pop()
                    files = {name: (draw.folder / name).read_bytes() for name in (GENERATOR, RECORD)}
                    running[task.remote(files, draw.truncation, net, count)] = place
                done, _ = ray.wait(list(running))
                place = running.pop(done[0])
                bar.update()
                try:
                    yield place, ray.get(done[0])
                except RayTaskError as error:
                    if not isinstance(error.cause, UserError):
                        raise
                    yield place, error.cause
    finally:
        if not was_there:
            ray.shutdown()


def _features(files: dict[str, bytes], truncation: float, net_name: str, count: int) -> NDArray[np.float16]:
    torch.set_num_threads(1)
    device = choose_device()
    net = load_feature_net(net_name, device)
    with tempfile.TemporaryDirectory(prefix="ganvil-draw-") as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        generator, record = load_generator(Path(folder), device)
    chunks = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    drawn = (sample(generator, c, truncation=truncation, class_counts=record.class_counts) for c in chunks)
    return np.concatenate([net(images) for images in drawn]).astype(np.float16)
