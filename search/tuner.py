"""Tune, set up for a search: who proposes, who ends trials early, where checkpoints go, how often a trial is tried."""

from typing import Any

import optuna
from ray import tune
from ray.tune.experiment import Trial

from search.live import LiveView
from search.machines.cluster import TrialResources
from search.machines.failures import MOST_FAILURES, Forgiveness
from search.names import TRIAL_FOLDER
from search.plan import Plan
from search.population.exchanges import ExchangeBook
from search.population.rule import PopulationRule
from search.population.scheduler import Population, PopulationSearch
from search.proposing.optuna_search import StudySearch
from search.stopper import StopBehind, curves_of, rule_of
from search.storage.folder import SearchFolder


def tuner(
    trainable: object,
    plan: Plan,
    study: optuna.Study,
    left: int,
    folder: SearchFolder,
    resources: TrialResources,
    view: LiveView,
) -> tune.Tuner:
    """For the trials that are left."""
    rule = rule_of(plan)
    storage, filesystem = folder.tune_storage
    searcher, scheduler = _searcher(plan, study, left, folder, resources)
    at_once, num_to_keep = resources.max_concurrent, 1
    if plan.is_population:
        left += 1  # its searcher says by itself when it has ended,
        at_once = None  # and how many may train: all are to have begun
        num_to_keep += PopulationRule().every  # a donor may be an exchange ahead of who is still to take over
    return tune.Tuner(
        tune.with_resources(
            trainable,
            tune.PlacementGroupFactory([{"CPU": resources.cpus, "GPU": resources.gpus}] * resources.processes),
        ),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=scheduler,
            num_samples=left,
            max_concurrent_trials=at_once,
            trial_dirname_creator=_trial_folder,
            trial_name_creator=_trial_folder,
            reuse_actors=True,  # a worker's imports take longer than a small trial's tick
        ),
        run_config=tune.RunConfig(
            name=plan.name,
            storage_path=storage,
            storage_filesystem=filesystem,
            failure_config=tune.FailureConfig(max_failures=MOST_FAILURES),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=num_to_keep),
            callbacks=[view, Forgiveness()],
            stop=None if rule is None else StopBehind(rule, plan.total_images, curves_of(study)),
            verbose=0,
        ),
    )


def _searcher(
    plan: Plan, study: optuna.Study, left: int, folder: SearchFolder, resources: TrialResources
) -> tuple[StudySearch, Population | None]:
    """And the scheduler, where it is not Tune's: trials in the order in which they come."""
    settings: dict[str, Any] = {
        "seed": plan.seed,
        "num_trials": plan.num_trials,
        "algorithm": plan.algorithm,
        "objectives": plan.objectives,
    }
    if not plan.is_population:
        return StudySearch(study, plan.space(), folder, **settings), None
    book = ExchangeBook(study)
    population = Population(plan, folder, book, PopulationRule(), num_members=left, max_active=resources.max_concurrent)
    searcher = PopulationSearch(
        study,
        plan.space(),
        folder,
        **settings,
        population=population,
        book=book,
        num_left=left,
        tick_images=plan.tick_images,
    )
    return searcher, population


def _trial_folder(trial: Trial) -> str:
    return str(trial.config[TRIAL_FOLDER])
