"""The probe in processes of its own, as before a search; on a CPU all but the few calls that ask CUDA."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
import torch
from rich.console import Console

from gan.config import flatten
from gan.data.dataset import PictureSet
from search.machines.cluster import Machines
from search.machines.probe import Place, gpu_kinds, largest_run, measure_needs, measure_rates, trials_per_gpu
from search.machines.wishes import Wishes
from search.plan import Plan

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tiny(plan: Plan) -> Plan:
    return dataclasses.replace(plan, height=16, width=16, recipes=("tiny-dcgan", "tiny-stylegan2"), num_samples=32)


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), "OMP_NUM_THREADS": "1"}
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": environment})
    yield
    ray.shutdown()


def test_the_largest_point_is_the_largest_and_is_augmented(plan: Plan) -> None:
    space = dataclasses.replace(plan, varied=("loss.packing=1,2", "regulariser.r2_gamma=0.1..1")).space()
    for network, base in space.bases.items():
        run = largest_run(space, network)
        assert flatten(run)["network.name"] == network
        assert run.optimiser.batch_size == 2 * base.optimiser.batch_size
        assert run.network == base.network.scaled(1.5)
        assert (run.augment.policy, run.augment.initial_p) == ("ada", run.augment.max_p)


def test_each_kind_of_gpu_is_asked_for() -> None:
    assert gpu_kinds({"CPU": 4.0, "GPU": 1.0}) == [Place(None, 1.0)]
    both = gpu_kinds({"GPU": 3.0, "accelerator_type:T4": 2.0, "accelerator_type:A100": 1.0})
    assert both == [Place("accelerator_type:A100", 1.0), Place("accelerator_type:T4", 1.0)]
    assert both[0].options() == {"num_gpus": 1.0, "num_cpus": 1, "resources": {"accelerator_type:A100": 0.001}}
    assert both[0].bundle(4) == {"CPU": 4.0, "GPU": 1.0, "accelerator_type:A100": 0.001}


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_memory_and_speed_are_measured_in_processes_of_their_own(tiny: Plan, few_pictures: PictureSet) -> None:
    shown = ray.put(few_pictures)
    place = Place(None, 0.0)
    needs = measure_needs(tiny, shown, place)
    assert [need.network for need in needs] == ["dcgan", "stylegan2"]
    for need in needs:
        assert 1e8 < need.used_bytes < need.total_bytes
    rates = measure_rates(tiny, "dcgan", shown, place, 2, seconds=0.2)
    assert sorted(rates) == [1, 2]
    assert min(rates.values()) > 0.0


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_what_cannot_be_measured_is_a_line_and_a_gpu_a_trial(tiny: Plan, few_pictures: PictureSet) -> None:
    """Here Ray has no GPU to give."""
    said: list[str] = []
    machines = Machines(num_cpus=2, num_gpus=1, is_cluster=False)
    assert trials_per_gpu(tiny, few_pictures, machines, said.append, patience_seconds=1.0) == 1
    assert "could not be measured, so a GPU a trial" in said[-1]


@pytest.mark.gpu
def test_trials_share_a_real_gpu(tiny: Plan, few_pictures: PictureSet) -> None:
    ray.init("local", include_dashboard=False, log_to_driver=False)
    said: list[str] = []
    try:
        have = ray.cluster_resources()
        machines = Machines(num_cpus=have["CPU"], num_gpus=have["GPU"], is_cluster=False)
        chosen = trials_per_gpu(tiny, few_pictures, machines, said.append)
    finally:
        ray.shutdown()
    assert 1 <= chosen <= 4
    assert any(torch.cuda.get_device_name() in line for line in said)


def test_auto_without_a_gpu_is_none(tiny: Plan, few_pictures: PictureSet) -> None:

    console = Console()
    wishes = Wishes(cpus=None, gpus="auto", max_concurrent=None)
    with console.capture() as capture:
        settled = wishes.measured(tiny, few_pictures, Machines(num_cpus=2, num_gpus=0, is_cluster=False), console)
    assert settled.gpus == 0.0
    assert "there are no GPUs" in capture.get()
    together = dataclasses.replace(wishes, processes=2)
    gpus = Machines(num_cpus=8, num_gpus=2, is_cluster=False)
    with console.capture():
        assert together.measured(tiny, few_pictures, gpus, console).gpus == 1.0
        assert dataclasses.replace(wishes, gpus=0.5).measured(tiny, few_pictures, gpus, console).gpus == 0.5
