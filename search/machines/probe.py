"""`--gpus-per-trial auto`: what trials take of a GPU, measured in processes of their own before the search begins.

First the memory: each network at the largest point of its space, on each kind of GPU there is. Then the speed: the
recipes' own settings, ever more processes side by side on one GPU. A minute or a few in all; nothing is recorded.
"""

import dataclasses
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import ray
import torch
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError, WorkerCrashedError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from gan.begin import begin
from gan.config import RunConfig
from gan.data.dataset import PictureSet
from gan.data.stream import PictureStream
from gan.device import choose_device
from gan.features.registry import load_feature_net
from gan.loop import train
from gan.sampling.sample import sample
from gan.step import step
from search.machines.cluster import Machines
from search.machines.gpu_share import Need, best_crowd, crowds, most_that_fit, share_of, table
from search.plan import Plan
from search.space.fields import Choice, Point
from search.space.space import Space

_STEPS = 5  # the lazy regularisers are due at the first, the path's length again at the fifth
_SECONDS = 4.0  # of each timing
_WARM_STEPS = 3
_PATIENCE_SECONDS = 300.0  # for a process to get its place and to have worked: a cluster may have other things to do
_FAILURES = (RayTaskError, RayActorError, WorkerCrashedError, GetTimeoutError)


class Place(NamedTuple):
    """A kind of GPU as Ray calls it, None where it knows one kind only; and what a process asks of Ray for it."""

    name: str | None
    gpus: float

    def options(self) -> dict[str, Any]:
        """For one process that has it to itself."""
        return {"num_gpus": self.gpus, "num_cpus": 1, "resources": self._of_kind()}

    def bundle(self, num_cpus: int) -> dict[str, float]:
        """For a placement group: one GPU, for several processes."""
        return {"CPU": float(num_cpus), **({"GPU": self.gpus} if self.gpus else {}), **self._of_kind()}

    def _of_kind(self) -> dict[str, float]:
        return {} if self.name is None else {self.name: 0.001}


def gpu_kinds(cluster: Mapping[str, float]) -> list[Place]:
    """Of the cluster's resources."""
    named = sorted(name for name in cluster if name.startswith("accelerator_type:"))
    return [Place(name, 1.0) for name in named] or [Place(None, 1.0)]


def trials_per_gpu(
    plan: Plan,
    pictures: PictureSet,
    machines: Machines,
    say: Callable[[str], None],
    patience_seconds: float = _PATIENCE_SECONDS,
) -> int:
    """Measured now. Ray runs already, and no trial does. 1 where it cannot be measured, with the reason."""
    say("--gpus-per-trial auto: measuring the memory and the speed of trials, a minute or a few")
    shown = ray.put(pictures)
    try:
        kinds = gpu_kinds(ray.cluster_resources())
        measured = {place: measure_needs(plan, shown, place, patience_seconds) for place in kinds}
        tightest = min(measured, key=lambda place: min(need.room for need in measured[place]))
        needs = [need for of_kind in measured.values() for need in of_kind]
        cpus = machines.num_cpus / machines.num_gpus
        most = most_that_fit(needs, cpus_per_gpu=cpus, num_trials=plan.num_trials)
        rates = {network: measure_rates(plan, network, shown, tightest, most) for network in plan.space().bases}
    except _FAILURES as error:
        say(f"--gpus-per-trial auto: could not be measured, so a GPU a trial: {str(error).strip().splitlines()[-1]}")
        return 1
    chosen = best_crowd(rates)
    for line in table(needs, rates, chosen):
        say(line)
    return chosen


def measure_needs(plan: Plan, pictures: Any, place: Place, patience_seconds: float = _PATIENCE_SECONDS) -> list[Need]:
    """Of each network, a process each, on a GPU of that kind. pictures: in Ray's object store."""
    probe = ray.remote(max_calls=1, max_retries=0)(need_of)  # a process of its own: what another took stays taken
    needs = []
    for network in plan.space().bases:
        settings = network, largest_run(plan.space(), network), pictures, plan.features, plan.num_samples
        task = probe.options(**place.options()).remote(*settings)
        try:
            needs.append(ray.get(task, timeout=patience_seconds))
        except GetTimeoutError:
            ray.cancel(task, force=True)
            raise
    return needs


def largest_run(space: Space, network: str) -> RunConfig:
    """The widest network at the largest batch, under the augmentation that takes most."""
    point: Point = {"network": network, "augment": "ada"}
    own = next(own for own in space.first_points() if own["network"] == network)
    for field in space.fields(point):
        if field.name in (f"{network}.width", f"{network}.batch_size"):
            assert isinstance(field, Choice)
            point[field.name] = max(field.values, key=float)
        elif field.name not in point:
            point[field.name] = own[field.name] if field.name in own else _any_value(field)
    run = space.build_run(point)
    batch_size = max(run.optimiser.batch_size, run.optimiser.largest_batch or 0)
    return dataclasses.replace(
        run,
        optimiser=dataclasses.replace(run.optimiser, batch_size=batch_size),
        augment=dataclasses.replace(run.augment, initial_p=run.augment.max_p),
    )


def need_of(network: str, run: RunConfig, pictures: PictureSet, features: str, num_samples: int) -> Need:
    """Some steps and one scoring pass, in this process."""
    device = choose_device()
    kimg = _STEPS * run.optimiser.batch_size / 1000.0
    schedule = dataclasses.replace(run.schedule, total_kimg=kimg, tick_kimg=kimg)
    training = begin(dataclasses.replace(run, schedule=schedule), pictures, device)
    for _ in train(training, pictures):
        images = sample(training.average, range(num_samples), class_counts=_class_counts(training.shape.num_classes))
        load_feature_net(features, device)(images)
    used, total, gpu = _memory(device)
    return Need(network=network, gpu=gpu, used_bytes=used, total_bytes=total)


def measure_rates(
    plan: Plan, network: str, pictures: Any, place: Place, most: int, seconds: float = _SECONDS
) -> dict[int, float]:
    """Pictures a second of 1, 2, 4, … processes on one GPU together; it ends where they do not fit after all."""
    rates: dict[int, float] = {}
    run = plan.space().bases[network]
    for crowd in crowds(most):
        group = placement_group([place.bundle(crowd)])  # else several GPUs might share the crowd
        seat = {
            "num_cpus": 1,
            "num_gpus": place.gpus * share_of(crowd),
            "scheduling_strategy": PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=0),
        }
        try:
            ray.get(group.ready(), timeout=_PATIENCE_SECONDS)
            runners = [_Runner.options(**seat).remote(run, pictures) for _ in range(crowd)]  # type: ignore[attr-defined]
            ray.get([runner.warm_up.remote() for runner in runners], timeout=_PATIENCE_SECONDS)
            rates[crowd] = sum(ray.get([runner.rate.remote(seconds) for runner in runners]))
        except _FAILURES:
            if crowd == 1:
                raise
            break
        finally:
            remove_placement_group(group)  # and with it the processes
    return rates


@ray.remote(max_restarts=0)
class _Runner:
    """One of those side by side."""

    def __init__(self, run: RunConfig, pictures: PictureSet) -> None:
        torch.set_num_threads(1)
        self._training = begin(run, pictures, choose_device())
        self._stream = PictureStream(
            pictures,
            seed=0,
            mirror=False,
            conditional=run.data.conditional,
            device=self._training.device,
        )

    def warm_up(self) -> None:
        for _ in range(_WARM_STEPS):
            self._step()

    def rate(self, seconds: float) -> float:
        """Of pictures a second, over at least so many seconds and whole rounds of the lazy regularisers."""
        regulariser = self._training.config.regulariser
        round_of = math.lcm(regulariser.r1_interval, regulariser.path_length_interval)
        start, num_steps = time.perf_counter(), 0
        while num_steps % round_of or time.perf_counter() - start < seconds:
            self._step()
            num_steps += 1
        return num_steps * self._training.batch_size / (time.perf_counter() - start)

    def _step(self) -> None:
        training = self._training
        sums = step(training, *self._stream.batch(training.images_seen, training.batch_size))
        float(sums["loss_generator"])  # waits for the device


def _any_value(field: Any) -> Any:
    return field.values[0] if isinstance(field, Choice) else field.low


def _class_counts(num_classes: int) -> list[int]:
    return [1] * num_classes


def _memory(device: torch.device) -> tuple[float, float, str]:
    """Used and total bytes, and the name: of the GPU, else of this process and machine.

    What is used of a GPU beside torch's own is the process's context, and whatever others have there: they stay.
    """
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        beside = total - free - torch.cuda.memory_reserved(device)
        return torch.cuda.max_memory_reserved(device) + beside, total, torch.cuda.get_device_name(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return float(peak), _machine_bytes(), "this machine's CPU"


def _machine_bytes() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
