"""Runs that live and runs that die, recorded tick by tick: what the collapse rule sees, and what became of them.

    python experiments/collapse/record.py --icons dcss-weapons-plus.zip
    python experiments/collapse/record.py --icons dcss-weapons-plus.zip --returning

Three kinds of run: points that a search might draw (chance alone, so that it says how often its rule is wrong),
settings without what holds off collapse, and the same for longer on 100 of the icons (so that there is something to
find: on all of them nearly everything lives). Each is trained to the end, whatever any rule
says, as a trial of a search is, and measured as one (search/trial/scoring.py). With --returning those that the rule
would have ended run again, and go back where it ends them (search/trial/second_chance.py): returned.json. Both files
grow by a run at a time.
"""

import dataclasses
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from experiments.half import Ledger, Run, finished
from gan.begin import begin
from gan.command_line import Parser, run_command
from gan.config import RunConfig, with_values
from gan.data.dataset import ARMORY, PictureSet, load_pictures
from gan.data.resolution import Resolution
from gan.errors import UserError
from gan.features.registry import load_feature_net
from gan.loop import train
from gan.metrics.diversity import RealSpread
from gan.metrics.evaluate import Reference
from gan.pixels import sheet
from gan.recipes import recipe_named
from gan.training import Training
from gan.version import code_version
from search.judging.collapse import CollapseRule, Moment
from search.plan import Plan
from search.trial.scoring import measure
from search.trial.second_chance import SecondChance

HERE = Path(__file__).resolve().parent
TICKS = 16
NUM_SAMPLES = 500
DRAWN = ("dcgan-small", "stylegan2-small")  # the recipes that points are drawn around
KEPT = (
    "diversity", "diversity_features", "similarity", "ada_p", "sign_real", "logit_gap", "r1_penalty",
    "fid_randconv", "recall_randconv", "precision_randconv", "coverage_randconv", "memorised_randconv",
    "coverage_randconv_reference",
)  # fmt: skip

_RAW = {"augment.policy": "none", "regulariser.r1_gamma": "0"}
_CLASSES = {"data.conditional": "true", "network.self_modulation": "false"}

BAD: dict[str, tuple[str, dict[str, str]]] = {
    "dcgan, no R1, no augmentation, lr x 10": ("dcgan-small", _RAW | {"optimiser.generator_lr": "0.004"}),
    "dcgan, no R1, no augmentation, D x 4": ("dcgan-small", _RAW | {"optimiser.discriminator_lr_ratio": "4"}),
    "dcgan, no R1, no augmentation, D x 0.1": ("dcgan-small", _RAW | {"optimiser.discriminator_lr_ratio": "0.1"}),
    "dcgan, no R1, hinge, lr x 5": ("dcgan-small", _RAW | {"loss.kind": "hinge", "optimiser.generator_lr": "0.002"}),
    "dcgan, momentum 0.9, lr x 10": ("dcgan-small", {"optimiser.beta1": "0.9", "optimiser.generator_lr": "0.004"}),
    "dcgan, residual discriminator, no R1": (
        "dcgan-small",
        _RAW | {"network.discriminator": "residual", "network.self_modulation": "false"},
    ),
    "cdcgan, classes concatenated, no R1": (
        "cdcgan-small",
        _RAW | _CLASSES | {"network.join": "concatenate"},
    ),
    "stylegan2, no R1, no augmentation": ("stylegan2-small", _RAW),
    "stylegan2, no R1, lr x 10": ("stylegan2-small", _RAW | {"optimiser.generator_lr": "0.025"}),
    "stylegan2, no R1, lr x 4, no minibatch deviation": (
        "stylegan2-small",
        _RAW | {"optimiser.generator_lr": "0.01", "network.minibatch_group": "1"},
    ),
    "stylegan2, R1 x 1000, lr x 8": (
        "stylegan2-small",
        {"regulariser.r1_multiplier": "1000", "optimiser.generator_lr": "0.02"},
    ),
    "biggan with classes": ("biggan-small", {"data.conditional": "true"}),
}


FEW = 100  # icons
ON_FEW: dict[str, tuple[str, dict[str, str]]] = {
    "dcgan on few": ("dcgan-small", {}),
    "dcgan on few, bare": ("dcgan-small", _RAW),
    "dcgan on few, bare, D x 8": ("dcgan-small", _RAW | {"optimiser.discriminator_lr_ratio": "4"}),
    "dcgan on few, bare, lr x 5, momentum 0.9": (
        "dcgan-small",
        _RAW | {"optimiser.generator_lr": "0.002", "optimiser.beta1": "0.9"},
    ),
    "dcgan on few, bare, z in front alone, lr x 5": (
        "dcgan-small",
        _RAW | {"network.self_modulation": "false", "optimiser.generator_lr": "0.002"},
    ),
    "dcgan on few, bare, batch 4": ("dcgan-small", _RAW | {"optimiser.batch_size": "4"}),
    "stylegan2 on few, bare": ("stylegan2-small", _RAW | {"network.minibatch_group": "1"}),
}


class Chance:
    """Draws a point of the space; the same number draws the same."""

    def __init__(self, number: int) -> None:
        self._chance = np.random.default_rng(number)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        if log:
            return float(np.exp(self._chance.uniform(np.log(low), np.log(high))))
        return float(self._chance.uniform(low, high))

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return choices[int(self._chance.integers(len(choices)))]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: of BAD by its name, or `drawn 3`, the point that chance draws with that seed."""

    name: str
    data: str
    called: str  # the data's short name, in the key
    kimg: float
    seed: int = 0
    returning: bool = False

    @property
    def key(self) -> str:
        return f"{self.called} | {self.kimg:g} kimg | {self.name} | seed {self.seed}"

    def pictures(self) -> PictureSet:
        """All of the set, or the few."""
        pictures = load_pictures(self.data, Resolution(height=32, width=32))
        if self.name not in ON_FEW:
            return pictures
        kept = np.sort(np.random.default_rng(0).permutation(len(pictures))[:FEW])
        return dataclasses.replace(
            pictures,
            images=pictures.images[kept],
            labels=pictures.labels[kept],
            names=tuple(pictures.names[index] for index in kept),
            fingerprint=f"{pictures.fingerprint}-{FEW}",
        )

    def config(self, pictures: PictureSet) -> RunConfig:
        """The run's settings, those of a search's trial but for what the name says."""
        if self.name in BAD | ON_FEW:
            recipe, values = (BAD | ON_FEW)[self.name]
            schedule = {"schedule.total_kimg": str(self.kimg), "schedule.tick_kimg": str(self.kimg / TICKS)}
            return with_values(recipe_named(recipe), schedule | {"seed": str(self.seed)} | values)
        number = int(self.name.split()[-1])
        space = self._plan(pictures).space()
        return dataclasses.replace(space.build_run(space.point_from(Chance(number))), seed=number)

    def _plan(self, pictures: PictureSet) -> Plan:
        return Plan(
            name="drawn",
            data=self.data,
            data_fingerprint=pictures.fingerprint,
            height=pictures.resolution.height,
            width=pictures.resolution.width,
            channels=pictures.channels,
            conditional=False,
            recipes=DRAWN,
            num_trials=1,
            kimg=self.kimg,
            num_ticks=TICKS,
            num_samples=NUM_SAMPLES,
            features="randconv",
            seed=0,
        )


def follow(job: Job) -> tuple[Run, Any]:
    """Train to the end; the signals and scores at each tick, and a sheet of the last one's samples."""
    torch.set_num_threads(1)
    pictures = job.pictures()
    net = load_feature_net("randconv", torch.device("cpu"))
    reference = Reference.build(pictures.images, net)
    spread = RealSpread.of(pictures.images, reference.training.features)
    started = time.process_time()
    rule, total = CollapseRule(), job.kimg * 1000
    chance = SecondChance("return" if job.returning else "stop", rule)
    moments: list[Moment] = []
    ticks: list[dict[str, Any]] = []
    shown = None
    going: Training | None = begin(job.config(pictures), pictures, torch.device("cpu"))
    while going is not None:
        training, going = going, None
        for tick in train(training, pictures):
            measured = measure(
                training, tick, pictures, reference=reference, spread=spread, net=net, num_samples=NUM_SAMPLES
            )
            metrics = {name: value for name, value in measured.entry.metrics.items() if name in KEPT}
            moments.append(measured.entry.moment)
            chance.follow(training, moments)
            if rule.reason(moments, total) is not None and not tick.finished and (again := chance.take(training)):
                going, how = again
                moments[-1] = dataclasses.replace(moments[-1], returned=how)
            ticks.append({"moment": dataclasses.asdict(moments[-1]), "metrics": metrics})
            shown = shown if measured.images is None else sheet(measured.images[:64], 8, scale=2)
            if going is not None:
                break
    return {"ticks": ticks, "cpu_seconds": round(time.process_time() - started), "commit": code_version()}, shown


def ended_by_the_rule(run: Run, total_images: float) -> bool:
    """Whether anything was left of its budget when the rule would have ended it."""
    moments = [Moment(**tick["moment"]) for tick in run["ticks"]]
    return any(CollapseRule().reason(moments[:end], total_images) for end in range(1, len(moments)))


def jobs(options: Any) -> Iterator[Job]:
    """The drawn ones of each picture set in turn, then the bad ones."""
    sets = {"weapons": options.icons, "armory": ARMORY}
    for number in range(options.drawn):
        for called, data in sets.items():
            yield Job(name=f"drawn {number}", data=data, called=called, kimg=options.kimg)
    for seed in range(options.seeds):
        for name in BAD:
            yield Job(name=name, data=options.icons, called="weapons", kimg=options.kimg, seed=seed)
        for name in ON_FEW:
            yield Job(name=name, data=options.icons, called="weapons", kimg=options.kimg_on_few, seed=seed)


def main() -> int:
    parser = Parser(prog="experiments/collapse/record.py", description=__doc__ or "", epilog="")
    parser.add_argument("--icons", help="real icons: a folder or zip")
    parser.add_argument("--drawn", type=int, default=10, help="points that chance draws, of each picture set [10]")
    parser.add_argument("--seeds", type=int, default=1, help="of each setting that is not drawn [1]")
    parser.add_argument("--kimg", type=float, default=48.0)
    parser.add_argument("--kimg-on-few", type=float, default=160.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--returning", action="store_true", help="go back where the rule would end a recorded run")
    parser.add_argument("--sheets", metavar="FOLDER", help="put the last samples of each run there, to look at")
    options = parser.parse_args()

    def command() -> None:
        if not options.icons:
            raise UserError("--icons is missing: give a folder or zip of real icons")
        ledger, wanted = Ledger(HERE / "results.json"), list(jobs(options))
        if options.returning:
            known = ledger.results["runs"]
            wanted = [
                dataclasses.replace(job, returning=True)
                for job in wanted
                if job.key in known and ended_by_the_rule(known[job.key], job.kimg * 1000)
            ]
            ledger = Ledger(HERE / "returned.json")
        for job, (run, shown) in finished(ledger.missing(wanted), follow, options.processes):
            ledger.add(job.key, run)
            if options.sheets and shown is not None:
                Path(options.sheets).mkdir(parents=True, exist_ok=True)
                shown.save(Path(options.sheets) / f"{job.key.replace(' | ', '_').replace(' ', '-')}.png")

    return run_command("collapse", command)


if __name__ == "__main__":
    raise SystemExit(main())
