"""Spectral normalisation: the true singular values, the gradient, state, averages, and the fused forms' twins."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from gan.networks.spectral import (
    DoublingSpectralConv2d,
    HalvingSpectralConv2d,
    SpectralConv2d,
    SpectralEmbedding,
    SpectralLayer,
    SpectralLinear,
    doubled_plain,
    halved_plain,
    power_iteration,
    rows,
)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def spectral_norm(weight: Tensor) -> float:
    return float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2))


def with_random_weight(layer: SpectralLayer) -> SpectralLayer:
    with torch.no_grad():
        layer.weight.normal_()
    return layer


LAYERS = [SpectralLinear(12, 7), SpectralConv2d(5, 6, 3), SpectralEmbedding(4, 9), DoublingSpectralConv2d(3, 4)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_one_iteration_a_forward_comes_to_the_true_spectral_norm(layer: SpectralLayer) -> None:
    layer = with_random_weight(copy.deepcopy(layer)).train()
    assert spectral_norm(layer.weight) > 1.5
    for _ in range(200):
        weight = layer.normalised_weight()
    assert spectral_norm(weight) == pytest.approx(1.0, rel=1e-3)


def test_an_orthogonal_start_has_norm_one_at_once() -> None:
    layer = SpectralConv2d(8, 16, 3)
    torch.testing.assert_close(layer.normalised_weight(), layer.weight)
    filters = layer.weight.flatten(1)
    torch.testing.assert_close(filters @ filters.t(), torch.eye(16), rtol=0, atol=1e-5)


def test_the_estimate_has_the_papers_gradient() -> None:
    """Miyato et al., equation 11: the gradient of sigma is u v^T, the first singular vectors."""
    matrix = torch.randn(6, 9, dtype=torch.float64, requires_grad=True)
    left, values, right = torch.linalg.svd(matrix.detach(), full_matrices=False)
    estimate, u = power_iteration(matrix, left[:, 0])
    (gradient,) = torch.autograd.grad(estimate, matrix)
    torch.testing.assert_close(estimate.detach(), values[0])
    torch.testing.assert_close(gradient, torch.outer(left[:, 0], right[0]))
    torch.testing.assert_close(u, left[:, 0])


def test_eval_mode_moves_nothing_and_repeats_itself() -> None:
    layer = with_random_weight(SpectralLinear(8, 8)).eval()
    before = layer.u.clone()
    first, again = layer.normalised_weight(), layer.normalised_weight()
    assert torch.equal(first, again)
    assert torch.equal(layer.u, before)
    layer.train().normalised_weight()
    assert not torch.equal(layer.u, before)


def test_cut_and_resumed_is_the_same_to_the_bit() -> None:
    layer = with_random_weight(SpectralConv2d(4, 4, 3)).train()
    for _ in range(3):
        layer.normalised_weight()
    resumed = SpectralConv2d(4, 4, 3).train()
    resumed.load_state_dict({key: value.clone() for key, value in layer.state_dict().items()})
    assert set(layer.state_dict()) == {"weight", "bias", "u"}
    for _ in range(2):
        assert torch.equal(layer.normalised_weight(), resumed.normalised_weight())


def test_an_averaged_u_still_gives_the_averaged_weights_norm() -> None:
    """What gan/ema.py does to buffers. torch's own keeps averages of u and v as they are, and comes out too small."""
    weights = [torch.randn(8, 12) for _ in range(8)]
    ours = [with_random_weight(SpectralLinear(12, 8)) for _ in weights]
    theirs: list[Any] = [parametrizations.spectral_norm(nn.Linear(12, 8)) for _ in weights]
    with torch.no_grad():
        for weight, layer, other in zip(weights, ours, theirs, strict=True):
            layer.weight.copy_(weight)
            other.parametrizations.weight.original.copy_(weight)
            for _ in range(20):
                layer.normalised_weight()
                _ = other.weight

    def averaged(layers: list[Any]) -> Any:
        average = copy.deepcopy(layers[0])
        states = [layer.state_dict() for layer in layers]
        average.load_state_dict({key: torch.stack([s[key] for s in states]).mean(dim=0) for key in states[0]})
        return average.eval()

    assert 0.9 < spectral_norm(averaged(ours).normalised_weight()) < 1.5
    assert spectral_norm(averaged(theirs).weight) > 3.0


def test_layout_in_memory_changes_nothing() -> None:
    layer = with_random_weight(SpectralConv2d(4, 6, 3)).eval()
    plain = layer.normalised_weight()
    with torch.no_grad():
        layer.weight.data = layer.weight.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(layer.normalised_weight(), plain)
    assert rows(layer.weight).data_ptr() == layer.weight.data_ptr()  # a view, no copy
    assert rows(layer.weight).is_contiguous()


def test_autocast_leaves_the_norm_in_float32() -> None:
    layer = with_random_weight(SpectralLinear(8, 8)).eval()
    expected = layer.normalised_weight()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer.normalised_weight(), expected)
        assert layer(torch.randn(2, 8)).dtype is torch.bfloat16


@pytest.mark.parametrize("size", [(4, 4), (4, 6), (3, 5)])
def test_doubling_equals_its_plain_twin(size: tuple[int, int]) -> None:
    layer = DoublingSpectralConv2d(3, 5).double().eval()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(layer(x), doubled_plain(layer, x))


@pytest.mark.parametrize("size", [(4, 4), (8, 6)])
def test_halving_equals_its_plain_twin(size: tuple[int, int]) -> None:
    layer = HalvingSpectralConv2d(3, 5).double().eval()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(layer(x), halved_plain(layer, x))


@pytest.mark.parametrize("kind", [DoublingSpectralConv2d, HalvingSpectralConv2d])
def test_fused_forms_have_second_derivatives(kind: type[DoublingSpectralConv2d] | type[HalvingSpectralConv2d]) -> None:
    layer = kind(2, 2).double().eval()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda inputs: layer(inputs).square(), (x,))


def test_a_layer_of_zeros_stays_finite() -> None:
    layer = SpectralLinear(4, 4)
    with torch.no_grad():
        layer.weight.zero_()
    out = layer(torch.ones(1, 4))
    out.sum().backward()
    assert layer.weight.grad is not None
    assert torch.isfinite(layer.weight.grad).all()
    assert torch.isfinite(layer(torch.ones(1, 4))).all()
