"""Who may import whom: reads every import statement and holds the picture of the house.

experiments   ops        may import everything; nothing imports them
search        serve      never import each other
        gan              no ray, mlflow, optuna, fastapi, openai
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"gan", "search", "serve", "ops", "experiments"}
MAY_IMPORT = {
    "gan": {"gan"},
    "search": {"gan", "search"},
    "serve": {"gan", "serve"},
    "ops": {"gan", "search", "serve", "ops"},
    "experiments": OURS,
}
FRAMEWORKS = {"ray", "mlflow", "optuna", "fastapi", "starlette", "openai", "sqlalchemy"}
KNOWN_BY_GAN = {  # third parties that this floor stands on
    "torch", "torchvision", "torchmetrics", "cleanfid", "numpy", "scipy", "PIL", "safetensors", "pydantic", "fsspec",
    "tqdm", "httpx", "av", "usearch", "clarabel", "timm", "huggingface_hub",
}  # fmt: skip
ONLY_FILE = {  # names that one file alone may import
    "ray.serve": {"serve/app.py", "experiments/bench/serving.py"},
}


def python_files(floor: str) -> list[Path]:
    return sorted((ROOT / floor).rglob("*.py"))


def imports_of(path: Path) -> Iterator[str]:
    """Every module that the file imports, at any depth, with the names of `from a import b` as a.b too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the floor"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_floors_do_not_mix(floor: str) -> None:
    for path in python_files(floor):
        ours = {name.split(".")[0] for name in imports_of(path)} & OURS
        assert ours <= MAY_IMPORT[floor], f"{path.relative_to(ROOT)} imports {ours - MAY_IMPORT[floor]}"


def test_gan_stands_on_few_libraries() -> None:
    import sys

    for path in python_files("gan"):
        third = {name.split(".")[0] for name in imports_of(path)} - set(sys.stdlib_module_names) - OURS
        assert not third & FRAMEWORKS, f"{path.relative_to(ROOT)} knows {third & FRAMEWORKS}"
        assert third <= KNOWN_BY_GAN, f"{path.relative_to(ROOT)} imports {third - KNOWN_BY_GAN}"


@pytest.mark.parametrize("module", ONLY_FILE)
def test_some_modules_are_one_files_own(module: str) -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for floor in OURS
        for path in python_files(floor)
        if any(name == module or name.startswith(f"{module}.") for name in imports_of(path))
    }
    assert users == ONLY_FILE[module]


def test_no_circles_of_imports() -> None:
    """Module by module, over what is imported at the top of each file."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for floor in OURS
        for path in python_files(floor)
    }
    edges: dict[str, set[str]] = {}
    for name, path in modules.items():
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        found: set[str] = set()
        for node in top:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            else:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names} & set(modules)
                found |= submodules or {node.module or ""}
        edges[name] = (found & set(modules)) - {name}
    assert_no_circle(edges)


@pytest.mark.parametrize("floor", ["gan", "search", "serve"])
def test_no_circles_of_rooms(floor: str) -> None:
    """gan/networks, search/judging, … over all imports: a reader may go through them one after the other."""
    edges: dict[str, set[str]] = {
        room.name: set() for room in (ROOT / floor).iterdir() if (room / "__init__.py").exists()
    }
    assert edges
    for room, others in edges.items():
        for path in python_files(f"{floor}/{room}"):
            others |= {name.split(".")[1] for name in imports_of(path) if name.startswith(f"{floor}.")}
    assert_no_circle({room: (others & set(edges)) - {room} for room, others in edges.items()})


def assert_no_circle(edges: dict[str, set[str]]) -> None:
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        for target in sorted(edges[name]):
            visit(target, (*trail, name))
        done.add(name)

    for name in sorted(edges):
        visit(name, ())


def test_no_file_of_a_command_hides_a_package() -> None:
    """`python search/run.py` puts search/ first on sys.path: a file there named as a package wins."""
    taken = {
        "ray",
        "optuna",
        "mlflow",
        "torch",
        "queue",
        "types",
        "random",
        "logging",
        "json",
        "select",
        "signal",
    }
    for floor in ("search", "serve", "ops"):
        names = {path.stem for path in (ROOT / floor).glob("*.py")}
        assert not names & taken, f"{floor}/ hides {names & taken}"
