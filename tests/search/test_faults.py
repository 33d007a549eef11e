"""A real search whose S3, MLflow server and one worker go away at once; experiments/faults plays more of them."""

import time
from pathlib import Path

import pytest

from experiments.faults.counting import count
from experiments.faults.processes import kill_9, trial_workers
from experiments.faults.searching import NAME, Searching, draw_pictures
from experiments.faults.servers import S3_KEYS, mlflow_server, s3, s3_uri

pytestmark = pytest.mark.slow
TRIALS, TICKS = 2, 6
AWAY_SECONDS = 8.0


def test_servers_and_a_worker_gone_in_the_middle_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in S3_KEYS.items():
        monkeypatch.setenv(name, value)
    draw_pictures(tmp_path / "pictures")
    with s3(tmp_path) as gate:
        storage, server = s3_uri(gate, "runs"), mlflow_server(tmp_path)
        server.start()
        tracking = f"http://127.0.0.1:{server.port}"
        try:
            search = Searching(
                *(tmp_path, tmp_path / "pictures", "--storage", storage, "--tracking-uri", tracking),
                trials=TRIALS,
                ticks=TICKS,
                kimg=3.6,
            )
            search.until(lambda: len(search.reports) >= 3, "three ticks")
            gate.kill()
            server.kill()
            kill_9(trial_workers(search.process.pid)[0])
            time.sleep(AWAY_SECONDS)
            assert search.process.poll() is None, search.text
            gate.start()
            server.start()
            assert search.wait() == 0, search.text
            after = count(storage, NAME, tracking)
        finally:
            search.kill()
            server.kill()
    assert "storage does not answer, waiting for it" in search.text
    assert "storage answers again" in search.text
    assert "tried again" in search.text
    assert sum(num for state, num in after.study.items() if state in ("COMPLETE", "PRUNED")) == TRIALS, after
    assert after.runs == {"FINISHED": TRIALS}
    assert list(after.ticks_by_run.values()) == [TICKS] * TRIALS
    assert (after.ticks_twice, after.doubled, after.lost) == (0, 0, 0)
    assert after.candidates >= TRIALS
