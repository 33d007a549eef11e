"""What is the best way to put checkpoints together? Every way from the same candidates, scored on reals unseen by it.

    python experiments/does_it_pay/run.py --sets dcss-weapons-plus.zip armory --keep pools
    python experiments/ensemble/run.py --pools pools/*-ganvil-seed-*
    python experiments/ensemble/run.py --table

A pool is a folder that a search left (`--storage` and `--tracking-uri` of search/run.py in one folder), named after its
pictures and `-seed-N`: the candidates are its kept checkpoints. Each way chooses on one half of the reals and is scored
on the other, then the halves change places; a mixture is scored as the mean over `DRAWS` ways of sharing out the seeds
among its members. results.json grows by a pool at a time.
"""

import math
import re
import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from experiments.half import HALVES, Ledger, Run
from gan.command_line import Parser, run_command
from gan.ensemble.convex import Limits, lowest_kid
from gan.ensemble.kernel_means import KernelMeans
from gan.ensemble.library import Candidate, Library
from gan.ensemble.polish import Polish, first_kept, floor_for
from gan.ensemble.report import challenge, sample_of
from gan.ensemble.selection import (
    SIZE,
    Selection,
    all_at_random,
    best_single,
    greedy_cover,
    select,
    top_by_fid,
    veto,
)
from gan.errors import UserError
from gan.metrics.arrays import Features
from gan.metrics.evaluate import Half, HalfName, Reference, Scores
from gan.metrics.memorisation import memorised
from gan.version import code_version
from ops.candidates import CandidateStore
from ops.drawn import drawn
from ops.pool import Pool, gather, most_copies, with_truncations
from ops.tracking_server import connect

HERE = Path(__file__).resolve().parent
SINGLE, LAST, RANDOM, TOP = "best single checkpoint", "last of its run", "all at random", f"top {SIZE} by FID"
COVER, DEFAULT, CEILING = "greedy coverage", "the default", "reals of the other half"
WIDER, TAMER = "the default, truncations 1.1 and 1.2 too", "the default, truncations .8 and .9 too"
POLISHED = "the default, polished"
KEPT = {0.75: "wider, three quarters of each kept", 0.5: "wider, half of each kept"}  # --polish of ops/refresh.py
CONVEX, FLOORED, FREE = "convex weights", "convex weights, precision kept", "convex weights, no budget"
SHOWN = ("fid", "kid", "precision", "recall", "coverage", "memorised")
PRECISION_KEPT = 0.95  # of the best single checkpoint's, on the half that chooses: the floor of `FLOORED`
DRAWS = 4
TRUNCATIONS, SHARES = (1.0, 1.1, 1.2, 1.3), (1.0, 0.75, 0.5)  # that `POLISHED` may choose from, for each of its members

Way = tuple[Selection, Mapping[str, Features]]  # who, and what they draw: raw features `[n, d]` by id


@dataclass(frozen=True, kw_only=True)
class Job:
    """A pool to be chosen from."""

    folder: Path

    @property
    def key(self) -> str:
        found = re.fullmatch(r"(.+)-seed-(\d+)", self.folder.name)
        if found is None:
            raise UserError(f"pool {str(self.folder)!r}: its name must end in -seed- and a number")
        return f"{found[1]} | seed {found[2]}"

    def gather(self) -> tuple[Pool, CandidateStore]:
        uri = f"sqlite:///{self.folder.resolve() / 'mlflow.db'}"
        client = connect(uri)
        store = CandidateStore(client, uri, self.folder / "candidates")
        searches = store.searches(["*"])
        pool = gather(store, searches, features="randconv", data=None, cache=self.folder / "cache", say=print)
        return pool, store


def ways(pool: Pool, store: CandidateStore, chosen_on: HalfName) -> dict[str, Way]:
    """Every way to choose, from the same candidates on the same reals."""
    reals = half_of(pool.reference, chosen_on).features
    library = Library(pool.allowed, reals)
    means = KernelMeans.of(pool.allowed, reals)
    single, default = best_single(library), select(library)
    alone = library.precisions[[candidate.id for candidate in library.candidates].index(single.members[0])]
    memorised = np.array([candidate.memorised for candidate in library.candidates])
    free = Limits(precision=library.precisions, memorised=memorised)
    kept = Limits(precision=library.precisions, memorised=memorised, precision_floor=PRECISION_KEPT * float(alone))
    plain = {
        SINGLE: single,
        LAST: last_of_its_run(pool, single),
        RANDOM: all_at_random(library),
        TOP: top_by_fid(library),
        COVER: greedy_cover(library, size=SIZE),
        CONVEX: lowest_kid(means, free, size=SIZE),
        FLOORED: lowest_kid(means, kept, size=SIZE),
        FREE: lowest_kid(means, free),
        DEFAULT: default,
    }
    found: dict[str, Way] = {name: (choice, pool.raw) for name, choice in plain.items()}
    for name, truncations in ((TAMER, (0.8, 0.9)), (WIDER, (1.1, 1.2))):
        wider = with_truncations(pool, store, default.members, truncations, print)
        found[name] = (select(Library(wider.allowed, reals)), wider.raw)
    for share, name in KEPT.items():
        found[name] = kept_of_each(wider, store, found[WIDER][0], share, chosen_on)
    found[POLISHED] = polished(pool, store, default.members, chosen_on)
    return found


def kept_of_each(wider: Pool, store: CandidateStore, choice: Selection, share: float, chosen_on: HalfName) -> Way:
    """The same members and weights, of what each draws the share that is most real."""
    polish, count = Polish.of(wider.reference, chosen_on), len(wider.stored[0].features)
    by_id = {each.id: each for each in wider.stored}
    wanted = [(by_id[member], by_id[member].truncation) for member in choice.members]
    many = math.ceil(count / min(SHARES) * 1.05)
    raw = dict(wider.raw)
    found = drawn(store, wanted, net=wider.net.name, count=many, left_out=Counter(), say=print)
    for member, each in zip(choice.members, found, strict=True):
        realism = polish.realism(each.features)
        raw[member] = each.features[first_kept(realism, floor_for(realism, share), count)]
    return choice, raw


def polished(pool: Pool, store: CandidateStore, members: Sequence[str], chosen_on: HalfName) -> Way:
    """Chosen again with each member at several truncations beside the plain ones, and of each a share that is kept."""
    polish, count = Polish.of(pool.reference, chosen_on), len(pool.stored[0].features)
    wanted = [(each, truncation) for each in pool.stored if each.id in members for truncation in TRUNCATIONS]
    many = math.ceil(count / min(SHARES) * 1.05)
    raw, candidates = dict(pool.raw), list(pool.allowed)
    for each in drawn(store, wanted, net=pool.net.name, count=many, left_out=Counter(), say=print):
        features = pool.reference.standardise(each.features)
        realism = polish.realism(each.features)
        for share in SHARES:
            rows = first_kept(realism, floor_for(realism, share), count)
            name = f"{each.id}~{share:g}"
            raw[name] = each.features[rows]
            copied = memorised(features[rows], pool.reference.training)
            candidates.append(Candidate(id=name, features=features[rows], memorised=copied))
    allowed, _ = veto(candidates, memorised_ceiling=most_copies(pool.reference))
    return select(Library(allowed, half_of(pool.reference, chosen_on).features)), raw


def half_of(reference: Reference, name: HalfName) -> Half:
    return reference.reference if name == "reference" else reference.held_out


def last_of_its_run(pool: Pool, single: Selection) -> Selection:
    """The last kept checkpoints of the run that the best one is from, `SIZE` at most."""
    of_run = {candidate.id: candidate.run_id for candidate in pool.stored}
    allowed = {candidate.id for candidate in pool.allowed}
    run = [c for c in pool.stored if c.run_id == of_run[single.members[0]] and c.id in allowed]
    last = sorted(run, key=lambda candidate: candidate.record.images_seen)[-SIZE:]
    return Selection(members=tuple(c.id for c in last), weights=(1.0 / len(last),) * len(last))


def compare(job: Job) -> dict[str, Any]:
    """Each way's scores on unseen reals, and the default held against the others with the error of the difference."""
    pool, store = job.gather()
    sides = [compare_on(pool, store, *halves) for halves in (HALVES[::-1], HALVES)]
    return {
        "candidates": len(pool.stored),
        "vetoed": len(pool.vetoed),
        "samples": len(pool.stored[0].features),
        "reals": [len(pool.reference.held_out), len(pool.reference.reference)],
        "networks": sorted({candidate.id.partition("-")[0] for candidate in pool.stored}),
        "sides": sides,
        "commit": code_version(),
    }


def compare_on(pool: Pool, store: CandidateStore, chosen_on: HalfName, scored_on: HalfName) -> dict[str, Any]:
    reference = pool.reference
    found = ways(pool, store, chosen_on)
    of_half = np.split(reference.order, [len(reference.reference)])[chosen_on == "held_out"]
    others = pool.net(pool.pictures.images[of_half])
    scores = {name: scored(*way, reference, scored_on) for name, way in found.items()}
    side: dict[str, Any] = {
        "scores": scores | {CEILING: plainly(reference.score(others, scored_on))},
        "members": {
            name: dict(zip(c.members, c.weights, strict=True)) for name, (c, _) in found.items() if name != RANDOM
        },
    }
    if scored_on == "held_out":
        side["less"] = {name: less(found[WIDER], found[name], reference) for name in (SINGLE, RANDOM, TOP)}
    return side


def scored(choice: Selection, raw: Mapping[str, Features], reference: Reference, half: HalfName) -> dict[str, float]:
    """The mean over several samples: seeds shared out among the members in `DRAWS` ways."""
    count = len(raw[choice.members[0]])
    scores = []
    for draw in range(DRAWS if len(choice.members) > 1 else 1):
        order = np.random.default_rng(draw).permutation(count)
        rows = sample_of(choice, {member: raw[member][order] for member in choice.members})
        scores.append(plainly(reference.score(rows, half)))
    return {name: statistics.fmean(each[name] for each in scores) for name in SHOWN}


def plainly(scores: Scores) -> dict[str, float]:
    return {name: float(getattr(scores, name)) for name in SHOWN}


def less(one: Way, other: Way, reference: Reference) -> dict[str, list[float]]:
    gain = challenge(sample_of(*one), sample_of(*other), reference)
    return {"fid": [gain.fid_gain, gain.fid_error], "recall": [gain.recall_gain, gain.recall_error]}


def settings_of(ledger: Ledger) -> list[str]:
    return list(dict.fromkeys(key.rpartition(" | ")[0] for key in ledger.results["runs"]))


def report(ledger: Ledger) -> None:
    """A table a set: means over the pools, and their spread; then the widened default's gain in each pool."""
    for setting in settings_of(ledger):
        runs = ledger.runs_of(setting)
        counts = ", ".join(str(run["candidates"]) for run in runs)
        print(f"\n{setting}: {counts} candidates; {runs[0]['samples']} samples, {runs[0]['reals']} reals\n")
        print(f"| choice | members | {' | '.join(SHOWN)} |\n|---|---|{'---|' * len(SHOWN)}")
        for name in runs[0]["sides"][0]["scores"]:
            cells = [spread(values_of(runs, name, score), form_of(score)) for score in SHOWN]
            sizes = [len(side["members"][name]) for run in runs for side in run["sides"] if name in side["members"]]
            members = f"{statistics.fmean(sizes):.0f}" if sizes else ("all" if name == RANDOM else "")
            print(f"| {name} | {members} | {' | '.join(cells)} |")
        for name in (SINGLE, RANDOM, TOP):
            gains = [run["sides"][0]["less"][name] for run in runs]
            print(f"\n{WIDER}, less {name}, in each pool, with two standard errors:")
            for score, form in (("fid", "+.1f"), ("recall", "+.3f")):
                shown = ", ".join(f"{g[score][0]:{form}} ± {2 * g[score][1]:{form[1:]}}" for g in gains)
                print(f"  {score} {shown}")


def values_of(runs: Sequence[Run], name: str, score: str) -> list[float]:
    """A number a pool: the mean of both sides."""
    return [statistics.fmean(side["scores"][name][score] for side in run["sides"]) for run in runs]


def form_of(score: str) -> str:
    return {"fid": ".1f", "kid": ".3f"}.get(score, ".2f")


def spread(values: Sequence[float], form: str) -> str:
    more = f" ({statistics.stdev(values):{form}})" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{form}}{more}"


def draw(ledger: Ledger, path: Path) -> None:
    """FID and recall of every way, a panel a set: low and right is good."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    settings = settings_of(ledger)
    num_rows = len(settings) // 3 + 1  # a place is left for the legend
    figure, grid = pyplot.subplots(num_rows, 3, figsize=(13.0, 3.9 * num_rows), dpi=110, squeeze=False)
    panels = list(grid.flat)
    colours = pyplot.get_cmap("tab20").colors
    for axes, setting in zip(panels, settings, strict=False):
        runs = ledger.runs_of(setting)
        for number, name in enumerate(runs[0]["sides"][0]["scores"]):
            colour = "black" if name == WIDER else colours[number]
            recalls, fids = (values_of(runs, name, score) for score in ("recall", "fid"))
            axes.scatter(recalls, fids, s=9, color=colour, alpha=0.5)
            marker = "*" if name == WIDER else "o"
            middle = statistics.fmean(recalls), statistics.fmean(fids)
            axes.scatter(*middle, s=70, color=colour, label=name, marker=marker)
        axes.set_title(setting, fontsize=10)
        axes.set_xlabel("recall")
        axes.set_ylabel("FID")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:.0f}")
        axes.yaxis.set_minor_formatter("{x:.0f}")
        axes.grid(alpha=0.25)
    for axes in panels[len(settings) :]:
        axes.axis("off")
    panels[len(settings)].legend(*panels[0].get_legend_handles_labels(), frameon=False, fontsize=9, loc="center")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def main() -> int:
    parser = Parser(prog="experiments/ensemble/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--pools", nargs="+", type=Path, metavar="FOLDER", help="folders that searches left")
    parser.add_argument("--table", action="store_true", help="print the tables of what is there, choose nothing")
    options = parser.parse_args()

    def command() -> None:
        ledger = Ledger(HERE / "results.json")
        if not options.table:
            if not options.pools:
                raise UserError("--pools is missing: give folders that searches left (does_it_pay/run.py --keep)")
            for job in ledger.missing([Job(folder=folder) for folder in options.pools]):
                ledger.add(job.key, compare(job))
        report(ledger)
        draw(ledger, HERE / "choices.png")

    return run_command("ensemble", command)


if __name__ == "__main__":
    raise SystemExit(main())
