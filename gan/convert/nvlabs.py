"""StyleGAN2 of NVlabs' stylegan2-ada-pytorch and stylegan3 repositories, from its records to our names.

Settings are read from what each layer saved, not from the arguments that built it: their defaults differ between the
two repositories. Three things of theirs have no place here: the constant noise maps (`noise_const`; here a picture's
seed draws its noise), half precision in the largest maps, and that the skip discriminator's view of the smallest
picture alone is free of the clamp.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gan.convert.imported import Imported, Weights, check_filter, one_value, widths_to_settings
from gan.convert.inert import Persistent
from gan.convert.part import Part
from gan.errors import UserError
from gan.networks.interface import PictureShape
from gan.networks.stylegan2 import StyleGAN2Config, Wiring

_WIRINGS: dict[object, Wiring] = {"skip": "skip", "resnet": "residual", "orig": "original"}
_LINEAR = {"affine", "embed", "out", "skip"}  # layers without an activation
_UNBOUND = {"skip", "b4.fromrgb"}  # layers whose clamp is none whatever the network's


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What both networks must agree on to share one set of settings."""

    size: int
    channels: int
    num_classes: int
    channel_base: int
    channel_max: int
    clamp: float | None


def read_nvlabs(root: Mapping[Any, Any]) -> Imported:
    """The networks of a pickle of theirs: {"G_ema": …, "D": …, "G": …, "training_set_kwargs": …}.

    UserError for StyleGAN3's alias-free networks, and for settings that ours have no equal of.
    """
    average = _generator_of(root, "G_ema")
    assert average is not None
    frame = _generator_frame(average)
    trained = _generator_of(root, "G")
    judge = Part("D", root["D"]) if isinstance(root.get("D"), Persistent) else None
    remarks = []
    if judge is not None and _discriminator_frame(judge) != frame:
        remarks.append("the discriminator is left out: its widths, size or clamp are not the generator's")
        judge = None
    if judge is None and not remarks:
        remarks.append("there is no discriminator in the file")
    mapping = average.part("mapping")
    decay = mapping.setting("w_avg_beta")
    if decay is None:
        remarks.append("the file has no mean style: it was estimated")
    chosen: dict[str, Any] = {} if judge is None else _discriminator_settings(judge)
    config = StyleGAN2Config(
        z_dim=mapping.count("z_dim"),
        w_dim=mapping.count("w_dim"),
        mapping_layers=mapping.count("num_layers"),
        w_mean_decay=0.998 if decay is None else mapping.number("w_avg_beta"),
        channel_base=frame.channel_base,
        channel_max=frame.channel_max,
        generator=_wiring(average.part("synthesis")),
        output="linear",
        border="zero",
        clamp=frame.clamp,
        **chosen,
    )
    shape = PictureShape(channels=frame.channels, height=frame.size, width=frame.size, num_classes=frame.num_classes)
    kwargs = root.get("training_set_kwargs")
    return Imported(
        config=config,
        shape=shape,
        average=_generator_weights(average, shape),
        generator=None if trained is None else _generator_weights(trained, shape),
        discriminator=None if judge is None else _discriminator_weights(judge, config, shape),
        mirror=isinstance(kwargs, dict) and kwargs.get("xflip") is True,
        remarks=tuple(remarks),
    )


def _generator_of(root: Mapping[Any, Any], name: Literal["G_ema", "G"]) -> Part | None:
    record = root.get(name)
    if record is None and name == "G":
        return None
    if not isinstance(record, Persistent):
        raise UserError(f"{name} is no network of NVlabs' stylegan2-ada-pytorch or stylegan3")
    part = Part(name, record)
    if part.part("synthesis").has("input"):
        raise UserError(
            f"{name} is an alias-free StyleGAN3 network (networks_stylegan3), which Ganvil has no equal of:"
            " only the StyleGAN2 networks of these repositories can be converted"
        )
    return part


def _sides(size: int) -> list[int]:
    """Sides of the maps from the base up."""
    if not 8 <= size <= 1024 or size & (size - 1):
        raise UserError(f"pictures of {size} pixels a side: their networks make powers of two up to 1024")
    return [1 << bits for bits in range(2, size.bit_length())]


def _generator_frame(generator: Part) -> _Frame:
    synthesis, mapping = generator.part("synthesis"), generator.part("mapping")
    size = synthesis.count("img_resolution")
    widths = {side: synthesis.part(f"b{side}.conv1").shape("weight")[0] for side in _sides(size)}
    base, most = widths_to_settings(widths)
    return _Frame(
        size=size,
        channels=synthesis.count("img_channels"),
        num_classes=mapping.count("c_dim"),
        channel_base=base,
        channel_max=most,
        clamp=_checked_layers(generator),
    )


def _discriminator_frame(judge: Part) -> _Frame:
    size = judge.count("img_resolution")
    widths = {side: judge.part(f"b{side}.conv0").shape("weight")[0] for side in _sides(size)[1:]}
    widths[4] = judge.part("b4.conv").shape("weight")[0]
    base, most = widths_to_settings(widths)
    return _Frame(
        size=size,
        channels=judge.count("img_channels"),
        num_classes=judge.count("c_dim"),
        channel_base=base,
        channel_max=most,
        clamp=_checked_layers(judge),
    )


def _checked_layers(network: Part) -> float | None:
    """The clamp of the whole network, after a look at every layer's filter and activation."""
    clamps = []
    for part in network.walk():
        if part.has("resample_filter"):
            check_filter(part.tensor("resample_filter"), part.path)
        if "activation" in part.record.state:
            expected = "linear" if part.name in _LINEAR else "lrelu"
            if part.setting("activation") != expected:
                raise UserError(f"{part.path}: activation {part.setting('activation')!r} is not supported")
        if "conv_clamp" in part.record.state and not part.path.endswith(tuple(_UNBOUND)):
            clamps.append(part.setting("conv_clamp"))
    clamp = one_value(clamps, "conv_clamp")
    return None if clamp is None else float(clamp)  # type: ignore[arg-type]


def _wiring(network: Part) -> Wiring:
    named = one_value(
        [part.setting("architecture") for part in network.parts().values() if "architecture" in part.record.state],
        "architecture",
    )
    if named not in _WIRINGS:
        raise UserError(f"{network.path}: architecture {named!r} is unknown: known are {', '.join(map(str, _WIRINGS))}")
    return _WIRINGS[named]


def _linear(name: str, layer: Part, learning_rate_multiplier: float = 1.0) -> Weights:
    """A fully connected layer; where theirs learns at another rate, the difference goes into the weights."""
    weight, bias = layer.tensor("weight"), layer.tensor("bias")
    gain = layer.number("weight_gain") / (learning_rate_multiplier / math.sqrt(weight.shape[1]))
    bias_gain = layer.number("bias_gain") / learning_rate_multiplier
    return {
        f"{name}.weight": weight if math.isclose(gain, 1.0, rel_tol=1e-6) else weight * gain,
        f"{name}.bias": bias if math.isclose(bias_gain, 1.0, rel_tol=1e-6) else bias * bias_gain,
    }


def _modulated(name: str, layer: Part) -> Weights:
    return {f"{name}.weight": layer.tensor("weight"), **_linear(f"{name}.style", layer.part("affine"))}


def _styled(name: str, layer: Part) -> Weights:
    strength = layer.tensor("noise_strength") if layer.has("noise_strength") else layer.tensor("bias").new_zeros(())
    return {
        **_modulated(f"{name}.convolution", layer),
        f"{name}.noise_strength": strength,
        f"{name}.bias": layer.tensor("bias"),
    }


def _generator_weights(generator: Part, shape: PictureShape) -> Weights:
    synthesis, mapping = generator.part("synthesis"), generator.part("mapping")
    weights: Weights = {"constant": synthesis.part("b4").tensor("const")[None]}
    if mapping.has("w_avg"):
        weights["w_mean"] = mapping.tensor("w_avg")
    if shape.num_classes:
        weights |= _linear("mapping_network.class_embedding", mapping.part("embed"))
    for index in range(mapping.count("num_layers")):
        weights |= _linear(f"mapping_network.layers.{index}", mapping.part(f"fc{index}"), 0.01)
    for level, side in enumerate(_sides(shape.height)):
        block = synthesis.part(f"b{side}")
        if level:
            weights |= _styled(f"convolutions.{2 * level - 1}", block.part("conv0"))
        weights |= _styled(f"convolutions.{2 * level}", block.part("conv1"))
        if block.has("skip"):
            weights[f"joins.{level - 1}.skip.weight"] = block.part("skip").tensor("weight")
        if block.has("torgb"):
            weights |= _modulated(f"to_pictures.{level}.convolution", block.part("torgb"))
            weights[f"to_pictures.{level}.bias"] = block.part("torgb").tensor("bias")
    return weights


def _discriminator_settings(judge: Part) -> dict[str, Any]:
    deviation = judge.part("b4.mbstd")
    if deviation.setting("num_channels") != 1:
        raise UserError("D.b4.mbstd: more than one channel of minibatch standard deviation is not supported")
    settings: dict[str, Any] = {"discriminator": _wiring(judge), "minibatch_group": deviation.count("group_size")}
    if judge.count("c_dim"):
        settings["class_dim"] = judge.part("b4").count("cmap_dim")
        settings["class_layers"] = judge.part("mapping").count("num_layers")
    return settings


def _convolution(name: str, layer: Part) -> Weights:
    return {f"{name}.weight": layer.tensor("weight"), f"{name}.bias": layer.tensor("bias")}


def _discriminator_weights(judge: Part, config: StyleGAN2Config, shape: PictureShape) -> Weights:
    sides = _sides(shape.height)[::-1]
    weights = _convolution("from_picture", judge.part(f"b{sides[0]}.fromrgb"))
    for index, (side, smaller) in enumerate(itertools.pairwise(sides)):
        block = judge.part(f"b{side}")
        weights |= _convolution(f"blocks.{index}.first", block.part("conv0"))
        weights |= _convolution(f"blocks.{index}.second", block.part("conv1"))
        if block.has("skip"):
            weights[f"blocks.{index}.skip.weight"] = block.part("skip").tensor("weight")
        if judge.part(f"b{smaller}").has("fromrgb"):
            weights |= _convolution(f"from_smaller.{index}.convolution", judge.part(f"b{smaller}.fromrgb"))
    weights |= _convolution("last", judge.part("b4.conv"))
    weights |= _linear("hidden", judge.part("b4.fc"))
    weights |= _linear("logit", judge.part("b4.out"))
    if shape.num_classes:
        mapping = judge.part("mapping")
        weights |= _linear("class_mapping", mapping.part("embed"))
        for index in range(config.class_layers):
            weights |= _linear(f"class_layers.{index}", mapping.part(f"fc{index}"), 0.01)
    return weights
