"""What a new search takes from earlier ones (`--learn-from`).

Where the pictures, the budget and the way of measuring are the same, their trials are known points of the study, as if
it had run them. Where they are not, their numbers mean something else here: then only their best settings are tried
first, after the recipes' own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from gan.networks.registry import name_of
from gan.recipes import recipe_named
from search.names import COPIES_OVER, LEARNED_FROM
from search.plan import Plan
from search.proposing.past import PastSearch, PastTrial, past_search
from search.space.fields import Choice, Field, Point
from search.space.space import Space

SAME = (
    "data_fingerprint", "height", "width", "channels", "conditional", "fit", "kimg", "num_ticks", "num_samples",
    "features", "settings",
)  # fmt: skip
"""Settings of two searches that must be alike for their numbers to compare."""


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """known: trials as good as this search's own. to_try: settings for its first trials. unfit: outside its space."""

    known: Sequence[PastTrial]
    to_try: Sequence[Point]
    unfit: int

    def __str__(self) -> str:
        words = [f"{len(self.known)} trials known", f"{len(self.to_try)} settings to try first"]
        return ", ".join([*words, f"{self.unfit} outside this search's space"] if self.unfit else words)


def lessons(plan: Plan, past: PastSearch) -> Lessons:
    """What this plan's search can take from that one."""
    space = plan.space()
    alike = {network for network, recipe in _recipes(plan).items() if _recipes(past.plan).get(network) == recipe}
    one_setting = not (plan.is_population or past.plan.is_population)  # a population's results are of many settings
    comparable = one_setting and all(getattr(plan, name) == getattr(past.plan, name) for name in SAME)
    fitting = [trial for trial in past.trials if fits(space, trial.point) and trial.point["network"] in alike]
    unfit = len(past.trials) - len(fitting)
    if comparable:
        return Lessons(known=fitting, to_try=(), unfit=unfit)
    honest = [trial for trial in fitting if trial.copies_over <= 0]
    front = plan.objectives.front([(trial.fid, trial.recall) for trial in honest])
    return Lessons(known=(), to_try=[honest[index].point for index in front], unfit=unfit)


def lessons_of(plan: Plan, tracking_uri: str) -> dict[str, Lessons]:
    """By name of the earlier search; UserError where MLflow does not know it."""
    return {name: lessons(plan, past_search(tracking_uri, name)) for name in plan.learn_from}


def fits(space: Space, point: Point) -> bool:
    """Whether the space could have asked for it."""
    if point.get("network") not in space.bases:
        return False
    try:
        fields = list(space.fields(point))
    except KeyError:  # a field that others depend on is not in it
        return False
    return {field.name for field in fields} == set(point) and all(_within(field, point) for field in fields)


def teach(study: optuna.Study, plan: Plan, what: Lessons) -> None:
    """Into a study; what it knows already, of a driver before this one, it is not told again."""
    space = plan.space()
    known = {trial.user_attrs.get(LEARNED_FROM) for trial in study.get_trials(deepcopy=False)}
    for trial in what.known:
        if trial.run_id in known:
            continue
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                values=plan.objectives.values_of(trial.fid, trial.recall),
                params=trial.point,
                distributions={field.name: _distribution(field) for field in space.fields(trial.point)},
                user_attrs={LEARNED_FROM: trial.run_id},
                constraints={COPIES_OVER: trial.copies_over},
            )
        )
    for point in what.to_try:
        study.enqueue_trial(point, skip_if_exists=True)


def _recipes(plan: Plan) -> dict[str, str]:
    """By network: a point's widths are shares of its recipe's."""
    return {name_of(recipe_named(recipe).network): recipe for recipe in plan.recipes}


def _within(field: Field, point: Point) -> bool:
    value = point[field.name]
    if isinstance(field, Choice):
        return value in field.values
    return not isinstance(value, str) and field.low <= value <= field.high


def _distribution(field: Field) -> BaseDistribution:
    if isinstance(field, Choice):
        return CategoricalDistribution(list(field.values))
    return FloatDistribution(field.low, field.high, log=field.log)
