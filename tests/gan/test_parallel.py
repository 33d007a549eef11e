"""Two processes at half the batch give the weights of one with the whole batch (gloo, CPU)."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gan.begin import begin
from gan.config import RunConfig, with_values
from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.loop import train
from gan.parallel import World
from gan.recipes import tiny_stylegan2
from gan.training import Training, TrainingState

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
# All that looks across the batch and that the processes share exactly; augmentation is drawn by each for itself.
VALUES = {
    "augment.policy": "none",
    "network.style_mixing_probability": "0.5",
    "network.path_length_weight": "2.0",
    "network.minibatch_group": "2",
    "optimiser.gradient_clip": "5.0",
    "optimiser.beta1": "0.9",
    "data.conditional": "true",
}


def config() -> RunConfig:
    return with_values(tiny_stylegan2(), VALUES)


def pictures() -> PictureSet:
    return load_pictures("armory", Resolution(height=16, width=16))


def run(world: World) -> tuple[Training, TrainingState]:
    training = begin(config(), pictures(), CPU)
    for tick in train(training, pictures(), world):
        assert tick.finite
    return training, training.state()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--master-addr", "127.0.0.1", "--master-port", str(free_port()), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment)


def size(state: TrainingState, name: str) -> float:
    """Mean size of a tensor. A first moment may be small because its gradients cancel: its size is theirs."""
    if name.endswith(".exp_avg"):
        return float(state[f"{name}_sq"].double().sqrt().mean())
    return float(state[name].double().abs().mean())


@pytest.mark.slow
def test_two_processes_at_half_the_batch_give_the_weights_of_one(tmp_path: Path) -> None:
    """Within 1e-5 of each tensor's size after 8 steps, Adam's moments too: gradients sum up in another order."""
    result = torchrun(str(Path(__file__)), str(tmp_path))
    assert result.returncode == 0, result.stderr
    _, alone = run(World())
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for name, value in alone.items():
        assert torch.equal(first[name], second[name]), f"{name} differs between the processes"
        difference = (value.double() - first[name].double()).abs().mean()
        assert difference <= 1e-5 * size(alone, name), name
    started = begin(config(), pictures(), CPU).state()
    assert all(not torch.equal(alone[name], value) for name, value in started.items() if name.endswith(".weight"))


@pytest.mark.slow
def test_torchrun_trains_and_one_process_writes(tmp_path: Path) -> None:
    result = torchrun(
        *["-m", "gan.train", "--resolution", "16", "--recipe", "tiny-dcgan"],
        *["--device", "cpu", "--out", str(tmp_path / "run")],
    )
    assert result.returncode == 0, result.stderr
    assert [folder.name for folder in sorted((tmp_path / "run" / "checkpoints").iterdir())] == [
        "000000032",
        "000000064",
    ]


def test_shares_keep_the_groups_of_the_minibatch_deviation() -> None:
    """Picture i is in group i mod (n / g): each process's strided share holds whole groups of its own."""
    n, g, size = 16, 2, 2
    whole = torch.arange(n)
    groups = {frozenset(whole[whole % (n // g) == k].tolist()) for k in range(n // g)}
    local = set()
    for rank in range(size):
        share = World(rank, size).share(whole)
        places = torch.arange(len(share))
        for k in range(len(share) // g):
            local.add(frozenset(share[places % (len(share) // g) == k].tolist()))
    assert local == groups


if __name__ == "__main__":
    from gan.parallel import join_world, leave_world

    here, _ = join_world(CPU)
    torch.save(run(here)[1], Path(sys.argv[1]) / f"{here.rank}.pt")
    leave_world()
