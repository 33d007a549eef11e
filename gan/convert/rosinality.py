"""StyleGAN2 of rosinality's stylegan2-pytorch, from its state dicts to our names.

Its constant noise maps (`noises.…`) have no place here: a picture's seed draws its noise. Some of its files, those
converted from TensorFlow, hold the mean style (`latent_avg`); for the others it is estimated.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from gan.convert.imported import Imported, Weights, check_filter, widths_to_settings
from gan.convert.inert import StoredTensor
from gan.errors import UserError
from gan.networks.interface import PictureShape
from gan.networks.stylegan2 import StyleGAN2Config

_WAVELETS = ("iwt", "dwt")
_NOT_TAKEN = ("noises.", "kernel")


class _State:
    """A state dict of theirs, which knows what was taken from it."""

    def __init__(self, name: str, state: Any) -> None:
        if type(state) is not dict or not all(isinstance(value, StoredTensor) for value in state.values()):
            raise UserError(f"{name} is no state dict: not a checkpoint of rosinality's stylegan2-pytorch")
        self.name = name
        self.state: dict[Any, StoredTensor] = state
        self._taken: set[str] = set()
        if any(f".{wavelet}." in f".{key}" for key in state for wavelet in _WAVELETS):
            raise UserError(f"{name} is a SWAGAN: only the stylegan2 networks of that repository can be converted")

    def __contains__(self, key: str) -> bool:
        return key in self.state

    def shape(self, key: str) -> tuple[int, ...]:
        if key not in self.state:
            raise UserError(f"{self.name} has no {key}: not a checkpoint of rosinality's stylegan2-pytorch")
        return self.state[key].size

    def take(self, key: str, *shape: int) -> Tensor:
        """The tensor, in another shape where one is given."""
        self.shape(key)
        self._taken.add(key)
        tensor = self.state[key].load()
        return tensor.reshape(shape) if shape else tensor

    def check_all_taken(self) -> None:
        """UserError where something is left that our networks have no equal of."""
        for key in self.state.keys() - self._taken:
            name = str(key)
            if name.endswith("kernel"):
                check_filter(self.state[key].load(), f"{self.name}.{name[:80]}")
            elif not name.startswith(_NOT_TAKEN):
                raise UserError(f"{self.name} holds {name[:80]!r}, which this version of the converter does not know")


def read_rosinality(root: Mapping[Any, Any]) -> Imported:
    """The networks of a checkpoint of theirs: {"g_ema": …, "g": …, "d": …, "latent_avg": …, "args": …}."""
    average = _State("g_ema", root.get("g_ema"))
    num_layers = sum(f"style.{index}.weight" in average for index in range(1, 65))
    num_levels = sum(f"to_rgbs.{index}.bias" in average for index in range(16)) + 1
    widths = {4: average.shape("input.input")[1]}
    for level in range(1, num_levels):
        widths[4 << level] = average.shape(f"convs.{2 * level - 1}.conv.weight")[1]
    base, most = widths_to_settings(widths)
    w_dim, z_dim = average.shape("style.1.weight")
    config = StyleGAN2Config(
        z_dim=z_dim,
        w_dim=w_dim,
        mapping_layers=num_layers,
        channel_base=base,
        channel_max=most,
        output="linear",
        border="zero",
    )
    size = 4 << (num_levels - 1)
    shape = PictureShape(channels=3, height=size, width=size)
    remarks = []
    mean = root.get("latent_avg")
    if not isinstance(mean, StoredTensor):
        remarks.append("the file has no mean style: it was estimated")
    if root.get("d") is None:
        remarks.append("there is no discriminator in the file")
    means = {"w_mean": mean.load()} if isinstance(mean, StoredTensor) else {}

    def weights(state: _State) -> Weights:
        return {**_generator_weights(state, num_layers, num_levels), **means}

    return Imported(
        config=config,
        shape=shape,
        average=weights(average),
        generator=None if root.get("g") is None else weights(_State("g", root["g"])),
        discriminator=None if root.get("d") is None else _discriminator_weights(_State("d", root["d"]), num_levels),
        remarks=tuple(remarks),
    )


def _linear(name: str, state: _State, key: str) -> Weights:
    return {f"{name}.weight": state.take(f"{key}.weight"), f"{name}.bias": state.take(f"{key}.bias")}


def _modulated(name: str, state: _State, key: str) -> Weights:
    weight = state.take(f"{key}.conv.weight")
    return {f"{name}.weight": weight[0], **_linear(f"{name}.style", state, f"{key}.conv.modulation")}


def _styled(name: str, state: _State, key: str) -> Weights:
    return {
        **_modulated(f"{name}.convolution", state, key),
        f"{name}.noise_strength": state.take(f"{key}.noise.weight").reshape(()),
        f"{name}.bias": state.take(f"{key}.activate.bias"),
    }


def _to_picture(name: str, state: _State, key: str) -> Weights:
    return {**_modulated(f"{name}.convolution", state, key), f"{name}.bias": state.take(f"{key}.bias", -1)}


def _generator_weights(state: _State, num_layers: int, num_levels: int) -> Weights:
    weights: Weights = {"constant": state.take("input.input")}
    for index in range(num_layers):  # style.0 is the normalisation
        weights |= _linear(f"mapping_network.layers.{index}", state, f"style.{index + 1}")
    weights |= _styled("convolutions.0", state, "conv1")
    weights |= _to_picture("to_pictures.0", state, "to_rgb1")
    for index in range(2 * (num_levels - 1)):
        weights |= _styled(f"convolutions.{index + 1}", state, f"convs.{index}")
    for level in range(1, num_levels):
        weights |= _to_picture(f"to_pictures.{level}", state, f"to_rgbs.{level - 1}")
    state.check_all_taken()
    return weights


def _convolution(name: str, state: _State, key: str, place: int) -> Weights:
    """The convolution at that place of a sequence, its bias in the activation behind it."""
    return {
        f"{name}.weight": state.take(f"{key}.{place}.weight"),
        f"{name}.bias": state.take(f"{key}.{place + 1}.bias"),
    }


def _discriminator_weights(state: _State, num_levels: int) -> Weights:
    weights = _convolution("from_picture", state, "convs.0", 0)
    for index in range(num_levels - 1):
        block = f"convs.{index + 1}"
        weights |= _convolution(f"blocks.{index}.first", state, f"{block}.conv1", 0)
        weights |= _convolution(f"blocks.{index}.second", state, f"{block}.conv2", 1)  # behind its filter
        weights[f"blocks.{index}.skip.weight"] = state.take(f"{block}.skip.1.weight")
    weights |= _convolution("last", state, "final_conv", 0)
    weights |= _linear("hidden", state, "final_linear.0")
    weights |= _linear("logit", state, "final_linear.1")
    state.check_all_taken()
    return weights
