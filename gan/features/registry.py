"""The feature nets there are, by name. Each is imported by those alone who ask for it."""

from collections.abc import Callable

import torch

from gan.errors import UserError
from gan.features.interface import FeatureNet


def load_feature_net(name: str, device: torch.device) -> FeatureNet:
    """The net of that name, ready on the device. An unknown name, or weights out of reach, is a UserError."""
    if name not in FEATURE_NETS:
        raise UserError(f"unknown feature net {name!r}: choose one of {', '.join(FEATURE_NETS)}")
    return FEATURE_NETS[name](device)


def _random_convolutions(device: torch.device) -> FeatureNet:
    from gan.features.random_convolutions import RandomConvolutions

    return RandomConvolutions(device)


def _inception(device: torch.device) -> FeatureNet:
    from gan.features.inception import load_inception  # imports clean-fid: only for those who use it

    return load_inception(device)


def _dinov2(device: torch.device) -> FeatureNet:
    from gan.features.vision_transformer import DINOV2, VisionTransformer

    return VisionTransformer(DINOV2, device)


def _dinov2_small(device: torch.device) -> FeatureNet:
    from gan.features.vision_transformer import DINOV2_SMALL, VisionTransformer

    return VisionTransformer(DINOV2_SMALL, device)


def _clip(device: torch.device) -> FeatureNet:
    from gan.features.vision_transformer import CLIP, VisionTransformer

    return VisionTransformer(CLIP, device)


FEATURE_NETS: dict[str, Callable[[torch.device], FeatureNet]] = {
    "randconv": _random_convolutions,
    "inception": _inception,
    "dinov2": _dinov2,
    "dinov2s": _dinov2_small,
    "clip": _clip,
}
