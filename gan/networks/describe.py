"""What a network is made of and what it costs: layers, parameters, multiply-adds.

Networks are built of torch's fake tensors, which have a shape and a device but no values, so even the largest needs
no memory and no arithmetic. (The meta device knows no autocast.) What is counted is what torch's FlopCounterMode
counts, convolutions and matrix products: activations, norms and interpolation are free. A multiply-add is two FLOP.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode, conv_backward_flop

from gan.networks.interface import Generator, Latents, NetworkConfig, PictureShape, StyleGenerator, num_parameters
from gan.networks.registry import build_discriminator, build_generator, name_of
from gan.regularisers import gradient_penalty, path_length_penalty


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A module that holds parameters, with all that lies in it, or what a module above computes by itself."""

    name: str
    kind: str
    output: tuple[int, ...]  # for one picture: `[c, h, w]` or `[d]`; () for what is never called
    num_parameters: int
    multiply_adds: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """A generator or a discriminator, its layers in the order of computation, and one forward for one picture.

    (A discriminator that judges several pictures packed together: one forward for one pack.)
    """

    layers: tuple[Layer, ...]
    num_parameters: int
    multiply_adds: int


@dataclass(frozen=True, kw_only=True)
class Description:
    """Both networks of one preset."""

    network: str
    shape: PictureShape
    generator: Part
    discriminator: Part


@dataclass(frozen=True, kw_only=True)
class TrainingCost:
    """Multiply-adds of training, forwards and backwards.

    `step` is for each real picture shown, as gan/step.py goes: the generator through the discriminator, then the
    discriminator on the real and on the same fake. Penalties come on top in the steps that have them: `penalty` for
    each picture under R1 or R2, `path_length` for each latent under path length regularisation (None where there are
    no styles).
    """

    step: int
    penalty: int
    path_length: int | None


def describe(config: NetworkConfig, shape: PictureShape) -> Description:
    """Count both networks of these settings: a second or two."""
    with FakeTensorMode():
        generator, discriminator = build_generator(config, shape), build_discriminator(config, shape)
        latents = _latents(generator, 1)
        judged = torch.empty(1, shape.judged_channels, shape.height, shape.width)
        return Description(
            network=name_of(config),
            shape=shape,
            generator=_part(generator, lambda: generator(latents)),
            discriminator=_part(discriminator, lambda: discriminator(judged, latents.labels)),
        )


def training_cost(config: NetworkConfig, shape: PictureShape) -> TrainingCost:
    """Count the gradients of these settings: some seconds."""
    num = 2 * shape.packing  # batch norm in training needs two
    with FakeTensorMode():
        generator, discriminator = build_generator(config, shape), build_discriminator(config, shape)
        latents, images = _latents(generator, num), torch.empty(num, shape.channels, shape.height, shape.width)
        reals = images.reshape(2, shape.judged_channels, shape.height, shape.width)

        def step() -> None:
            discriminator.requires_grad_(False)
            fakes = generator(latents).reshape(reals.shape)
            discriminator(fakes, latents.labels).sum().backward()
            discriminator.requires_grad_(True)
            for shown in (reals, fakes.detach()):
                discriminator(shown, latents.labels).sum().backward()

        def penalty() -> None:
            shown = reals.clone().requires_grad_().clone()  # no leaf: torch's counter cannot take its gradient
            gradient_penalty(discriminator, shown, latents.labels).backward()

        def path_length() -> None:
            assert isinstance(generator, StyleGenerator)
            path_length_penalty(generator, latents, torch.zeros(()), images)[0].backward()

        return TrainingCost(
            step=multiply_adds(step) // num,
            penalty=multiply_adds(penalty) // num,
            path_length=multiply_adds(path_length) // num if isinstance(generator, StyleGenerator) else None,
        )


def parameters_of(config: NetworkConfig, shape: PictureShape) -> tuple[int, int]:
    """Trainable parameters of the generator and of the discriminator."""
    with FakeTensorMode():
        return num_parameters(build_generator(config, shape)), num_parameters(build_discriminator(config, shape))


def multiply_adds(work: Callable[[], object]) -> int:
    """Of all that runs inside, forwards and backwards, on whatever tensors; also for networks that are not ours."""
    with (counter := _counter()):
        work()
    return counter.get_total_flops() // 2


def _latents(generator: Generator, num: int) -> Latents:
    return Latents(
        z=torch.empty(num, generator.z_dim),
        labels=torch.empty(num, dtype=torch.long) if generator.shape.num_classes else None,
        noise=tuple(torch.empty(num, 1, height, width) for height, width in generator.noise_shapes),
    )


def _part(network: nn.Module, forward: Callable[[], object]) -> Part:
    watched = _Watched(network, forward)
    return Part(
        layers=tuple(watched.layers()),
        num_parameters=num_parameters(network),
        multiply_adds=watched.multiply_adds(""),
    )


class _Watched:
    """One forward of a network: what each module gave out, in the order in which they finished, and what it cost."""

    def __init__(self, network: nn.Module, forward: Callable[[], object]) -> None:
        self.network = network
        self.modules = dict(network.named_modules())
        self.outputs: dict[str, tuple[int, ...]] = {}
        hooks = [module.register_forward_hook(self._note_output(name)) for name, module in self.modules.items()]
        counter = _counter()
        with torch.no_grad(), counter:
            network.eval()
            forward()
            network.train()
        for hook in hooks:
            hook.remove()
        self.counts = counter.get_flop_counts()

    def _note_output(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                self.outputs[name] = tuple(output.shape[1:])

        return hook

    def layers(self) -> Iterator[Layer]:
        """Every parameter once, every multiply-add once."""
        for name, parameter in self.network.named_parameters(recurse=False):
            shape = parameter.shape[1:] if parameter.shape[0] == 1 else parameter.shape
            yield Layer(
                name=name,
                kind="Parameter",
                output=tuple(shape),
                num_parameters=parameter.numel(),
                multiply_adds=0,
            )
        holders = dict(_holders(self.network, ""))
        uncalled = [name for name in holders if name not in self.outputs]
        for name in [*self.outputs, *uncalled]:
            module, output = self.modules[name], self.outputs.get(name, ())
            if name in holders:
                yield Layer(
                    name=name,
                    kind=type(module).__name__,
                    output=output,
                    num_parameters=num_parameters(module),
                    multiply_adds=self.multiply_adds(name),
                )
            elif own := self._own_multiply_adds(name, holders):
                yield Layer(
                    name=f"{name} (itself)".strip(),
                    kind=type(module).__name__,
                    output=output,
                    num_parameters=0,
                    multiply_adds=own,
                )

    def multiply_adds(self, name: str) -> int:
        """Of that module and all that lies in it."""
        return sum(self.counts.get(_dotted(type(self.network).__name__, name), {}).values()) // 2

    def _own_multiply_adds(self, name: str, holders: Mapping[str, nn.Module]) -> int:
        """Of what a module computes outside the modules in it; 0 for what lies in a holder, which counts it."""
        if any(name.startswith(f"{holder}.") for holder in holders):
            return 0
        return self.multiply_adds(name) - sum(self._counted_below(name))

    def _counted_below(self, name: str) -> Iterator[int]:
        for child, _ in self.modules[name].named_children():
            below = _dotted(name, child)
            counted = self.multiply_adds(below)
            yield from [counted] if counted else self._counted_below(below)


def _holders(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The uppermost modules that hold parameters themselves, the network itself left out."""
    for child_name, child in module.named_children():
        below = _dotted(name, child_name)
        if parametrize.is_parametrized(child) or next(child.parameters(recurse=False), None) is not None:
            yield below, child
        else:
            yield from _holders(child, below)


def _dotted(*names: str) -> str:
    return ".".join(name for name in names if name)


def _counter() -> FlopCounterMode:
    return FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _backward_flop})


def _backward_flop(*arguments: Any, out_shape: Any = None) -> int:
    """torch's own count, but a grouped convolution's weight gradient costs one group's part: torch counts it whole."""
    count: Callable[..., int] = conv_backward_flop
    *before, groups, (for_input, for_weight, _) = arguments
    to_input = count(*before, groups, [for_input, False, False], out_val=out_shape)
    to_weight = count(*before, groups, [False, for_weight, False], out_val=out_shape)
    return to_input + to_weight // int(groups)
