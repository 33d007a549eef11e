import csv
import math
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial
from PIL import Image
from rich.console import Console

from search.live import Progress, Row, progress_line, progress_table
from search.names import COLLAPSED, COPIES_OVER, FID, RECALL, TRIAL_ID
from search.plan import Plan
from search.results.report import draw_front, findings, front_notes, front_of, front_table, write_leaderboard
from search.space.space import Space

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def study(space: Space) -> optuna.Study:
    """Five ended trials, two of them the front, one collapsed after a good tick, one failed; one still runs."""
    study = optuna.create_study(directions=["minimize", "maximize"])
    random = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    ends = [(30.0, 0.2, ""), (20.0, 0.1, ""), (25.0, 0.05, ""), (22.0, 0.3, "samples alike"), None]
    for number, end in enumerate(ends):
        asked = random.ask()
        space.point_from(asked)
        facts = {TRIAL_ID: f"id{number}", "images_seen": 50_000}
        if end is not None:
            facts |= {FID: end[0], RECALL: end[1], COLLAPSED: end[2], "best_images_seen": 40_000}
            facts |= {"best_fid_randconv": end[0] + 1, "best_recall_randconv": end[1]}
        state = TrialState.FAIL if end is None else TrialState.PRUNED if end[2] else TrialState.COMPLETE
        study.add_trial(
            create_trial(
                state=state,
                values=None if end is None or end[2] else [end[0], end[1]],
                params=asked.params,
                distributions=asked.distributions,
                user_attrs=facts,
            )
        )
    space.point_from(study.ask())
    return study


def test_the_front_comes_first_and_the_collapsed_are_not_on_it(study: optuna.Study, plan: Plan) -> None:
    found = findings(study, plan)
    assert [finding.number for finding in front_of(found)] == [0, 1]
    assert [finding.number for finding in found] == [0, 1, 3, 2, 4]
    assert [finding.status for finding in found] == ["done", "done", "collapsed", "done", "failed"]
    assert found[0].fid_held_out == 31.0
    assert math.isnan(found[-1].fid)


def test_copies_buy_no_place_on_the_front(study: optuna.Study, plan: Plan) -> None:
    """Trial 1 has the lowest FID of all that came to their end."""
    for copying, front in (({1}, [0, 2]), ({0, 1, 2}, [0, 1])):
        again = optuna.create_study(directions=["minimize", "maximize"])
        for trial in (trial for trial in study.get_trials() if trial.state.is_finished()):
            again.add_trial(
                create_trial(
                    state=trial.state,
                    values=trial.values,
                    user_attrs=trial.user_attrs,
                    constraints={COPIES_OVER: 0.2 if trial.number in copying else -0.05},
                )
            )
        assert [finding.number for finding in front_of(findings(again, plan))] == front


def test_the_leaderboard_has_a_row_a_trial(study: optuna.Study, plan: Plan, tmp_path: Path) -> None:
    write_leaderboard(findings(study, plan), tmp_path / "leaderboard.csv")
    with (tmp_path / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["0", "1", "3", "2", "4"]
    assert [row["on_front"] for row in rows] == ["True", "True", "False", "False", "False"]
    assert rows[-1]["fid"] == ""
    assert rows[2]["collapsed"] == "samples alike"
    assert {"r1_multiplier", "augment"} <= set(rows[0])


def test_the_table_and_its_notes_hold_both_halves(study: optuna.Study, plan: Plan) -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(front_table(findings(study, plan), plan))
    assert "30.00" in capture.get()
    assert "31.00" in capture.get()
    notes = front_notes(findings(study, plan), plan)
    assert len(notes) == 3
    assert "R1 x" in notes[1]


def test_the_plot_is_a_picture_with_and_without_trials(study: optuna.Study, plan: Plan, tmp_path: Path) -> None:
    for found in (findings(study, plan), []):
        draw_front(found, plan, tmp_path / "pareto.png")
        with Image.open(tmp_path / "pareto.png") as image:
            assert image.size == (1045, 605), "as wide as a page of MLflow has room for"
            assert len(np.unique(np.asarray(image))) > 20


def test_progress_counts_and_foretells(plan: Plan) -> None:
    now = [0.0]
    progress = Progress(plan=plan, num_done_before=1, clock=lambda: now[0])  # 4 trials of 50,000 images, 5 ticks
    progress.update(Row(number=1, network="dcgan", status="running"))
    assert math.isnan(progress.eta_seconds())
    now[0] = 100.0
    progress.update(Row(number=1, network="dcgan", status="running", images_seen=10_000))
    # 10,000 images in 100 s; 40,000 of this trial and two whole trials are left
    assert progress.eta_seconds() == pytest.approx(1400.0)
    now[0] = 200.0
    progress.update(Row(number=1, network="dcgan", status="collapsed", images_seen=20_000, collapsed="gone"))
    assert progress.eta_seconds() == pytest.approx(1000.0)
    assert progress.summary() == "2 of 4 done, 1 collapsed, about 0:16:40 left"
    # a trial resumed at 30,000 images has only trained its one tick here
    now[0] = 300.0
    progress.update(Row(number=2, network="dcgan", status="running", images_seen=40_000))
    assert progress.eta_seconds() == pytest.approx((10_000 + 50_000) / (30_000 / 300))


def test_lines_and_rows_show_what_is_known(plan: Plan) -> None:
    row = Row(number=7, network="stylegan2", status="running", images_seen=20_000, images_per_second=123.4, fid=31.5)
    line = progress_line(row, plan)
    assert line == "20/50 kimg 123 img/s FID 31.50 (best -) recall - p -"
    progress = Progress(plan=plan, num_done_before=0)
    progress.update(row)
    progress.update(Row(number=8, network="dcgan", status="collapsed", collapsed="samples alike"))
    console = Console(width=140)
    with console.capture() as capture:
        console.print(progress_table(progress))
    assert "007" in capture.get()
    assert "collapsed: samples alike" in capture.get()
