"""Which failures count against a trial: those that it dies of again and again at the same place.

A search of a week on many machines loses some of them. Tune counts every death of a trial's process, and gives a trial
up after `MOST_FAILURES`. Here a trial that has come further than ever before is forgiven the earlier ones, and a node
that is gone is nobody's fault: what is left is the trial that dies three times at the same tick by itself.
"""

from pathlib import Path
from typing import Any

from ray import cloudpickle
from ray.exceptions import RayActorError
from ray.tune import Callback
from ray.tune.experiment import Trial

MOST_FAILURES = 2  # of a trial, gone on from its last checkpoint; a third says that the trial itself is at fault
_LOST_NODE = ("node has died", "node was terminated", "node is dead", "was preempted")


class Forgiveness(Callback):  # type: ignore[misc]
    """Tune's callback: sets a trial's count of failures back where they were not its own."""

    def __init__(self) -> None:
        self._furthest: dict[str, int] = {}

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        images_seen = int(result["images_seen"])
        if images_seen > self._furthest.get(trial.trial_id, 0):
            self._furthest[trial.trial_id] = images_seen
            _set_failures(trial, 0)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if is_lost_node(error_of(trial)):
            _set_failures(trial, trial.num_failures - 1)


def is_lost_node(error: BaseException | None) -> bool:
    """Whether the trial's process went with the machine that it ran on."""
    return isinstance(error, RayActorError) and (
        error.preempted or any(words in str(error).lower() for words in _LOST_NODE)
    )


def error_of(trial: Trial) -> BaseException | None:
    """What ended the trial's process or function. Tune's own reader looks into the storage, where it comes later."""
    path = Path(trial.pickled_error_file) if trial.pickled_error_file else None
    if path is None or not path.exists():
        return None
    error: BaseException = cloudpickle.loads(path.read_bytes())
    return error


def _set_failures(trial: Trial, number: int) -> None:
    if trial.run_metadata.num_failures != number:
        trial.run_metadata.num_failures = number
        trial.run_metadata.invalidate_cache()
