"""A contender in a process of its own, told by the benchmark when it is its turn.

So no contender shares its allocator, its threads' settings or its peak of memory with another, and while one works
the others wait.
"""

import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from experiments.bench.contender import Contender, Workload, wait
from gan.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn of training, per 1,000 pictures."""

    wall_seconds: float
    cpu_seconds: float


class Worker:
    """The process; every method waits for its answer. A failure there is raised here, with its trace."""

    def __init__(self, kind: type[Contender], workload: Workload, source: Path | None, threads: int) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, kind, workload, source, threads), daemon=True)
        self._process.start()
        other.close()
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.terminate()

    def train(self) -> Turn:
        turn: Turn = self._ask("train")
        return turn

    def sample(self, num: int, seconds: float) -> float:
        """Pictures a second in batches of `num`, measured for about so long."""
        return float(self._ask("sample", num, seconds))

    def flops(self) -> float:
        """Floating point operations a picture: convolutions and matrix products of one more turn, counted."""
        return float(self._ask("flops"))

    def peak_bytes(self) -> int:
        """The most memory that training took beyond what the process held before its networks were built."""
        return int(self._ask("peak"))

    def _ask(self, *question: object) -> Any:
        self._pipe.send(question)
        return self._answer()

    def _answer(self) -> Any:
        try:
            failed, value = self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"a contender's process died with exit code {self._process.exitcode}") from None
        if failed is None:
            return value
        raise UserError(value) if failed == "user" else RuntimeError(value)


def _serve(pipe: Connection, kind: type[Contender], workload: Workload, source: Path | None, threads: int) -> None:
    torch.set_num_threads(threads)
    try:
        before = _peak_bytes(workload.device)
        contender = kind(workload, source)
        contender.train()  # warms up: kernels are chosen, memory is mapped
        pipe.send((None, None))
        while True:
            name, *arguments = pipe.recv()
            pipe.send((None, _answers(contender, workload, before)[name](*arguments)))
    except EOFError:
        return
    except UserError as error:
        pipe.send(("user", str(error)))
    except Exception:
        pipe.send(("ours", traceback.format_exc()))


def _answers(contender: Contender, workload: Workload, before: int) -> dict[str, Callable[..., Any]]:
    def train() -> Turn:
        wall, cpu = time.perf_counter(), time.process_time()
        contender.train()
        thousands = workload.images_a_turn / 1000.0
        return Turn(
            wall_seconds=(time.perf_counter() - wall) / thousands, cpu_seconds=(time.process_time() - cpu) / thousands
        )

    def sample(num: int, seconds: float) -> float:
        draw = contender.generator(num)
        draw()
        wait(workload.device)
        start, batches = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            draw()
            batches += 1
        wait(workload.device)
        rate: float = batches * num / (time.perf_counter() - start)
        return rate

    def flops() -> float:
        with FlopCount() as count:
            contender.train()
        total: float = count.total
        return total / workload.images_a_turn

    return {
        "train": train,
        "sample": sample,
        "flops": flops,
        "peak": lambda: _peak_bytes(workload.device) - before,
    }


class FlopCount(TorchDispatchMode):
    """Counts as `torch.utils.flop_counter` does, without its module tracker, which `autograd.grad` upsets."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=out)
        return out


def _peak_bytes(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
