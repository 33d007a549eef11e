"""Which settings decided whether a trial came into the better half: Optuna's PED-ANOVA (Watanabe et al. 2023).

It asks how much the settings of the better half differ from those of all, so a trial that was cut short counts, as one
of the other half: that it collapsed or fell behind is what its settings are to be blamed for. The space has branches,
so each network is looked at among its own trials, and what all networks share among all.

Something always comes first, of noise too, so each share stands beside what chance gives: the same with the scores
dealt out anew. Trials learnt from earlier searches count too. Those that copy training pictures count as the worst
where others do not.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.names import FID, LEARNED_FROM, RECALL
from search.proposing.optuna_search import is_copying

FEWEST_TRIALS = 12
"""Of fewer the numbers mean little. On planted searches of 7 settings (experiments/importance) the one that decides
most comes first in 2 of 5 with 8 trials, 3 of 5 with 12, 4 of 5 with 24."""

_FEWEST_BETTER = 3
_DEALS, _SELDOM = 40, 0.9
SHARED = "all networks"


class Share(NamedTuple):
    """Of one setting; all of a chart add up to 1. chance: what one that decides nothing comes to once in ten times."""

    share: float
    chance: float


@dataclass(frozen=True, kw_only=True)
class Importance:
    """By setting, the greatest share first, for FID and for recall; {} where too many trials are alike in it."""

    network: str  # or SHARED
    num_trials: int
    num_cut_short: int
    num_learnt: int
    fid: Mapping[str, Share]
    recall: Mapping[str, Share]


def importances(study: optuna.Study) -> tuple[list[Importance], list[str]]:
    """For all networks together, then each alone; and a line on each that has too few trials for it."""
    ended = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and "network" in trial.params
    ]
    networks = sorted({str(trial.params["network"]) for trial in ended})
    groups = {network: [trial for trial in ended if trial.params["network"] == network] for network in networks}
    settings = {network: {name for trial in trials for name in trial.params} for network, trials in groups.items()}
    if len(networks) > 1:
        groups = {SHARED: ended, **groups}
        settings[SHARED] = set.intersection(*(settings[network] for network in networks))
    found, lacking = [], []
    for name, trials in groups.items():
        if len(trials) < FEWEST_TRIALS:
            lacking.append(f"{name}: {len(trials)} trials, {FEWEST_TRIALS} are needed")
            continue
        names = sorted(settings[name] - ({"network"} if name != SHARED else set()))
        found.append(
            Importance(
                network=name,
                num_trials=len(trials),
                num_cut_short=sum(trial.state == TrialState.PRUNED for trial in trials),
                num_learnt=sum(LEARNED_FROM in trial.user_attrs for trial in trials),
                fid=_shares(trials, [fid for fid, _ in _scores(trials)], names),
                recall=_shares(trials, [-recall for _, recall in _scores(trials)], names),
            )
        )
    return found, lacking


def _scores(trials: Iterable[FrozenTrial]) -> list[tuple[float, float]]:
    """FID and recall; the worst of all for those that do not count."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    counting = {t.number for t in complete if not is_copying(t)} or {t.number for t in complete}
    return [_values(trial) if trial.number in counting else (math.inf, -math.inf) for trial in trials]


def _values(trial: FrozenTrial) -> tuple[float, float]:
    if FID in trial.user_attrs:
        return float(trial.user_attrs[FID]), float(trial.user_attrs[RECALL])
    fid, recall = trial.values
    return fid, recall


def _shares(trials: Sequence[FrozenTrial], losses: Sequence[float], names: Sequence[str]) -> dict[str, Share]:
    """Lower losses are better. {} where no better part of the trials can be told from the rest."""
    num_better = _num_better(losses)
    if num_better < _FEWEST_BETTER:
        return {}
    worst = max(loss for loss in losses if math.isfinite(loss)) + 1.0
    finite = np.array([loss if math.isfinite(loss) else worst for loss in losses])
    found = _ped_anova(trials, finite, names, num_better)
    chance = np.random.default_rng(0)
    dealt = [_ped_anova(trials, chance.permutation(finite), names, num_better) for _ in range(_DEALS)]
    total = sum(found.values()) or 1.0
    return {
        name: Share(value / total, float(np.quantile([deal[name] for deal in dealt], _SELDOM)) / total)
        for name, value in found.items()
    }


def _ped_anova(
    trials: Sequence[FrozenTrial], losses: NDArray[np.float64], names: Sequence[str], num_better: int
) -> dict[str, float]:
    ranked = optuna.create_study()
    for trial, loss in zip(trials, losses, strict=True):
        ranked.add_trial(create_trial(value=float(loss), params=trial.params, distributions=trial.distributions))
    evaluator = PedAnovaImportanceEvaluator(target_quantile=(num_better - 0.5) / len(losses))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a choice that one trial alone has taken
        found: dict[str, float] = get_param_importances(
            ranked, evaluator=evaluator, params=list(names), normalize=False
        )
    return found


def _num_better(losses: Sequence[float]) -> int:
    """Half of them, or fewer where the last of that half are as good as the first of the other."""
    ordered = sorted(losses)
    num = min(math.ceil(len(ordered) / 2), sum(math.isfinite(loss) for loss in ordered))
    while 0 < num < len(ordered) and ordered[num] == ordered[num - 1]:
        num -= 1
    return num
