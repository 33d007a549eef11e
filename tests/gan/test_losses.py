import math

import pytest
import torch

from gan.losses import LOSSES, best_judged, top_k_share

REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_non_saturating() -> None:
    loss = LOSSES["non_saturating"]
    assert loss.generator(FAKE, None).tolist() == pytest.approx([softplus(-0.5), softplus(3.0)])
    expected = (softplus(-2.0) + softplus(1.0)) / 2 + (softplus(0.5) + softplus(-3.0)) / 2
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(expected)


def test_hinge() -> None:
    loss = LOSSES["hinge"]
    assert loss.generator(FAKE, None).tolist() == [-0.5, 3.0]
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx((0.0 + 2.0) / 2 + (1.5 + 0.0) / 2)


def test_relativistic_pairs_each_fake_with_its_real() -> None:
    loss = LOSSES["relativistic"]
    assert loss.generator(FAKE, REAL).tolist() == pytest.approx([softplus(1.5), softplus(2.0)])
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx((softplus(-1.5) + softplus(-2.0)) / 2)
    shifted = loss.discriminator(REAL + 7.0, FAKE + 7.0)  # only differences count
    assert float(shifted) == pytest.approx(float(loss.discriminator(REAL, FAKE)))


def test_top_k_keeps_the_best_judged() -> None:
    losses = torch.tensor([4.0, 1.0, 3.0, 2.0], requires_grad=True)
    kept = best_judged(losses, 0.5)
    assert float(kept) == 1.5
    kept.backward()
    assert losses.grad is not None
    assert losses.grad.tolist() == [0.0, 0.5, 0.0, 0.5]
    assert float(best_judged(losses, 1.0)) == 2.5
    assert float(best_judged(losses, 0.01)) == 1.0


def test_top_k_share_falls_to_its_floor() -> None:
    assert top_k_share(0.5, 10.0, 0) == 1.0
    assert top_k_share(0.25, 10.0, 10_000) == pytest.approx(0.5)
    assert top_k_share(0.25, 10.0, 1_000_000) == 0.25
    assert top_k_share(1.0, 10.0, 1_000_000) == 1.0
