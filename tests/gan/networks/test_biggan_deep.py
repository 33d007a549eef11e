"""BigGAN-deep against its paper: parameter counts, skips without weights, z in every block, R1, attention."""

import torch
from torch import nn

from gan.networks.attention import SelfAttention
from gan.networks.biggan_deep import (
    BigGANDeepConfig,
    BigGANDeepDiscriminator,
    BigGANDeepGenerator,
    DiscriminatorBlock,
    GeneratorBlock,
)
from gan.networks.conditional_norm import ConditionalBatchNorm2d
from gan.networks.interface import PictureShape, num_parameters
from gan.networks.spectral import SpectralConv2d, SpectralLayer
from gan.regularisers import gradient_penalty
from gan.sampling.latents import random_latents

PAPER = BigGANDeepConfig(width=128, max_width=128 * 16, attention_side=64)
SMALL = BigGANDeepConfig(width=8, max_width=16, z_dim=5, class_dim=6, attention_side=8)
SHAPE = PictureShape(channels=4, height=32, width=24, num_classes=3)


def silenced(block: nn.Module) -> nn.Module:
    """The block with a last convolution of zeros: only its skip is left."""
    last = [layer for layer in block.modules() if isinstance(layer, SpectralConv2d)]
    kept = getattr(block, "appended", None)
    nn.init.zeros_([layer for layer in last if layer is not kept][-1].weight)
    return block


def test_parameter_counts_are_the_papers() -> None:
    """Appendix B: 50.4M and 34.6M at 128 px. The author's PyTorch code gives the very numbers asserted here."""
    shape = PictureShape(channels=3, height=128, width=128, num_classes=1000)
    with torch.device("meta"):
        assert num_parameters(BigGANDeepGenerator(PAPER, shape)) == 50_244_484
        assert num_parameters(BigGANDeepDiscriminator(PAPER, shape)) == 34_590_210


def test_the_generators_skip_keeps_the_first_channels() -> None:
    block = silenced(GeneratorBlock(SMALL, 16, 8, 4, doubling=True))
    x = torch.randn(2, 16, 4, 3)
    expected = x[:, :8].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(block(x, torch.randn(2, 4)), expected)


def test_the_discriminators_skip_appends_the_missing_channels() -> None:
    block = silenced(DiscriminatorBlock(SMALL, 8, 16, halving=True)).eval()
    x = torch.randn(2, 8, 4, 6)
    pooled = x.unflatten(3, (3, 2)).unflatten(2, (2, 2)).mean(dim=(3, 5))
    y = block(x)
    torch.testing.assert_close(y[:, :8], pooled)
    assert isinstance(block, DiscriminatorBlock)
    assert block.appended is not None
    torch.testing.assert_close(y[:, 8:], block.appended(pooled))
    level = silenced(DiscriminatorBlock(SMALL, 8, 8, halving=False))
    torch.testing.assert_close(level(x), x)


def test_all_of_z_goes_into_every_norm_and_the_base() -> None:
    generator = BigGANDeepGenerator(SMALL, SHAPE)
    norms = [module for module in generator.modules() if isinstance(module, ConditionalBatchNorm2d)]
    assert len(norms) == 4 * 2 * SHAPE.num_doublings
    assert {norm.gain.weight.shape[1] for norm in norms} == {SMALL.z_dim + SMALL.class_dim}
    assert generator.base.weight.shape[1] == SMALL.z_dim + SMALL.class_dim
    free = BigGANDeepGenerator(SMALL, PictureShape(channels=4, height=32, width=24))
    assert free.base.weight.shape[1] == SMALL.z_dim


def test_every_weight_but_the_shared_embedding_is_spectral() -> None:
    for network in (BigGANDeepGenerator(SMALL, SHAPE), BigGANDeepDiscriminator(SMALL, SHAPE)):
        spectral = {id(m.weight) for m in network.modules() if isinstance(m, SpectralLayer)}
        others = [n for n, p in network.named_parameters() if p.dim() > 1 and id(p) not in spectral]
        assert others in ([], ["class_embedding.weight"])


def test_gradients_and_r1_reach_every_weight_with_attention_awake() -> None:
    torch.manual_seed(0)
    generator, discriminator = BigGANDeepGenerator(SMALL, SHAPE), BigGANDeepDiscriminator(SMALL, SHAPE)
    for network in (generator, discriminator):
        blocks = [module for module in network.modules() if isinstance(module, SelfAttention)]
        assert len(blocks) == 1
        nn.init.constant_(blocks[0].gain, 0.5)
    labels = torch.tensor([0, 1, 2, 0])
    given = random_latents(generator, labels, 4, style_mixing_probability=0.0, chance=torch.Generator().manual_seed(1))
    discriminator(generator(given), labels).square().sum().backward()
    for network in (generator, discriminator):
        assert not [n for n, p in network.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    discriminator.zero_grad()
    images = torch.randn(4, 4, 32, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()
    gradient_penalty(discriminator, images, labels).backward()
    weights = [(n, p) for n, p in discriminator.named_parameters() if n.endswith("weight")]
    assert not [n for n, p in weights if p.grad is None or p.grad.abs().max() == 0 or not torch.isfinite(p.grad).all()]


def test_the_network_can_be_made_narrower() -> None:
    assert SMALL.scaled(0.5).channels(3) == [8, 8, 8, 4]
    assert SMALL.scaled(0.01).narrowed(1) == 1
