"""Conditional batch norm: plain batch norm at a zero condition, then each picture's own scale and shift."""

import torch
import torch.nn.functional as F

from gan.networks.conditional_norm import ConditionalBatchNorm2d


def norm() -> ConditionalBatchNorm2d:
    torch.manual_seed(0)
    return ConditionalBatchNorm2d(6, 4)


def test_a_zero_condition_leaves_batch_norm() -> None:
    x = torch.randn(8, 6, 4, 4) * 3.0 + 1.0
    y = norm()(x, torch.zeros(8, 4))
    torch.testing.assert_close(y, F.batch_norm(x, None, None, training=True))


def test_each_picture_has_its_own_gain_and_bias() -> None:
    layer = norm().eval()
    x, condition = torch.randn(3, 6, 4, 4), torch.randn(3, 4)
    with torch.no_grad():
        layer.norm.running_mean.fill_(0.5)  # type: ignore[union-attr]
        layer.norm.running_var.fill_(4.0)  # type: ignore[union-attr]
        y = layer(x, condition)
    for picture in range(3):
        gain = 1.0 + layer.gain.normalised_weight() @ condition[picture]
        bias = layer.bias.normalised_weight() @ condition[picture]
        expected = (x[picture] - 0.5) / 2.0 * gain[:, None, None] + bias[:, None, None]
        torch.testing.assert_close(y[picture], expected, rtol=1e-4, atol=1e-4)


def test_in_eval_mode_neighbours_do_not_matter() -> None:
    layer = norm()
    layer(torch.randn(8, 6, 4, 4), torch.randn(8, 4))
    layer.eval()
    x, condition = torch.randn(4, 6, 4, 4), torch.randn(4, 4)
    torch.testing.assert_close(layer(x, condition)[2:3], layer(x[2:3], condition[2:3]))
