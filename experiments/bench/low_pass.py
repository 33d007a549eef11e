"""How to compute the [1, 3, 3, 1] low-pass on this machine: CPU seconds of forward, backward and double backward.

python experiments/bench/low_pass.py
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
import torch.nn.functional as F
from torch import Tensor

from gan.allocator import keep_freed_pages
from gan.networks.layers import low_pass, low_pass_plain

_TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0


def depthwise(x: Tensor) -> Tensor:
    return low_pass(x, padding=1)


def poolings(x: Tensor) -> Tensor:
    return low_pass_plain(x, padding=1)


def separable(x: Tensor) -> Tensor:
    channels = x.shape[1]
    x = F.conv2d(x, _TAPS.view(1, 1, 4, 1).expand(channels, 1, 4, 1), padding=(1, 0), groups=channels)
    return F.conv2d(x, _TAPS.view(1, 1, 1, 4).expand(channels, 1, 1, 4), padding=(0, 1), groups=channels)


def first_order(way: Callable[[Tensor], Tensor], x: Tensor) -> None:
    way(x).sum().backward()


def second_order(way: Callable[[Tensor], Tensor], x: Tensor) -> None:
    (gradient,) = torch.autograd.grad(way(x).square().sum(), x, create_graph=True)
    gradient.square().sum().backward()


def main() -> None:
    torch.set_num_threads(1)
    keep_freed_pages()
    print(f"{'batch 32':>12} {'way':>10} {'gradient ms':>12} {'double ms':>10}   CPU time, one thread, best of 7")
    for channels, size in ((32, 33), (64, 17), (128, 9)):
        x = torch.randn(32, channels, size, size).contiguous(memory_format=torch.channels_last).requires_grad_()
        for way in (depthwise, poolings, separable):
            best = []
            for task in (first_order, second_order):
                seconds = []
                for _ in range(7):
                    start = time.process_time()
                    task(way, x)
                    seconds.append(time.process_time() - start)
                best.append(min(seconds) * 1000.0)
            print(f"{f'{channels}x{size}x{size}':>12} {way.__name__:>10} {best[0]:12.2f} {best[1]:10.2f}")


if __name__ == "__main__":
    main()
