import pytest
import torch

from gan.ema import half_life_images, update_average
from gan.networks.interface import PictureShape
from gan.networks.registry import build_generator
from gan.recipes import tiny_dcgan


def test_half_life_ramps_up_with_what_was_seen() -> None:
    assert half_life_images(10.0, 0.05, 1000) == 50.0
    assert half_life_images(10.0, 0.05, 1_000_000) == 10_000.0
    assert half_life_images(10.0, 0.0, 1000) == 10_000.0


def test_after_one_half_life_the_average_has_gone_half_way() -> None:
    shape = PictureShape(channels=3, height=16, width=16)
    average, current = (build_generator(tiny_dcgan().network, shape) for _ in range(2))
    for module, value in ((average, 0.0), (current, 1.0)):
        for tensor in [*module.parameters(), *module.buffers()]:
            tensor.data.fill_(value)
    for _ in range(10):
        update_average(average, current, 100, 1000.0)
    for name, tensor in average.state_dict().items():
        if tensor.is_floating_point():
            assert float(tensor.flatten()[0]) == pytest.approx(0.5, abs=1e-5), name
        else:
            assert int(tensor) == 1, name
    update_average(average, current, 100, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(average.parameters(), current.parameters(), strict=True))
