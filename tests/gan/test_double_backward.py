"""Convolutions and leaky ReLUs with fast second derivatives against PyTorch's own."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from gan.double_backward import SecondOrder

CONVOLUTIONS: dict[str, tuple[tuple[int, int, int, int], Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    "plain": ((6, 4, 3, 3), lambda x, w, b: F.conv2d(x, w, b, padding=1)),
    "strided": ((6, 4, 3, 3), lambda x, w, b: F.conv2d(x, w, b, 2)),
    "grouped": ((6, 2, 3, 3), lambda x, w, b: F.conv2d(x, w, b, padding=(1, 1), groups=2)),
    "dilated": ((6, 4, 3, 3), lambda x, w, b: F.conv2d(x, w, b, dilation=2)),
    "transposed": ((4, 6, 3, 3), lambda x, w, b: F.conv_transpose2d(x, w, b, stride=2)),
    "transposed, padded": ((4, 6, 4, 4), lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1)),
    "leaky": ((6, 4, 3, 3), lambda x, w, b: F.leaky_relu(F.conv2d(x, w, b), 0.2)),
    "leaky in place": ((6, 4, 3, 3), lambda x, w, b: F.leaky_relu(F.conv2d(x, w, b), 0.3, inplace=True)),
    "padding by word": ((6, 4, 3, 3), lambda x, w, b: F.conv2d(x, w, b, padding="same")),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_penalty_has_the_same_gradients(name: str) -> None:
    """The gradient's norm, differentiated by everything: what R1 and path length do."""
    torch.manual_seed(0)
    shape, convolution = CONVOLUTIONS[name]
    leaves = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in ((2, 4, 7, 6), shape, (6,))]
    x = leaves[0]
    results = []
    for context in (SecondOrder(), nullcontext()):
        with context as mode:
            y = convolution(*leaves).square().sum()
            with mode.inputs_only() if mode is not None else nullcontext():
                (gradient,) = torch.autograd.grad(y, x, create_graph=True)
        results.append([y, gradient, *torch.autograd.grad(gradient.square().sum(), leaves)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_it_is_the_fast_one_within_and_the_usual_one_outside() -> None:
    x, weight = torch.randn(1, 2, 5, 5, requires_grad=True), torch.randn(3, 2, 3, 3)
    with SecondOrder():
        within = F.conv2d(x, weight)
        layer = torch.nn.Conv2d(2, 3, 3)(x)
        with torch.no_grad():
            assert F.conv2d(x, weight).grad_fn is None
    assert type(within.grad_fn).__name__ == type(layer.grad_fn).__name__ == "_ConvolutionBackward"
    assert type(F.conv2d(x, weight).grad_fn).__name__ == "ConvolutionBackward0"


def test_inputs_only_leaves_out_the_weights_and_then_no_longer() -> None:
    x, weight = torch.randn(1, 2, 5, 5, requires_grad=True), torch.randn(3, 2, 3, 3, requires_grad=True)
    with SecondOrder() as mode:
        y = F.conv2d(x, weight).sum()
        with mode.inputs_only():
            assert torch.autograd.grad(y, weight, retain_graph=True, allow_unused=True) == (None,)
        assert torch.autograd.grad(y, weight)[0].shape == weight.shape


def test_third_derivatives_exist_too() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def penalty(x: Tensor, weight: Tensor) -> Tensor:
        with SecondOrder():
            (gradient,) = torch.autograd.grad(F.conv2d(x, weight).pow(3).sum(), x, create_graph=True)
        return gradient.square().sum()

    assert torch.autograd.gradgradcheck(penalty, (x, weight))


def test_a_penalty_does_not_pass_the_slopes_again() -> None:
    """Two convolutions with a leaky ReLU between: forwards 2, to the picture 2, back up 1, and 2 for the weights."""
    x = torch.randn(1, 4, 8, 8, requires_grad=True)
    first, second = torch.randn(4, 4, 3, 3, requires_grad=True), torch.randn(4, 4, 3, 3, requires_grad=True)
    one = 2 * 4 * 4 * 9 * 64
    with FlopCounterMode(display=False) as counter:
        with SecondOrder() as mode:
            y = F.conv2d(F.leaky_relu(F.conv2d(x, first, padding=1), 0.2), second, padding=1)
            with mode.inputs_only():
                (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        gradient.square().sum().backward()
    assert counter.get_total_flops() == 7 * one


def test_autocast_holds_within() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 4, 8, 8, requires_grad=True), torch.randn(6, 4, 3, 3, requires_grad=True)
    norms = []
    for low in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low), SecondOrder():
            y = F.conv2d(x, weight, padding=1)
            assert y.dtype == (torch.bfloat16 if low else torch.float32)
            (gradient,) = torch.autograd.grad(y.float().square().sum(), x, create_graph=True)
        assert gradient.dtype == torch.float32
        norms.append(torch.autograd.grad(gradient.square().sum(), weight)[0])
    torch.testing.assert_close(norms[1], norms[0], rtol=0.1, atol=0.1 * float(norms[0].abs().mean()))
