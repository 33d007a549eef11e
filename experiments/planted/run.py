"""Does the selection find what is known to be best? Candidates made of real pictures, and brute force beside it.

    python experiments/planted/run.py --sets armory dcss-monsters.zip dcss-items.zip dcss-weapons-plus.zip
    python experiments/planted/run.py --table

One half of a set plays the generators, the other the reals (of which the selection sees half again). Twelve candidates:

  6 with lost classes   pictures of some of the classes only, a third to two thirds of them
  1 collapsed           pictures of one class
  3 noisy               of all classes, each under Gaussian noise
  2 memorisers          copies of the very reals, of all classes

Three members at most. Brute force tries every mixture that the selection could have come to (shares of six slots), and
every three candidates under the convex program. results.json grows by a case at a time.
"""

import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.half import Ledger, finished
from gan.command_line import Parser, run_command
from gan.data.dataset import PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.ensemble.convex import Limits, lowest_kid
from gan.ensemble.kernel_means import KernelMeans
from gan.ensemble.library import Candidate, Library
from gan.ensemble.selection import SLOTS_A_MEMBER, Selection, best_single, select, veto
from gan.errors import UserError
from gan.features.registry import load_feature_net
from gan.metrics.evaluate import Reference
from gan.metrics.memorisation import memorised
from gan.metrics.split import split_halves
from gan.pixels import UInt8Array
from gan.version import code_version
from ops.pool import most_copies

HERE = Path(__file__).resolve().parent
NUM_ROWS = 400
SIZE = 3
NOISES = (40.0, 60.0, 80.0)  # standard deviation, of 255


@dataclass(frozen=True, kw_only=True)
class Job:
    data: str
    seed: int

    @property
    def key(self) -> str:
        return f"{Path(self.data).stem} | seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A candidate that was made: its pictures `[n, c, h, w]`, and the classes that are in them."""

    name: str
    images: UInt8Array
    classes: frozenset[int]


def planted(pictures: PictureSet, mine: NDArray[np.int64], reals: NDArray[np.int64], seed: int) -> list[Planted]:
    """Twelve of them; mine, reals: the rows of either half."""
    rng = np.random.default_rng(seed)
    labels = pictures.labels
    known = np.unique(labels[mine])

    def of(name: str, rows: NDArray[np.int64], sigma: float = 0.0) -> Planted:
        drawn = rng.choice(rows, NUM_ROWS)
        images = pictures.images[drawn].astype(np.float32)
        images += rng.normal(size=images.shape).astype(np.float32) * sigma
        return Planted(
            name=name,
            images=np.clip(np.rint(images), 0, 255).astype(np.uint8),
            classes=frozenset(labels[drawn].tolist()),
        )

    found = []
    for index in range(6):
        share = rng.uniform(1 / 3, 2 / 3)
        some = rng.choice(known, max(1, round(share * len(known))), replace=False)
        found.append(of(f"lost-{index}", mine[np.isin(labels[mine], some)]))
    found.append(of("collapsed", mine[labels[mine] == rng.choice(known)]))
    found += [of(f"noisy-{sigma:g}", mine, sigma) for sigma in NOISES]
    found += [of(f"memoriser-{index}", reals) for index in range(2)]
    return found


def follow(job: Job) -> dict[str, Any]:
    """What was chosen, and how far from the best that there is."""
    torch.set_num_threads(1)
    pictures = load_pictures(job.data, Resolution(height=32, width=32))
    mine, reals = split_halves(pictures.images)
    net = load_feature_net("randconv", torch.device("cpu"))
    reference = Reference.build(pictures.images[reals], net)
    made = planted(pictures, mine, reals, job.seed)
    candidates = []
    for each in made:
        features = reference.standardise(net(each.images))
        copies = memorised(features, reference.training)
        candidates.append(Candidate(id=each.name, features=features, memorised=copies))
    allowed, vetoed = veto(candidates, memorised_ceiling=most_copies(reference))
    library = Library(allowed, reference.reference.features)
    chosen, (best, best_fid) = select(library, size=SIZE), by_brute_force(library)
    expected = chosen.trace[-1].expected
    means = KernelMeans.of(allowed, reference.reference.features)
    program, best_kid = convex(means)
    unguarded = select(Library(candidates, reference.reference.features), size=SIZE)
    classes = {each.name: each.classes for each in made}
    return {
        "reals": len(reference.reference),
        "vetoed": sorted(each.id for each in vetoed),
        "members": dict(zip(chosen.members, chosen.weights, strict=True)),
        "objective": [expected.objective, best],
        "fid": [expected.fid, best_fid],
        "kid": [program[1], best_kid],
        "convex_members": dict(zip(program[0].members, program[0].weights, strict=True)),
        "without_veto": dict(zip(unguarded.members, unguarded.weights, strict=True)),
        "classes": {
            "all": len(np.unique(pictures.labels)),
            "chosen": len(frozenset().union(*(classes[name] for name in chosen.members))),
            "best single": len(classes[best_single(library).members[0]]),
        },
        "commit": code_version(),
    }


def by_brute_force(library: Library) -> tuple[float, float]:
    """The lowest objective of any mixture of `SIZE` members with slots, and its FID."""
    most = SLOTS_A_MEMBER * SIZE
    best, best_fid = math.inf, math.inf
    for members in range(1, SIZE + 1):
        for some in itertools.combinations(range(len(library)), members):
            for times in itertools.product(range(1, most + 1), repeat=members):
                if sum(times) <= most and math.gcd(*times) == 1:  # [2, 2] is [1, 1] again
                    score = library.score([slot for slot, count in zip(some, times, strict=True) for _ in range(count)])
                    if score.objective < best:
                        best, best_fid = score.objective, score.fid
    return best, best_fid


def convex(means: KernelMeans) -> tuple[tuple[Selection, float], float]:
    """The program's choice with its KID, and the lowest KID of any `SIZE` candidates."""
    num = len(means.ids)
    found = lowest_kid(means, Limits(precision=np.ones(num), memorised=np.zeros(num)), size=SIZE)
    best = math.inf
    for some in itertools.combinations(range(num), SIZE):
        copies = np.ones(num)
        copies[list(some)] = 0.0  # everyone else is all copies: only these can keep the ceiling
        limits = Limits(precision=np.ones(num), memorised=copies, memorised_ceiling=1e-6)
        best = min(best, kid_of(means, lowest_kid(means, limits)))
    return (found, kid_of(means, found)), best


def kid_of(means: KernelMeans, choice: Selection) -> float:
    weights = np.zeros(len(means.ids))
    for member, weight in zip(choice.members, choice.weights, strict=True):
        weights[means.ids.index(member)] = weight
    return float(means.kid(weights))


def jobs(options: Any) -> Iterator[Job]:
    for seed in range(options.seeds):
        for data in options.sets:
            yield Job(data=data, seed=seed)


def report(ledger: Ledger) -> None:
    print(
        "| pictures | cases | objective over the optimum | FID over its | KID over the optimum"
        " | memorisers chosen | without the veto | weight of noise | classes: chosen, best single, all |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(key.partition(" | ")[0] for key in ledger.results["runs"]):
        runs = ledger.runs_of(name)
        gap = max(run["objective"][0] - run["objective"][1] for run in runs)
        fid = max(run["fid"][0] / run["fid"][1] - 1.0 for run in runs)
        kid = max((run["kid"][0] - run["kid"][1]) / abs(run["kid"][1]) for run in runs)
        classes = [[run["classes"][who] for run in runs] for who in ("chosen", "best single", "all")]
        cells = [
            name, str(len(runs)), f"{gap:.3f}", f"{fid:+.1%}", f"{kid:+.1%}",
            f"{weight_of(runs, 'members', 'memoriser'):.2f}", f"{weight_of(runs, 'without_veto', 'memoriser'):.2f}",
            f"{weight_of(runs, 'members', 'noisy'):.2f}", ", ".join(f"{np.mean(each):.1f}" for each in classes),
        ]  # fmt: skip
        print(f"| {' | '.join(cells)} |")


def weight_of(runs: Sequence[dict[str, Any]], choice: str, kind: str) -> float:
    """The largest that candidates of this kind got in any case."""
    sums = [sum(weight for name, weight in run[choice].items() if name.startswith(kind)) for run in runs]
    return float(max(sums))


def main() -> int:
    parser = Parser(prog="experiments/planted/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--sets", nargs="+", metavar="SOURCE", help="picture sets with classes")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the table of what is there, run nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if not options.sets:
                raise UserError("--sets is missing: give picture sets with classes")
            for job, run in finished(ledger.missing(jobs(options)), follow, options.processes):
                ledger.add(job.key, run)
        report(ledger)

    return run_command("planted", command)


if __name__ == "__main__":
    raise SystemExit(main())
