"""`python search/run.py` as a user calls it: errors, then a whole search, then one killed and resumed."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from mlflow import MlflowClient
from optuna.trial import TrialState
from PIL import Image

from gan.checkpoint import FEATURES, load_features, load_generator, load_record
from gan.recipe_file import recipe_from

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "search" / "run.py")]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 pictures of 16 px, in four flat blocks of colour: something tiny networks begin to learn in seconds."""
    folder = tmp_path_factory.mktemp("data") / "blocks"
    folder.mkdir()
    chance = np.random.default_rng(0)
    for index in range(64):
        blocks = np.kron(chance.integers(0, 256, (2, 2, 3)), np.ones((8, 8, 1)))
        Image.fromarray(blocks.astype(np.uint8)).save(folder / f"{index:02d}.png")
    return folder


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_", "GANVIL_"))}
    return {**kept, "OMP_NUM_THREADS": "1"}


def run(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env={**environment(), **more}, capture_output=True, text=True, timeout=400
    )


TINY = ("--recipe", "tiny-dcgan", "tiny-stylegan2", "--samples", "32", "--max-concurrent", "2", "--no-early-stopping")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "nowhere"], "does not exist"),
        (["--data", "empty"], "holds no pictures"),
        (["--data", "text"], "not a picture"),
        (["--data", "armory", "--resolution", "33"], "32x32"),
        (["--data", "armory", "--networks", "biggest"], "dcgan"),
        (["--data", "armory", "--recipe", "nothing"], "stylegan2-f"),
        (["--data", "armory", "--features", "eyes"], "randconv"),
        (["--data", "armory", "--trials", "0"], "--trials 0"),
        (["--data", "armory", "--tracking-uri", "http://127.0.0.1:9"], "does not answer"),
        (["--data", "armory", "--resume"], "no search 'armory'"),
        (["--data", "BLOCKS", "--conditional"], "no classes"),
        (["--data", "BLOCKS", "--storage", "unknown://there"], "storage"),
        (
            ["--data", "armory", "--resolution", "16", "--recipe", "tiny-dcgan", "--gpus-per-trial", "64"],
            "does not fit",
        ),
        ([], "--data"),
        (["--trails", "3"], "--trails"),
    ],
)
def test_a_users_error_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "sword.png").write_text("this is no picture")
    done = run(*[str(pictures) if a == "BLOCKS" else a for a in arguments], cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "runs" / "search").exists() or "--gpus-per-trial" in arguments


def test_a_job_must_say_where_its_results_are_to_stay(tmp_path: Path) -> None:
    copy = tmp_path / "working_dir_files" / "_ray_pkg_0123"
    copy.mkdir(parents=True)
    for arguments in ([], ["--storage", str(tmp_path)], ["--storage", "runs", "--tracking-uri", "http://x:5000"]):
        done = run("--data", "armory", *arguments, cwd=copy)
        assert done.returncode == 2
        assert "goes with the job" in done.stderr


def test_a_dry_run_shows_all_and_starts_nothing(pictures: Path, tmp_path: Path) -> None:
    done = run("--data", str(pictures), "--dry-run", *TINY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for said in ("search blocks: 64 RGB pictures of 16", "r1_multiplier: 1 .. 1000", "tiny", "16 trials of"):
        assert said in done.stdout or said == "tiny", done.stdout
    assert "about" in done.stdout
    assert not (tmp_path / "runs").exists()


class Found:
    """What a search left behind in a folder's ./runs."""

    def __init__(self, cwd: Path, name: str) -> None:
        self.folder = cwd / "runs" / "search" / name
        self.client = MlflowClient(f"sqlite:///{cwd / 'runs' / 'mlflow.db'}")
        self.experiment = self.client.get_experiment_by_name(name)
        runs = self.client.search_runs([self.experiment.experiment_id])
        self.parents = [run for run in runs if run.data.tags["ganvil.kind"] == "search"]
        self.trials = [run for run in runs if run.data.tags["ganvil.kind"] == "trial"]

    def study(self) -> optuna.Study:
        return optuna.load_study(study_name="search", storage=f"sqlite:///{self.folder / 'optuna.db'}")

    def history(self, run: Any, metric: str) -> list[tuple[int, float]]:
        return [(m.step, m.value) for m in self.client.get_metric_history(run.info.run_id, metric)]

    def files(self, run: Any, folder: str) -> list[str]:
        return [Path(f.path).name for f in self.client.list_artifacts(run.info.run_id, folder)]

    def check_whole(self, *, num_trials: int, steps: list[int]) -> None:
        """Every trial once, with all its ticks once each, closed, and told to the study."""
        trials = self.study().get_trials()
        assert len(trials) == num_trials
        assert all(trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in trials)
        assert len(self.trials) == num_trials
        by_id = {run.data.tags["ganvil.trial_id"]: run for run in self.trials}
        assert sorted(by_id) == sorted(trial.user_attrs["trial_id"] for trial in trials)
        for trial in trials:
            run = by_id[trial.user_attrs["trial_id"]]
            assert run.info.status == "FINISHED"
            assert run.data.tags["network"] == trial.params["network"]
            for metric in ("fid_randconv", "recall_randconv_reference", "diversity", "images_per_second"):
                assert [step for step, _ in self.history(run, metric)] == steps, (metric, run.info.run_name)
            grids = [name for name in self.files(run, "images") if name.endswith(".png")]
            assert Counter(int(name.split("+")[2]) for name in grids) == Counter(steps)
            if trial.state == TrialState.COMPLETE:
                fids = dict(self.history(run, "fid_randconv_reference"))
                recalls = dict(self.history(run, "recall_randconv_reference"))
                at = trial.user_attrs["best_images_seen"]
                both = [pytest.approx(fids[at]), pytest.approx(recalls[at])]
                assert trial.values == both[: len(trial.values)]
                assert self.files(run, "checkpoints"), "a finished trial has candidates"
            else:
                assert run.data.tags["collapsed"]


def test_a_search_from_pictures_to_records(pictures: Path, tmp_path: Path) -> None:
    few = ("--trials", "3", "--kimg", "1.6", "--ticks", "4", "--gpus-per-trial", "auto")
    done = run("--data", str(pictures), *TINY, *few, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no importance.png: of fewer than 12 trials" in done.stdout
    assert ("there are no GPUs" in done.stdout) != torch.cuda.is_available()
    assert done.stderr == ""
    assert "mlflow ui --backend-store-uri sqlite:///" in done.stdout
    assert "python ops/refresh.py --search blocks" in done.stdout
    found = Found(tmp_path, "blocks")
    found.check_whole(num_trials=3, steps=[400, 800, 1200, 1600])
    assert {run.data.tags["network"] for run in found.trials} == {"dcgan", "stylegan2"}

    (parent,) = found.parents
    assert (parent.info.status, parent.data.tags["data"]) == ("FINISHED", str(pictures))
    assert set(found.files(parent, "")) >= {"reals.png", "pareto.csv", "pareto.png", "parallel.png", "leaderboard.csv"}
    assert "3 of 3 trials ended" in parent.data.tags["mlflow.note.content"]
    (recipe, *_) = [name for name in found.files(parent, "") if name.startswith("recipe-")]
    number = int(recipe.split("-")[1])
    point = found.study().get_trials()[number].params
    assert recipe_from(str(found.folder / recipe)).augment.policy == point["augment"]
    for trial in found.trials:
        assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert trial.data.params["data.source"] == str(pictures)
        assert trial.data.params["schedule.total_kimg"] == "1.6"
        assert trial.data.metrics["system/memory_megabytes"] > 100.0
        assert trial.data.tags["code_version"] == parent.data.tags["code_version"]

    complete = [run for run in found.trials if "collapsed" not in run.data.tags]
    assert complete
    local = Path(found.client.download_artifacts(complete[0].info.run_id, "checkpoints"))
    for candidate in local.iterdir():
        record = load_record(candidate)
        load_generator(candidate, torch.device("cpu"))
        assert record.images_seen == int(candidate.name)
        assert [score.half for score in record.scores] == ["reference", "held_out"]
        assert load_features(candidate)["randconv"].shape == (32, 512)
        assert sorted(p.name for p in candidate.iterdir()) == sorted([FEATURES, "generator.safetensors", "record.json"])

    with (found.folder / "leaderboard.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3
    again = run("--data", str(pictures), *TINY, cwd=tmp_path)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    other = run("--name", "blocks", "--resume", "--kimg", "3", cwd=tmp_path)
    assert other.returncode == 2
    assert "--kimg" in other.stderr


def test_a_search_for_one_number_halves_its_trials(pictures: Path, tmp_path: Path) -> None:
    """The study has one direction, what was behind at a rung ended there, and every record says so."""
    done = run(
        *["--data", str(pictures), "--recipe", "tiny-dcgan", "--samples", "32", "--max-concurrent", "1"],
        *["--objective", "fid", "--trials", "8", "--kimg", "0.8", "--ticks", "4"],
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "Best trial by FID" in done.stdout
    found = Found(tmp_path, "blocks")
    study = found.study()
    assert [direction.name for direction in study.directions] == ["MINIMIZE"]
    by_id = {run.data.tags["ganvil.trial_id"]: run for run in found.trials}
    trials = study.get_trials()
    assert len(trials) == len(by_id) == 8
    stopped = [trial for trial in trials if trial.user_attrs["stopped"]]
    assert stopped
    for trial in stopped:
        run_of_trial = by_id[trial.user_attrs["trial_id"]]
        assert trial.state == TrialState.PRUNED
        assert trial.user_attrs["images_seen"] in (400, 600)  # the rungs
        assert "others were ahead in FID" in trial.user_attrs["stopped"]
        assert run_of_trial.info.status == "FINISHED"
        assert run_of_trial.data.tags["stopped"] == trial.user_attrs["stopped"]
        assert f" {trial.number:03d} dcgan      stopped: " in done.stdout
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    for trial in complete:
        assert trial.value == trial.user_attrs["best_fid"]
    with (found.folder / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows if row["on_front"] == "True"] == [str(study.best_trial.number)]
    assert sum(row["status"] == "stopped" for row in rows) == len(stopped)
    assert [name for name in found.files(found.parents[0], "") if name.startswith("recipe-")] == [
        f"recipe-{study.best_trial.number:03d}-dcgan.json"
    ]


def test_kill_9_in_the_middle_then_resume(pictures: Path, tmp_path: Path) -> None:
    """Nothing finished runs again, nothing is lost, nothing is doubled, whatever moment the kill comes at."""
    num_trials, steps = 4, [400 * tick for tick in range(1, 9)]
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        driver = subprocess.Popen(
            [*COMMAND, "--data", str(pictures), *TINY, "--trials", "4", "--kimg", "3.2", "--ticks", "8"],
            cwd=tmp_path,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(log, lambda text: text.count(" done |") >= 1 and reports_of_unfinished(text) >= 2, driver)
        finally:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
    killed = Found(tmp_path, "blocks")
    before = {trial.user_attrs.get("trial_id"): trial for trial in killed.study().get_trials() if trial.user_attrs}
    finished = {trial_id for trial_id, trial in before.items() if trial.state.is_finished()}
    assert finished
    assert len(finished) < num_trials
    ended = {run.data.tags["ganvil.trial_id"]: run.info.end_time for run in killed.trials if run.info.end_time}

    done = run("--name", "blocks", "--resume", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{num_trials - len(finished)} of 4 trials to run" in done.stdout
    found = Found(tmp_path, "blocks")
    found.check_whole(num_trials=num_trials, steps=steps)
    assert len(found.parents) == 1
    assert found.parents[0].info.status == "FINISHED"
    after = {trial.user_attrs["trial_id"]: trial for trial in found.study().get_trials()}
    assert set(before) <= set(after), "a trial that had begun goes on under its own id"
    for trial_id in finished:
        assert after[trial_id].datetime_complete == before[trial_id].datetime_complete
    for run_of_trial in found.trials:
        trial_id = run_of_trial.data.tags["ganvil.trial_id"]
        if trial_id in finished:
            assert run_of_trial.info.end_time == ended[trial_id], "a finished trial's run is left alone"
    went_on = [line for line in done.stdout.splitlines() if "kimg " in line and "img/s" in line]
    assert went_on
    unfinished = set(before) - finished
    assert unfinished, "the kill came between two trials"
    numbers = {before[trial_id].number for trial_id in unfinished if killed_ticks(killed, trial_id)}
    for number in numbers:
        first = next(line for line in went_on if line.split()[1] == f"{number:03d}")
        assert not first.split()[3].startswith("0.4/"), "it went on from its checkpoint, not from the start"


def killed_ticks(killed: Found, trial_id: str) -> int:
    """Whole checkpoints that a trial had when the driver was killed."""
    runs = [run for run in killed.trials if run.data.tags["ganvil.trial_id"] == trial_id]
    return sum(len(killed.history(run, "diversity")) >= 2 for run in runs)


def reports_of_unfinished(text: str) -> int:
    """Reports of the trials that have not ended yet."""
    lines = [line.split() for line in text.splitlines() if " | " in line]
    ended = {words[1] for words in lines if words[3] in ("done", "collapsed:")}
    return max(Counter(words[1] for words in lines if "img/s" in words and words[1] not in ended).values(), default=0)


def wait_for(log: Path, ready: Any, driver: subprocess.Popen[bytes], seconds: float = 500.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready(log.read_text()):
        assert driver.poll() is None, f"the search ended before it could be killed:\n{log.read_text()}"
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


POPULATION = ("--algorithm", "pbt", "--trials", "4", "--kimg", "0.9", "--ticks", "6", "--max-concurrent", "2")


def test_a_population_exchanges_and_survives_kill_9(pictures: Path, tmp_path: Path) -> None:
    """Killed at the worst moment: an exchange is made, and who is to take over has just begun to."""
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        driver = subprocess.Popen(
            [*COMMAND, "--data", str(pictures), "--recipe", "tiny-dcgan", "--samples", "32", *POPULATION],
            cwd=tmp_path,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(log, lambda text: "goes on from" in text, driver)
        finally:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
    made = Found(tmp_path, "blocks").study().user_attrs
    assert sorted(made) == ["exchange.000002", "exchange.000004"]
    resumed = run("--name", "blocks", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr == ""
    found = Found(tmp_path, "blocks")
    found.check_whole(num_trials=4, steps=[152, 304, 456, 600, 752, 904])
    study = found.study()
    assert study.user_attrs == made, "no exchange is made twice"
    by_id = {run.data.tags["ganvil.trial_id"]: run for run in found.trials}
    trials = study.get_trials()
    (took,) = made["exchange.000004"]["take_overs"]
    member, donor = (by_id[trials[took[who]].user_attrs["trial_id"]] for who in ("receiver", "donor"))
    told = log.read_text() + resumed.stdout  # a fast machine may have gone on before the kill
    assert f" {took['receiver']:03d} dcgan      goes on from {took['donor']:03d} |" in told
    assert found.history(member, "setting/taken_from") == [(752, float(took["donor"]))]
    assert found.history(donor, "setting/taken_from") == []
    assert member.data.tags["taken_over"] == f"at 0.6 kimg from {took['donor']:03d}"
    rates = [value for _, value in found.history(member, "setting/dcgan.generator_lr")]
    assert rates[:4] == [trials[took["receiver"]].params["dcgan.generator_lr"]] * 4
    assert rates[4:] == [took["point"]["dcgan.generator_lr"]] * 2
    newest = max(found.folder.glob(f"{took['receiver']:03d}-dcgan.*/checkpoint_*"))
    config = load_record(newest).config
    assert config.optimiser.generator_lr == took["point"]["dcgan.generator_lr"]
    assert config.seed == took["receiver"], "it draws as itself, not as its donor"


def test_two_processes_train_a_trial_together(tmp_path: Path) -> None:
    """Each with a core of its own; the trial's scores and checkpoints are those of a whole run."""
    done = run(
        *["--data", "armory", "--resolution", "16", "--name", "pair", "--recipe", "tiny-dcgan", "--trials", "1"],
        *["--kimg", "0.064", "--ticks", "2", "--samples", "32", "--processes-per-trial", "2", "--cpus-per-trial", "1"],
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (record,) = (tmp_path / "runs" / "search" / "pair").rglob("record.json")
    assert load_record(record.parent).images_seen == 64
