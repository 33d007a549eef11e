"""What the pages promise, held against the code: commands, flags, settings, routes, links."""

import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "gan/README.md", "search/README.md", "ops/README.md", "CHANGELOG.md", "experiments/LOG.md")
MAINS = {  # how the pages write a command → the module whose main() it is
    "search/run.py": "search.run",
    "ops/refresh.py": "ops.refresh",
    "serve.app": "serve.app",
    "gan.train": "gan.train",
    "gan.sample": "gan.sample",
    "gan.evaluate": "gan.evaluate",
    "gan.data": "gan.data.__main__",
    "gan.networks": "gan.networks.__main__",
    "gan.convert": "gan.convert.__main__",
}
WITH_SUBCOMMANDS = {"gan.data.__main__"}
FLOORS = ("gan", "search", "serve", "ops")


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def code_of(page: str) -> str:
    """Fenced blocks and inline code, with continued lines joined."""
    text = text_of(page)
    return "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.S) + re.findall(r"`([^`\n]+)`", text)).replace(
        "\\\n", " "
    )


def commands() -> Iterator[tuple[str, str, list[str]]]:
    """(page, command, flags) of every command of ours that a page shows; a command: a module and its subcommand."""
    for page in PAGES:
        for match in re.finditer(
            r"python (?:-m )?(search/run\.py|ops/refresh\.py|serve\.app|gan\.\w+)([^\n|]*)", code_of(page)
        ):
            words = shlex.split(match[2].split(" #")[0].replace("…", ""), posix=True)
            flags = [word.split("=")[0] for word in words if word.startswith("--")]
            command = MAINS[match[1]]
            yield page, f"{command} {words[0]}" if command in WITH_SUBCOMMANDS and words else command, flags


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    module, *subcommand = command.split()
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(module).main([*subcommand, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_every_flag_that_a_page_shows_exists(capsys: pytest.CaptureFixture[str]) -> None:
    shown = list(commands())
    assert len(shown) > 10
    helps = {command: help_of(command, capsys) for command in {command for _, command, _ in shown}}
    for page, command, flags in shown:
        for flag in flags:
            assert re.search(rf"{flag}\b", helps[command]), f"{page} shows {flag} for {command}"


def test_every_command_is_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {command.split()[0] for page, command, _ in commands() if page == "README.md"}
    assert shown == set(MAINS.values())
    for module in MAINS.values():
        assert "examples" in help_of(module, capsys).lower() or "python -m serve.app" in help_of(module, capsys)


def test_settings_are_listed_and_listed_ones_exist() -> None:
    used = {
        name
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        for name in re.findall(r"\b(?:GANVIL|OPENAI)_[A-Z_]*[A-Z]\b", path.read_text())
    }
    listed = set(re.findall(r"`((?:GANVIL|OPENAI)_[A-Z_]+)`", text_of("README.md")))
    assert used == listed


def test_routes_that_the_readme_names_exist() -> None:
    source = "".join(path.read_text() for path in (ROOT / "serve").rglob("*.py"))
    routes = {
        path.replace("{weapon_id}", "{id}") for path in re.findall(r"@routes\.(?:get|post)\(\s*\"([^\"]+)\"", source)
    }
    named = re.findall(r"`(/[a-z{}/.?=]*)`", text_of("README.md")) + re.findall(
        r"http://127\.0\.0\.1:8000(/[a-z.]+)", text_of("README.md")
    )
    assert len(named) > 5
    for route in named:
        assert route.partition("?")[0] in routes, f"README names {route}, served are {sorted(routes)}"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", text_of(page)):
            if "://" not in target:
                assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_make_targets_that_the_readme_shows_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))
    for page in PAGES:
        for target in re.findall(r"^make ([a-z-]+)", code_of(page), re.M):
            assert target in targets, f"{page} shows make {target}"


def test_the_readme_begins_with_the_two_commands_and_a_picture() -> None:
    top = text_of("README.md").split("\n## ")[0]
    assert re.findall(r"^make ([a-z-]+)", top, re.M) == ["run", "test"]
    assert "![" in top


def test_the_crontab_calls_the_refresh() -> None:
    (line,) = (line for line in text_of("ops/crontab").splitlines() if not line.startswith(("#", "MAILTO")))
    assert re.match(r"(\S+\s+){5}cd \S+ && \.venv/bin/python ops/refresh\.py --search \S+", line)
