import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import mlflow.artifacts
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from gan.ensemble.ensemble import load_ensemble, read_manifest
from gan.ensemble.mixture import mixture_rows
from gan.features.registry import load_feature_net
from ops import refresh
from ops.lock import refresh_lock
from tests.ops.conftest import NUM_SAMPLES, Service, Site, make_pictures, record_search

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """The command, which draws nothing anew unless it is told to: that starts Ray."""
    plain = "--rollback" in arguments or "--truncations" in arguments
    return refresh.main(arguments if plain else [*arguments, "--truncations", "1"])


def live_folder(site: Site, into: str = "download") -> Path:
    """The live ensemble, as the service gets it."""
    client = site.client
    version = client.get_model_version_by_alias("weapons", "live")
    (site.folder / into).mkdir()
    return Path(
        mlflow.artifacts.download_artifacts(
            artifact_uri=client.get_model_version_download_uri("weapons", version.version),
            dst_path=str(site.folder / into),
            tracking_uri=site.uri,
        )
    )


def test_the_first_ensemble_is_promoted_with_all_that_belongs_to_it(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--search", "first"]) == 0
    said = capsys.readouterr().out
    assert "search first: 4 candidates of 2 finished trials" in said
    assert "all 4 at random" in said
    assert "best single checkpoint" in said
    assert said.splitlines()[-1] == "promoted: version 1 of weapons is live"
    assert site.aliases() == {"live": "1"}

    folder = live_folder(site)
    ensemble = load_ensemble(folder, version="1")
    assert ensemble.draw(0, [3]).shape == (1, 3, 16, 16)
    report = read_manifest(folder)["report"]
    for choice in ("ensemble", "best_single", "random", "top_k"):
        assert report[f"scores_{choice}"]["half"] == "held_out"
        assert report[f"scores_{choice}"]["protocol"] == "fid64_randconv"
    assert report["num_candidates"] == 4
    assert sum(member.weight for member in ensemble.members) == pytest.approx(1.0)

    version = site.client.get_model_version("weapons", "1")
    run = site.client.get_run(version.run_id)
    assert run.data.tags["ganvil.kind"] == "refresh"
    assert run.info.status == "FINISHED"
    assert run.data.metrics["fid_randconv"] == pytest.approx(report["scores_ensemble"]["fid"])
    assert {"fid_randconv_best_single", "recall_randconv_random"} <= set(run.data.metrics)
    artifacts = {file.path for file in site.client.list_artifacts(version.run_id)}
    assert artifacts == {"ensemble", "selection", "samples.png", "report.html"}
    Image.open(site.client.download_artifacts(version.run_id, "samples.png")).verify()


def test_the_stored_features_are_those_of_a_real_sample_of_the_ensemble(site: Site) -> None:
    assert main(["--search", "first"]) == 0
    ensemble = load_ensemble(live_folder(site))
    run_id = site.client.get_model_version("weapons", "1").run_id
    stored = load_file(site.client.download_artifacts(run_id, "selection/features.safetensors"))["randconv"]
    rows = mixture_rows([member.weight for member in ensemble.members], len(stored))
    drawn = np.concatenate([ensemble.draw(i, range(part.start, part.stop)) for i, part in enumerate(rows)])
    fresh = load_feature_net("randconv", torch.device("cpu"))(drawn)
    assert np.abs(fresh - stored).max() < 0.02 * np.abs(fresh).max()


def test_a_second_run_reads_nothing_until_a_trial_has_finished(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first"]) == 0
    capsys.readouterr()
    assert main(["--search", "first"]) == 0
    assert capsys.readouterr().out == "nothing new since the last refresh: version 1 of weapons stays live\n"
    for seen in (["--dry-run"], ["--report", str(site.folder / "report.html")], ["--size", "7"]):
        assert main(["--search", "first", *seen]) == 0
        assert "4 candidates" in capsys.readouterr().out
    assert main(["--search", "first"]) == 0  # the last refresh was of another size
    assert "4 candidates" in capsys.readouterr().out
    trial = site.client.search_runs(["1"], "tags.`ganvil.kind` = 'trial'")[0].info.run_id
    site.client.update_run(trial, status="RUNNING")
    assert main(["--search", "first"]) == 0
    assert "2 candidates" in capsys.readouterr().out


@pytest.mark.slow
def test_the_live_members_may_be_chosen_again(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    record_search(site.uri, "second", site.data, site.folder / "more", seeds=(5,))
    assert main(["--search", "first"]) == 0
    before = read_manifest(live_folder(site))
    capsys.readouterr()
    assert main(["--search", "second", "--force"]) == 0
    members = [member["id"] for member in before["members"]]
    assert f"drawing {NUM_SAMPLES} pictures of each of {len(members)} checkpoints" in capsys.readouterr().out
    after = read_manifest(live_folder(site, "after"))
    assert after["report"]["num_candidates"] == 2 + len(members)
    assert after["report"]["searches"] == ["second"]
    ids = [member["id"] for member in after["members"]]
    assert set(ids) & set(members), "the second search's two are worse: choose other seeds"
    assert main(["--search", "second", "--force"]) == 0  # their own run is that of version 2 now
    assert read_manifest(live_folder(site, "again2"))["fingerprint"] == after["fingerprint"]


def test_a_second_run_registers_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first"]) == 0
    assert main(["--search", "first", "--report", str(site.folder / "report.html")]) == 0  # wants all that there is
    assert "nothing new: version 1 of weapons, which is live, has these very members" in capsys.readouterr().out
    assert site.num_versions() == 1
    assert len(site.client.search_runs(["1"], "tags.`ganvil.kind` = 'refresh'")) == 1


def test_a_challenger_within_the_noise_is_not_promoted(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first"]) == 0
    assert main(["--search", "first", "--size", "1"]) == 0
    said = capsys.readouterr().out
    assert "nothing better: version 1 of weapons stays live" in said
    assert site.aliases() == {"live": "1"}
    assert site.num_versions() == 1


def test_force_promotes_and_rollback_takes_it_back_for_good(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first"]) == 0
    assert main(["--search", "first", "--size", "1", "--force"]) == 0
    assert site.aliases() == {"live": "2", "previous": "1"}
    assert main(["--rollback"]) == 0
    assert site.aliases() == {"live": "1", "previous": "2"}
    assert capsys.readouterr().out.splitlines()[-1] == "version 1 of weapons is live again"
    # the nightly refresh does not undo what the operator did
    assert main(["--search", "first", "--size", "1"]) == 0
    assert "version 2 has these very members and was rolled back" in capsys.readouterr().out
    assert site.aliases()["live"] == "1"
    # a service that does not take it leaves the mark where it was
    away = f"http://127.0.0.1:{free_port()}"
    assert main(["--search", "first", "--size", "1", "--force", "--serve", away]) == 3
    assert "ganvil.rolled_back" in site.client.get_model_version("weapons", "2").tags
    # forward again, by hand: the same version, not a third
    assert main(["--rollback"]) == 0
    assert site.aliases() == {"live": "2", "previous": "1"}
    assert site.num_versions() == 2


def test_dry_run_changes_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first", "--dry-run"]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert site.client.search_registered_models() == []
    assert len(site.client.search_runs(["1"], "tags.`ganvil.kind` = 'refresh'")) == 0


def test_two_searches_are_one_pool(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    record_search(site.uri, "second", site.data, site.folder / "more", seeds=(5,))
    assert main(["--search", "first", "second"]) == 0
    assert "all 6 at random" in capsys.readouterr().out
    assert main(["--search", "sec*", "*st", "second", "--dry-run"]) == 0
    assert "all 6 at random" in capsys.readouterr().out
    assert main(["--search", "third-*"]) == 2
    assert "no search 'third-*': it has first, second" in capsys.readouterr().err


def test_the_service_is_told_and_answers(site: Site, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.token = "secret"
    monkeypatch.setenv("GANVIL_ADMIN_TOKEN", "secret")
    assert main(["--search", "first", "--serve", service.url + "/"]) == 0
    assert service.version == "1"
    assert service.refreshes == ["Bearer secret"]


def test_a_service_that_refuses_brings_the_alias_back(
    site: Site, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--search", "first", "--serve", service.url]) == 0
    service.obeys = False
    force = ["--search", "first", "--size", "1", "--force", "--serve", service.url]
    assert main(force) == 3
    said = capsys.readouterr().err
    assert "member is broken; version 1 is live again" in said
    assert said.count("\n") == 1
    assert site.aliases() == {"live": "1"}
    # once it is mended the same version is taken, not another one registered
    service.obeys = True
    assert main(force) == 0
    assert site.aliases() == {"live": "2", "previous": "1"}
    assert site.num_versions() == 2


def test_a_first_version_that_no_service_takes_is_not_left_live(site: Site, service: Service) -> None:
    service.obeys = False
    assert main(["--search", "first", "--serve", service.url]) == 3
    assert site.aliases() == {}


def test_a_service_that_says_another_version_is_waited_for_and_given_up(
    site: Site, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import ops.promotion
    from ops.service import hand_over

    monkeypatch.setattr(
        ops.promotion, "hand_over", lambda url, version, wait_seconds=1.0: hand_over(url, "9", wait_seconds=1.0)
    )
    assert main(["--search", "first", "--serve", service.url]) == 3
    assert "says version 1 after 1 s, not 9" in capsys.readouterr().err


def test_no_service_and_a_wrong_token_are_one_line(
    site: Site, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.token = "secret"
    assert main(["--search", "first", "--serve", service.url]) == 3
    assert "refuses the token: set GANVIL_ADMIN_TOKEN" in capsys.readouterr().err
    assert main(["--search", "first", "--serve", f"http://127.0.0.1:{free_port()}"]) == 3
    assert "does not answer" in capsys.readouterr().err


def test_a_rollback_holds_even_if_the_service_is_away(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first"]) == 0
    assert main(["--search", "first", "--size", "1", "--force"]) == 0
    assert main(["--rollback", "--serve", f"http://127.0.0.1:{free_port()}"]) == 3
    assert "version 1 is live in the registry all the same" in capsys.readouterr().err
    assert site.aliases()["live"] == "1"


def test_a_live_ensemble_without_stored_features_is_drawn_anew(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first"]) == 0
    run = site.client.get_run(site.client.get_model_version("weapons", "1").run_id)
    shutil.rmtree(Path(run.info.artifact_uri) / "selection")
    assert main(["--search", "first", "--size", "1"]) == 0
    assert "against version 1, which is live: FID" in capsys.readouterr().out


def test_open_trials_and_incomplete_candidates_are_left_out_and_counted(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = site.client.search_runs(["1"], "tags.`ganvil.kind` = 'trial'")
    checkpoint = sorted((Path(runs[0].info.artifact_uri) / "checkpoints").iterdir())[0]
    (checkpoint / "record.json").unlink()
    site.client.update_run(runs[1].info.run_id, status="RUNNING")
    assert main(["--search", "first", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "1 candidates of 1 finished trials, 1 trials not finished" in said
    assert "1 left out: incomplete" in said


@pytest.mark.slow
def test_features_that_are_missing_are_drawn_anew_once(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    run = site.client.search_runs(["1"], "tags.`ganvil.kind` = 'trial'")[0]
    checkpoints = sorted((Path(run.info.artifact_uri) / "checkpoints").iterdir())
    stored = load_file(checkpoints[0] / "features.safetensors")["randconv"]
    (checkpoints[0] / "features.safetensors").unlink()
    (checkpoints[1] / "features.safetensors").unlink()
    (checkpoints[1] / "generator.safetensors").write_bytes(b"damaged")
    assert main(["--search", "first", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"drawing {NUM_SAMPLES} pictures of each of 2 checkpoints" in said
    assert "1 left out: not to be drawn from" in said
    assert "generator.safetensors" in said
    (drawn,) = (site.runs / "candidates" / run.info.run_id).rglob("drawn-*.safetensors")
    assert load_file(drawn)["features"] == pytest.approx(stored, abs=0.02)
    (checkpoints[1] / "record.json").unlink()
    assert main(["--search", "first", "--dry-run"]) == 0
    assert "drawing" not in capsys.readouterr().out


@pytest.mark.slow
def test_members_at_other_truncations(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first", "--truncations", "0.5", "0.01"]) == 0
    assert "drawing" in capsys.readouterr().out
    report = json.loads((live_folder(site) / "ensemble.json").read_text())
    assert report["report"]["num_candidates"] == 4
    assert report["report"]["num_at_other_truncations"] >= 2
    for member in report["members"]:
        at = member["id"].partition("@")[2]
        assert member["truncation"] == float(at or 1.0)
    files = list((site.runs / "candidates").rglob("drawn-*-0.01.safetensors"))
    features = [load_file(file)["features"].astype(np.float32) for file in files]
    assert max(each.std(axis=0).mean() for each in features) < 0.5  # next to no truncation left: one picture


@pytest.mark.parametrize("truncation", ["0", "-1", "2.5", "nan"])
def test_truncations_have_bounds(site: Site, truncation: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first", "--truncations", truncation]) == 2
    assert "each must be over 0 and at most 2" in one_line(capsys)


@pytest.mark.slow
def test_polished_members(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first", "--polish", "0.5"]) == 0
    folder = live_folder(site)
    ensemble, report = load_ensemble(folder), read_manifest(folder)["report"]
    assert report["share_kept"] == 0.5
    for index, member in enumerate(ensemble.members):
        assert member.realism_floor is not None
        assert ensemble.accepts(index, ensemble.draw(index, range(200))).mean() == pytest.approx(0.5, abs=0.12)
    assert main(["--search", "first", "--polish", "0.5"]) == 0
    assert "nothing new" in capsys.readouterr().out
    assert main(["--search", "first"]) == 0  # a challenger is held against the polished pictures
    assert "against version 1, which is live" in capsys.readouterr().out


@pytest.mark.slow
def test_a_member_whose_most_real_are_copies_is_not_polished(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ops.polishing

    monkeypatch.setattr(ops.polishing, "memorised", lambda features, training: 1.0)
    assert main(["--search", "first", "--polish", "0.5"]) == 0
    assert "is not polished: 100% of what is most real copies" in capsys.readouterr().out
    assert all(member["realism_floor"] is None for member in read_manifest(live_folder(site))["members"])


@pytest.mark.parametrize("share", ["0", "0.05", "1.5", "nan"])
def test_the_share_that_is_kept_has_bounds(site: Site, share: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first", "--polish", share]) == 2
    assert "the share that is kept, from 0.1 to 1 (all)" in one_line(capsys)


def test_the_report_page_stands_beside_the_version(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first", "--report", str(site.folder / "page.html")]) == 0
    page = (site.folder / "page.html").read_text()
    run_id = site.client.get_model_version_by_alias("weapons", "live").run_id
    logged = mlflow.artifacts.load_text(f"{site.client.get_run(run_id).info.artifact_uri}/report.html")
    assert logged == page
    members = read_manifest(live_folder(site))["members"]
    assert page.count('<section class="member">') == len(members)
    assert all(member["id"] in page for member in members)
    assert page.count("data:image/png;base64,") >= 4 + len(members)
    assert "http://" not in page  # it needs nothing else
    assert "https://" not in page
    assert main(["--search", "first", "--report", str(site.folder)]) == 2
    assert "is a folder" in one_line(capsys)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_an_unknown_search_lists_the_known(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "nothing"]) == 2
    assert "MLflow has no search 'nothing': it has first" in one_line(capsys)


def test_a_search_without_candidates(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.client.create_experiment("empty", artifact_location=str(site.folder / "empty"))
    assert main(["--search", "empty"]) == 2
    assert "no candidates in empty (no finished trial kept a healthy one)" in one_line(capsys)


def test_features_that_no_candidate_has(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first", "--features", "nonsense"]) == 2
    assert "unknown feature net 'nonsense'" in one_line(capsys)


def test_other_pictures_than_the_search_saw(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_pictures(site.folder / "other", seed=9)
    assert main(["--search", "first", "--data", str(other)]) == 2
    assert "is not what the search saw" in one_line(capsys)
    assert main(["--search", "first", "--data", str(site.folder / "nowhere")]) == 2
    assert "does not exist" in one_line(capsys)


def test_searches_on_different_pictures_do_not_mix(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_pictures(site.folder / "other", seed=9)
    record_search(site.uri, "second", other, site.folder / "more", seeds=(1,))
    assert main(["--search", "first", "second"]) == 2
    assert "one picture size and one data set" in one_line(capsys)


def test_another_picture_size_than_the_live_one_needs_force(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    large = make_pictures(site.folder / "large", size=32)
    record_search(site.uri, "large", large, site.folder / "more", seeds=(1,))
    assert main(["--search", "first"]) == 0
    assert main(["--search", "large"]) == 2
    assert "makes 16x16x3 pictures, these searches 32x32x3" in one_line(capsys)
    assert main(["--search", "large", "--force"]) == 0
    assert site.aliases()["live"] == "2"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--rollback"], "model 'weapons' has no live version"),
        (["--rollback", "--model", "unheard-of"], "model 'unheard-of' has no live version"),
        (["--search", "first", "--model", "a/b"], "model name 'a/b'"),
        (["--search", "first", "--size", "0"], "--size 0"),
        (["--search", "first", "--tracking-uri", "sqlite:///nowhere/mlflow.db"], "names no database"),
        (["--search", "first", "--tracking-uri", "nonsense"], "cannot be read"),
    ],
)
def test_wrong_input_is_one_line(
    arguments: list[str], line: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert line in one_line(capsys)


def test_nothing_before_the_first_version_to_roll_back_to(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--search", "first"]) == 0
    assert main(["--rollback"]) == 2
    assert "has no version before 1" in one_line(capsys)


@pytest.mark.parametrize("arguments", [[], ["--rollback", "--search", "first"]])
def test_search_or_rollback_and_not_both(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "give --search NAME to refresh, or --rollback alone" in one_line(capsys)


def test_a_tracking_server_that_does_not_answer_is_told_within_seconds(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    assert main(["--search", "first", "--tracking-uri", f"http://127.0.0.1:{free_port()}"]) == 2
    assert "does not answer" in one_line(capsys)
    assert time.monotonic() - begun < 5.0


def test_a_second_refresh_at_the_same_time_ends(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with refresh_lock(site.runs, "weapons", site.uri):
        assert main(["--search", "first"]) == 4
        assert "another refresh of model 'weapons' is running" in one_line(capsys)
        assert main(["--search", "first", "--model", "other"]) == 0


def test_a_refresh_that_is_cut_while_logging_leaves_no_version(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import ops.registry

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ops.registry, "save_file", cut)
        assert main(["--search", "first"]) == 130
    (run,) = site.client.search_runs(["1"], "tags.`ganvil.kind` = 'refresh'")
    assert run.info.status == "FAILED"
    assert site.client.search_registered_models() == []
    assert main(["--search", "first"]) == 0
    assert site.aliases() == {"live": "1"}


@pytest.mark.slow
def test_as_cron_calls_it(site: Site) -> None:
    command = [sys.executable, str(ROOT / "ops" / "refresh.py"), "--search", "first"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.run(command, cwd=site.folder, env=environment, capture_output=True, text=True)
    assert (first.returncode, first.stderr) == (0, "")
    assert "promoted: version 1 of weapons is live" in first.stdout
    assert "\x1b" not in first.stdout
    wrong = subprocess.run([*command, "--size", "0"], cwd=site.folder, env=environment, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1


@pytest.mark.slow
def test_over_a_real_tracking_server(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "server-artifacts")]
    uri = f"http://127.0.0.1:{port}"
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(port)
        record_search(uri, "remote", site.data, tmp_path / "remote")
        remote = Site(uri=uri, data=site.data, runs=tmp_path / "runs", folder=tmp_path)
        arguments = ["--tracking-uri", uri, "--search", "remote"]
        assert main(arguments) == 0
        assert remote.aliases() == {"live": "1"}
        assert load_ensemble(live_folder(remote), version="1").draw(0, [1]).shape == (1, 3, 16, 16)
        assert main(arguments) == 0
        assert "nothing new" in capsys.readouterr().out
        assert main([*arguments, "--size", "1", "--force"]) == 0
        assert main(["--tracking-uri", uri, "--rollback"]) == 0
        assert remote.aliases() == {"live": "1", "previous": "2"}
        cached = (tmp_path / "runs" / "candidates").glob("*/*/record.json")
        assert len([file for file in cached if file.parent.name.isdigit()]) == 4
    finally:
        os.killpg(server.pid, 15)
        server.wait(90)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError("mlflow server did not start")


def test_all_candidates_vetoed(site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import ops.pool

    monkeypatch.setattr(ops.pool, "MEMORISED_OVER_FRESH", -1.0)
    assert main(["--search", "first"]) == 2
    captured = capsys.readouterr()
    assert "  4 vetoed: copies training pictures\n" in captured.out
    assert "all 4 candidates are vetoed, e.g. " in captured.err
    assert captured.err.count("\n") == 1


def test_the_crontab_line_is_a_command_that_works(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    line = (ROOT / "ops" / "crontab").read_text().splitlines()[-1]
    assert len(line.split()[:5]) == 5
    arguments = line.split("ops/refresh.py", 1)[1].split()
    assert main([*arguments, "--dry-run"]) == 0
    assert "nothing was changed" in capsys.readouterr().out


def test_the_runbook_names_every_exit_code() -> None:
    runbook = (ROOT / "ops" / "README.md").read_text()
    assert all(f"| {code} |" in runbook for code in (0, 1, 2, 3, 4))
