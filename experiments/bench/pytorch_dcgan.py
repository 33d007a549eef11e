"""The DCGAN of pytorch/examples as a contender: its two networks and its initialisation, run from its own file.

The file is a script, so its class and function definitions are taken from it by name. The order of its step (D on
reals, D on fakes, Adam, G through D, Adam, three numbers read each step for its progress line) is told here.
"""

import ast
import itertools
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from experiments.bench.contender import Contender, Sampling, Workload, wait
from experiments.bench.ours import load_rgb
from gan.errors import UserError

_Z_DIM = 100
_WANTED = ("weights_init", "Generator", "Discriminator")


class PyTorchDCGAN(Contender):
    """PyTorch's own example: 64x64 only."""

    def __init__(self, workload: Workload, source: Path | None) -> None:
        assert source is not None
        assert workload.size == 64, "the example's layers are for 64x64"
        tree = ast.parse((source / "main.py").read_text())
        wanted = [node for node in tree.body if getattr(node, "name", None) in _WANTED]
        width = workload.channel_base
        scope: dict[str, Any] = {"torch": torch, "nn": nn, "nz": _Z_DIM, "nc": 3, "ngf": width, "ndf": width}
        exec(compile(ast.Module(body=wanted, type_ignores=[]), str(source / "main.py"), "exec"), scope)
        self.workload = workload
        self.generator_net, self.discriminator = (
            scope[name](1).apply(scope["weights_init"]).to(workload.device) for name in ("Generator", "Discriminator")
        )
        self.adams = [
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for net in (self.generator_net, self.discriminator)
        ]
        self.criterion = nn.BCELoss()
        pictures = torch.from_numpy(load_rgb(workload).images.copy())
        whole = len(pictures) // workload.batch * workload.batch
        self.batches = itertools.cycle(pictures[:whole].split(workload.batch))

    def train(self) -> None:
        for _ in range(self.workload.steps_a_turn):
            self._step(next(self.batches).to(self.workload.device).float() / 127.5 - 1.0)
        wait(self.workload.device)

    def _step(self, real: Tensor) -> None:
        generator_adam, discriminator_adam = self.adams
        ones, zeros = torch.ones(len(real), device=real.device), torch.zeros(len(real), device=real.device)
        self.discriminator.zero_grad()
        output = self.discriminator(real)
        self.criterion(output, ones).backward()
        output.mean().item()
        fake = self.generator_net(self._noise(len(real)))
        output = self.discriminator(fake.detach())
        self.criterion(output, zeros).backward()
        output.mean().item()
        discriminator_adam.step()
        self.generator_net.zero_grad()
        output = self.discriminator(fake)
        self.criterion(output, ones).backward()
        output.mean().item()
        generator_adam.step()

    def _noise(self, num: int) -> Tensor:
        return torch.randn(num, _Z_DIM, 1, 1, device=self.workload.device)

    def generator(self, num: int) -> Sampling:
        return _ExampleSampling(self.generator_net, self._noise(num))


class _ExampleSampling(Sampling):
    """The example never leaves training mode, so its batch norm does not either."""

    def __init__(self, generator: Any, z: Tensor) -> None:
        self.generator, self.z = generator, z

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        images: Tensor = self.generator(self.z)
        return images


def check_source(source: Path) -> None:
    """UserError unless that folder is the example's."""
    if not (source / "main.py").is_file():
        raise UserError(f"--pytorch-dcgan {str(source)!r} holds no main.py: give the folder dcgan of pytorch/examples")
