from pathlib import Path

import pytest

from gan.errors import UserError
from serve.settings import VARIABLES, ServiceSettings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [*VARIABLES.values(), "MLFLOW_TRACKING_URI"]:
        monkeypatch.delenv(variable, raising=False)


def test_flags_go_before_the_environment_before_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServiceSettings.resolve({}).num_stock == 512
    monkeypatch.setenv("GANVIL_STOCK", "64")
    assert ServiceSettings.resolve({}).num_stock == 64
    assert ServiceSettings.resolve({"num_stock": "32"}).num_stock == 32


def test_every_setting_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(VARIABLES) == set(ServiceSettings.model_fields)
    places = dict.fromkeys(("ensemble", "tracking_uri", "runs", "store", "gpt_model", "lore"), "/somewhere")
    values = places | {"gpt_prices": "0.25/2", "anonymous": "no", "moderation": "off"}
    for name in sorted(VARIABLES, reverse=True):  # prices before dollars
        variable = VARIABLES[name]
        monkeypatch.setenv(variable, values.get(name, "7"))
        assert getattr(ServiceSettings.resolve({}), name) != getattr(ServiceSettings(), name), name


def test_dollars_need_prices() -> None:
    with pytest.raises(UserError, match="needs gpt_prices"):
        ServiceSettings.resolve({"gpt_dollars_per_day": "1"})
    with pytest.raises(UserError, match=r"gpt_prices = '2'"):
        ServiceSettings.resolve({"gpt_dollars_per_day": "1", "gpt_prices": "2"})


def test_on_and_off_are_themselves_in_yaml_too() -> None:
    assert [ServiceSettings.resolve({"moderation": value}).moderation for value in (True, False)] == ["on", "off"]


def test_the_tracking_uri_may_be_mlflows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert ServiceSettings.resolve({}).tracking_uri == "http://mlflow:5000"
    monkeypatch.setenv("GANVIL_TRACKING_URI", "http://ours:5000")
    assert ServiceSettings.resolve({}).tracking_uri == "http://ours:5000"


def test_places_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = ServiceSettings.resolve({"ensemble": "runs/ensemble", "tracking_uri": "sqlite:///m.db"})
    assert settings.ensemble == f"{tmp_path}/runs/ensemble"
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/m.db"
    assert settings.store == f"sqlite:///{tmp_path}/runs/store.db"
    other = ServiceSettings.resolve({"store": "postgresql+psycopg://db/ganvil", "runs": "r"})
    assert other.store == "postgresql+psycopg://db/ganvil"
    assert "db/ganvil" not in repr(other)  # a password may stand there
    assert other.ensemble == "models:/weapons@live"
    assert other.tracking_uri == f"sqlite:///{tmp_path}/r/mlflow.db"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ensembel": "x"}, "no setting 'ensembel'"),
        ({"num_stock": "many"}, "num_stock = 'many'"),
        ({"num_replicas": 0}, "num_replicas = 0"),
        ({"poll_seconds": -1}, "poll_seconds = -1"),
        ({"ensemble": ""}, "ensemble = ''"),
        ({"moderation": "always"}, "moderation = 'always': Input should be 'auto', 'on' or 'off'"),
    ],
)
def test_what_cannot_be(given: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        ServiceSettings.resolve(given)


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANVIL_POLL_SECONDS", "often")
    with pytest.raises(UserError, match="GANVIL_POLL_SECONDS"):
        ServiceSettings.resolve({})
