"""BigGAN against its paper: parameter counts, widths, where z and attention go, truncation, the head, the averages."""

import copy

import pytest
import torch
from torch import nn

from gan.ema import update_average
from gan.errors import UserError
from gan.networks.attention import SelfAttention
from gan.networks.biggan import (
    BigGANConfig,
    BigGANDiscriminator,
    BigGANGenerator,
    ProjectionHead,
    attention_level,
    channel_multipliers,
    truncated,
)
from gan.networks.interface import Latents, PictureShape, num_parameters
from gan.regularisers import gradient_penalty
from gan.sampling.latents import random_latents

PAPER = BigGANConfig(width=96, max_width=96 * 16, attention_side=64)
SMALL = BigGANConfig(width=4, max_width=16, z_chunk_dim=5, class_dim=6, attention_side=8)
SHAPE = PictureShape(channels=4, height=32, width=24, num_classes=3)


def generator(shape: PictureShape = SHAPE, config: BigGANConfig = SMALL) -> BigGANGenerator:
    torch.manual_seed(0)
    return BigGANGenerator(config, shape)


def discriminator(shape: PictureShape = SHAPE, config: BigGANConfig = SMALL) -> BigGANDiscriminator:
    torch.manual_seed(0)
    return BigGANDiscriminator(config, shape)


def latents(module: BigGANGenerator, num: int, label: int = 0) -> Latents:
    labels = torch.full((num,), label) if module.shape.num_classes else None
    return random_latents(module, labels, num, style_mixing_probability=0.0, chance=torch.Generator().manual_seed(1))


def wake_attention(module: nn.Module) -> int:
    """Give each attention block a gain: it starts at 0, which silences the block. How many there are."""
    blocks = [block for block in module.modules() if isinstance(block, SelfAttention)]
    for block in blocks:
        nn.init.constant_(block.gain, 0.5)
    return len(blocks)


def test_parameter_counts_are_the_papers() -> None:
    """Appendix B: 70.4M and 88.0M at 128 px; the author's PyTorch code gives the very numbers asserted here."""
    shape = PictureShape(channels=3, height=128, width=128, num_classes=1000)
    with torch.device("meta"):
        assert num_parameters(BigGANGenerator(PAPER, shape)) == 70_433_988
        assert num_parameters(BigGANDiscriminator(PAPER, shape)) == 87_982_370


def test_widths_are_those_of_tables_4_to_6() -> None:
    assert channel_multipliers(5) == (16, 16, 8, 4, 2, 1)
    assert channel_multipliers(6) == (16, 16, 8, 8, 4, 2, 1)
    assert channel_multipliers(7) == (16, 16, 8, 8, 4, 2, 1, 1)
    assert channel_multipliers(3) == (4, 4, 2, 1)
    for doublings in range(2, 10):
        multipliers = channel_multipliers(doublings)
        assert len(multipliers) == doublings + 1
        assert sorted(multipliers, reverse=True) == list(multipliers)


def test_z_has_a_chunk_for_each_block_and_one_for_the_base() -> None:
    """120, 140 and 160 numbers at 128, 256 and 512 px (appendix B)."""
    for side, z_dim in ((128, 120), (256, 140), (512, 160)):
        with torch.device("meta"):
            assert BigGANGenerator(PAPER, PictureShape(channels=3, height=side, width=side)).z_dim == z_dim


@pytest.mark.parametrize("num_classes", [0, 3])
def test_every_chunk_of_z_changes_the_picture(num_classes: int) -> None:
    module = generator(PictureShape(channels=4, height=32, width=32, num_classes=num_classes)).eval()
    given = latents(module, 1)
    with torch.no_grad():
        picture = module(given)
        for chunk in range(module.z_dim // module.z_chunk_dim):
            z = given.z.clone()
            z[:, chunk * module.z_chunk_dim : (chunk + 1) * module.z_chunk_dim] += 1.0
            assert (module(Latents(z=z, labels=given.labels)) - picture).abs().max() > 1e-3, chunk


def test_attention_sits_at_the_chosen_size() -> None:
    shape = PictureShape(channels=4, height=128, width=96)
    assert [attention_level(shape, side) for side in (0, 4, 63, 64, 100, 999)] == [None, 0, 3, 4, 4, 5]
    seen: list[torch.Size] = []
    config = BigGANConfig(width=2, max_width=8, attention_side=64)
    for module in (generator(shape, config), discriminator(shape, config)):
        for block in module.modules():
            if isinstance(block, SelfAttention):
                block.register_forward_hook(lambda block, given, out: seen.append(out.shape[2:]))
        given = latents(module, 2) if isinstance(module, BigGANGenerator) else torch.zeros(2, 4, 128, 96)
        module(given) if isinstance(module, BigGANGenerator) else module(given, None)
    assert seen == [(64, 48), (64, 48)]


@pytest.mark.parametrize("side", [0, 4, 8, 999])
def test_each_network_has_at_most_one_attention_block(side: int) -> None:
    config = BigGANConfig(width=2, max_width=8, attention_side=side)
    for module in (generator(config=config), discriminator(config=config)):
        assert wake_attention(module) <= 1


def test_gradients_reach_attention_once_it_is_awake() -> None:
    module, judge = generator(), discriminator()
    assert (wake_attention(module), wake_attention(judge)) == (1, 1)
    given = latents(module, 4)
    judge(module(given), given.labels).square().sum().backward()
    for network in (module, judge):
        mute = [name for name, p in network.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
        assert not [name for name in mute if "class" not in name]


def test_a_picture_is_its_own_with_attention_awake() -> None:
    module = generator()
    wake_attention(module)
    module(latents(module, 8))  # running statistics of something
    module.eval()
    given = latents(module, 4)
    assert given.labels is not None
    with torch.no_grad():
        together = module(given)
        alone = module(Latents(z=given.z[2:3], labels=given.labels[2:3]))
    torch.testing.assert_close(together[2:3], alone, rtol=0, atol=1e-5)


def test_r1_reaches_the_weights_through_attention_and_head() -> None:
    judge = discriminator()
    wake_attention(judge)
    images = torch.randn(4, 4, 32, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()
    gradient_penalty(judge, images, torch.tensor([0, 1, 2, 0])).backward()
    for name, parameter in judge.named_parameters():
        assert parameter.grad is not None or name.endswith("bias"), name  # last biases leave the slope alone
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name


def test_truncation_draws_from_the_cut_normal() -> None:
    """Section 3.1: as if values outside had been drawn anew. Mass .9545 lies within 2, .6827 within 1."""
    z = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(truncated(z, 1.0), z)
    assert torch.equal(truncated(z, 0.0), torch.zeros_like(z))
    for mass, cut in ((0.9545, 2.0), (0.6827, 1.0)):
        values = truncated(z, mass)
        assert 0.99 * cut < values.abs().max() <= cut + 1e-3
        redrawn = z[z.abs() < cut]
        assert float(values.std()) == pytest.approx(float(redrawn.std()), rel=0.01)
        quantiles = torch.tensor([0.1, 0.3, 0.5, 0.8])
        torch.testing.assert_close(values.quantile(quantiles), redrawn.quantile(quantiles), rtol=0, atol=0.02)
    assert torch.isfinite(truncated(torch.tensor([-20.0, 20.0]), 0.999)).all()
    assert torch.equal(truncated(z, 1.5), z * 1.5)


def test_the_head_is_a_logit_plus_the_projection_of_summed_features() -> None:
    head = ProjectionHead(5, 3).eval()
    maps, labels = torch.randn(2, 5, 4, 3), torch.tensor([2, 0])
    assert head.class_projection is not None
    rows = head.class_projection.normalised_weight()
    features = maps.clamp(min=0.0).sum(dim=(2, 3))
    expected = features @ head.logit.normalised_weight()[0] + torch.stack(
        [features[0] @ rows[2], features[1] @ rows[0]]
    )
    torch.testing.assert_close(head(maps, labels), expected)


def test_the_average_of_a_generator_that_stands_still_is_that_generator() -> None:
    """u and the running statistics move on while weights stand: the average must follow, not blow up."""
    module = generator()
    average = copy.deepcopy(module).eval()
    with torch.no_grad():
        for weight in (p for p in module.parameters() if p.dim() > 1):
            weight.normal_()  # far from orthogonal: u has a way to go
    given = latents(module, 16)
    with torch.no_grad():
        for _ in range(300):
            module(given)
            update_average(average, module, 16, 100.0)
        module.eval()
        torch.testing.assert_close(average(given), module(given), rtol=0, atol=0.02)


def test_settings_out_of_range_say_so() -> None:
    with pytest.raises(UserError, match="1 or more"):
        BigGANConfig(z_chunk_dim=0)
    with pytest.raises(UserError, match="attention_side"):
        BigGANConfig(attention_side=-1)
    assert BigGANConfig(width=32, max_width=256).scaled(0.5) == BigGANConfig(width=16, max_width=128)
