"""Discriminator augmentation for every network: what a picture goes through before D sees it, and how often.

Written from the papers (ADA: arXiv 2006.06676; DiffAugment: arXiv 2006.10738).
"""

from collections.abc import Callable, Mapping

from gan.augment.ada import AdaAugment
from gan.augment.config import POLICIES, AugmentConfig, Policy
from gan.augment.controller import AdaController, ConstantController, Controller
from gan.augment.diffaugment import DiffAugment
from gan.augment.interface import Augment, Unchanged
from gan.errors import UserError

__all__ = [
    "POLICIES",
    "AdaController",
    "Augment",
    "AugmentConfig",
    "ConstantController",
    "Controller",
    "build_augment",
    "build_controller",
]

_AUGMENTS: Mapping[Policy, Callable[[AugmentConfig, int], Augment]] = {
    "none": lambda config, channels: Unchanged(),
    "ada": AdaAugment,
    "fixed": AdaAugment,
    "diffaugment": lambda config, channels: DiffAugment(channels),
}

_CONTROLLERS: Mapping[Policy, Callable[[AugmentConfig], Controller]] = {
    "none": lambda config: ConstantController(config, 0.0),
    "ada": AdaController,
    "fixed": lambda config: ConstantController(config, config.fixed_p),
    "diffaugment": lambda config: ConstantController(config, 1.0),
}


def build_augment(config: AugmentConfig, channels: int) -> Augment:
    """The augmentation of that policy, for pictures of 1, 3 or 4 (premultiplied RGBA) channels."""
    if channels not in (1, 3, 4):
        raise UserError(f"{channels} channels cannot be augmented: a picture has 1 (grey), 3 (RGB) or 4 (RGBA)")
    return _AUGMENTS[config.policy](config, channels)


def build_controller(config: AugmentConfig) -> Controller:
    """What gives p under that policy: 0, ADA's, `fixed_p`, or 1."""
    return _CONTROLLERS[config.policy](config)
