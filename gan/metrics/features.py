"""What a feature net promises, and the nets there are, by name.

A net's name goes into the name of every number computed from its features: numbers of different nets never
compare.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from gan.data.pixels import UInt8Array
from gan.errors import UserError


class FeatureNet(Protocol):
    """Pictures in, one row of features each out.

    name: as in `fid_<name>`. fingerprint: of the weights and of the preprocessing, so that cached features
    are never mistaken. num_features: d. standardised: whether distances want each feature brought to mean 0
    and deviation 1 on the reals (a random net's features have arbitrary scales; a trained net's are used as
    the field uses them).
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def num_features(self) -> int: ...
    @property
    def standardised(self) -> bool: ...

    def __call__(self, images: UInt8Array) -> NDArray[np.float32]:
        """uint8 `[n, c, h, w]`, c = 1, 3 or 4 (premultiplied) -> raw features `[n, num_features]`.

        A picture's features do not depend on its neighbours in the batch.
        """


def load_feature_net(name: str, device: torch.device) -> FeatureNet:
    """The net of that name, ready on the device. An unknown name, or weights out of reach, is a UserError."""
    if name not in FEATURE_NETS:
        raise UserError(f"unknown feature net {name!r}: choose one of {', '.join(FEATURE_NETS)}")
    return FEATURE_NETS[name](device)


def _random_convolutions(device: torch.device) -> FeatureNet:
    from gan.metrics.random_convolutions import RandomConvolutions

    return RandomConvolutions(device)


def _inception(device: torch.device) -> FeatureNet:
    from gan.metrics.inception import load_inception  # imports clean-fid: only for those who use it

    return load_inception(device)


def _dinov2(device: torch.device) -> FeatureNet:
    from gan.metrics.vision_transformer import DINOV2, VisionTransformer

    return VisionTransformer(DINOV2, device)


def _dinov2_small(device: torch.device) -> FeatureNet:
    from gan.metrics.vision_transformer import DINOV2_SMALL, VisionTransformer

    return VisionTransformer(DINOV2_SMALL, device)


def _clip(device: torch.device) -> FeatureNet:
    from gan.metrics.vision_transformer import CLIP, VisionTransformer

    return VisionTransformer(CLIP, device)


FEATURE_NETS: dict[str, Callable[[torch.device], FeatureNet]] = {
    "randconv": _random_convolutions,
    "inception": _inception,
    "dinov2": _dinov2,
    "dinov2s": _dinov2_small,
    "clip": _clip,
}
