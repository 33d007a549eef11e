"""Each fast layer against its slow, plain twin, and against known answers."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan.networks.layers import (
    EqualisedConv2d,
    EqualisedLinear,
    MinibatchStandardDeviation,
    ModulatedConv2d,
    downsample,
    equalised_convolution_plain,
    low_pass,
    low_pass_plain,
    modulated_convolution_plain,
    styled_activation,
    styled_activation_plain,
    upsample,
)


def same_to_the_second_derivative(fast: Callable[..., Tensor], plain: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Value, gradients, and the gradients of a norm of the first input's gradient, as R1 and path length take them."""
    results = []
    for function in (fast, plain):
        leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
        y = function(*leaves)
        weights = torch.linspace(-1.0, 2.0, y.numel(), dtype=y.dtype).reshape(y.shape)
        gradients = torch.autograd.grad((y * y * weights).sum(), leaves, create_graph=True)
        second = torch.autograd.grad(gradients[0].square().sum(), leaves, allow_unused=True)
        results.append([y, *gradients, *(torch.zeros(()) if tensor is None else tensor for tensor in second)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_low_pass_is_the_4x4_filter(padding: int) -> None:
    x = torch.randn(2, 3, 9, 7, dtype=torch.float64)
    torch.testing.assert_close(low_pass(x, padding=padding), low_pass_plain(x, padding=padding))


def test_downsample_is_low_pass_then_every_second() -> None:
    x = torch.randn(2, 3, 8, 12, dtype=torch.float64)
    torch.testing.assert_close(downsample(x), low_pass_plain(x, padding=1)[:, :, ::2, ::2])


@pytest.mark.parametrize("padding", [1, 2])
def test_low_pass_has_the_twins_derivatives(padding: int) -> None:
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    same_to_the_second_derivative(
        lambda x: low_pass(x, padding=padding), lambda x: low_pass_plain(x, padding=padding), x
    )


def test_downsample_has_the_twins_derivatives() -> None:
    x = torch.randn(2, 3, 8, 12, dtype=torch.float64)
    same_to_the_second_derivative(downsample, lambda x: low_pass_plain(x, padding=1)[:, :, ::2, ::2], x)


@pytest.mark.parametrize("function", [downsample, lambda x: low_pass(x, padding=2)])
def test_low_pass_in_bf16_is_that_of_float32_rounded(function: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(2, 16, 8, 8)
    wide, narrow = x.clone().requires_grad_(), x.bfloat16().requires_grad_()
    for tensor in (wide, narrow):
        function(tensor).float().square().sum().backward()
    assert narrow.grad is not None
    assert wide.grad is not None
    torch.testing.assert_close(narrow.grad.float(), wide.grad, rtol=0.05, atol=0.03)


def test_upsample_is_the_filter_on_zero_insertion_inside_the_border() -> None:
    x = torch.randn(1, 1, 6, 6, dtype=torch.float64)
    inserted = torch.zeros(1, 1, 12, 12, dtype=torch.float64)
    inserted[:, :, ::2, ::2] = x
    expected = low_pass_plain(F.pad(inserted, (2, 1, 2, 1)), padding=0) * 4.0
    torch.testing.assert_close(upsample(x)[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2])


@pytest.mark.parametrize(("kernel", "up", "demodulate"), [(3, False, True), (3, True, True), (1, False, False)])
def test_modulated_convolution_equals_one_weight_a_picture(kernel: int, up: bool, demodulate: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(5, 6, kernel, w_dim=4, up=up, demodulate=demodulate).double()
    x, w = torch.randn(3, 5, 8, 6, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    torch.testing.assert_close(layer(x, w), modulated_convolution_plain(layer, x, w), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("kernel", "up", "demodulate"), [(3, False, True), (3, True, True), (1, False, False)])
def test_modulated_convolution_has_the_twins_derivatives(kernel: int, up: bool, demodulate: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv2d(5, 6, kernel, w_dim=4, up=up, demodulate=demodulate).double()
    w, x = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 5, 4, 6, dtype=torch.float64)
    same_to_the_second_derivative(lambda w, x: layer(x, w), lambda w, x: modulated_convolution_plain(layer, x, w), w, x)


@pytest.mark.parametrize(("kernel", "down"), [(3, False), (3, True), (1, False), (1, True)])
@pytest.mark.parametrize(("activate", "gain"), [(False, 0.5), (True, 1.0), (True, 0.5)])
def test_equalised_convolution_has_its_factors_in_the_weights(
    kernel: int, down: bool, activate: bool, gain: float
) -> None:
    torch.manual_seed(0)
    layer = EqualisedConv2d(5, 6, kernel, down=down, activate=activate, gain=gain).double()
    assert layer.bias is not None
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 5, 8, 6, dtype=torch.float64)
    same_to_the_second_derivative(layer, lambda x: equalised_convolution_plain(layer, x), x)


def test_styled_activation_has_its_gain_in_the_factors() -> None:
    torch.manual_seed(0)
    x, demodulation = torch.randn(3, 5, 4, 6, dtype=torch.float64), torch.rand(3, 5, dtype=torch.float64)
    noise, bias = torch.randn(3, 1, 4, 6, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    same_to_the_second_derivative(styled_activation, styled_activation_plain, x, demodulation, noise, bias)


def test_demodulation_gives_unit_variance() -> None:
    """StyleGAN2 section 2.2: for unit-variance input the output has unit variance, whatever the style."""
    torch.manual_seed(0)
    layer = ModulatedConv2d(64, 64, 3, w_dim=8)
    y = layer(torch.randn(4, 64, 32, 32), torch.randn(4, 8) * 3.0)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(y.std(dim=(1, 2, 3)), torch.ones(4), rtol=0.05, atol=0)


def test_equalised_layers_keep_unit_variance() -> None:
    torch.manual_seed(0)
    linear = EqualisedLinear(512, 256, learning_rate_multiplier=0.01)
    assert float(linear(torch.randn(64, 512)).std()) == pytest.approx(1.0, rel=0.05)
    convolution = EqualisedConv2d(64, 64, 3)
    y = convolution(torch.randn(4, 64, 16, 16))[:, :, 1:-1, 1:-1]
    assert float(y.std()) == pytest.approx(1.0, rel=0.05)


def test_minibatch_deviation_sees_sameness() -> None:
    layer = MinibatchStandardDeviation(4)
    same = torch.randn(1, 3, 4, 4).expand(4, -1, -1, -1)
    assert layer(same)[:, -1].abs().max() < 1e-3
    torch.manual_seed(0)
    assert float(layer(torch.randn(4, 64, 8, 8))[:, -1].mean()) == pytest.approx(0.8, abs=0.1)  # E[std of 4] is .798
    assert layer(torch.randn(6, 2, 4, 4)).shape == (6, 3, 4, 4)  # group of 3, the largest divisor
