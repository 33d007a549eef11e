"""Truncation without styles: on the shell of training all the way, towards the medoid of the class."""

import pytest
import torch
from torch import Tensor, nn

from gan.networks.interface import Generator, Latents, PictureShape
from gan.networks.typical import NUM_CANDIDATES, most_typical, truncated_to_typical, turned

Z_DIM = 256


class Planted(Generator):
    """A picture is z itself, times the class's own factors: what is typical can be told from outside."""

    def __init__(self, num_classes: int = 0) -> None:
        super().__init__()
        self.shape = PictureShape(channels=1, height=16, width=16, num_classes=num_classes)
        self.z_dim = Z_DIM
        self.factors = nn.Parameter(torch.rand(max(1, num_classes), Z_DIM, generator=torch.Generator().manual_seed(5)))
        self.num_drawn = 0
        self.eval()

    def forward(self, latents: Latents, truncation: float = 1.0) -> Tensor:
        self.num_drawn += len(latents)
        z = truncated_to_typical(self, latents, truncation)
        factors = self.factors[0] if latents.labels is None else self.factors[latents.labels]
        return (z * factors).view(-1, 1, 16, 16)


def drawn(num: int, labels: list[int] | None = None) -> Latents:
    z = torch.randn(num, Z_DIM, generator=torch.Generator().manual_seed(9))
    return Latents(z=z, labels=None if labels is None else torch.tensor(labels))


def medoid(factors: Tensor) -> Tensor:
    """By the plainest way: of the candidates, the one with the least sum of distances to the others."""
    candidates = torch.randn(NUM_CANDIDATES, Z_DIM, generator=torch.Generator().manual_seed(0))
    pictures = (candidates * factors).double()
    sums = [sum(float((a - b).norm()) for b in pictures) for a in pictures]
    return candidates[sums.index(min(sums))]


@pytest.mark.parametrize("truncation", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_latents_stay_on_the_shell_of_training(truncation: float) -> None:
    lengths = truncated_to_typical(Planted(), drawn(200), truncation).square().mean(dim=1)
    assert 0.85 < float(lengths.mean()) < 1.15  # 1 at both ends; scaled it would be truncation squared


@torch.no_grad()
def test_at_zero_there_is_the_medoid_of_each_class() -> None:
    generator = Planted(num_classes=3)
    z = truncated_to_typical(generator, drawn(4, labels=[0, 2, 1, 2]), 0.0)
    for row, label in zip(z, [0, 2, 1, 2], strict=True):
        assert (row == medoid(generator.factors[label])).all()
        assert (row == most_typical(generator, label)).all()


def test_at_one_nothing_changes_and_above_it_z_is_scaled() -> None:
    generator, given = Planted(), drawn(3)
    assert (truncated_to_typical(generator, given, 1.0) == given.z).all()
    assert (truncated_to_typical(generator, given, 1.2) == given.z * 1.2).all()
    assert generator.num_drawn == 0


@torch.no_grad()
def test_what_is_typical_is_looked_for_once_and_again_when_weights_change() -> None:
    generator, given = Planted(), drawn(3)
    before = truncated_to_typical(generator, given, 0.0)
    truncated_to_typical(generator, given, 0.5)
    assert generator.num_drawn == NUM_CANDIDATES
    generator.factors.copy_(torch.eye(Z_DIM)[:1] + 1e-3)  # now the first coordinate alone decides
    after = truncated_to_typical(generator, given, 0.0)
    assert generator.num_drawn == 2 * NUM_CANDIDATES
    assert (before != after).any()
    assert (after == medoid(generator.factors[0])).all()


def test_a_turn_of_zero_or_one_is_an_end_to_the_bit() -> None:
    a, b = torch.randn(2, 5)
    assert (turned(a, b, 0.0) == a).all()
    assert (turned(a, b, 1.0) == b).all()
    torch.testing.assert_close(turned(a, b, 0.5), (a + b) / 2**0.5)
