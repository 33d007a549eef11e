"""Self-attention: the identity at the start, one position at a time against the paper's sums, second derivatives."""

import torch
import torch.nn.functional as F

from gan.networks.attention import SelfAttention


def block(channels: int, gain: float) -> SelfAttention:
    torch.manual_seed(0)
    attention = SelfAttention(channels).eval()
    with torch.no_grad():
        attention.gain.fill_(gain)
    return attention


def test_starts_as_the_identity() -> None:
    x = torch.randn(2, 16, 4, 6)
    assert torch.equal(SelfAttention(16)(x), x)


def test_each_position_is_the_softmax_mean_of_the_pooled_values() -> None:
    """Equations 1 and 2 of SAGAN, position by position, keys and values max-pooled 2x2."""
    attention, x = block(16, 0.5), torch.randn(1, 16, 4, 6)
    keys, values = (F.max_pool2d(layer(x), 2)[0].flatten(1) for layer in (attention.key, attention.value))
    seen = torch.empty(8, 4, 6)
    for row in range(4):
        for column in range(6):
            query = attention.query(x)[0, :, row, column]
            weights = torch.stack([query @ keys[:, place] for place in range(6)]).softmax(dim=0)
            seen[:, row, column] = (values * weights).sum(dim=1)
    torch.testing.assert_close(attention(x), x + 0.5 * attention.out(seen[None]))


def test_a_change_far_away_is_felt() -> None:
    attention, x = block(16, 1.0), torch.randn(1, 16, 8, 8)
    other = x.clone()
    other[..., -1, -1] += 5.0
    assert (attention(x) - attention(other))[..., 0, 0].abs().max() > 1e-3


def test_narrow_maps_and_odd_sides_work() -> None:
    for channels, size in ((1, (4, 4)), (4, (5, 3))):
        x = torch.randn(2, channels, *size)
        assert block(channels, 1.0)(x).shape == x.shape


def test_has_second_derivatives() -> None:
    attention = block(8, 1.0).double()
    x = torch.randn(1, 8, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(attention, (x,))
