"""What the admitted names of a pickle become: data without behaviour.

The whole list is `NAMES`. A tensor stays a description (`StoredTensor`) until our own code asks for its numbers.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gan.convert.unpickle import Admitted, Record, checked_key, damaged, refused

_MOST_DIMENSIONS = 8
_MOST_COPIES = 4  # how often one stored number may be asked for: a small file must not become a large memory


@dataclass(eq=False)
class Storage:
    """Numbers in a file. `data` is set before anybody asks for them."""

    dtype: torch.dtype
    num: int
    data: memoryview | None = None
    num_given: int = 0

    def numbers(self, start: int, num: int) -> Tensor:
        """`num` of them from `start` on, as a flat float32 tensor of their own."""
        if self.data is None or start < 0 or start + num > self.num:
            raise damaged("a tensor reaches beyond its storage")
        self.num_given += num
        if self.num_given > _MOST_COPIES * self.num:
            raise refused("too many tensors over one storage")
        size = self.dtype.itemsize
        part = bytearray(self.data[start * size : (start + num) * size])
        return torch.frombuffer(part, dtype=self.dtype).to(torch.float32) if num else torch.empty(0)


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor that was saved."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def load(self) -> Tensor:
        """float32, contiguous, `size`. UserError where it repeats or skips numbers of its storage."""
        num = math.prod(self.size)
        reach = 1 + sum((size - 1) * stride for size, stride in zip(self.size, self.stride, strict=True)) if num else 0
        if reach != num:
            raise refused("a tensor that repeats or skips stored numbers")
        return self.storage.numbers(self.offset, num).as_strided(self.size, self.stride).contiguous()


@dataclass(frozen=True, eq=False)
class Persistent:
    """An object of NVlabs' `torch_utils.persistence`: its class's name and its attributes. Its source is dropped."""

    class_name: str
    state: dict[Any, Any]


@dataclass(eq=False)
class Attributes(Record):
    """An `argparse.Namespace`: its attributes."""

    values: dict[Any, Any] = field(default_factory=dict)

    def complete(self, state: Any) -> None:
        if type(state) is not dict:
            raise TypeError("a namespace is completed by a dict")
        self.values.update(state)


@dataclass(eq=False)
class NumberKind(Record):
    """A numpy dtype of plain numbers, as the code of the `struct` module."""

    code: str

    def complete(self, state: Any) -> None:
        if state[1] not in ("<", "|", "="):
            raise refused(f"numpy.dtype of byte order {state[1]!r}")


@dataclass(eq=False)
class Opaque(Record):
    """Something that no network of ours needs; what it holds is dropped."""

    name: str


_NUMBER_CODES = {"f8": "<d", "f4": "<f", "f2": "<e", "i8": "<q", "i4": "<i", "u1": "<B", "b1": "<?"}


def _dtype(name: str, *_: Any) -> Record:
    """Plain numbers are read; a dtype of records, objects or text is not."""
    plain = str(name).lstrip("<|=")
    if plain not in _NUMBER_CODES:
        raise refused(f"numpy.dtype {name!r}")
    return NumberKind(_NUMBER_CODES[plain])


def _scalar(kind: Any, data: Any) -> Any:
    if not isinstance(kind, NumberKind) or type(data) is not bytes:
        raise TypeError("a numpy number is made of a dtype and bytes")
    return struct.unpack(kind.code, data)[0]


def _dict(pairs: Any = ()) -> dict[Any, Any]:
    if type(pairs) not in (list, tuple):
        raise TypeError("a dict is made of a list of pairs")
    return {checked_key(key): value for key, value in pairs}


def _set(members: Any = ()) -> set[Any]:
    if type(members) not in (list, tuple):
        raise TypeError("a set is made of a list")
    return {checked_key(member) for member in members}


def _encode(text: Any, encoding: Any) -> bytes:
    """How old protocols write bytes."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise TypeError("bytes are written as latin1 text")
    return text.encode("latin1")


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> StoredTensor:
    if not isinstance(storage, Storage) or len(size) != len(stride) or len(size) > _MOST_DIMENSIONS:
        raise TypeError("a tensor is made of a storage, a size and a stride")
    for number in (offset, *size, *stride):
        if type(number) is not int or number < 0:
            raise TypeError("a tensor is measured in whole numbers")
    return StoredTensor(storage, offset, tuple(size), tuple(stride))


def _parameter(tensor: Any, *_: Any) -> StoredTensor:
    if not isinstance(tensor, StoredTensor):
        raise TypeError("a parameter is made of a tensor")
    return tensor


def _persistent(meta: Any) -> Persistent:
    if meta["type"] != "class" or type(meta["state"]) is not dict:
        raise TypeError("a persistent object is made of a class and a state")
    return Persistent(str(meta["class_name"])[:80], meta["state"])


def _namespace() -> Attributes:
    return Attributes()


def _array(*_: Any) -> Opaque:
    return Opaque("numpy.ndarray")


_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _dict,
    "dnnlib.util.EasyDict": _dict,
    "argparse.Namespace": _namespace,
    "builtins.set": _set,
    "__builtin__.set": _set,
    "_codecs.encode": _encode,
    "torch_utils.persistence._reconstruct_persistent_obj": _persistent,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.multiarray._reconstruct": _array,  # StyleGAN3's layers hold arrays, which are not looked at
    "numpy._core.multiarray._reconstruct": _array,
}

NAMES: dict[str, Any] = {
    **{name: Admitted(name, make) for name, make in _CALLS.items()},
    **{f"torch.{name}": dtype for name, dtype in _STORAGES.items()},
    "numpy.ndarray": None,
}

HINTS = {
    "dnnlib.tflib.network.Network": (
        "this is a TensorFlow pickle: turn it into a PyTorch one first, with legacy.py of NVlabs' repository"
    ),
}
