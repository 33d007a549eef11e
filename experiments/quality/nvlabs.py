"""NVlabs' StyleGAN2-ADA trained as its own loop would: adaptive p, a ramped average, its random noise at the end.

The steps are the benchmark's (experiments/bench/nvlabs.py); what is added here only matters for quality.
"""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from experiments.bench.contender import Workload
from experiments.bench.nvlabs import NVlabs
from gan.data.dataset import PictureSet
from gan.data.stream import PictureStream
from gan.pixels import UInt8Array, to_uint8

_ADA_INTERVAL = 4
_ADA_TARGET = 0.6
_HALF_LIFE_KIMG = 5.0
_RAMP_UP = 0.05


class NVlabsRun:
    """One run on our order of the pictures. `ada_kimg`: thousands of images over which p may go from 0 to 1."""

    def __init__(self, workload: Workload, source: Path, pictures: PictureSet, *, seed: int, ada_kimg: float) -> None:
        torch.manual_seed(seed)
        np.random.seed(seed)
        self.peer = NVlabs(workload, source)
        self.peer.loss.augment_pipe.p.fill_(0.0)
        from torch_utils import training_stats  # type: ignore[import-not-found]

        self._signs = training_stats.Collector(regex="Loss/signs/real")
        self._workload = workload
        self._ada_images = ada_kimg * 1000.0
        self._stream = PictureStream(
            pictures, seed=seed, mirror=False, conditional=False, device=torch.device(workload.device)
        )
        self._average = copy.deepcopy(self.peer.generator_net).eval()
        self.images_seen = 0

    @property
    def ada_p(self) -> float:
        return float(self.peer.loss.augment_pipe.p)

    def train(self, total: int, tick: int) -> Iterator[int]:
        """Images seen, at every tick."""
        while self.images_seen < total:
            images, _ = self._stream.batch(self.images_seen, self._workload.batch)
            self.peer.one_step(images)
            self.images_seen += self._workload.batch
            self._follow()
            if self.peer.step_index % _ADA_INTERVAL == 0:
                self._adjust_p()
            if self.images_seen % tick < self._workload.batch:
                yield self.images_seen

    @torch.no_grad()
    def _follow(self) -> None:
        half_life = min(_HALF_LIFE_KIMG * 1000.0, self.images_seen * _RAMP_UP)
        decay = 0.5 ** (self._workload.batch / half_life)
        for slow, now in zip(self._average.parameters(), self.peer.generator_net.parameters(), strict=True):
            slow.copy_(now.lerp(slow, decay))
        for slow, now in zip(self._average.buffers(), self.peer.generator_net.buffers(), strict=True):
            slow.copy_(now)

    def _adjust_p(self) -> None:
        self._signs.update()
        direction = np.sign(self._signs["Loss/signs/real"] - _ADA_TARGET)
        step = direction * self._workload.batch * _ADA_INTERVAL / self._ada_images
        pipe = self.peer.loss.augment_pipe
        pipe.p.copy_((pipe.p + step).clamp_min(0.0))

    @torch.inference_mode()
    def sample(self, num: int) -> UInt8Array:
        """uint8 `[num, 3, h, w]`, the same latents each time."""
        chance = torch.Generator().manual_seed(0)
        z = torch.randn(num, self._workload.w_dim, generator=chance).to(self._workload.device)
        parts = [self._average(part, None) for part in z.split(64)]
        return np.concatenate([to_uint8(part).cpu().numpy() for part in parts])
