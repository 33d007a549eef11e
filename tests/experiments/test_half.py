"""What the experiments share: the ledger, the halves, the table."""

import json
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest

from experiments.half import Judge, Ledger, Run, best_tick, finished, table, trained_half
from experiments.networks.run import Job
from gan.data.dataset import load_pictures
from gan.data.resolution import Resolution
from gan.metrics.split import split_halves


def job(seed: int) -> Job:
    return Job(row="dcgan", kimg=1.0, seed=seed, icons="")


def run_with(*fids: float) -> Run:
    ticks = [
        {
            "images_seen": 1000 * place,
            "reference": {"fid": fid, "recall": fid / 1000},
            "held_out": {"fid": fid + 10, "recall": fid / 1000},
        }
        for place, fid in enumerate(fids)
    ]
    return {"ticks": ticks, "cpu_seconds": 7, "commit": "abc"}


def test_what_the_ledger_holds_is_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    jobs = [job(0), job(1)]
    Ledger(path).add(jobs[0].key, run_with(3.0))
    again = Ledger(path)
    assert again.missing(jobs) == [jobs[1]]
    assert again.runs_of("dcgan | 1 kimg") == [run_with(3.0)]
    assert again.runs_of("dcgan") == []
    assert json.loads(path.read_text())["hardware"]
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]  # no partial file stays


@pytest.mark.slow
def test_jobs_come_back_with_their_results() -> None:
    done = finished([job(seed) for seed in range(3)], attrgetter("kimg", "seed"), processes=2)
    assert {done_job.seed: result for done_job, result in done} == {seed: (1.0, seed) for seed in range(3)}


def test_a_run_counts_at_its_best_tick_by_the_half_it_was_trained_on() -> None:
    assert best_tick(run_with(90.0, 40.0, 60.0))["images_seen"] == 1000
    rows = {"both": [run_with(90.0, 40.0), run_with(60.0)], "none": []}
    text = table("setting", rows, "held_out", ("fid", "recall"))
    assert text.splitlines()[0] == "| setting | seeds | fid | recall | CPU s |"
    assert text.splitlines()[2:] == ["| both | 2 | 60 ± 14 | 0.05 ± 0.014 | 7 |"]


@pytest.mark.slow
def test_the_judge_holds_out_what_was_not_trained_on() -> None:
    pictures = load_pictures("armory", Resolution(height=16, width=16))
    half = trained_half(pictures)
    reference, held_out = split_halves(pictures.images)
    np.testing.assert_array_equal(half.images, pictures.images[reference])
    assert half.fingerprint != pictures.fingerprint
    scores = Judge(pictures).scores(half.images[:300])
    assert scores["reference"]["fid"] < scores["held_out"]["fid"]
    assert len(held_out) == len(pictures) - len(half)
