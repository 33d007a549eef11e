"""How to compute the [1, 3, 3, 1] low-pass on this machine: CPU time of gradient and double gradient.

python experiments/bench/low_pass.py

`ours` is gan/networks/layers.py: one depthwise convolution that names its own gradient; `depthwise` is the same
convolution with PyTorch's gradients. At stride 2 only these two are compared.
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
from gan.networks.layers import downsample, low_pass, low_pass_plain

_TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
_REPEATS = 7


def ours(x: Tensor) -> Tensor:
    return low_pass(x, padding=1)


def ours_halving(x: Tensor) -> Tensor:
    return downsample(x)


def depthwise(x: Tensor, stride: int = 1) -> Tensor:
    kernel = torch.outer(_TAPS, _TAPS).to(x.dtype).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, padding=1, stride=stride, groups=x.shape[1])


def depthwise_halving(x: Tensor) -> Tensor:
    return depthwise(x, stride=2)


def poolings(x: Tensor) -> Tensor:
    return low_pass_plain(x, padding=1)


def separable(x: Tensor) -> Tensor:
    channels, taps = x.shape[1], _TAPS.to(x.dtype)
    x = F.conv2d(x, taps.view(1, 1, 4, 1).expand(channels, 1, 4, 1), padding=(1, 0), groups=channels)
    return F.conv2d(x, taps.view(1, 1, 1, 4).expand(channels, 1, 1, 4), padding=(0, 1), groups=channels)


def gradient(way: Callable[[Tensor], Tensor], x: Tensor) -> None:
    y = way(x)
    y.backward(y.detach())  # any gradient that is laid out as the map is; that of sum() is one number, expanded


def double_gradient(way: Callable[[Tensor], Tensor], x: Tensor) -> None:
    (first,) = torch.autograd.grad(way(x).square().sum(), x, create_graph=True)
    first.square().sum().backward()


def best_milliseconds(task: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(_REPEATS):
        start = time.process_time()
        task()
        best = min(best, (time.process_time() - start) * 1000.0)
    return best


def main() -> None:
    torch.set_num_threads(1)
    keep_freed_pages()
    print(
        f"{'batch 16':>22} {'way':>18} {'gradient ms':>12} {'double ms':>10}   CPU time, one thread, best of {_REPEATS}"
    )
    for dtype in (torch.float32, torch.bfloat16):
        for channels, size in ((32, 64), (64, 32), (64, 16)):
            x = torch.randn(16, channels, size, size, dtype=dtype).contiguous(memory_format=torch.channels_last)
            x.requires_grad_()
            for way in (ours, depthwise, poolings, separable, ours_halving, depthwise_halving):
                first = best_milliseconds(lambda way=way, x=x: gradient(way, x))  # type: ignore[misc]
                second = best_milliseconds(lambda way=way, x=x: double_gradient(way, x))  # type: ignore[misc]
                shape = f"{channels}x{size}x{size} {str(dtype).removeprefix('torch.')}"
                print(f"{shape:>22} {way.__name__:>18} {first:12.2f} {second:10.2f}", flush=True)


if __name__ == "__main__":
    main()
