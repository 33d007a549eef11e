"""`--dry-run`: what a search would do. Nothing is started or written; two steps of each network are timed here."""

import math
import time

from rich.console import Console

from gan.begin import begin
from gan.data.dataset import PictureSet
from gan.data.stream import PictureStream
from gan.device import choose_device
from gan.networks.interface import num_parameters
from gan.step import step
from search.machines.cluster import cluster_address, local_machine
from search.machines.gpu_share import AUTO
from search.machines.wishes import Wishes
from search.plan import Plan
from search.proposing.lessons import lessons_of
from search.records.tracking import hide_password
from search.space.short_names import settings_line

_TIMED_STEPS = 2


def preview(plan: Plan, pictures: PictureSet, wishes: Wishes, storage: str, tracking: str, console: Console) -> None:
    """Print the pictures, the space, the first points, the resources and the plan."""

    def line(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    space = plan.space()
    classes = f", {len(pictures.class_names)} classes" if pictures.class_names else ""
    colours = {1: "grey", 3: "RGB", 4: "RGBA"}[pictures.channels]
    line(f"search {plan.name}: {len(pictures)} {colours} pictures of {pictures.resolution}{classes}, from {plan.data}")
    line("the space:")
    for field in space.describe():
        line(f"  {field}")
    line("the first trials:")
    for point in space.first_points()[: plan.num_trials]:
        line(f"  {point['network']}: {settings_line(point)}")
    for name, learnt in lessons_of(plan, tracking).items():
        line(f"learnt from search {name}: {learnt}")
    total = plan.num_trials * plan.kimg
    line(
        f"the plan: {plan.num_trials} trials of {plan.kimg:g} kimg = {total:g} kimg; {plan.num_ticks} ticks a trial,"
        f" {plan.num_samples} samples scored by {plan.features} at each; compared by {plan.objectives}"
    )
    if cluster_address() is not None:
        line(f"on the Ray cluster at {cluster_address()}; its resources are asked for when the search starts")
    else:
        machines = local_machine()
        resources = wishes.on(machines)
        slots = min(resources.slots(machines), plan.num_trials)
        line(
            f"on this machine: {machines.num_cpus:g} CPUs, {machines.num_gpus:g} GPUs; {slots} trials at a time with"
            f" {resources.cpus:g} CPU and {resources.gpus:g} GPU each"
            + (f" for each of {resources.processes} processes" if resources.processes > 1 else "")
        )
        if wishes.gpus == AUTO and machines.num_gpus:
            line("  --gpus-per-trial auto: how many share a GPU is measured when the search starts")
        seconds = [_seconds_per_kimg(plan, network, pictures, line) for network in space.bases]
        rounds = math.ceil(plan.num_trials / slots)
        estimate = rounds * plan.kimg * sum(seconds) / len(seconds)
        line(f"about {_duration(estimate)} of training (scores and wider networks come on top)")
    line(f"checkpoints and study: {storage}; records: {hide_password(tracking)}")
    line("nothing was started (--dry-run)")


def _seconds_per_kimg(plan: Plan, network: str, pictures: PictureSet, line: object) -> float:
    """Timed over two steps of the recipe after a first one, with this process's threads."""
    training = begin(plan.space().bases[network], pictures, choose_device())
    batch_size = training.config.optimiser.batch_size
    stream = PictureStream(
        pictures, seed=0, mirror=False, conditional=training.config.data.conditional, device=training.device
    )
    step(training, *stream.batch(0, batch_size))
    start = time.perf_counter()
    for index in range(1, _TIMED_STEPS + 1):
        sums = step(training, *stream.batch(index * batch_size, batch_size))
    float(sums["loss_generator"])  # waits for the device
    seconds = (time.perf_counter() - start) / (_TIMED_STEPS * batch_size) * 1000
    assert callable(line)
    line(
        f"  {network}: {num_parameters(training.generator):,} + {num_parameters(training.discriminator):,} parameters,"
        f" about {seconds:.1f} s a kimg here"
    )
    return seconds


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
