"""`dinov2`, `dinov2s` and `clip`: vision transformers trained on photographs, through the library timm.

Stein et al. 2023 (arXiv:2306.04675, sections 3 and 4) find that distances in DINOv2's features agree with people best;
`dinov2` is their ViT-L/14 at 224 px, class token, `dinov2s` the ViT-S/14 of the same family at a fifteenth of the cost.
Kynkäänniemi et al. 2023 (arXiv:2203.06026) propose CLIP's, because Inception's see the classes of ImageNet; `clip` is
OpenAI's ViT-B/32 with its projection to 512, as in clean-fid. With the same weights both give the original code's
features to the bit. Weights come from the Hugging Face hub on first use (into its own cache) or from a local
.safetensors file. Features are used raw.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from gan.errors import UserError
from gan.features.photograph_net import PhotographNet

SIDE = 224
PREPROCESSING = "RGBA on 128; clean-fid clean resize 224; net's own mean and deviation; 1"
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_DINOV2_OFFSET = 0.1  # added to the side in patches by DINOv2's code when it stretches the table of positions


@dataclass(frozen=True, kw_only=True)
class Transformer:
    """One of the nets. architecture: timm's name and weights' tag. mean, deviation: of RGB in 0..1, its training's."""

    name: str
    architecture: str
    environment_variable: str
    num_features: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    num_outputs: int = 0  # of a projection behind the class token; 0 takes the token itself


DINOV2 = Transformer(
    name="dinov2",
    architecture="vit_large_patch14_dinov2.lvd142m",
    environment_variable="GANVIL_DINOV2",
    num_features=1024,
    mean=_IMAGENET[0],
    deviation=_IMAGENET[1],
)
DINOV2_SMALL = Transformer(
    name="dinov2s",
    architecture="vit_small_patch14_dinov2.lvd142m",
    environment_variable="GANVIL_DINOV2S",
    num_features=384,
    mean=_IMAGENET[0],
    deviation=_IMAGENET[1],
)
CLIP = Transformer(
    name="clip",
    architecture="vit_base_patch32_clip_quickgelu_224.openai",
    environment_variable="GANVIL_CLIP",
    num_features=512,
    mean=_CLIP[0],
    deviation=_CLIP[1],
    num_outputs=512,
)


class VisionTransformer(PhotographNet):
    """The net. On one core some 1.7 s a picture for `dinov2`, 0.14 for `dinov2s`, 0.09 for `clip`."""

    side = SIDE

    def __init__(self, kind: Transformer, device: torch.device) -> None:
        """Raises UserError where timm is not installed, or the weights cannot be had or are another net's."""
        super().__init__(device)
        self.name, self.num_features = kind.name, kind.num_features
        network = _at_side(_load(kind), SIDE)
        self.fingerprint = _fingerprint(network)
        self._network = network.eval().to(device)
        self._mean, self._deviation = (
            torch.tensor(values, device=device)[:, None, None] for values in (kind.mean, kind.deviation)
        )

    def _features(self, resized: Tensor) -> Tensor:
        features: Tensor = self._network((resized / 255.0 - self._mean) / self._deviation)
        return features


def _load(kind: Transformer) -> Any:
    """The network with its weights, from the file that the environment names or from the hub; never a pickle."""
    way_out = (
        f"set {kind.environment_variable} to the .safetensors file of timm's {kind.architecture},"
        " or choose --features randconv"
    )
    try:
        import timm
        from huggingface_hub import hf_hub_download
        from timm.models.vision_transformer import checkpoint_filter_fn
    except ImportError:
        raise UserError(f"--features {kind.name} needs timm: pip install 'ganvil[vision]' or {way_out}") from None
    given = os.environ.get(kind.environment_variable)
    if given and not (given.endswith(".safetensors") and Path(given).is_file()):
        raise UserError(f"{kind.environment_variable}={given!r} is not a .safetensors file: {way_out}")
    network = timm.create_model(kind.architecture, pretrained=False, num_classes=kind.num_outputs)
    try:
        file = given or hf_hub_download(network.pretrained_cfg["hf_hub_id"], "model.safetensors")
        weights = checkpoint_filter_fn(load_file(file), network)
        # the originals' heads are left out; what is missing would stay as chance drew it
        missing, _ = network.load_state_dict(weights, strict=False)
        if missing:
            raise ValueError(f"it lacks {missing[0]}")
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(
            f"no weights of {kind.architecture} in {given or 'the Hugging Face hub'} ({_first_line(error)}): {way_out}"
        ) from None
    return network


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _at_side(network: Any, side: int) -> Any:
    """The network for pictures of that side: its table of positions stretched as DINOv2's own code does it.

    timm would filter differently, and published distances are of DINOv2's own code.
    """
    patch = network.patch_embed.patch_size[0]
    now, then = network.patch_embed.grid_size[0], side // patch
    if now != then:
        table = network.pos_embed.detach()
        places = table[:, -now * now :].unflatten(1, (now, now)).permute(0, 3, 1, 2)
        scale = (then + _DINOV2_OFFSET) / now
        places = functional.interpolate(places, mode="bicubic", scale_factor=(scale, scale))
        assert places.shape[2:] == (then, then)
        network.set_input_size(img_size=(side, side))
        stretched = torch.cat([table[:, : -now * now], places.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)
        network.pos_embed.data.copy_(stretched)
    return network


def _fingerprint(network: Any) -> str:
    digest = hashlib.sha256(PREPROCESSING.encode())
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().float().cpu().numpy()).tobytes())
    return digest.hexdigest()
