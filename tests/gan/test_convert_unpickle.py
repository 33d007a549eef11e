"""Hostile and damaged files: nothing in them runs, and the message names what was refused."""

import collections
import io
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gan.convert.__main__ import main
from gan.convert.inert import StoredTensor
from gan.convert.streams import read_file
from gan.errors import UserError


class Call:
    """Pickles as the call of a function by its name; what Python's own unpickler would run."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.function, self.arguments


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A file that every payload here would make, if it ran."""
    return tmp_path / "it-ran"


def os_system(trap: Path) -> Any:
    import os

    return Call(os.system, f"touch {trap}")


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def refused_by_name(source: Path, named: str, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line, the name in it, and nothing has run."""
    assert main([str(source), "--out", str(source.parent / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert named in printed.err, printed.err
    assert not trap.exists()
    assert not (source.parent / "out").exists()


def zipped(root: Any, folder: Path) -> bytes:
    path = folder / "made.pt"
    torch.save(root, path)
    data = path.read_bytes()
    path.unlink()
    return data


def streamed(root: Any) -> bytes:
    file = io.BytesIO()
    torch.save(root, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_plain_call(protocol: int, tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written(tmp_path / "a.pkl", pickle.dumps({"G_ema": os_system(trap)}, protocol=protocol))
    pickle.loads(source.read_bytes())  # the payload is a real one
    assert trap.exists()
    trap.unlink()
    refused_by_name(source, "posix.system", trap, capsys)


def test_a_call_in_torch_files(tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = {"g_ema": {"weight": torch.ones(3)}, "args": os_system(trap)}
    refused_by_name(written(tmp_path / "zip.pt", zipped(root, tmp_path)), "posix.system", trap, capsys)
    refused_by_name(written(tmp_path / "stream.pt", streamed(root)), "posix.system", trap, capsys)


def test_a_call_inside_the_storage_of_a_tensor(tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NVlabs' pickles carry each tensor as a torch stream in bytes: a pickle within the pickle."""
    inner = streamed(os_system(trap))
    outer = pickle.dumps({"G_ema": Call(torch.storage._load_from_bytes, inner)})
    refused_by_name(written(tmp_path / "a.pkl", outer), "posix.system", trap, capsys)
    again = pickle.dumps(
        {"G_ema": Call(torch.storage._load_from_bytes, streamed(Call(torch.storage._load_from_bytes, inner)))}
    )
    refused_by_name(written(tmp_path / "b.pkl", again), "torch.storage._load_from_bytes", trap, capsys)


def test_a_call_inside_a_persistent_id(tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = pickle.dumps(os_system(trap), protocol=2)[2:-1]  # without PROTO and STOP
    body = b"\x80\x02(X\x07\x00\x00\x00storage" + call + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ."
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", body)
        archive.writestr("a/data/0", b"\0\0\0\0")
    refused_by_name(written(tmp_path / "a.pt", file.getvalue()), "posix.system", trap, capsys)
    refused_by_name(written(tmp_path / "b.pkl", b"\x80\x02K\x01Q."), "persistent id", trap, capsys)


def test_numpy_numbers_of_objects(tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """numpy.core.multiarray.scalar with an object dtype unpickles its bytes: admitted by many a list of safe names."""
    import numpy
    from numpy._core.multiarray import scalar

    payload = pickle.dumps(os_system(trap))
    source = pickle.dumps({"G_ema": Call(scalar, numpy.dtype("O"), payload)})
    refused_by_name(written(tmp_path / "a.pkl", source), "numpy.dtype 'O8'", trap, capsys)


HOSTILE = {
    "builtins.eval": b"cbuiltins\neval\n(X\x01\x00\x00\x001tR.",
    "builtins.getattr": b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.",
    "builtins.__import__": b"cbuiltins\n__import__\n.",
    "antigravity.anything": b"cantigravity\nanything\n.",
    "collections.OrderedDict.__init__": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.",
    "torch.load": b"ctorch\nload\n(X\x01\x00\x00\x00atR.",
    "opcode INST": b"(X\x02\x00\x00\x00idios\nsystem\n.",
    "opcode OBJ": b"(ccollections\nOrderedDict\no.",
    "opcode EXT1": b"\x82\x01.",
    "opcode NEWOBJ_EX": b"\x80\x04ccollections\nOrderedDict\n)}\x92.",
    # what is admitted is memoised, then told to become something else
    "attributes of Admitted": b"ccollections\nOrderedDict\nq\x00(N}X\x04\x00\x00\x00makeNstbR.",
    "attributes of dtype": b"ctorch\nFloatStorage\n}X\x01\x00\x00\x00aK\x01sb.",
    "a call of dtype": b"ctorch\nFloatStorage\n)R.",
    "a call of dict": b"})R.",
    "a tuple as a key": b"}K\x01\x85K\x01s.",
}  # fmt: skip


@pytest.mark.parametrize("named", HOSTILE)
def test_refused_by_name(named: str, tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(sys.modules)
    refused_by_name(written(tmp_path / "a.pkl", HOSTILE[named]), named, trap, capsys)
    assert "antigravity" not in set(sys.modules) - before


def test_a_name_of_many_lines_or_letters_stays_one_short_line(
    tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = ("x\n" * 5000).encode()
    body = b"\x80\x04\x8c\x02os" + b"X" + struct.pack("<I", len(name)) + name + b"\x93."
    assert main([str(written(tmp_path / "a.pkl", body)), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert len(message) < 500
    assert "os.x" in message


def test_a_tensorflow_pickle_is_told_apart(tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused_by_name(written(tmp_path / "a.pkl", b"cdnnlib.tflib.network\nNetwork\n)\x81."), "legacy.py", trap, capsys)


DAMAGED = {
    "empty": b"",
    "no pickle": b"hello, world",
    "cut": pickle.dumps(list(range(1000)))[:50],
    "stack underflow": b"\x80\x04\x87.",
    "nothing below the mark": b"t.",
    "no such memo": b"h\x07.",
    "append to a number": b"K\x01K\x02a.",
    "more bytes announced than there are": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.",
    "a zip that is none": b"PK\x03\x04" + bytes(40),
    "too many digits": b"I" + b"9" * 10_000 + b"\n.",
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_files_are_one_line(what: str, tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused_by_name(written(tmp_path / "a.pkl", DAMAGED[what]), "'a.pkl'", trap, capsys)


def test_deep_nesting_needs_no_depth_of_ours(tmp_path: Path) -> None:
    depth = 100_000
    assert type(read_file(written(tmp_path / "a.pkl", b"]" * depth + b"a" * (depth - 1) + b"."))) is list


def test_a_list_given_to_many_calls(tmp_path: Path) -> None:
    """100 kB that would become a hundred million pairs."""
    pairs = b"(" + b"K\x01K\x02\x86" * 10_000 + b"lq\x000" + b"h\x00\x85q\x010"
    body = b"ccollections\nOrderedDict\nq\x020" + pairs + b"(" + b"h\x02h\x01R" * 10_000 + b"l."
    with pytest.raises(UserError, match="copy more than"):
        read_file(written(tmp_path / "a.pkl", body))


def test_too_many_opcodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.convert.unpickle._MOST_OPCODES", 1000)
    with pytest.raises(UserError, match="more than 1,000 opcodes"):
        read_file(written(tmp_path / "a.pkl", b"}" * 2000 + b"."))


def tensor_pickle(offset: int, size: tuple[int, ...], stride: tuple[int, ...], num: int = 4) -> bytes:
    """A zip whose one tensor has these measures over `num` numbers."""

    class Named:
        pass

    class Pickler(pickle._Pickler):  # type: ignore[misc, name-defined]
        def persistent_id(self, value: object) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", num) if isinstance(value, Named) else None

    body = io.BytesIO()
    tensor = Call(torch._utils._rebuild_tensor_v2, Named(), offset, size, stride, False, collections.OrderedDict())
    Pickler(body, 2).dump({"t": tensor})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", body.getvalue())
        archive.writestr("a/data/0", struct.pack(f"<{num}f", *range(num)))
    return file.getvalue()


def test_a_tensor_by_hand(tmp_path: Path) -> None:
    read = read_file(written(tmp_path / "a.pt", tensor_pickle(1, (1, 3), (3, 1))))
    assert isinstance(read["t"], StoredTensor)
    torch.testing.assert_close(read["t"].load(), torch.tensor([[1.0, 2.0, 3.0]]))


@pytest.mark.parametrize(
    ("offset", "size", "stride", "named"),
    [
        (0, (10**6, 10**6), (0, 0), "repeats"),
        (0, (2, 2), (4, 1), "skips"),
        (2, (4,), (1,), "beyond"),
        (0, (10**12,), (1,), "beyond"),
        (-1, (2,), (1,), "do not fit"),
        (0, (-2,), (1,), "do not fit"),
        (0, (1,) * 9, (1,) * 9, "do not fit"),
    ],
)
def test_tensors_that_claim_more_than_their_file(
    offset: int, size: tuple[int, ...], stride: tuple[int, ...], named: str, tmp_path: Path
) -> None:
    source = written(tmp_path / "a.pt", tensor_pickle(offset, size, stride))
    with pytest.raises(UserError, match=named):
        read_file(source)["t"].load()


def test_one_storage_does_not_become_a_thousand(tmp_path: Path) -> None:
    tensor = read_file(written(tmp_path / "a.pt", tensor_pickle(0, (4,), (1,))))["t"]
    for _ in range(4):
        tensor.load()
    with pytest.raises(UserError, match="too many tensors"):
        tensor.load()


def test_compressed_zips_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10**6))
    with pytest.raises(UserError, match="compressed"):
        read_file(tmp_path / "a.pt")


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, torch.float64, torch.bfloat16, torch.int64, torch.bool]
)
def test_tensors_of_each_kind_come_back(dtype: torch.dtype, tmp_path: Path) -> None:
    tensor = torch.arange(24).reshape(2, 3, 4).to(dtype)
    root = {
        "plain": tensor,
        "turned": tensor.permute(2, 0, 1),
        "part": tensor[1],
        "parameter": torch.nn.Parameter(tensor.float()),
    }
    for name, data in (("a.pt", zipped(root, tmp_path)), ("b.pt", streamed(root)), ("c.pkl", pickle.dumps(root))):
        read = read_file(written(tmp_path / name, data))
        for key, expected in root.items():
            torch.testing.assert_close(read[key].load(), expected.detach().float(), rtol=0, atol=0)
