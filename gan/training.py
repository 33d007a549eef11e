"""`Training`: everything that changes while a run goes on, and how it is built and restored."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from gan.augment import build_augment, build_controller
from gan.chance import Purpose, seed_at
from gan.config import RunConfig
from gan.errors import UserError
from gan.losses import LOSSES
from gan.networks.interface import Discriminator, PictureShape, StyleGenerator
from gan.networks.registry import build_discriminator, build_generator
from gan.networks.style import StyleConfig
from gan.optimiser import batch_size_at, rate_share
from gan.regularisers import lazy_adam

TrainingState = dict[str, Tensor]
_COUNTS = ("images_seen", "num_steps", "num_returns")
ModuleType = TypeVar("ModuleType", bound=nn.Module)


class Training:
    """Both networks, the averaged generator, both optimisers, the augmentation's controller, images seen."""

    def __init__(self, config: RunConfig, shape: PictureShape, device: torch.device) -> None:
        assert config.regulariser.r1_gamma is not None, "resolve the run's settings before training"
        self.config = config
        self.shape = shape
        self.device = device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_at(config.seed, Purpose.WEIGHTS, 0))
            self.generator = _placed(build_generator(config.network, shape), device)
            self.discriminator = _placed(build_discriminator(config.network, shape), device)
            self.average = _placed(build_generator(config.network, shape), device).eval().requires_grad_(False)
        self.average.load_state_dict(self.generator.state_dict())
        self.discriminator_parameters = _unfrozen(self.discriminator, config.transfer.freeze_discriminator)
        lr, betas = config.optimiser.generator_lr, (config.optimiser.beta1, config.optimiser.beta2)
        self._generator_rate, generator_betas = lazy_adam(
            lr, *betas, config.regulariser.path_length_interval if self.path_length_weight else 1
        )
        self._discriminator_rate, discriminator_betas = lazy_adam(
            lr * config.optimiser.discriminator_lr_ratio,
            *betas,
            config.regulariser.r1_interval if config.regulariser.penalises_gradients else 1,
        )
        self.generator_optimiser = _adam(self.generator.parameters(), self._generator_rate, generator_betas)
        self.discriminator_optimiser = _adam(
            self.discriminator_parameters, self._discriminator_rate, discriminator_betas
        )
        self.loss = LOSSES[config.loss.kind]
        self.augment = build_augment(config.augment, shape.channels)
        self.controller = build_controller(config.augment)
        self.mean_path_length = torch.zeros((), device=device)
        self.images_seen = 0
        self.num_steps = 0
        self.num_returns = 0  # how often the guard went back (gan/guard.py)
        self.taken_over: dict[str, str] = {}  # what a fresh run took from a checkpoint (gan/transfer.py), in words

    @property
    def batch_size(self) -> int:
        """Pictures of the next step."""
        return batch_size_at(self.config.optimiser, self.images_seen)

    def set_rates(self) -> None:
        """The learning rates of the next step: the schedule's, slowed by every return."""
        total_images = self.config.schedule.total_kimg * 1000.0
        share = rate_share(self.config.optimiser, self.images_seen, total_images)
        share *= self.config.guard.slow_down**self.num_returns
        self.generator_optimiser.param_groups[0]["lr"] = self._generator_rate * share
        self.discriminator_optimiser.param_groups[0]["lr"] = self._discriminator_rate * share

    @property
    def path_length_weight(self) -> float:
        """Only a style generator has a path length."""
        network = self.config.network
        return network.path_length_weight if isinstance(network, StyleConfig) else 0.0

    @property
    def style_mixing_probability(self) -> float:
        network = self.config.network
        return network.style_mixing_probability if isinstance(network, StyleConfig) else 0.0

    @property
    def style_generator(self) -> StyleGenerator | None:
        return self.generator if isinstance(self.generator, StyleGenerator) else None

    @property
    def precision(self) -> torch.dtype:
        """What the forward passes compute in; parameters stay float32."""
        if self.config.precision == "auto":
            return torch.bfloat16 if self.device.type == "cuda" else torch.float32
        return torch.bfloat16 if self.config.precision == "bf16" else torch.float32

    def statistics(self) -> list[Tensor]:
        """The networks' running statistics (batch norm, the mean style), which each process follows by itself."""
        modules = (self.generator, self.discriminator, self.average)
        return [buffer for module in modules for buffer in module.buffers() if buffer.is_floating_point()]

    def state(self) -> TrainingState:
        """Named tensors that together bring the run back to this moment, to the bit."""
        state: TrainingState = {}
        for name, module in self._modules().items():
            state.update({f"{name}.{key}": value for key, value in module.state_dict().items()})
        for name, optimiser in self._optimisers().items():
            for index, moments in optimiser.state_dict()["state"].items():
                state.update({f"{name}.{index}.{key}": value for key, value in moments.items()})
        for key, value in self.controller.state().items():
            state[f"controller.{key}"] = torch.tensor(value, dtype=torch.float64)
        state["mean_path_length"] = self.mean_path_length
        for name in _COUNTS:
            state[name] = torch.tensor(getattr(self, name))
        return state

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`. KeyError or RuntimeError if it is of another run's shape."""
        for name, module in self._modules().items():
            module.load_state_dict(_under(state, name))
        for name, optimiser in self._optimisers().items():
            parameters = optimiser.param_groups[0]["params"]
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in _under(state, name).items():
                index, _, moment = key.partition(".")
                moments.setdefault(int(index), {})[moment] = _laid_out_as(parameters[int(index)], value)
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.controller.load_state({key: value.item() for key, value in _under(state, "controller").items()})
        self.mean_path_length = state["mean_path_length"].to(self.device)
        for name in _COUNTS:
            setattr(self, name, int(state[name]))

    def _modules(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {
            "generator_adam": self.generator_optimiser,
            "discriminator_adam": self.discriminator_optimiser,
        }


def _placed(module: ModuleType, device: torch.device) -> ModuleType:
    return module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """The value in the parameter's own memory layout: fused Adam pairs elements by place in memory, not by index."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value


def _unfrozen(discriminator: Discriminator, num_frozen: int) -> list[nn.Parameter]:
    """The parameters that are trained: all but those of the first stages, which are held still."""
    stages = discriminator.stages()
    if num_frozen >= len(stages):
        raise UserError(
            f"freeze_discriminator {num_frozen}: this discriminator has {len(stages)} stages, one must move"
        )
    for stage in stages[:num_frozen]:
        stage.requires_grad_(False)
    return [parameter for parameter in discriminator.parameters() if parameter.requires_grad]


def _adam(parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
    return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=1e-8, fused=True)


def _under(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
