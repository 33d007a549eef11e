import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from PIL import Image

from gan.errors import UserError
from search.records.address import SearchAddress
from search.records.courier import Courier
from search.records.outbox import Outbox
from search.records.runs import demand_mlflow, find_trial
from search.records.search_record import SearchRecord
from search.records.tracking import artifact_location, demand_answer, tracking_uri
from search.records.trial_record import TrialRecord


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def record(uri: str, request: pytest.FixtureRequest) -> SearchRecord:
    return SearchRecord.open(uri, request.node.name, resume=False, tags={"data": "armory"}, params={"kimg": 5})


def trial(address: SearchAddress, courier: Courier | None = None) -> TrialRecord:
    return TrialRecord(
        address,
        trial_id="abc",
        run_name="000-dcgan",
        tags={"network": "dcgan", "data": "armory", "data_fingerprint": "f"},
        params={"optimiser.generator_lr": 1e-3, "network.name": "dcgan"},
        courier=courier,
    )


def hasty() -> Courier:
    return Courier(Outbox(), pause=lambda seconds: time.sleep(0.01))


def tick(record: TrialRecord, step: int, folder: Path | None = None, fid: float = 9.0) -> None:
    grid = Image.new("RGB", (8, 8))
    record.tick(step, {"images_per_second": 10.0, "fid_randconv": fid}, grid=grid, candidate=folder)


def steps(client: MlflowClient, run_id: str) -> list[int]:
    return [metric.step for metric in client.get_metric_history(run_id, "fid_randconv")]


def checkpoint(folder: Path) -> Path:
    folder.mkdir()
    for name in ("generator.safetensors", "training.safetensors", "record.json", "features.safetensors"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_trials_run_as_the_contract_says(record: SearchRecord, tmp_path: Path) -> None:
    client = MlflowClient(record.address.tracking_uri)
    written = trial(record.address)
    tick(written, 100, checkpoint(tmp_path / "c"))
    tick(written, 200, fid=float("nan"))
    written.end(collapsed="samples alike")
    run = client.get_run(written.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "000-dcgan"
    assert run.data.params == {"optimiser.generator_lr": "0.001", "network.name": "dcgan"}
    assert run.data.tags["mlflow.parentRunId"] == record.address.parent_run_id
    assert run.data.tags["ganvil.kind"] == "trial"
    assert run.data.tags["ganvil.trial_id"] == "abc"
    assert run.data.tags["collapsed"] == "samples alike"
    assert steps(client, written.run_id) == [100], "what is not a number is not logged"
    kept = {Path(f.path).name for f in client.list_artifacts(written.run_id, "checkpoints/000000100")}
    assert kept == {"generator.safetensors", "record.json", "features.safetensors"}
    pictures = [f.path for f in client.list_artifacts(written.run_id, "images") if f.path.endswith(".png")]
    assert sorted(path.split("+")[2] for path in pictures) == ["100", "200"]


def candidates(client: MlflowClient, run_id: str) -> list[int]:
    return [int(Path(file.path).name) for file in client.list_artifacts(run_id, "checkpoints")]


def test_only_the_candidates_to_keep_stay_and_a_successor_knows_them(record: SearchRecord, tmp_path: Path) -> None:
    client = MlflowClient(record.address.tracking_uri)
    first = trial(record.address)
    for step in (100, 200, 300):
        tick(first, step, checkpoint(tmp_path / str(step)))
    first.keep({100, 300, 900})
    assert candidates(client, first.run_id) == [100, 300]
    assert steps(client, first.run_id) == [100, 200, 300], "curves stay whole"
    second = trial(record.address)
    tick(second, 200, checkpoint(tmp_path / "again"))
    second.keep({300})
    assert candidates(client, first.run_id) == [300], "and what is gone does not come back"


def test_a_candidate_that_cannot_be_deleted_holds_nothing_up(
    record: SearchRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = MlflowClient(record.address.tracking_uri)
    written = trial(record.address)
    for step in (100, 200):
        tick(written, step, checkpoint(tmp_path / str(step)))
    with monkeypatch.context() as broken:
        broken.setattr(LocalArtifactRepository, "delete_artifacts", refuse)
        written.keep({200})
    assert written.num_waiting == 0
    assert candidates(client, written.run_id) == [100, 200]
    written.keep({200})
    assert candidates(client, written.run_id) == [200], "tried again"


def refuse(*anything: object) -> None:
    raise PermissionError("read only")


def test_a_resumed_trial_goes_on_in_its_run_and_doubles_nothing(record: SearchRecord) -> None:
    client = MlflowClient(record.address.tracking_uri)
    first = trial(record.address)
    tick(first, 100)
    tick(first, 200)
    second = trial(record.address)
    for step in (100, 200, 300):
        tick(second, step)
    second.end(collapsed=None)
    assert second.run_id == first.run_id
    assert steps(client, second.run_id) == [100, 200, 300]
    pictures = [f.path for f in client.list_artifacts(second.run_id, "images") if f.path.endswith(".png")]
    assert len(pictures) == 3
    assert len(record.trial_runs()) == 1


def test_a_parameter_stays_what_it_was_at_first(record: SearchRecord) -> None:
    """MLflow refuses another value, and with it all that came in the same piece."""
    for rate in (1e-3, 2e-3):
        params = {"optimiser.generator_lr": rate} | ({"seed": 3} if rate > 1e-3 else {})
        written = TrialRecord(record.address, trial_id="p", run_name="001-dcgan", tags={}, params=params)
        assert written.num_waiting == 0
    run = MlflowClient(record.address.tracking_uri).get_run(written.run_id)
    assert run.data.params == {"optimiser.generator_lr": "0.001", "seed": "3"}


def test_a_grid_that_came_before_the_kill_is_not_doubled(record: SearchRecord) -> None:
    client = MlflowClient(record.address.tracking_uri)
    first = trial(record.address)
    client.log_image(first.run_id, Image.new("RGB", (8, 8)), key="samples", step=100)  # killed before the metrics
    second = trial(record.address)
    tick(second, 100)
    pictures = [f.path for f in client.list_artifacts(second.run_id, "images") if f.path.endswith(".png")]
    assert len(pictures) == 1
    assert steps(client, second.run_id) == [100]


def test_training_outlives_an_outage_and_its_records_arrive(
    record: SearchRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = trial(record.address, hasty())
    client = MlflowClient(record.address.tracking_uri)
    real = MlflowClient.log_batch

    def away(*args: Any, **kwargs: Any) -> None:
        raise MlflowException("database is locked")

    monkeypatch.setattr(MlflowClient, "log_batch", away)
    folder = checkpoint(tmp_path / "c")
    tick(written, 100, folder)
    (folder / "generator.safetensors").unlink()  # the trial's temporary folder is gone by then
    tick(written, 200)
    assert steps(client, written.run_id) == []
    monkeypatch.setattr(MlflowClient, "log_batch", real)
    tick(written, 300)
    written.end(collapsed=None)
    assert steps(client, written.run_id) == [100, 200, 300]


def test_a_trial_may_begin_while_mlflow_is_away(record: SearchRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    real = MlflowClient.create_run

    def away(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(MlflowClient, "create_run", away)
    written = trial(record.address, hasty())
    assert written.run_id == ""
    monkeypatch.setattr(MlflowClient, "create_run", real)
    tick(written, 100)
    written.end(collapsed=None)
    assert steps(MlflowClient(record.address.tracking_uri), written.run_id) == [100]


def test_the_outbox_keeps_order_tries_again_and_drops_what_is_refused() -> None:
    delivered: list[str] = []
    pauses: list[float] = []
    fails = {"b": 2}

    def parcel(name: str) -> Callable[[], None]:
        def deliver() -> None:
            if fails.get(name, 0):
                fails[name] -= 1
                raise OSError("away")
            delivered.append(name)

        return deliver

    def refused() -> None:
        raise MlflowException("too long", error_code=1000)  # INVALID_PARAMETER_VALUE

    outbox = Outbox(pause=pauses.append)
    for delivery in (parcel("a"), parcel("b"), refused, parcel("c")):
        outbox.add(delivery)
    assert outbox.deliver(attempts=2) is False
    assert delivered == ["a"]
    assert outbox.deliver(attempts=2) is True
    assert delivered == ["a", "b", "c"]
    assert pauses == [0.5]


def test_a_dead_trial_is_closed_and_a_forgotten_one_is_settled(record: SearchRecord) -> None:
    client = MlflowClient(record.address.tracking_uri)
    written = trial(record.address)
    record.settle({"other": "FINISHED"})
    assert client.get_run(written.run_id).info.status == "RUNNING"
    record.settle({"abc": "FINISHED"})
    assert client.get_run(written.run_id).info.status == "FINISHED"
    record.close_trial("abc", "000-dcgan", status="FAILED", tag="error", reason="its process was lost")
    run = client.get_run(written.run_id)
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "its process was lost")
    record.close_trial("never begun", "001-dcgan", status="FAILED", tag="error", reason="no module")
    run = find_trial(client, record.address.experiment_id, "never begun")
    assert run is not None
    assert (run.info.status, run.info.run_name, run.data.tags["error"]) == ("FAILED", "001-dcgan", "no module")
    assert run.data.tags["mlflow.parentRunId"] == record.address.parent_run_id


def test_runs_of_a_stopped_search_are_killed_until_they_go_on(record: SearchRecord) -> None:
    client = MlflowClient(record.address.tracking_uri)
    written = trial(record.address)
    record.settle({}, others="KILLED")
    assert client.get_run(written.run_id).info.status == "KILLED"
    again = trial(record.address)
    assert again.run_id == written.run_id
    assert client.get_run(written.run_id).info.status == "RUNNING"
    again.end(collapsed=None)
    record.settle({}, others="KILLED")
    assert client.get_run(written.run_id).info.status == "FINISHED", "one that has ended is left alone"


def test_what_waits_when_a_trial_ends_arrives(record: SearchRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow is away at the last tick and the end, and comes back while the trial waits."""
    client = MlflowClient(record.address.tracking_uri)
    written = trial(record.address, hasty())
    real, failures = MlflowClient.log_batch, [ConnectionError("refused")] * 20

    def away_for_a_while(*args: Any, **kwargs: Any) -> None:
        if failures:
            raise failures.pop()
        real(*args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", away_for_a_while)
    tick(written, 100)
    assert written.num_waiting
    written.end(collapsed=None)
    assert steps(client, written.run_id) == [100]
    assert client.get_run(written.run_id).info.status == "FINISHED"


def test_a_search_is_found_again_and_not_begun_twice(record: SearchRecord, uri: str) -> None:
    client = MlflowClient(uri)
    name = client.get_experiment(record.address.experiment_id).name
    again = SearchRecord.open(uri, name, resume=True, tags={"data": "armory"}, params={"kimg": 5})
    assert again.address == record.address
    with pytest.raises(UserError, match="--resume"):
        demand_mlflow(uri, name, resume=False)
    again.end("FINISHED")
    run = client.get_run(record.address.parent_run_id)
    assert (run.info.status, run.data.tags["ganvil.kind"]) == ("FINISHED", "search")
    assert client.get_experiment(record.address.experiment_id).artifact_location.startswith(
        artifact_location(uri) or "?"
    )


def test_where_mlflow_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("GANVIL_TRACKING_URI", raising=False)
    assert tracking_uri() == f"sqlite:///{tmp_path}/runs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert tracking_uri() == "http://mlflow:5000"
    monkeypatch.setenv("GANVIL_TRACKING_URI", "sqlite:///here.db")
    assert tracking_uri() == f"sqlite:///{tmp_path}/here.db"
    assert tracking_uri("http://flag:1") == "http://flag:1"
    assert artifact_location("http://flag:1") is None
    with pytest.raises(UserError, match="cannot be read"):
        tracking_uri("mlflow.db")
    with pytest.raises(UserError, match="does not answer"):
        demand_answer("http://127.0.0.1:9")
