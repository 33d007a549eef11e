"""Convolutions and leaky ReLUs with fast second derivatives: what gradient penalties cost is mostly these.

PyTorch's own second derivative of a convolution takes the weight's gradient as a forward convolution with the
batch for channels and the picture for a kernel, one for each group: at 16 pictures of 64x64 a quarter of the speed
of the kernel that the first derivative has for the same product, and far less where there are groups.

A convolution C(x, w), its gradient by the input I(g, w) and its gradient by the weight W(g, x) are each linear in
both arguments, so each one's derivatives are the two others; the three functions below say so.

A leaky ReLU has no second derivative: its slope depends on the sign alone. PyTorch sends zeros down there, and the
whole forward pass is differentiated for nothing. Here a gradient that does not exist stays None.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Pair = tuple[int, int]
_Gradients = tuple[Tensor | None, Tensor | None, Tensor | None, None]


class SecondOrder(TorchFunctionMode):
    """Within it, `conv2d`, `conv_transpose2d` and `leaky_relu` of whatever network have fast second derivatives.

    For forward passes whose gradient will be differentiated again. Autocast holds for the convolutions as ever. For
    padding given as a word PyTorch's own convolution stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weights_wanted = True

    @contextmanager
    def inputs_only(self) -> Iterator[None]:
        """For `torch.autograd.grad` by the pictures: leaves out the weights' gradients, which nobody asked for."""
        self.weights_wanted = False
        try:
            yield
        finally:
            self.weights_wanted = True

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        fast = _FAST.get(func)
        kwargs = kwargs or {}
        if fast is None or not torch.is_grad_enabled():
            return func(*args, **kwargs)
        result = fast(self, *args, **kwargs)
        return func(*args, **kwargs) if result is None else result


@dataclass(frozen=True)
class _Setting:
    """Everything of a convolution but its tensors."""

    mode: SecondOrder
    stride: Pair
    padding: Pair
    dilation: Pair
    transposed: bool
    output_padding: Pair
    groups: int

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return torch.convolution(
            x, weight, bias, self.stride, self.padding, self.dilation, self.transposed, self.output_padding, self.groups
        )

    def gradients(self, gradient: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool]) -> tuple[Any, Any]:
        by_input, by_weight, _ = torch.ops.aten.convolution_backward(
            gradient,
            x,
            weight,
            None,
            self.stride,
            self.padding,
            self.dilation,
            self.transposed,
            self.output_padding,
            self.groups,
            [*wanted, False],
        )
        return by_input, by_weight


class _Convolution(torch.autograd.Function):
    """C(x, w) + bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, setting: _Setting) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.setting = setting
        ctx.set_materialize_grads(False)
        return setting.convolve(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> _Gradients:
        (gradient,) = gradients
        if gradient is None:
            return None, None, None, None
        x, weight = ctx.saved_tensors
        setting = ctx.setting
        wanted = setting.mode.weights_wanted
        return (
            _by_input(gradient, weight, x.detach(), setting) if ctx.needs_input_grad[0] else None,
            _by_weight(gradient, x, weight.detach(), setting) if ctx.needs_input_grad[1] and wanted else None,
            gradient.sum(dim=(0, 2, 3)) if ctx.needs_input_grad[2] and wanted else None,
            None,
        )


class _ByInput(torch.autograd.Function):
    """I(g, w); `like` lends the shape of the input."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, like: Tensor, setting: _Setting) -> Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.setting = setting
        ctx.set_materialize_grads(False)
        return cast(Tensor, setting.gradients(gradient, like, weight, (True, False))[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> _Gradients:
        (outer,) = gradients
        if outer is None:
            return None, None, None, None
        gradient, weight = ctx.saved_tensors
        setting = ctx.setting
        return (
            _convolved(outer, weight, None, setting) if ctx.needs_input_grad[0] else None,
            _by_weight(gradient, outer, weight.detach(), setting) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


class _ByWeight(torch.autograd.Function):
    """W(g, x); `like` lends the shape of the weight."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, like: Tensor, setting: _Setting) -> Tensor:
        ctx.save_for_backward(gradient, x)
        ctx.setting = setting
        ctx.set_materialize_grads(False)
        return cast(Tensor, setting.gradients(gradient, x, like, (False, True))[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> _Gradients:
        (outer,) = gradients
        if outer is None:
            return None, None, None, None
        gradient, x = ctx.saved_tensors
        setting = ctx.setting
        return (
            _convolved(x, outer, None, setting) if ctx.needs_input_grad[0] else None,
            _by_input(gradient, outer, x.detach(), setting) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


def _cast_all(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """What autocast does to a convolution's arguments, and cannot do for a function of our own."""
    device = x.device.type
    if not torch.is_autocast_enabled(device):
        return x, weight, bias
    dtype = torch.get_autocast_dtype(device)
    return x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, setting: _Setting) -> Tensor:
    return cast(Tensor, _Convolution.apply(x, weight, bias, setting))  # type: ignore[no-untyped-call]


def _by_input(gradient: Tensor, weight: Tensor, like: Tensor, setting: _Setting) -> Tensor:
    return cast(Tensor, _ByInput.apply(gradient, weight, like, setting))  # type: ignore[no-untyped-call]


def _by_weight(gradient: Tensor, x: Tensor, like: Tensor, setting: _Setting) -> Tensor:
    return cast(Tensor, _ByWeight.apply(gradient, x, like, setting))  # type: ignore[no-untyped-call]


class _Leaky(torch.autograd.Function):
    """Leaky ReLU of a slope over 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        y = F.leaky_relu(x, slope)
        ctx.save_for_backward(y)
        ctx.slope = slope
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None]:
        (gradient,) = gradients
        return None if gradient is None else _sloped(gradient, ctx.saved_tensors[0].detach(), ctx.slope), None


class _Sloped(torch.autograd.Function):
    """The gradient times 1 or the slope, by the sign of the result: linear in the gradient."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, result: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(result)
        ctx.slope = slope
        ctx.set_materialize_grads(False)
        return cast(Tensor, torch.ops.aten.leaky_relu_backward(gradient, result, slope, True))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None]:
        (outer,) = gradients
        return None if outer is None else _sloped(outer, ctx.saved_tensors[0], ctx.slope), None, None


def _sloped(gradient: Tensor, result: Tensor, slope: float) -> Tensor:
    return cast(Tensor, _Sloped.apply(gradient, result, slope))  # type: ignore[no-untyped-call]


def _fast_convolution(
    mode: SecondOrder,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor | None:
    if isinstance(padding, str) or input.dim() != 4:
        return None
    setting = _Setting(mode, _pair(stride), _pair(padding), _pair(dilation), False, (0, 0), groups)
    return _convolved(*_cast_all(input, weight, bias), setting)


def _fast_transposed(
    mode: SecondOrder,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor | None:
    if input.dim() != 4:
        return None
    setting = _Setting(mode, _pair(stride), _pair(padding), _pair(dilation), True, _pair(output_padding), groups)
    return _convolved(*_cast_all(input, weight, bias), setting)


def _fast_leaky(mode: SecondOrder, input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor | None:
    if negative_slope <= 0.0:
        return None
    return cast(Tensor, _Leaky.apply(input, negative_slope))  # type: ignore[no-untyped-call]


def _pair(value: int | Sequence[int]) -> Pair:
    if isinstance(value, int):
        return value, value
    first, second = value if len(value) == 2 else (value[0], value[0])
    return first, second


_FAST: dict[Callable[..., Any], Callable[..., Tensor | None]] = {
    F.conv2d: _fast_convolution,
    F.conv_transpose2d: _fast_transposed,
    F.leaky_relu: _fast_leaky,
}
