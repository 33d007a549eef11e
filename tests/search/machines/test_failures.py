from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import cloudpickle
from ray.exceptions import ActorDiedError, RayActorError, RayTaskError

from search.machines.failures import MOST_FAILURES, Forgiveness, is_lost_node

LOST = RayActorError("id", "The actor died because its node has died. Node Id: 1234")
KILLED = RayActorError("id", "The actor is dead because its worker process has died. exit type: SYSTEM_ERROR")


class Trial:
    """What a callback sees of Tune's trial."""

    trial_id = "abc"

    def __init__(self, folder: Path) -> None:
        self.pickled_error_file = str(folder / "error.pkl")
        self.run_metadata = SimpleNamespace(num_failures=0, invalidate_cache=lambda: None)

    @property
    def num_failures(self) -> int:
        return int(self.run_metadata.num_failures)

    def dies(self, error: BaseException, forgiveness: Forgiveness) -> bool:
        """As Tune does it; whether it is tried again."""
        self.run_metadata.num_failures += 1
        Path(self.pickled_error_file).write_bytes(cloudpickle.dumps(error))
        if self.num_failures > MOST_FAILURES:
            return False
        forgiveness.on_trial_recover(0, [], self)
        return True

    def reports(self, images_seen: int, forgiveness: Forgiveness) -> None:
        forgiveness.on_trial_result(0, [], self, {"images_seen": images_seen})


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_a_trial_that_dies_at_the_same_place_is_given_up(trial: Trial) -> None:
    forgiveness = Forgiveness()
    trial.reports(400, forgiveness)
    again = []
    for _ in range(3):
        again.append(trial.dies(KILLED, forgiveness))
        trial.reports(400, forgiveness)  # the tick that it had been at before: no progress
    assert again == [True, True, False]


def test_one_that_comes_further_each_time_is_not(trial: Trial) -> None:
    forgiveness = Forgiveness()
    for tick in range(20):
        trial.reports(400 * tick, forgiveness)
        assert trial.dies(KILLED, forgiveness)


def test_a_lost_node_is_not_the_trials_fault(trial: Trial) -> None:
    forgiveness = Forgiveness()
    assert all(trial.dies(LOST, forgiveness) for _ in range(20))
    assert [trial.dies(KILLED, forgiveness) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (LOST, True),
        (ActorDiedError(None), False),
        (RayActorError("id", "drained", preempted=True), True),
        (KILLED, False),
        (None, False),
        (RayTaskError("f", "its node has died, says the user's own code", ValueError("x")), False),
    ],
)
def test_what_a_lost_node_is(error: Any, lost: bool) -> None:
    assert is_lost_node(error) is lost
