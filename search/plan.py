"""What a search is, apart from where it runs: kept in its folder, so that --resume goes on with the same."""

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any

from gan.config import DataConfig, RunConfig, ScheduleConfig
from gan.data.dataset import Fit, PictureSet
from gan.errors import UserError
from gan.networks.registry import name_of, network_named
from gan.recipe_file import ENDING as RECIPE_FILE
from gan.recipes import recipe_named
from search.judging.collapse import OnCollapse
from search.judging.objectives import BOTH, Objectives, objectives_named
from search.judging.retention import KEPT
from search.population.rule import PopulationRule
from search.proposing.algorithms import DEFAULT, POPULATIONS, check_algorithm
from search.space.space import Space
from search.space.vary import Varied, with_settings
from search.storage.folder import SETTINGS, SearchFolder


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search's settings, all of them resolved.

    recipes: one a network, in the order of the first trials. kimg: thousands of images a trial is trained on.
    num_samples: pictures scored at each of num_ticks ticks, of seeds 0, 1, … settings and varied: what --set and --vary
    were given (search/space/vary.py). early_stopping: whether trials that are behind are ended
    (search/stopper.py). on_collapse: what becomes of a collapsed trial (search/trial/second_chance.py). keep:
    so many of its checkpoints, the best by each objective (search/judging/retention.py). algorithm: who proposes the
    trials (search/proposing/algorithms.py). learn_from: earlier searches (search/proposing/lessons.py). objective: what
    trials are compared by (search/judging/objectives.py).
    """

    name: str
    data: str
    data_fingerprint: str
    height: int
    width: int
    channels: int
    conditional: bool
    recipes: tuple[str, ...]
    num_trials: int
    kimg: float
    num_ticks: int
    num_samples: int
    features: str
    seed: int
    fit: Fit = "letterbox"
    settings: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    early_stopping: bool = True
    on_collapse: OnCollapse = "stop"
    keep: int = KEPT
    algorithm: str = DEFAULT
    learn_from: tuple[str, ...] = ()
    objective: str = BOTH

    def __post_init__(self) -> None:
        for value, flag, least in (
            (self.num_trials, "--trials", 1),
            (self.num_ticks, "--ticks", 1),
            (self.num_samples, "--samples", 16),
            (self.seed, "--seed", 0),
            (self.keep, "--keep", 1),
        ):
            if value < least:
                raise UserError(f"{flag} {value} is too small: give {least} or more")
        check_algorithm(self.algorithm, len(self.recipes))
        objectives_named(self.objective)
        if self.is_population:
            self._check_population()
        if not 0.0 < self.kimg < math.inf:
            raise UserError(f"--kimg {self.kimg} must be over 0: thousands of images that a trial is trained on")

    def _check_population(self) -> None:
        if self.objectives.single is None:
            raise UserError(
                f"--algorithm {self.algorithm} ranks its trials by one number: give --objective fid or recall"
            )
        if self.num_trials < 2:
            raise UserError(f"--trials {self.num_trials}: --algorithm {self.algorithm} needs a population of 2 or more")
        if not PopulationRule().exchanges(self.num_ticks):
            raise UserError(
                f"--ticks {self.num_ticks}: --algorithm {self.algorithm} needs 3 or more, to exchange at some"
            )
        if self.on_collapse != "stop":
            raise UserError(
                f"--on-collapse {self.on_collapse}: in a population what collapsed goes on from what did not: leave it"
                " out"
            )

    @property
    def total_images(self) -> float:
        """A trial's whole budget."""
        return self.kimg * 1000.0

    @property
    def is_population(self) -> bool:
        """Whether its trials take over from each other."""
        return self.algorithm in POPULATIONS

    @property
    def tick_images(self) -> float:
        """From tick to tick."""
        return self.total_images / self.num_ticks

    @property
    def objectives(self) -> Objectives:
        """What trials are compared by."""
        return objectives_named(self.objective)

    def space(self) -> Space:
        """Around the recipes, with this search's pictures and budget."""
        plain = [self._base(recipe) for recipe in self.recipes]
        bases = with_settings(self.settings, {name_of(base.network): base for base in plain})
        varied = tuple(Varied.parse(typed, bases) for typed in self.varied)
        return Space(bases=bases, varied=varied, shapes=not self.is_population)

    def _base(self, recipe: str) -> RunConfig:
        return dataclasses.replace(
            recipe_named(recipe),
            data=DataConfig(
                source=self.data,
                height=self.height,
                width=self.width,
                channels=self.channels,
                conditional=self.conditional,
                fit=self.fit,
            ),
            schedule=ScheduleConfig(total_kimg=self.kimg, tick_kimg=self.kimg / self.num_ticks),
            seed=self.seed,
        )

    def to_json(self) -> bytes:
        return json.dumps(dataclasses.asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Plan":
        """Raises UserError for the settings of another version."""
        plain: dict[str, Any] = json.loads(text)
        names = {field.name for field in dataclasses.fields(cls)}
        if set(plain) != names:
            raise UserError(
                f"the search's settings have {sorted(set(plain) ^ names)} unknown or missing: they were written by"
                " another version of Ganvil; go on with that one, or begin a new --name"
            )
        values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in plain.items()}
        return cls(**values)


def choose_recipes(networks: list[str] | None, recipes: list[str] | None) -> tuple[str, ...]:
    """One recipe a network: those given, and for a network without one the recipe of the network's own name.

    UserError for unknown names, two recipes of one network, and a recipe of a network that is not wanted.
    """
    by_network: dict[str, str] = {}
    for recipe in recipes or []:
        if recipe.endswith(RECIPE_FILE):
            raise UserError(
                f"--recipe {recipe!r}: a search starts from recipes by name; --learn-from begins with what an earlier"
                " search found best, and python -m gan.train takes the file"
            )
        network = name_of(recipe_named(recipe).network)
        if network in by_network:
            raise UserError(f"recipes {by_network[network]!r} and {recipe!r} are both of {network}: choose one")
        by_network[network] = recipe
    wanted = networks or list(by_network) or ["dcgan", "stylegan2"]
    for network in wanted:
        network_named(network)
    if unwanted := set(by_network) - set(wanted):
        network = min(unwanted)
        raise UserError(f"recipe {by_network[network]!r} is of {network}, which --networks leaves out: add it there")
    return tuple(by_network.get(network, network) for network in dict.fromkeys(wanted))


def check_same_pictures(plan: Plan, pictures: PictureSet) -> None:
    """A search that goes on must go on with the pictures that it began with."""
    if pictures.fingerprint != plan.data_fingerprint:
        raise UserError(
            f"data {plan.data!r} has changed since search {plan.name!r} began (fingerprint {pictures.fingerprint}, was"
            f" {plan.data_fingerprint}): bring the old pictures back, or begin a new --name"
        )


def begin_folder(folder: SearchFolder, plan: Plan) -> None:
    """Write the plan: from here on the search exists."""
    folder.write(SETTINGS, plan.to_json())


def stored_plan(folder: SearchFolder) -> Plan | None:
    """The plan of the search in that folder; None where there is none."""
    try:
        text = folder.read(SETTINGS)
    except OSError as error:
        raise UserError(f"storage {folder.storage!r} cannot be read: {str(error).splitlines()[0]}") from None
    return None if text is None else Plan.from_json(text)
