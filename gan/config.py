"""`RunConfig`: all that decides a training run, made of the parts' own frozen settings.

It is saved whole in every checkpoint and logged whole to every MLflow run. A name that is not a field is an error,
on the way in from JSON too.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from gan.augment import AugmentConfig
from gan.data.dataset import Fit, PictureSet
from gan.ema import AverageConfig
from gan.errors import UserError
from gan.losses import LossConfig
from gan.networks.interface import NetworkConfig, PictureShape
from gan.networks.registry import name_of, network_named
from gan.networks.stylegan2 import StyleGAN2Config
from gan.optimiser import OptimiserConfig
from gan.regularisers import RegulariserConfig, default_r1_gamma

__all__ = [
    "AugmentConfig",
    "AverageConfig",
    "DataConfig",
    "GuardConfig",
    "LossConfig",
    "OptimiserConfig",
    "RegulariserConfig",
    "RunConfig",
    "ScheduleConfig",
    "TransferConfig",
    "flatten",
    "from_plain",
    "picture_shape",
    "resolve",
    "to_plain",
    "with_values",
]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which pictures, and how they are shown to the networks."""

    source: str = "armory"
    height: int = 32
    width: int = 32
    channels: int = 4
    fit: Fit = "letterbox"
    conditional: bool = False  # give the networks the class labels
    mirror: bool = False  # show each picture mirrored half of the time
    class_balance: float = 0.0  # 0: each picture once an epoch; 1: every class equally often; between: between

    def __post_init__(self) -> None:
        if not 0.0 <= self.class_balance <= 1.0:
            raise UserError(f"class_balance {self.class_balance} must lie in 0 (as they come) .. 1 (all alike)")


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long, and how often the caller hears of it, in thousands of real pictures shown."""

    total_kimg: float = 100.0
    tick_kimg: float = 10.0

    def __post_init__(self) -> None:
        if not all(0.0 < kimg < math.inf for kimg in (self.total_kimg, self.tick_kimg)):
            raise UserError(f"kimg must be over 0, got total {self.total_kimg}, tick {self.tick_kimg}")


@dataclass(frozen=True, kw_only=True)
class TransferConfig:
    """Where the networks begin (gan/transfer.py)."""

    start_from: str | None = None  # a checkpoint folder, whose weights are taken over where they fit
    freeze_discriminator: int = 0  # so many of its stages next to the picture stay still (freeze-D, Mo et al. 2020)

    def __post_init__(self) -> None:
        if self.freeze_discriminator < 0:
            raise UserError(f"freeze_discriminator {self.freeze_discriminator} must be 0 stages or more")


@dataclass(frozen=True, kw_only=True)
class GuardConfig:
    """When a loss or a weight is not finite (gan/guard.py): back to the last tick, at a lower rate."""

    most_returns: int = 3  # then the run stops
    slow_down: float = 0.5  # of both learning rates, at each return

    def __post_init__(self) -> None:
        if self.most_returns < 0 or not 0.0 < self.slow_down <= 1.0:
            raise UserError(f"most_returns must be 0 or more and slow_down in 0 .. 1, got {self}")


Precision = Literal["auto", "float32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One training run."""

    network: NetworkConfig = field(default_factory=StyleGAN2Config)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    regulariser: RegulariserConfig = field(default_factory=RegulariserConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    average: AverageConfig = field(default_factory=AverageConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)
    guard: GuardConfig = field(default_factory=GuardConfig)
    precision: Precision = "auto"  # auto: bf16 on CUDA, float32 elsewhere
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise UserError(f"precision {self.precision!r} is unknown: choose one of {', '.join(get_args(Precision))}")
        if self.seed < 0:
            raise UserError(f"seed {self.seed} must be 0 or more")
        at_once = self.optimiser.microbatch or self.optimiser.batch_size
        if at_once % self.loss.packing:
            raise UserError(f"packing {self.loss.packing} must divide the {at_once} pictures that are judged at once")


def resolve(config: RunConfig, pictures: PictureSet) -> RunConfig:
    """The run with everything that depends on the pictures filled in: size, channels, gamma."""
    if config.data.conditional and not pictures.class_names:
        raise UserError(
            f"data {pictures.source!r} has no classes to condition on: put the pictures into a folder a class"
            " (or a dataset.json with labels), or train without --conditional"
        )
    if config.data.class_balance and not pictures.class_names:
        raise UserError(f"data {pictures.source!r} has no classes to balance: put the pictures into a folder a class")
    size = pictures.resolution
    gamma = config.regulariser.r1_gamma
    if gamma is None:
        heuristic = default_r1_gamma(size.height, size.width, config.optimiser.batch_size)
        gamma = config.regulariser.r1_multiplier * heuristic
    return dataclasses.replace(
        config,
        data=dataclasses.replace(
            config.data,
            source=pictures.source,
            height=size.height,
            width=size.width,
            channels=pictures.channels,
        ),
        regulariser=dataclasses.replace(config.regulariser, r1_gamma=gamma),
    )


def picture_shape(config: RunConfig, pictures_classes: int) -> PictureShape:
    """What the networks of the run are built for."""
    return PictureShape(
        channels=config.data.channels,
        height=config.data.height,
        width=config.data.width,
        num_classes=pictures_classes if config.data.conditional else 0,
        packing=config.loss.packing,
    )


def to_plain(config: RunConfig) -> dict[str, Any]:
    """Nested dicts of plain values; the network's carries its registered name."""
    plain = dataclasses.asdict(config)
    plain["network"] = {"name": name_of(config.network), **plain["network"]}
    return plain


def from_plain(plain: dict[str, Any]) -> RunConfig:
    """The run that `to_plain` wrote. Unknown fields, wrong types and unknown networks are UserErrors."""
    values = dict(plain)
    parts: dict[str, Any] = {}
    for part in dataclasses.fields(RunConfig):
        if part.name not in values:
            continue
        value = values.pop(part.name)
        if part.name == "network":
            network = dict(value)
            parts["network"] = _validated(network_named(str(network.pop("name"))).config, network, "network")
        elif dataclasses.is_dataclass(part.default_factory):
            parts[part.name] = _validated(part.default_factory, value, part.name)
        else:
            parts[part.name] = _validated_value(_TYPES[part.name], value, part.name)
    if values:
        raise UserError(f"run settings have no field {', '.join(sorted(values))}")
    return RunConfig(**parts)


def with_values(config: RunConfig, values: Mapping[str, str]) -> RunConfig:
    """The run with fields set from text, by the dotted names of `flatten`: {"optimiser.gradient_clip": "1.0"}.

    `null` is None. A name that is no field and a text that is no value of it are UserErrors.
    """
    plain = to_plain(config)
    for name, text in values.items():
        part, _, inner = name.partition(".")
        value = None if text == "null" else text
        if isinstance(plain.get(part), dict) and inner:
            if inner not in plain[part] or name == "network.name":
                raise UserError(f"{name}: {part} settings have no such field; known are {', '.join(plain[part])}")
            plain[part][inner] = value
        elif part in plain and not inner and not isinstance(plain[part], dict):
            plain[part] = value
        else:
            raise UserError(f"{name!r} is no field of a run: write part.field, where part is {', '.join(plain)}")
    return from_plain(plain)


def _validated(kind: Any, values: dict[str, Any], where: str) -> Any:
    unknown = set(values) - {f.name for f in dataclasses.fields(kind)}
    if unknown:
        raise UserError(f"{where} settings have no field {', '.join(sorted(unknown))}")
    return _validated_value(kind, values, where)


def _validated_value(kind: Any, value: Any, where: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([where, *(str(part) for part in first["loc"])])
        raise UserError(f"{place} = {first['input']!r}: {first['msg']}") from None


_TYPES = get_type_hints(RunConfig)


def flatten(config: RunConfig) -> dict[str, Any]:
    """One level, dotted names: what MLflow gets as parameters."""
    flat: dict[str, Any] = {}
    for name, value in to_plain(config).items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": inner_value for inner, inner_value in value.items()})
        else:
            flat[name] = value
    return flat
