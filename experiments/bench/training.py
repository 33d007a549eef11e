"""How fast Ganvil trains beside the code that it is measured by: turn by turn, on the same pictures and widths.

    python experiments/bench/training.py --nvlabs ../stylegan2-ada-pytorch --cases stylegan2-32 stylegan2-64

Every contender lives in a process of its own. They take turns of 16 training steps, A B A B, so that a busy machine
is busy for all of them, and a ratio is taken turn by turn. A turn holds every lazy regulariser as often as training
does (R1 once, path length four times). One turn each goes before, uncounted.
"""

import dataclasses
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from experiments.bench import nvlabs, pytorch_dcgan, rosinality
from experiments.bench.contender import Contender, Workload, wait
from experiments.bench.nvlabs import NVlabs
from experiments.bench.ours import Ours
from experiments.bench.pytorch_dcgan import PyTorchDCGAN
from experiments.bench.rosinality import Rosinality
from experiments.bench.worker import Turn, Worker
from gan.command_line import Parser, run_command
from gan.device import choose_device
from gan.errors import UserError
from gan.networks.registry import NETWORKS
from gan.version import code_version

_EPILOG = """\
cases (network, pixels, channel base / most, batch):
  stylegan2-32, -64, -128   2048 / 64, 16
  stylegan2-64-wide         8192 / 256, 16
  stylegan2-256             16384 / 512, 32: for a GPU
  swagan-64, swagan-128     2048 / 64, 16; beside our StyleGAN2 of that size
  dcgan-64                  64 / 512, 64: the example's own sizes

examples:
  python experiments/bench/training.py --cases stylegan2-32 --turns 1        (ours alone, a minute)
  OMP_NUM_THREADS=1 taskset -c 1 python experiments/bench/training.py --nvlabs P --threads 1 --json results.json
  python experiments/bench/training.py --nvlabs P --rosinality Q --pytorch-dcgan R --ada --device cuda

columns: seconds per 1,000 pictures by the clock and of CPU time, median (least to most); how many times faster than
the first row, by the clock and by CPU time, which a shared machine disturbs less; pictures a second of the averaged
generator in batches of 1, 16 and 64; GFLOP a picture (convolutions and matrix products), GFLOP/s, and the share of
this machine's fastest convolution in float32; the peak of memory over an idle process.
"""
_SAMPLED_BATCHES = (1, 16, 64)
_SAMPLING_SECONDS = 0.5


def _stylegan2(size: int, base: int, most: int, batch: int = 16) -> Workload:
    return Workload(network="stylegan2", size=size, channel_base=base, channel_max=most, batch=batch)


CASES: dict[str, Workload] = {
    "stylegan2-32": _stylegan2(32, 2048, 64),
    "stylegan2-64": _stylegan2(64, 2048, 64),
    "stylegan2-128": _stylegan2(128, 2048, 64),
    "stylegan2-64-wide": _stylegan2(64, 8192, 256),
    "stylegan2-256": _stylegan2(256, 16384, 512, batch=32),
    "swagan-64": dataclasses.replace(_stylegan2(64, 2048, 64), network="swagan"),
    "swagan-128": dataclasses.replace(_stylegan2(128, 2048, 64), network="swagan"),
    "dcgan-64": Workload(network="dcgan", size=64, channel_base=64, channel_max=512, batch=64),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One row: who, on what."""

    name: str
    kind: type[Contender]
    workload: Workload
    source: Path | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What a row showed. The ratios are the first row's time over this row's, a turn each."""

    name: str
    turns: list[Turn]
    wall_ratios: list[float]
    cpu_ratios: list[float]
    images_per_second: dict[int, float]
    gflop_per_image: float
    gflop_per_second: float
    peak_bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(prog="experiments/bench/training.py", description=__doc__ or "", epilog=_EPILOG)
    parser.add_argument("--nvlabs", type=Path, help="checkout of NVlabs/stylegan2-ada-pytorch")
    parser.add_argument("--rosinality", type=Path, help="checkout of rosinality/stylegan2-pytorch")
    parser.add_argument("--pytorch-dcgan", type=Path, help="the folder dcgan of pytorch/examples")
    parser.add_argument("--cases", nargs="+", default=list(CASES)[:4], help="which, see below [the first four]")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bf16"], help="of ours [float32 bf16]")
    parser.add_argument("--ada", action="store_true", help="with ADA's pipeline at a fixed p of .5 [without]")
    parser.add_argument("--no-path-length", action="store_true", help="without path length [weight 2]")
    parser.add_argument("--turns", type=int, default=3, help="turns a contender [3]")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads [torch's]")
    parser.add_argument("--device", default="cpu", help="cpu or cuda [cpu]")
    parser.add_argument("--data", default="armory", help="pictures: armory, a folder or a zip [armory]")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args(arguments)

    def command() -> None:
        if options.turns < 1 or options.threads < 1:
            raise UserError("--turns and --threads must be 1 or more")
        cases = {name: _case(name, options) for name in options.cases}
        rows = {name: _rows(workload, options) for name, workload in cases.items()}
        torch.set_num_threads(options.threads)
        peak = convolution_peak(choose_device(options.device).type)
        record = _record(options, peak)
        for name, entries in rows.items():
            results = measure(entries, options.turns, options.threads)
            Console(width=200).print(_table(name, results, peak))
            record["cases"][name] = [dataclasses.asdict(result) for result in results]
            if options.json is not None:
                options.json.write_text(json.dumps(record, indent=1) + "\n")

    return run_command("experiments/bench/training.py", command)


def _case(name: str, options: Any) -> Workload:
    if name not in CASES:
        raise UserError(f"unknown case {name!r}: known are {', '.join(CASES)}")
    workload = CASES[name]
    if workload.network not in NETWORKS:
        raise UserError(f"case {name!r}: there is no network {workload.network!r} yet")
    styled = workload.network != "dcgan"
    return dataclasses.replace(
        workload,
        augment_p=0.5 if options.ada else 0.0,
        path_length_weight=2.0 if styled and not options.no_path_length else 0.0,
        data=options.data,
        device=options.device,
    )


def _rows(workload: Workload, options: Any) -> list[Entry]:
    """The peers whose folder was given, then ours; ratios are to the first."""
    low = dataclasses.replace(workload, precision="bf16")
    native = low if workload.device == "cuda" else workload  # NVlabs trains in half precision on a GPU by default
    rows: list[Entry] = []
    if options.nvlabs is not None:
        nvlabs.check_source(options.nvlabs)
        if workload.network == "stylegan2":
            rows.append(Entry(name="NVlabs", kind=NVlabs, workload=native, source=options.nvlabs))
    if options.rosinality is not None:
        rosinality.check_source(options.rosinality)
        if workload.network in ("stylegan2", "swagan") and not options.ada:
            rows.append(Entry(name="rosinality", kind=Rosinality, workload=workload, source=options.rosinality))
    if options.pytorch_dcgan is not None:
        pytorch_dcgan.check_source(options.pytorch_dcgan)
        if workload.network == "dcgan" and not options.ada:
            rows.append(
                Entry(name="PyTorch example", kind=PyTorchDCGAN, workload=workload, source=options.pytorch_dcgan)
            )
    for precision in options.precisions:
        if precision not in ("float32", "bf16"):
            raise UserError(f"precision {precision!r} is unknown: choose float32 or bf16")
        ours = dataclasses.replace(workload, precision=precision)
        if workload.network == "swagan":
            beside = dataclasses.replace(ours, network="stylegan2")
            rows.append(Entry(name=f"our StyleGAN2, {precision}", kind=Ours, workload=beside, source=None))
        rows.append(Entry(name=f"Ganvil, {precision}", kind=Ours, workload=ours, source=None))
    return rows


def measure(entries: Sequence[Entry], turns: int, threads: int) -> list[Result]:
    """All rows of a case, side by side."""
    taken: list[list[Turn]] = [[] for _ in entries]
    results: list[Result] = []
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(e.kind, e.workload, e.source, threads)) for e in entries]
        for _ in range(turns):
            for worker, so_far in zip(workers, taken, strict=True):
                so_far.append(worker.train())
        for entry, worker, mine in zip(entries, workers, taken, strict=True):
            peak = worker.peak_bytes()  # before sampling, which has batches of its own
            gflop = worker.flops() / 1e9
            results.append(
                Result(
                    name=entry.name,
                    turns=mine,
                    wall_ratios=[a.wall_seconds / b.wall_seconds for a, b in zip(taken[0], mine, strict=True)],
                    cpu_ratios=[a.cpu_seconds / b.cpu_seconds for a, b in zip(taken[0], mine, strict=True)],
                    images_per_second={num: worker.sample(num, _SAMPLING_SECONDS) for num in _SAMPLED_BATCHES},
                    gflop_per_image=gflop,
                    gflop_per_second=gflop * 1000.0 / statistics.median(turn.wall_seconds for turn in mine),
                    peak_bytes=peak,
                )
            )
    return results


def convolution_peak(device: str) -> float:
    """GFLOP/s of the fastest of some large 3x3 convolutions in float32: what this machine can do at best."""
    best = 0.0
    for channels, size in ((64, 32), (128, 64), (256, 32)):
        x = torch.randn(16, channels, size, size, device=device).contiguous(memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3, device=device).contiguous(memory_format=torch.channels_last)
        gflop = 2 * 9 * channels**2 * size**2 * 16 / 1e9
        for _ in range(30):
            wait(device)
            start = time.perf_counter()
            F.conv2d(x, weight, padding=1)
            wait(device)
            best = max(best, gflop / (time.perf_counter() - start))
    return best


def _table(case: str, results: Sequence[Result], peak: float) -> Table:
    table = Table(title=f"{case}  (convolution peak {peak:.0f} GFLOP/s in float32)", title_justify="left")
    for heading in ("", "s / 1,000", "CPU s / 1,000", "times", "times (CPU)", "img/s 1", "16", "64"):
        table.add_column(heading, justify="left" if heading == "" else "right")
    for heading in ("GFLOP/img", "GFLOP/s", "of peak", "peak MB"):
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(
            result.name,
            _spread([turn.wall_seconds for turn in result.turns], 1),
            _spread([turn.cpu_seconds for turn in result.turns], 1),
            _spread(result.wall_ratios, 2),
            _spread(result.cpu_ratios, 2),
            *(f"{result.images_per_second[num]:.0f}" for num in _SAMPLED_BATCHES),
            f"{result.gflop_per_image:.2f}",
            f"{result.gflop_per_second:.0f}",
            f"{result.gflop_per_second / peak:.0%}",
            f"{result.peak_bytes / 1e6:.0f}",
        )
    return table


def _spread(values: Sequence[float], digits: int) -> str:
    show: Callable[[float], str] = f"{{:.{digits}f}}".format
    return f"{show(statistics.median(values))} ({show(min(values))} to {show(max(values))})"


def _record(options: Any, peak: float) -> dict[str, Any]:
    given = {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()}
    return {
        "options": given,
        "code_version": code_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "processor": _processor(),
        "convolution_peak_gflops": peak,
        "cases": {},
    }


def _processor() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    raise SystemExit(main())
