import math
import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from PIL import Image

from search.names import COLLAPSED, COPIES_OVER, FID, LEARNED_FROM, RECALL, TRIAL_ID
from search.plan import Plan
from search.results.importance import FEWEST_TRIALS, SHARED, importances
from search.results.plots import draw_settings
from search.results.report import findings
from search.space.space import Space

optuna.logging.set_verbosity(optuna.logging.ERROR)


def planted(space: Space, num_trials: int, *, cut: float = math.inf, recall: float | None = None) -> optuna.Study:
    """FID follows the learning rate alone, recall R1's multiplier alone; trials over the FID `cut` have collapsed."""
    study = optuna.create_study(directions=["minimize", "maximize"])
    random = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(num_trials):
        asked = random.ask()
        point = space.point_from(asked)
        network = str(point["network"])
        rate = float(point[f"{network}.generator_lr"]) / space.bases[network].optimiser.generator_lr
        scores = 20.0 * (1.0 + math.log(rate) ** 2), 0.1 * math.log10(float(point["r1_multiplier"]))
        scores = scores if recall is None else (scores[0], recall)
        collapsed = scores[0] > cut
        facts = {FID: scores[0], RECALL: scores[1], COLLAPSED: "alike" if collapsed else "", TRIAL_ID: str(number)}
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if collapsed else TrialState.COMPLETE,
                values=None if collapsed else list(scores),
                params=asked.params,
                distributions=asked.distributions,
                user_attrs=facts,
                constraints={COPIES_OVER: -0.05},
            )
        )
    return study


def test_the_setting_that_decides_comes_first(space: Space) -> None:
    rows, lacking = importances(planted(space, 60))
    assert [row.network for row in rows] == [SHARED, "dcgan", "stylegan2"]
    assert not lacking
    assert rows[0].num_trials == rows[1].num_trials + rows[2].num_trials == 60
    for row in rows[1:]:
        assert next(iter(row.fid)) == f"{row.network}.generator_lr"
    for row in rows:
        assert next(iter(row.recall)) == "r1_multiplier"
        assert sum(share for share, _ in row.recall.values()) == pytest.approx(1.0)
        seen = {name for name, (share, chance) in row.recall.items() if share > chance}
        assert "r1_multiplier" in seen
        assert len(seen) <= 3, "the others decide nothing"
    assert set(rows[0].fid) == {"network", "discriminator_lr_ratio", "r1_multiplier", "augment", "ada_target"}
    assert "network" not in rows[1].fid


def test_trials_cut_short_are_part_of_the_picture(space: Space) -> None:
    """Without them nothing would be seen of the rates that are too high or too low."""
    rows, _ = importances(planted(space, 80, cut=25.0))
    for row in rows[1:]:
        assert 0.3 * row.num_trials < row.num_cut_short < 0.8 * row.num_trials
        assert next(iter(row.fid)) == f"{row.network}.generator_lr"
        assert row.fid[f"{row.network}.generator_lr"].share > 2 * row.fid[f"{row.network}.generator_lr"].chance


def test_trials_that_copy_count_as_the_worst_and_learnt_ones_are_counted(space: Space) -> None:
    """Those of high R1 have the highest recall, but copy: low R1 is now what decides, and the middle is best."""
    study = optuna.create_study(directions=["minimize", "maximize"])
    for trial in planted(space, 60).get_trials():
        study.add_trial(
            create_trial(
                values=trial.values,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={LEARNED_FROM: "run"} if trial.number < 10 else trial.user_attrs,
                constraints={COPIES_OVER: 0.2 if trial.params["r1_multiplier"] > 30 else -0.05},
            )
        )
    (row, *_), _ = importances(study)
    assert row.num_learnt == 10
    assert next(iter(row.fid)) == "r1_multiplier", "FID does not depend on it, being allowed to count does"


def test_too_few_trials_or_too_many_alike_are_said_and_not_drawn(space: Space) -> None:
    rows, lacking = importances(planted(space, FEWEST_TRIALS - 1))
    assert rows == []
    assert len(lacking) == 3
    rows, _ = importances(planted(space, 60, recall=0.0))
    assert all(row.fid and not row.recall for row in rows)
    rows, _ = importances(planted(space, 60, cut=0.0))
    assert all(not row.fid and not row.recall for row in rows), "all have collapsed"


@pytest.mark.parametrize(("num_trials", "cut"), [(0, 30.0), (1, 30.0), (4, 0.0), (14, 25.0)])
def test_pictures_of_any_number_of_trials(
    space: Space, plan: Plan, tmp_path: Path, num_trials: int, cut: float
) -> None:
    study = planted(space, num_trials, cut=cut)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a user reads them as faults
        files, notes = draw_settings(study, findings(study, plan), plan, tmp_path)
    assert not any("could not be drawn" in note for note in notes), notes
    names = [file.name for file in files]
    assert names == ["importance.png"] * (num_trials >= FEWEST_TRIALS) + ["parallel.png"] * (num_trials > 0)
    assert len(notes) >= 2 - len(names)
    for file in files:
        with Image.open(file) as image:
            assert min(image.size) > 400
            assert len(np.unique(np.asarray(image))) > 20


def test_a_fault_in_a_drawing_is_a_line(
    space: Space, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.results.plots.importances", lambda study: 1 / 0)
    study = planted(space, 20)
    files, notes = draw_settings(study, findings(study, plan), plan, tmp_path)
    assert [file.name for file in files] == ["parallel.png"]
    assert notes == ["importance.png could not be drawn: ZeroDivisionError: division by zero"]
