"""What a trial is called, and what its reports hold: the words that Tune, the study and the tables have in common."""

from collections.abc import Mapping
from typing import Any, Final

from gan.networks.registry import NETWORKS
from search.space.fields import Point

# Beside its point in the space, a trial's config holds its identity.
TRIAL_ID: Final = "trial_id"
TRIAL_NUMBER: Final = "trial_number"
TRIAL_FOLDER: Final = "trial_folder"
RESUME_FROM: Final = "resume_from"
# And, in a population (search/population/scheduler.py):
EXCHANGED: Final = "exchanged"  # the tick of the last exchange; 0 before any
TAKE_OVER: Final = "take_over"  # the checkpoint of another member to go on from since then, else ""
TAKEN_FROM: Final = "taken_from"  # that member's number, else -1
IDENTITY: Final = (TRIAL_ID, TRIAL_NUMBER, TRIAL_FOLDER, RESUME_FROM, EXCHANGED, TAKE_OVER, TAKEN_FROM)

# In a report, beside the tick's own scores:
TRIAL_NAME: Final = "trial"  # `007`
FID: Final = "best_fid"  # of the best tick so far; what the study minimises
RECALL: Final = "best_recall"  # of that same tick; what the study maximises
LOSS: Final = "loss_now"  # of the last tick by the only objective, lower is better; NaN: unknown, noise or copies
EXAMPLE: Final = "is_example"  # whether others may go on from that tick: scored, alive, no copies
BEST_IMAGES: Final = "best_images_seen"  # of the best tick
COPIES_OVER: Final = "best_copies_over"  # above 0 it copies more than it may: a constraint of the study
CURVE: Final = "curve"  # points (images seen, best FID, its recall), a tick each
COLLAPSED: Final = "collapsed"  # why, else ""
STOPPED: Final = "stopped"  # why, else ""
RETURNED: Final = "returned"  # what it went back from and how at this tick, else ""
SECOND_CHANCE: Final = "second_chance"  # the same, of any tick so far
FINISHED: Final = "finished"  # whether the budget is spent
WAITING: Final = "records_waiting"  # that MLflow has not got yet

# In MLflow, of the best tick so far (its scores, and the rest), and the settings where they change; sections of charts:
BEST: Final = "best/"
BEST_TICK: Final = "best_tick/"
SETTING: Final = "setting/"

# In the study alone: the MLflow run of an earlier search's trial; settings of the best tick, where they changed.
LEARNED_FROM: Final = "learned_from"
SETTINGS: Final = "settings"


def trial_name(number: int, network: str) -> str:
    """`007-stylegan2`: of the trial's folder and MLflow run."""
    assert network in NETWORKS
    return f"{number:03d}-{network}"


def point_of(config: Mapping[str, Any]) -> Point:
    """The point of the space in what Tune hands a trial."""
    return {name: value for name, value in config.items() if name not in IDENTITY}
