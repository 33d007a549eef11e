"""rosinality's stylegan2-pytorch as a contender: its StyleGAN2 and its SWAGAN, run from its own folder.

Its widths stand in the source as a table for 1024-pixel faces; the source is read with our table in that place. Its
operators, compiled on import, are left out on a CPU, where it never calls them. The order of its step (D, R1, G, path
length, average, each with an Adam step of its own) is told here.
"""

import ast
import importlib
import itertools
import sys
import types
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torch.utils.cpp_extension
from torch import Tensor

from experiments.bench.contender import Contender, Sampling, Workload, wait
from experiments.bench.ours import load_rgb
from gan.errors import UserError

_MODULES = {"stylegan2": "model", "swagan": "swagan"}
_TABLE_SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
_LR = 2.5e-3
_BETA2 = 0.99
_DECAY = 0.5 ** (32 / 10_000)


class Rosinality(Contender):
    """The most used rewriting of StyleGAN2, and the only public SWAGAN."""

    def __init__(self, workload: Workload, source: Path | None) -> None:
        assert source is not None
        if workload.augment_p > 0.0:
            raise UserError("rosinality's augmentation needs an older torch: measure it without --ada")
        sys.path.insert(0, str(source))
        if workload.device == "cpu":
            torch.utils.cpp_extension.load = lambda *_, **__: None
        importlib.import_module("op")
        for name in dict.fromkeys(("model", _MODULES[workload.network])):
            _import_with_widths(name, source / f"{name}.py", workload)
        net = sys.modules[_MODULES[workload.network]]
        self.workload = workload
        arguments = (workload.size, workload.w_dim, workload.mapping_layers)
        self.generator_net: Any = net.Generator(*arguments).to(workload.device)
        self.average: Any = net.Generator(*arguments).to(workload.device).eval()
        self.average.load_state_dict(self.generator_net.state_dict())
        self.discriminator: Any = net.Discriminator(workload.size).to(workload.device)
        self.generator_adam = _adam(self.generator_net, workload.path_length_interval)
        self.discriminator_adam = _adam(self.discriminator, workload.r1_interval)
        self.mean_path_length = torch.zeros((), device=workload.device)
        pictures = torch.from_numpy(load_rgb(workload).images.copy())
        whole = len(pictures) // workload.batch * workload.batch
        self.batches = itertools.cycle(pictures[:whole].split(workload.batch))
        self.step_index = 0

    def train(self) -> None:
        for _ in range(self.workload.steps_a_turn):
            self._step(next(self.batches).to(self.workload.device).float() / 127.5 - 1.0)
            self.step_index += 1
        wait(self.workload.device)

    def _step(self, real: Tensor) -> None:
        work = self.workload
        self._only(self.discriminator)
        fake, _ = self.generator_net(self._noise(work.batch))
        fake_logits, real_logits = self.discriminator(fake), self.discriminator(real)
        loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        _learn(self.discriminator, self.discriminator_adam, loss)
        if self.step_index % work.r1_interval == 0:
            real.requires_grad_()
            real_logits = self.discriminator(real)
            (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            penalty = gradient.square().flatten(1).sum(dim=1).mean()
            _learn(self.discriminator, self.discriminator_adam, penalty * work.r1_gamma / 2.0 * work.r1_interval)
        self._only(self.generator_net)
        fake, _ = self.generator_net(self._noise(work.batch))
        _learn(self.generator_net, self.generator_adam, F.softplus(-self.discriminator(fake)).mean())
        if work.path_length_weight and self.step_index % work.path_length_interval == 0:
            fake, styles = self.generator_net(self._noise(max(1, work.batch // 2)), return_latents=True)
            probe = torch.randn_like(fake) / work.size
            (gradient,) = torch.autograd.grad((fake * probe).sum(), styles, create_graph=True)
            lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
            mean = self.mean_path_length + 0.01 * (lengths.mean() - self.mean_path_length)
            self.mean_path_length = mean.detach()
            penalty = (lengths - mean).square().mean() * work.path_length_weight * work.path_length_interval
            _learn(self.generator_net, self.generator_adam, penalty)
        now = dict(self.generator_net.named_parameters())
        for name, slow in self.average.named_parameters():
            slow.data.mul_(_DECAY).add_(now[name].data, alpha=1.0 - _DECAY)

    def _noise(self, num: int) -> list[Tensor]:
        """One z a picture, or two to mix, for the whole batch alike, as its `mixing_noise` does."""
        both = 2 if float(torch.rand(())) < self.workload.style_mixing else 1
        return [torch.randn(num, self.workload.w_dim, device=self.workload.device) for _ in range(both)]

    def _only(self, net: Any) -> None:
        self.generator_net.requires_grad_(net is self.generator_net)
        self.discriminator.requires_grad_(net is self.discriminator)

    def generator(self, num: int) -> Sampling:
        return _RosinalitySampling(self.average, torch.randn(num, self.workload.w_dim, device=self.workload.device))


class _RosinalitySampling(Sampling):
    def __init__(self, generator: Any, z: Tensor) -> None:
        self.average, self.z = generator, z

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        images: Tensor = self.average([self.z], randomize_noise=False)[0]
        return images


def _learn(net: Any, adam: torch.optim.Optimizer, loss: Tensor) -> None:
    net.zero_grad()
    loss.backward()
    adam.step()


def _adam(net: Any, interval: int) -> torch.optim.Adam:
    c = interval / (interval + 1)
    return torch.optim.Adam(net.parameters(), lr=_LR * c, betas=(0.0, _BETA2**c))


class _Widths(ast.NodeTransformer):
    """Puts our widths in the place of the table of channels by size."""

    def __init__(self, widths: dict[int, int]) -> None:
        self.widths = widths

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
        if keys != list(_TABLE_SIZES):
            return self.generic_visit(node)
        return ast.copy_location(ast.parse(repr(self.widths), mode="eval").body, node)


def _import_with_widths(name: str, file: Path, workload: Workload) -> None:
    widths = {size: max(1, min(workload.channel_base // size, workload.channel_max)) for size in _TABLE_SIZES}
    tree = ast.fix_missing_locations(_Widths(widths).visit(ast.parse(file.read_text(), str(file))))
    module = types.ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module
    exec(compile(tree, str(file), "exec"), module.__dict__)


def check_source(source: Path) -> None:
    """UserError unless that folder is a checkout of stylegan2-pytorch."""
    if not (source / "swagan.py").is_file():
        raise UserError(f"--rosinality {str(source)!r} holds no swagan.py: give a checkout of stylegan2-pytorch")
