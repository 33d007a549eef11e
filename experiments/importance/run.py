"""How many trials must a search have had before an importance of its settings says something, and by which evaluator?

    python experiments/importance/run.py

Planted searches: seven settings, asked for by the search's own samplers. The learning rate decides most, R1's
multiplier half as much, the largest batch costs a little, the other four do nothing; noise on top. Counted is how often
the learning rate comes first, and how often those two are the first two.
"""

import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import optuna
from optuna.importance import (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)
from optuna.trial import FrozenTrial

from gan.command_line import Parser, run_command
from search.proposing.samplers import sampler_for

EVALUATORS: Mapping[str, Callable[[int], object]] = {
    "PED-ANOVA, best tenth": lambda seed: PedAnovaImportanceEvaluator(),
    "PED-ANOVA, best half": lambda seed: PedAnovaImportanceEvaluator(target_quantile=0.5),
    "fANOVA": lambda seed: FanovaImportanceEvaluator(seed=seed),
    "impurity": lambda seed: MeanDecreaseImpurityImportanceEvaluator(seed=seed),
}
COUNTS = (8, 12, 16, 24, 48)
CUT_SHORT = 0.4  # the worst, which a search would have ended early


def planted(num_trials: int, seed: int, sampler: str) -> list[FrozenTrial]:
    chance = np.random.default_rng(seed)
    study = optuna.create_study(directions=["minimize", "maximize"])
    for number in range(num_trials):
        study.sampler = sampler_for(sampler, seed * 1000 + number, num_trials)
        trial = study.ask()
        rate = np.log10(trial.suggest_float("lr", 2.5e-4, 2.5e-3, log=True) / 8e-4) / 0.5
        r1 = (np.log10(trial.suggest_float("R1", 1.0, 1000.0, log=True)) - 1.0) / 1.5
        batch = trial.suggest_categorical("batch", [16, 32, 64])
        trial.suggest_categorical("width", [0.5, 1.0, 1.5])
        trial.suggest_float("EMA", 0.25, 4.0, log=True)
        trial.suggest_float("D/G", 0.25, 4.0, log=True)
        trial.suggest_categorical("augment", ["ada", "diffaugment", "none"])
        badness, other = (2 * rate**2 + 0.5 * r1**2 + 0.3 * (batch == 64) + 0.3 * chance.normal(size=2)).tolist()
        study.tell(trial, [float(np.exp(3 + 0.5 * badness)), max(0.0, 0.4 - 0.1 * other)])
    trials: list[FrozenTrial] = study.get_trials()
    return trials


def first_two(trials: list[FrozenTrial], evaluator: object) -> list[str]:
    study = optuna.create_study(directions=["minimize", "maximize"])
    study.add_trials(trials)
    return list(get_param_importances(study, evaluator=evaluator, target=lambda trial: trial.values[0]))[:2]


def rates(names: list[list[str]]) -> str:
    hits = sum(first == "lr" for first, _ in names), sum({first, second} == {"lr", "R1"} for first, second in names)
    return " / ".join(f"{hit / len(names):.2f}" for hit in hits)


def report(num_searches: int) -> None:
    print("| sampler | trials | " + " | ".join(EVALUATORS) + " | best half, without those cut short |")
    print("|---" * (len(EVALUATORS) + 3) + "|")
    for sampler in ("random", "tpe"):
        for num_trials in COUNTS:
            searches = [planted(num_trials, seed, sampler) for seed in range(num_searches)]
            cells = [
                rates([first_two(trials, make(seed)) for seed, trials in enumerate(searches)])
                for make in EVALUATORS.values()
            ]
            whole = [[t for t in trials if t.values[0] <= _cut(trials)] for trials in searches]
            half = PedAnovaImportanceEvaluator(target_quantile=0.5)
            cells.append(rates([first_two(trials, half) for trials in whole]))
            print(f"| {sampler} | {num_trials} | " + " | ".join(cells) + " |", flush=True)


def _cut(trials: list[FrozenTrial]) -> float:
    return float(np.quantile([trial.values[0] for trial in trials], 1.0 - CUT_SHORT))


def main() -> int:
    parser = Parser(prog="experiments/importance/run.py", description=__doc__ or "", epilog="")
    parser.add_argument("--searches", type=int, default=60, metavar="N", help="planted ones for each cell [60]")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    return run_command("importance", lambda: report(options.searches))


if __name__ == "__main__":
    raise SystemExit(main())
