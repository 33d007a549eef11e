"""`RunConfig`: all that decides a training run, made of the parts' own frozen settings.

It is saved whole in every checkpoint and logged whole to every MLflow run. A name that is not a field is an error,
on the way in from JSON too.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from gan.augment import AugmentConfig
from gan.data.dataset import Fit, PictureSet
from gan.errors import UserError
from gan.networks.interface import NetworkConfig, PictureShape
from gan.networks.registry import name_of, network_named
from gan.networks.stylegan2 import StyleGAN2Config
from gan.regularisers import default_r1_gamma


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


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam for both networks (Kingma & Ba 2015)."""

    generator_lr: float = 2e-3
    discriminator_lr_ratio: float = 1.0  # the discriminator's rate over the generator's (TTUR, Heusel et al. 2017)
    beta1: float = 0.0
    beta2: float = 0.99
    batch_size: int = 32  # pictures a step, whatever fits into memory at once
    microbatch: int | None = None  # pictures at once; None: the whole batch

    def __post_init__(self) -> None:
        if not all(0.0 < rate < math.inf for rate in (self.generator_lr, self.discriminator_lr_ratio)):
            raise UserError(f"learning rates must be over 0, got {self.generator_lr} x {self.discriminator_lr_ratio}")
        if self.batch_size < 2:
            raise UserError(f"batch size must be 2 or more, got {self.batch_size}")
        if self.microbatch is not None and (self.microbatch < 1 or self.batch_size % self.microbatch):
            raise UserError(f"microbatch {self.microbatch} must divide the batch size {self.batch_size}")


@dataclass(frozen=True, kw_only=True)
class RegulariserConfig:
    """R1 on the discriminator (Mescheder et al. 2018), lazily (StyleGAN2, appendix B)."""

    r1_gamma: float | None = None  # None: 0.0002 * pixels / batch, filled in by `resolve`
    r1_interval: int = 16  # steps between two penalties
    path_length_interval: int = 4

    def __post_init__(self) -> None:
        if self.r1_gamma is not None and not 0.0 <= self.r1_gamma < math.inf:
            raise UserError(f"r1_gamma must be 0 or more, got {self.r1_gamma}")
        if min(self.r1_interval, self.path_length_interval) < 1:
            raise UserError("regulariser intervals must be 1 step or more")


@dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """The exponential moving average of the generator (gan/ema.py)."""

    half_life_kimg: float = 10.0
    ramp_up: float = 0.05  # half-life at most this share of the images seen


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """How long, and how often the caller hears of it, in thousands of real pictures shown."""

    total_kimg: float = 100.0
    tick_kimg: float = 10.0

    def __post_init__(self) -> None:
        if not all(0.0 < kimg < math.inf for kimg in (self.total_kimg, self.tick_kimg)):
            raise UserError(f"kimg must be over 0, got total {self.total_kimg}, tick {self.tick_kimg}")


Precision = Literal["auto", "float32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One training run."""

    network: NetworkConfig = field(default_factory=StyleGAN2Config)
    data: DataConfig = field(default_factory=DataConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    regulariser: RegulariserConfig = field(default_factory=RegulariserConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    average: AverageConfig = field(default_factory=AverageConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    precision: Precision = "auto"  # auto: bf16 on CUDA, float32 elsewhere
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise UserError(f"precision {self.precision!r} is unknown: choose one of {', '.join(get_args(Precision))}")
        if self.seed < 0:
            raise UserError(f"seed {self.seed} must be 0 or more")


def resolve(config: RunConfig, pictures: PictureSet) -> RunConfig:
    """The run with everything that depends on the pictures filled in: size, channels, gamma."""
    if config.data.conditional and not pictures.class_names:
        raise UserError(
            f"data {pictures.source!r} has no classes to condition on: put the pictures into a folder a class"
            " (or a dataset.json with labels), or train without --conditional"
        )
    size = pictures.resolution
    gamma = config.regulariser.r1_gamma
    if gamma is None:
        gamma = default_r1_gamma(size.height, size.width, config.optimiser.batch_size)
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
            parts[part.name] = value
    if values:
        raise UserError(f"run settings have no field {', '.join(sorted(values))}")
    return RunConfig(**parts)


def _validated(kind: Any, values: dict[str, Any], where: str) -> Any:
    unknown = set(values) - {f.name for f in dataclasses.fields(kind)}
    if unknown:
        raise UserError(f"{where} settings have no field {', '.join(sorted(unknown))}")
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([where, *(str(part) for part in first["loc"])])
        raise UserError(f"{place} = {first['input']!r}: {first['msg']}") from None


def flatten(config: RunConfig) -> dict[str, Any]:
    """One level, dotted names: what MLflow gets as parameters."""
    flat: dict[str, Any] = {}
    for name, value in to_plain(config).items():
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": inner_value for inner, inner_value in value.items()})
        else:
            flat[name] = value
    return flat
