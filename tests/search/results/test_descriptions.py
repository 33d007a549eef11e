import dataclasses
import json
import mmap
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient

from gan.config import flatten
from gan.data.dataset import PictureSet
from gan.version import code_version
from search.names import BEST
from search.plan import Plan
from search.records.courier import Courier
from search.records.outbox import Outbox
from search.records.search_record import SearchRecord
from search.records.tags import NOTE, VIEW
from search.records.trial_record import TrialRecord
from search.results.descriptions import dataset_of, of_experiment, of_search, of_trial, view_of
from search.results.report import Finding
from search.space.space import Space
from search.trial.system_use import SystemUse


def finding(number: int, space: Space, *, on_front: bool = True, collapsed: str = "") -> Finding:
    return Finding(
        number=number,
        trial_id=f"id{number}",
        run_id="",
        network="dcgan",
        status="collapsed" if collapsed else "done",
        collapsed=collapsed,
        stopped="",
        images_seen=50_000,
        best_images_seen=40_000,
        fid=50.0 - number,
        recall=0.2,
        fid_held_out=51.0,
        recall_held_out=0.1,
        memorised=0.0,
        on_front=on_front,
        point=space.first_points()[0],
    )


def test_a_searchs_page_has_its_front_with_links_pictures_and_what_to_type(plan: Plan, space: Space) -> None:
    found = [finding(0, space), finding(1, space), finding(2, space, on_front=False, collapsed="alike")]
    text = of_search(plan, found, run_id="r", pictures=["pareto.png"], links={"id1": "#/experiments/1/runs/one"})
    assert "3 of 4 trials ended, 1 collapsed" in text
    rows = [line for line in text.splitlines() if line.startswith(("| 0", "| ["))]
    assert len(rows) == 2
    assert rows[0].startswith("| 000-dcgan&nbsp; | 40&nbsp; | 50.00&nbsp; | 0.200&nbsp; | 51.00&nbsp; | 0.100&nbsp; |")
    assert rows[1].startswith("| [001-dcgan](#/experiments/1/runs/one)&nbsp; |")
    assert "get-artifact?path=pareto.png&run_uuid=r" in text
    assert "importance.png" not in text, "too few trials for one"
    assert "--name test --resume" in text
    many = of_search(plan, [finding(number, space) for number in range(60)], run_id="r" * 32, pictures=[], links={})
    assert len(many) < 5000, "MLflow's limit of a tag"
    assert "48 more" in many
    assert "059-dcgan" in many, "the lowest FID stays"
    assert "front" not in of_search(plan, [], run_id="r", pictures=[], links={})


def test_runs_say_who_made_them_of_what_and_by_which_code(
    plan: Plan, space: Space, few_pictures: PictureSet, tmp_path: Path
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    said = {"dataset": dataset_of(plan, few_pictures), "description": of_experiment(plan), "view": view_of(plan)}
    for resume in (False, True):
        record = SearchRecord.open(uri, "s", resume=resume, tags={}, params={}, **said)  # type: ignore[arg-type]
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("s")
    assert f"{BEST}fid_randconv" in experiment.tags[NOTE]
    assert json.loads(experiment.tags[f"mlflow.sharedViewState.{VIEW}"])["orderByKey"] == "metrics.`best/fid_randconv`"
    trial = TrialRecord(
        record.address, trial_id="a", run_name="000-dcgan", tags={NOTE: of_trial(space.first_points()[0])}, params={}
    )
    metrics = {"loss_generator": 1.0, "fid_randconv": 9.0, "recall_randconv": 0.1, "images_per_second": 2.0}
    trial.tick(100, metrics, grid=None, candidate=None)
    trial.end(collapsed=None)
    record.describe("what was found")
    parent, run = client.get_run(record.address.parent_run_id), client.get_run(trial.run_id)
    assert parent.data.tags[NOTE] == "what was found"
    assert run.data.tags[NOTE].startswith("dcgan: lr 0.0004, width 1, batch")
    page = f"#/experiments/{experiment.experiment_id}/runs/{trial.run_id}?workflowType=machine_learning"
    assert record.trial_pages() == {"a": page}
    for each in (parent, run):
        assert each.data.tags["code_version"] == code_version()
        assert each.data.tags["mlflow.source.name"]
        (given,) = each.inputs.dataset_inputs
        assert (given.dataset.name, given.dataset.digest) == ("armory", plan.data_fingerprint)
        assert given.dataset.source_type == "code"
    assert list(run.data.metrics)[:2] == ["fid_randconv", "recall_randconv"], "a comparison begins with the first"


def test_every_column_of_the_view_is_one(plan: Plan, space: Space) -> None:
    varied = dataclasses.replace(plan, varied=("loss.packing=1,2",))
    columns = json.loads(view_of(varied))["selectedColumns"]
    params = [column.removeprefix("params.`").rstrip("`") for column in columns if column.startswith("params.")]
    assert "loss.packing" in params
    for base in space.bases.values():
        assert set(params) <= set(flatten(base))


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        ("/data/icons", "icons", "local"),
        ("s3://bucket/icons.zip?region=x", "icons.zip", "url"),
        ("armory", "armory", "code"),
    ],
)
def test_a_dataset_is_named_after_its_folder(
    plan: Plan, few_pictures: PictureSet, data: str, name: str, kind: str
) -> None:

    dataset = dataset_of(dataclasses.replace(plan, data=data), few_pictures)
    assert (dataset["name"], dataset["source_type"]) == (name, kind)
    assert len(dataset["digest"]) <= 36, "MLflow's limit"


def test_a_process_knows_what_it_takes() -> None:
    use = SystemUse(torch.device("cpu"))
    before = use.since_last()["system/memory_megabytes"]
    kept = np.frombuffer(mmap.mmap(-1, 160_000_000), dtype=np.float32)  # new pages: the heap may have some to spare
    kept[:] = 1.0
    for _ in range(20):
        kept.sum()
    after = use.since_last()
    assert after["system/memory_megabytes"] - before == pytest.approx(160.0, rel=0.2)
    assert after["system/cpu_cores_busy"] > 0.0
    assert kept[0] == 1.0


@pytest.mark.gpu
def test_a_process_knows_what_it_takes_of_a_gpu() -> None:
    use = SystemUse(torch.device("cuda"))
    kept = torch.ones(64_000_000, device="cuda")  # 256 MB
    after = use.since_last()
    assert after["system/gpu_memory_peak_megabytes"] >= 256.0
    assert after["system/gpu_memory_free_megabytes"] < after["system/gpu_memory_total_megabytes"]
    assert float(kept[0]) == 1.0


def test_what_a_run_says_of_itself_waits_with_the_rest_while_mlflow_is_away(
    plan: Plan, few_pictures: PictureSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    record = SearchRecord.open(uri, "s", resume=False, tags={}, params={}, dataset=dataset_of(plan, few_pictures))
    real = MlflowClient.log_inputs

    def away(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(MlflowClient, "log_inputs", away)
    courier = Courier(Outbox(), pause=lambda seconds: time.sleep(0.01))
    trial = TrialRecord(record.address, trial_id="a", run_name="000-dcgan", tags={}, params={}, courier=courier)
    trial.tick(100, {"images_per_second": 2.0}, grid=None, candidate=None)
    assert trial.num_waiting == 2
    monkeypatch.setattr(MlflowClient, "log_inputs", real)
    trial.tick(200, {"images_per_second": 2.0}, grid=None, candidate=None)
    assert courier.wait(30.0)
    client = MlflowClient(uri)
    assert len(client.get_run(trial.run_id).inputs.dataset_inputs) == 1
    assert [metric.step for metric in client.get_metric_history(trial.run_id, "images_per_second")] == [100, 200]
