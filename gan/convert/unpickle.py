"""Reads a pickle as data.

A pickle is a program for a small stack machine, and Python's own machine imports and calls whatever the program
names. This one is ours: `pickletools` decodes the opcodes (it only parses), and each opcode here moves plain values
on a stack. A name is looked up in the caller's table and nowhere else, nothing is imported, and the only functions
ever called are those in that table. What is not in it is refused by name, before the next opcode is read.
Knows nothing of torch: what the names mean is gan/convert/inert.py.
"""

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from gan.errors import UserError

RULE = "only tensors and plain containers are read from it, nothing in it is run"
_KEYS = (str, int, float, bool, bytes, type(None))  # a deeply nested tuple as a key would overflow C's stack in hash()
_SHOWN = 120  # characters of a foreign name in a message
_MOST_OPCODES = 5_000_000  # a StyleGAN2 takes some ten thousand; each may cost a hundred bytes of memory
_MOST_COPIED = 10_000_000  # items that all calls together may copy: one list can be given to many calls

_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True, eq=False)
class Admitted:
    """A name that a pickle may call, and what is called in its place: a function of ours that only makes data."""

    name: str
    make: Callable[..., Any]


class Record:
    """Data that a pickle may still complete after it was made (opcode BUILD)."""

    def complete(self, state: Any) -> None:
        """Take the state; by default it is dropped."""


def refused(name: str, why: str = RULE) -> UserError:
    """The error that names what a file asked for, cut to a readable length."""
    shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
    return UserError(f"{shown!r} is refused: {why}")


def damaged(why: str) -> UserError:
    """The error for a file that is no pickle, or a broken one."""
    return UserError(f"cannot be read: {why}")


def _no_persistent_id(value: Any) -> Any:
    raise refused(f"persistent id {type(value).__name__!s}")


def unpickle(
    stream: BinaryIO,
    names: Mapping[str, Any],
    hints: Mapping[str, str],
    persistent: Callable[[Any], Any] = _no_persistent_id,
) -> Any:
    """The next pickle in the stream, which is left just behind it.

    `names` says what each admitted `module.name` becomes, `hints` why some known others are not; `persistent` turns
    a persistent id into data. UserError for every other name, for opcodes that build objects in other ways, and for
    what is damaged.
    """
    machine = _Machine(names, hints, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name == "STOP":
                return machine.pop()
            if count >= _MOST_OPCODES:
                raise refused(f"more than {_MOST_OPCODES:,} opcodes")
            machine.step(opcode.name, argument)
    except UserError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error) as error:
        raise damaged(str(error).splitlines()[0][:_SHOWN] if str(error) else type(error).__name__) from None
    raise damaged("the pickle has no end")


class _Machine:
    def __init__(self, names: Mapping[str, Any], hints: Mapping[str, str], persistent: Callable[[Any], Any]) -> None:
        self._names = names
        self._hints = hints
        self._persistent = persistent
        self._stack: list[Any] = []
        self._below_marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._num_copied = 0

    def pop(self) -> Any:
        return self._stack.pop()

    def step(self, opcode: str, argument: Any) -> None:
        """One opcode. IndexError, KeyError, TypeError or ValueError where the stack does not hold what it needs."""
        push, pop = self._stack.append, self._stack.pop
        if opcode in _LITERALS:
            push(argument)
            return
        if opcode in _CONSTANTS:
            push(_CONSTANTS[opcode])
            return
        if opcode in _SHORT_TUPLES:
            count = _SHORT_TUPLES[opcode]
            if len(self._stack) < count:
                raise IndexError("a tuple of more values than there are")
            values = tuple(self._stack[-count:])
            del self._stack[-count:]
            push(values)
            return
        match opcode:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self._below_marks.append(self._stack)
                self._stack = []
            case "POP":
                pop()
            case "POP_MARK":
                self._pop_mark()
            case "DUP":
                push(self._stack[-1])
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self._stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                push(self._memo[argument])
            case "EMPTY_LIST":
                push([])
            case "EMPTY_DICT":
                push({})
            case "EMPTY_SET":
                push(set())
            case "LIST" | "TUPLE" | "DICT" | "FROZENSET":
                self._collect(opcode)
            case "APPEND":
                value = pop()
                _exactly(list, self._stack[-1]).append(value)
            case "APPENDS":
                values_after = self._pop_mark()
                _exactly(list, self._stack[-1]).extend(values_after)
            case "SETITEM":
                value, key = pop(), pop()
                _exactly(dict, self._stack[-1])[checked_key(key)] = value
            case "SETITEMS":
                pairs = paired(self._pop_mark())
                _exactly(dict, self._stack[-1]).update(pairs)
            case "ADDITEMS":
                members = {checked_key(value) for value in self._pop_mark()}
                _exactly(set, self._stack[-1]).update(members)
            case "GLOBAL":
                module, _, name = str(argument).partition(" ")
                push(self._named(module, name))
            case "STACK_GLOBAL":
                name, module = pop(), pop()
                push(self._named(_exactly(str, module), _exactly(str, name)))
            case "REDUCE" | "NEWOBJ":
                arguments, function = pop(), pop()
                push(self._call(function, _exactly(tuple, arguments)))
            case "BUILD":
                state = pop()
                self._build(self._stack[-1], state)
            case "PERSID" | "BINPERSID":
                push(self._persistent(argument if opcode == "PERSID" else pop()))
            case _:
                raise refused(f"opcode {opcode}")

    def _pop_mark(self) -> list[Any]:
        values, self._stack = self._stack, self._below_marks.pop()
        return values

    def _collect(self, opcode: str) -> None:
        values = self._pop_mark()
        made: Any = values
        if opcode == "TUPLE":
            made = tuple(values)
        elif opcode == "DICT":
            made = paired(values)
        elif opcode == "FROZENSET":
            made = frozenset(checked_key(value) for value in values)
        self._stack.append(made)

    def _named(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full not in self._names:
            raise refused(full, self._hints.get(full, RULE))
        return self._names[full]

    def _call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        if not isinstance(function, Admitted):
            raise refused(f"a call of {type(function).__name__}")
        self._num_copied += sum(len(argument) for argument in arguments if type(argument) in (list, tuple, str))
        if self._num_copied > _MOST_COPIED:
            raise refused(f"calls that copy more than {_MOST_COPIED:,} items")
        try:
            return function.make(*arguments)
        except UserError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, struct.error) as error:
            raise damaged(f"{function.name} with arguments that do not fit it ({type(error).__name__})") from None

    def _build(self, target: Any, state: Any) -> None:
        """Records take their state; that of a dict (torch's `_metadata` of a state dict) is dropped."""
        if isinstance(target, Record):
            target.complete(state)
        elif type(target) is not dict:
            raise refused(f"setting attributes of {type(target).__name__}")


def checked_key(key: Any) -> Any:
    """The key of a dict or member of a set, which must be plain."""
    if type(key) not in _KEYS:
        raise refused(f"a {type(key).__name__} as a key")
    return key


def paired(values: list[Any]) -> dict[Any, Any]:
    """Keys and values in turn as a dict."""
    if len(values) % 2:
        raise ValueError("a key without a value")
    return {checked_key(key): value for key, value in zip(values[::2], values[1::2], strict=True)}


def _exactly(kind: type, value: Any) -> Any:
    """The value, which must be of that very type: a subclass could carry methods of its own."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, {type(value).__name__} found")
    return value
