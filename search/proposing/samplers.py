"""Optuna's samplers behind the names of search/proposing/algorithms.py.

Each is made anew for each trial, seeded by the trial's number, and knows the study alone: a resumed search asks as an
uncut one would. Optuna's samplers take the constraint on copies (search/proposing/optuna_search.py) from the trials
themselves.
"""

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import optuna
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler, RandomSampler, TPESampler

from search.proposing.algorithms import PB2, PBT

_FEWEST_STARTUP = 4
# TPE follows its model from the third trial on: the recipes' own settings are what it starts from, and its prior keeps
# it wide. Of 8 or 10 trials by chance before, a search of a dozen never recovers (experiments/samplers).
_TPE_STARTUP = 2


def sampler_for(algorithm: str, seed: int, num_trials: int) -> BaseSampler:
    """For one trial of a search of so many."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return SAMPLERS[algorithm](seed, num_trials)


def _num_startup(num_trials: int) -> int:
    """Random trials before Gaussian processes, a third of all, 4 to 10."""
    return min(10, max(_FEWEST_STARTUP, num_trials // 3))


def _population(num_trials: int) -> int:
    """Of a generation: five of them in a search, each of 4 to 50 trials."""
    return min(50, max(4, num_trials // 5))


def _tpe(seed: int, num_trials: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=_TPE_STARTUP, multivariate=True, group=True, constant_liar=True)


def _nsga2(seed: int, num_trials: int) -> BaseSampler:
    return NSGAIISampler(seed=seed, population_size=_population(num_trials))


def _nsga3(seed: int, num_trials: int) -> BaseSampler:
    return NSGAIIISampler(seed=seed, population_size=_population(num_trials))


def _gp(seed: int, num_trials: int) -> BaseSampler:
    return GPSampler(seed=seed, n_startup_trials=_num_startup(num_trials), warn_independent_sampling=False)


def _random(seed: int, num_trials: int) -> BaseSampler:
    return RandomSampler(seed=seed)


SAMPLERS: Final[Mapping[str, Callable[[int, int], BaseSampler]]] = MappingProxyType(
    {"tpe": _tpe, "nsga2": _nsga2, "nsga3": _nsga3, "gp": _gp, "random": _random, PBT: _random, PB2: _random}
)
