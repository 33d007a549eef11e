"""Does cleaning the pictures help a search? The same search on a set as it is and cleaned, judged by the same pictures.

    python experiments/cleaned/run.py --icons dcss-weapons-plus.zip dcss-dirty.zip
    python experiments/cleaned/run.py --table

Three sets: as it is; cleaned by `python -m gan.data clean` with its defaults, which drop what is certain; and without
the copies that it flags as likely too. Each search has the same settings, trials and images. All kept checkpoints of
all its trials are scored against the cleaned set, and the one with the lowest FID against its reference half stands for
the search. results.json grows by a search at a time.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch

from experiments.half import HALVES, Ledger, Run, table
from gan.command_line import Parser, run_command
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.features.registry import load_feature_net
from gan.metrics.evaluate import Reference
from gan.version import code_version
from ops.candidates import CandidateStore
from ops.tracking_server import connect

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results.json"
SIDE = 32
NET = "randconv"
SHOWN = ("fid", "kid", "precision", "recall", "coverage", "memorised")
SETS = ("as it is", "cleaned", "cleaned, likely copies too")
RECIPE = "dcgan-small"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One search on one of the sets."""

    icons: Path
    pictures: str
    seed: int
    trials: int
    kimg: int

    @property
    def key(self) -> str:
        return f"{self.icons.stem}, {self.trials} x {self.kimg} kimg | {self.pictures} | seed {self.seed}"


def clean(source: Path, folder: Path) -> tuple[dict[str, Path], dict[str, Any]]:
    """The sets, and how many pictures the report drops or flags for which reason."""
    cleaned, thinned = folder / f"{source.stem}-cleaned.zip", folder / f"{source.stem}-thinned.zip"
    _run("-m", "gan.data", "clean", str(source), "--out", str(cleaned))
    report = json.loads(cleaned.with_name(f"{cleaned.stem}-report.json").read_text())
    likely = [found["name"] for found in report["findings"] if found["kind"] == "likely copy"]
    names = folder / "likely.txt"
    names.write_text("".join(f"{name}\n" for name in likely))
    _run("-m", "gan.data", "clean", str(source), "--out", str(thinned), "--drop", str(names))
    return dict(zip(SETS, (source, cleaned, thinned), strict=True)), {**report["summary"], **report["counts"]}


def follow(job: Job, source: Path, judge: Reference, folder: Path) -> Run:
    """Run the search; every kept checkpoint's scores, from the samples that the search itself made."""
    name = f"{job.icons.stem}-{SETS.index(job.pictures)}-{job.seed}"
    uri = f"sqlite:///{folder / name}.db"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _run(
        *("search/run.py", "--data", str(source), "--name", name, "--resolution", str(SIDE)),
        *("--recipe", RECIPE, "--trials", str(job.trials), "--kimg", str(job.kimg), "--max-concurrent", "1"),
        *("--seed", str(job.seed), "--features", NET, "--storage", str(folder / name), "--tracking-uri", uri),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    store = CandidateStore(connect(uri), uri, folder / "candidates")
    candidates, _, _ = store.candidates(store.searches([name])[0], NET)
    ticks = [
        {"candidate": each.id, **{half: judge.score(each.features, half).to_plain() for half in HALVES}}
        for each in candidates
    ]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"ticks": ticks, "cpu_seconds": round(seconds), "commit": code_version()}


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)


def jobs(options: Any) -> Iterator[Job]:
    """Seed by seed, so that an early end leaves whole rows."""
    for seed in range(options.seeds):
        for icons in options.icons:
            for pictures in SETS:
                yield Job(icons=icons.resolve(), pictures=pictures, seed=seed, trials=options.trials, kimg=options.kimg)


def search_all(options: Any, ledger: Ledger) -> None:
    with tempfile.TemporaryDirectory(prefix="ganvil-cleaned-") as scratch:
        folder = Path(scratch)
        sets: dict[Path, dict[str, Path]] = {}
        judges: dict[Path, Reference] = {}
        for job in ledger.missing(jobs(options)):
            if job.icons not in sets:
                sets[job.icons], counts = clean(job.icons, folder)
                ledger.results.setdefault("cleaning", {})[job.icons.stem] = counts
                cleaned = load_pictures(str(sets[job.icons][SETS[1]]), Resolution(height=SIDE, width=SIDE))
                judges[job.icons] = Reference.build(cleaned.images, load_feature_net(NET, torch.device("cpu")))
            ledger.add(job.key, follow(job, sets[job.icons][job.pictures], judges[job.icons], folder))
            print(job.key, flush=True)


def main() -> int:
    parser = Parser(prog="experiments/cleaned/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--icons", type=Path, nargs="+", default=[], help="sets of real pictures: folders or zips")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--kimg", type=int, default=48)
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(RESULTS)
        if not options.table:
            if not options.icons:
                raise UserError("--icons is missing: give a folder or zip of real icons")
            search_all(options, ledger)
        starts = sorted({key.split(" | ")[0] for key in ledger.results["runs"]})
        for start in starts:
            rows = {pictures: ledger.runs_of(f"{start} | {pictures}") for pictures in SETS}
            for half in HALVES:
                print(f"\n{start}, against the cleaned set's {half} half\n\n{table('pictures', rows, half, SHOWN)}")

    return run_command("cleaned", command)


if __name__ == "__main__":
    raise SystemExit(main())
