"""`python -m gan.data fetch`: its help teaches, its errors are the user's."""

import io
import json
import zipfile
from argparse import ArgumentParser
from pathlib import Path

import pytest

from gan.command_line import Parser
from gan.data.commands import fetch
from gan.data.sources.crawl import COMMIT
from gan.data.sources.registry import SOURCES
from gan.errors import UserError


@pytest.fixture
def parser() -> ArgumentParser:
    """A subcommand's parser as `gan.data` makes it."""
    commands = Parser(prog="gan.data", description="", epilog="").add_subparsers(dest="command")
    command: ArgumentParser = commands.add_parser(fetch.NAME, description="", epilog="")
    fetch.add_arguments(command)
    return command


@pytest.fixture
def github(server, png, Reply) -> str:
    """Hands out one archive of two tiles."""
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in ("weapon/club", "weapon/mace"):
            archive.writestr(f"tiles/releases/Nov-2015/item/{name}.png", png("red"))
    server.routes[f"/crawl/tiles/archive/{COMMIT}.zip"] = [Reply(zipped.getvalue())]
    return str(server.url)


def test_the_help_says_what_each_gives_needs_and_allows(parser, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, source in SOURCES.items():
        assert name in shown
        assert source.GIVES in shown
        assert source.LICENCE in shown
        assert source.LICENCE_URL in shown
        assert (source.KEY_VARIABLE or "none needed") in shown


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_has_its_own_help(parser, capsys, name) -> None:
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert SOURCES[name].TEACHES.strip() in shown
    for flag in ("--out", "--limit", "--requests-per-second", "--refresh", "--base-url"):
        assert flag in shown
    assert all(len(line) <= 120 for line in shown.splitlines())


def test_the_list(parser, capsys) -> None:
    fetch.run(parser.parse_args(["--list"]))
    assert capsys.readouterr().out.count("licence:") == len(SOURCES)


def test_a_run_and_its_summary(parser, capsys, github, tmp_path: Path) -> None:
    arguments = ["crawl", "--out", str(tmp_path / "tiles"), "--base-url", github, "--requests-per-second", "1000"]
    fetch.run(parser.parse_args(arguments))
    shown = capsys.readouterr().out
    assert "2 items in 1 class, 2 of them new" in shown
    assert "CC0" in shown
    assert json.loads((tmp_path / "tiles" / "source.json").read_text())["items"] == 2
    fetch.run(parser.parse_args([*arguments, "--refresh"]))
    assert "2 items in 1 class, 0 of them new" in capsys.readouterr().out


def test_errors_of_the_user(parser, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("BUNGIE_API_KEY", raising=False)
    out = ["--out", str(tmp_path / "x")]
    for arguments, words in (
        ([], "no source named"),
        (["bungie", *out], "BUNGIE_API_KEY is not set"),
        (["steam", *out], "no app to fetch"),
        (["crawl", *out, "--limit", "0"], "--limit 0"),
        (["crawl", *out, "--requests-per-second", "0"], "--requests-per-second 0"),
        (["crawl", *out, "--requests-per-second", "nan"], "--requests-per-second nan"),
    ):
        with pytest.raises(UserError, match=words):
            fetch.run(parser.parse_args(arguments))
    assert not (tmp_path / "x").exists()


def test_fetch_knows_no_web_framework() -> None:
    """Nor torch's own: a source is text and bytes."""
    folder = Path(fetch.__file__).parents[1] / "sources"
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    for module in ("fastapi", "starlette", "ray", "torch", "PIL"):
        assert f"import {module}" not in text
        assert f"from {module}" not in text
