"""NVlabs' stylegan2-ada-pytorch as a contender: its networks, loss and augmentation, run from its own folder.

Its training loop is bound to CUDA and to its dataset class, so the order of its phases (loss by phase, gradients
cleaned of NaN, one Adam step a phase, then the average) is told here. Nothing of its code is changed or copied; its
operators fall back to plain PyTorch on a CPU by themselves.
"""

import copy
import itertools
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from experiments.bench.contender import Contender, Sampling, Workload, wait
from experiments.bench.ours import load_rgb
from gan.errors import UserError

_LR = 2.5e-3
_BETAS = (0.0, 0.99)
_GEOMETRY_AND_COLOUR = [
    "xflip",
    "rotate90",
    "xint",
    "scale",
    "rotate",
    "aniso",
    "xfrac",
    "brightness",
    "contrast",
    "lumaflip",
    "hue",
    "saturation",
]  # its `bgc`


class NVlabs(Contender):
    """The reference implementation of StyleGAN2-ADA."""

    def __init__(self, workload: Workload, source: Path | None) -> None:
        assert source is not None
        sys.path.insert(0, str(source))
        from training.augment import AugmentPipe  # type: ignore[import-not-found]
        from training.loss import StyleGAN2Loss  # type: ignore[import-not-found]
        from training.networks import Discriminator, Generator  # type: ignore[import-not-found]

        self.workload = workload
        torch.backends.cudnn.benchmark = True
        shape = {"c_dim": 0, "img_resolution": workload.size, "img_channels": 3}
        widths: dict[str, Any] = {"channel_base": workload.channel_base, "channel_max": workload.channel_max}
        low = {} if workload.precision == "float32" else {"num_fp16_res": 4, "conv_clamp": 256}
        self.generator_net = Generator(
            z_dim=workload.w_dim,
            w_dim=workload.w_dim,
            mapping_kwargs={"num_layers": workload.mapping_layers},
            synthesis_kwargs={**widths, **low},
            **shape,
        )
        self.discriminator = Discriminator(epilogue_kwargs={"mbstd_group_size": 4}, **widths, **low, **shape)
        for net in (self.generator_net, self.discriminator):
            net.train().requires_grad_(False).to(workload.device)
        self.average = copy.deepcopy(self.generator_net).eval()
        pipe = None
        if workload.augment_p > 0.0:
            pipe = AugmentPipe(**dict.fromkeys(_GEOMETRY_AND_COLOUR, 1)).train().requires_grad_(False)
            pipe.to(workload.device).p.fill_(workload.augment_p)
        self.loss = StyleGAN2Loss(
            device=torch.device(workload.device),
            G_mapping=self.generator_net.mapping,
            G_synthesis=self.generator_net.synthesis,
            D=self.discriminator,
            augment_pipe=pipe,
            style_mixing_prob=workload.style_mixing,
            r1_gamma=workload.r1_gamma,
            pl_weight=workload.path_length_weight,
        )
        self.phases = [
            *self._phases("G", self.generator_net, workload.path_length_interval),
            *self._phases("D", self.discriminator, workload.r1_interval),
        ]
        pictures = torch.from_numpy(load_rgb(workload).images.copy())
        self.batches = itertools.cycle(
            pictures[: len(pictures) // workload.batch * workload.batch].split(workload.batch)
        )
        self.step_index = 0

    def _phases(self, name: str, net: Any, interval: int) -> list[tuple[str, Any, Any, int]]:
        c = interval / (interval + 1)
        adam = torch.optim.Adam(net.parameters(), lr=_LR * c, betas=(_BETAS[0] ** c, _BETAS[1] ** c), eps=1e-8)
        return [(name + "main", net, adam, 1), (name + "reg", net, adam, interval)]

    def train(self) -> None:
        for _ in range(self.workload.steps_a_turn):
            self.one_step(next(self.batches))
        wait(self.workload.device)

    def one_step(self, pictures: Tensor) -> None:
        """All phases that are due on uint8 `[batch, 3, h, w]`."""
        device, batch = self.workload.device, self.workload.batch
        real = pictures.to(device).float() / 127.5 - 1.0
        no_label = torch.zeros(batch, 0, device=device)
        for name, net, adam, interval in self.phases:
            if self.step_index % interval != 0:
                continue
            adam.zero_grad(set_to_none=True)
            net.requires_grad_(True)
            z = torch.randn(batch, self.workload.w_dim, device=device)
            self.loss.accumulate_gradients(
                phase=name, real_img=real, real_c=no_label, gen_z=z, gen_c=no_label, sync=True, gain=interval
            )
            net.requires_grad_(False)
            for parameter in net.parameters():
                if parameter.grad is not None:
                    torch.nan_to_num(parameter.grad, nan=0.0, posinf=1e5, neginf=-1e5, out=parameter.grad)
            adam.step()
        decay = 0.5 ** (batch / 5000.0)
        for slow, now in zip(self.average.parameters(), self.generator_net.parameters(), strict=True):
            slow.copy_(now.lerp(slow, decay))
        for slow, now in zip(self.average.buffers(), self.generator_net.buffers(), strict=True):
            slow.copy_(now)
        self.step_index += 1

    def generator(self, num: int) -> Sampling:
        return _NVlabsSampling(self.average, torch.randn(num, self.workload.w_dim, device=self.workload.device))


class _NVlabsSampling(Sampling):
    def __init__(self, generator: Any, z: Tensor) -> None:
        self.average, self.z = generator, z

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        images: Tensor = self.average(self.z, None, noise_mode="const")
        return images


def check_source(source: Path) -> None:
    """UserError unless that folder is a checkout of stylegan2-ada-pytorch."""
    if not (source / "training" / "networks.py").is_file():
        raise UserError(
            f"--nvlabs {str(source)!r} holds no training/networks.py: give a checkout of stylegan2-ada-pytorch"
        )
