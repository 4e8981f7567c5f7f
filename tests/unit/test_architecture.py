"""Who may import whom, who owns which package, and how long a file may be: read off the import statements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[2] / "ablate"
LONGEST = 350
"""Lines of a file; they aim at 250."""

ROOT = {"errors", "files", "settings", "records", "protocols", "trainer", "inspection", "metrics"}
"""What everybody shares."""
GROUND = ROOT | {"safety", "splits", "store"}
"""Beside it: other people's addresses, files and code; the parts of a data set; the work folder."""
PARTS = {"study", "training", "execute", "track", "stats"}
RESULTS = GROUND | {"results", "study", "stats", "scoring"}
EVERYTHING = RESULTS | PARTS | {"deploy", "harness", "readers", "search", "report"}
MAY_KNOW: dict[str, set[str]] = {
    **dict.fromkeys(ROOT, ROOT | {"safety", "splits"}),
    "safety": {"safety", "errors"},
    "splits": {"splits", "errors", "files"},
    "store": GROUND,
    "readers": GROUND | {"readers"},
    "scoring": GROUND | {"scoring"},
    "command": GROUND | {"command", "readers"},
    "deploy": GROUND | {"deploy", "readers", "scoring"},
    "study": GROUND | {"study", "readers", "command", "scoring"},
    "training": GROUND | {"training", "deploy", "readers", "scoring"},
    "track": GROUND | {"track"},
    **{part: GROUND | {part, "scoring"} for part in ("execute", "stats")},
    "search": GROUND | {"search", "study"},
    "results": RESULTS | {"results"},
    "report": RESULTS | {"report", "readers", "deploy"},
    "harness": GROUND | {"harness", "study", "execute"},
    "toy": ROOT | {"splits", "toy"},
    "explained": {"inspection"},
    "workflows": EVERYTHING | {"workflows"},
    "cli": EVERYTHING | {"workflows", "cli"},
}
"""Module or package directly below `ablate` -> what it may import of `ablate`. Each has its line."""

FACADE = {"__init__", "__main__"}
"""What stands for the whole package, and may know all of it."""

OWNERS = {
    "torch": ["training"],
    "torchvision": ["training"],
    "torch_pruning": ["training/compress/pruning.py"],
    "timm": ["training/models/by_name.py"],
    "mlflow": [
        "track/client.py",
        "track/download.py",
        "track/foreign.py",
        "track/experiments.py",
        "track/mlflow_reader.py",
        "track/mlflow_store.py",
        "track/refusals.py",
        "track/sqlite_store.py",
    ],
    "optuna": ["search"],
    "matplotlib": ["report"],
    "sklearn": ["training"],
    "scipy": ["stats"],
    "statsmodels": ["stats"],
    "jinja2": ["report"],
    "typer": ["cli"],
    "rich": ["cli"],
    "onnx": ["deploy", "training/compress"],
    "onnxruntime": ["deploy"],
    "openvino": ["deploy"],
    "nncf": ["deploy", "training/compress"],
    "yaml": ["study/reader.py", "readers/settings_files.py"],
    "wandb": ["readers/wandb_api.py"],
    "av": ["training/data/video.py"],
    "ray": ["execute/ray_cluster.py"],
    "sqlalchemy": ["safety/addresses.py", "search/patience.py"],
}
"""Package -> the only places that import it."""


class Import(NamedTuple):
    """One import: in which file, of which module."""

    file: str
    module: str
    name: str
    line: int

    def __str__(self) -> str:
        return f"ablate/{self.file}:{self.line} imports {self.module}"

    @property
    def importer(self) -> str:
        """The module or package directly below `ablate`."""
        return self.file.split("/")[0].removesuffix(".py")

    @property
    def imported(self) -> str:
        """The same of what is imported; empty for foreign packages."""
        package, _, rest = self.module.partition(".")
        return rest.split(".")[0] if package == "ablate" else ""


def files() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


@cache
def imports() -> tuple[Import, ...]:
    """Every import statement, also inside functions and for type checkers only."""
    return tuple(_imports())


def _imports() -> Iterator[Import]:
    for path in files():
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (Import(name, alias.name, "", node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = str(node.module)
                for alias in node.names:
                    found = f"ablate.{alias.name}" if module == "ablate" else module
                    yield Import(name, found, alias.name, node.lineno)


def test_nobody_imports_what_stands_above() -> None:
    """The root knows nobody; study, training, execute, track and stats never know each other."""
    broken = [
        str(found)
        for found in imports()
        if found.imported and found.importer not in FACADE and found.imported not in MAY_KNOW[found.importer]
    ]

    assert broken == []


def test_every_module_has_a_line_in_the_table_of_directions() -> None:
    """Nobody is outside it, and no line is about nobody."""
    there = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or is_package(path)}

    assert there - FACADE == set(MAY_KNOW)


def test_the_root_has_a_dozen_modules_at_most() -> None:
    """What everybody shares is little; all else has its folder."""
    assert len(list(PACKAGE.glob("*.py"))) <= 12


def is_package(path: Path) -> bool:
    """Whether a folder holds modules."""
    return path.is_dir() and (path / "__init__.py").is_file()


def graph(place: Callable[[str], str]) -> dict[str, set[str]]:
    """Who imports whom, each file being taken for its `place`; the facade left out."""
    known = {path.relative_to(PACKAGE).as_posix().removesuffix(".py").removesuffix("/__init__") for path in files()}
    found: dict[str, set[str]] = {}
    for one in imports():
        importer = one.file.removesuffix(".py").removesuffix("/__init__")
        target = one.module.removeprefix("ablate.").replace(".", "/")
        deepest = next((path for path in (f"{target}/{one.name}", target) if path in known), None)
        if importer in FACADE or deepest is None or not one.module.startswith("ablate."):
            continue
        if place(importer) != place(deepest):
            found.setdefault(place(importer), set()).add(place(deepest))
    return found


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Who is in a circle or leads to one: whoever has nobody left to import is taken away, again and again."""
    left = dict(edges)
    while idle := [name for name in left if not left[name] & set(left)]:
        for name in idle:
            del left[name]
    return sorted(left)


def test_a_circle_is_found() -> None:
    """The search for circles is no empty promise."""
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["a", "b", "c"]
    assert circle({"a": {"b"}, "b": {"c"}}) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    """Deferred and type-only imports included."""
    assert circle(graph(lambda path: path)) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    """The walk runs one way."""
    assert circle(graph(lambda path: path.split("/")[0])) == []


@pytest.mark.parametrize("folder", ["report", "study", "workflows"])
def test_no_folders_inside_a_folder_import_each_other_in_a_circle(folder: str) -> None:
    """The same one floor down; the files that lie directly in it stand for themselves."""

    def place(path: str) -> str:
        parts = path.split("/")
        return "/".join(parts[:2]) if parts[0] == folder and len(parts) > 2 else ""

    edges = {name: {other for other in others if other} for name, others in graph(place).items() if name}
    assert circle(edges) == []


def test_one_module_opens_the_tracker() -> None:
    """Workflows and commands know the contracts, and `track/open.py`; which product keeps the runs is said there."""
    strangers = [
        str(found)
        for found in imports()
        if found.imported == "track"
        and found.importer != "track"
        and found.module != "ablate.track.open"
        and (found.module, found.name) != ("ablate.track", "open")
    ]

    assert strangers == []


def test_nobody_imports_the_commands() -> None:
    """Everything a command does can be done from Python without it."""
    assert [
        str(found) for found in imports() if found.imported == "cli" and found.importer not in ("cli", "__main__")
    ] == []


@pytest.mark.parametrize("package", OWNERS)
def test_a_heavy_package_has_one_owner(package: str) -> None:
    """It can be replaced, and need not be loaded elsewhere."""
    strangers = [
        str(found)
        for found in imports()
        if found.module.split(".")[0] == package
        and not any(found.file == owner or found.file.startswith(f"{owner}/") for owner in OWNERS[package])
    ]

    assert strangers == []


def test_the_ground_needs_nothing_but_the_standard_library_and_pydantic() -> None:
    """A trainer is handed records, not a framework."""
    allowed = {"ablate", "pydantic"}
    # One reads a database's address as those do who open it, the other is where arrays come in.
    exceptions = {("safety/addresses.py", "sqlalchemy"), ("store/outcome_columns.py", "numpy")}
    standard = sys.stdlib_module_names | {"__future__"}
    foreign = [
        str(found)
        for found in imports()
        if found.importer in GROUND
        and found.module.split(".")[0] not in standard | allowed
        and (found.file, found.module.split(".")[0]) not in exceptions
    ]

    assert foreign == []


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    """The disease of this field is the central noun that grows past a thousand lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
