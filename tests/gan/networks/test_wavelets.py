"""The Haar transform: known coefficients, no loss, no change of length, its slow twin, gradients of both orders."""

import pytest
import torch
from torch import Tensor

from gan.networks.wavelets import haar, haar_plain, inverse_haar, inverse_haar_plain

SIZES = [(1, 2, 2), (3, 4, 6), (4, 16, 8)]


def pictures(channels: int, height: int, width: int) -> Tensor:
    chance = torch.Generator().manual_seed(channels * height)
    return torch.randn(2, channels, height, width, generator=chance, dtype=torch.float64)


def test_coefficients_of_one_block() -> None:
    block = torch.tensor([[1.0, 2.0], [4.0, 8.0]])[None, None]
    # half of: the sum, left - right, top - bottom, diagonal - other diagonal
    expected = torch.tensor([7.5, -2.5, -4.5, 1.5])[None, :, None, None]
    torch.testing.assert_close(haar(block), expected, rtol=0, atol=0)


def test_bands_of_a_channel_lie_in_a_row() -> None:
    constant = torch.stack([torch.full((2, 4), 3.0), torch.full((2, 4), -1.0)])[None]
    expected = torch.zeros(1, 8, 1, 2)
    expected[:, 0], expected[:, 4] = 6.0, -2.0
    torch.testing.assert_close(haar(constant), expected, rtol=0, atol=0)


@pytest.mark.parametrize("size", SIZES)
def test_the_inverse_takes_it_back_both_ways(size: tuple[int, int, int]) -> None:
    x = pictures(*size)
    assert haar(x).shape == (2, 4 * size[0], size[1] // 2, size[2] // 2)
    torch.testing.assert_close(inverse_haar(haar(x)), x)
    coefficients = torch.cat([x] * 4, dim=1)
    torch.testing.assert_close(haar(inverse_haar(coefficients)), coefficients)


def test_every_level_of_8_bits_comes_back_exactly() -> None:
    levels = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16)
    assert torch.equal(inverse_haar(haar(levels)), levels)


def test_the_transform_is_orthonormal() -> None:
    basis = torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8)
    matrix = haar(basis).flatten(1)
    torch.testing.assert_close(matrix @ matrix.t(), torch.eye(64, dtype=torch.float64))


@pytest.mark.parametrize("size", SIZES)
def test_the_plain_twins_agree(size: tuple[int, int, int]) -> None:
    x = pictures(*size)
    torch.testing.assert_close(haar(x), haar_plain(x))
    coefficients = torch.cat([x, x.flip(1), -x, x.flip(2)], dim=1)
    torch.testing.assert_close(inverse_haar(coefficients), inverse_haar_plain(coefficients))


def test_gradients_of_both_orders() -> None:
    x = pictures(1, 4, 4).requires_grad_()
    for function, start in ((haar, x), (inverse_haar, torch.cat([x] * 4, dim=1).detach().requires_grad_())):

        def bent(x: Tensor, function: object = function) -> Tensor:
            assert callable(function)
            y: Tensor = function(x)
            return y**3  # a linear function alone has no second derivative to check

        assert torch.autograd.gradcheck(bent, (start,))
        assert torch.autograd.gradgradcheck(bent, (start,))


def test_autocast_leaves_pictures_in_float32() -> None:
    x = pictures(3, 8, 8).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = inverse_haar(haar(x))
    torch.testing.assert_close(low, x)
