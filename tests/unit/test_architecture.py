"""Who may import whom, who owns which package, and how long a file may be: read off the import statements."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[2] / "ablate"
LONGEST = 350
"""Lines of a file; they aim at 250."""

GROUND = {
    "errors", "records", "protocols", "overrides", "resolve", "files", "journal", "settings", "store", "looks",
    "durations", "addresses", "plain_files", "columns",
    "explained",
    "copies", "rates", "image_folders", "naming", "lookup", "description", "examination", "belonging", "splits",
    "own_modules",
}  # fmt: skip
PARTS = {"study", "training", "execute", "track", "stats"}
MAY_KNOW = {
    **dict.fromkeys(GROUND, GROUND),
    **{part: GROUND | {part} for part in PARTS},
    "readers": GROUND | {"readers"},
    "study": GROUND | {"study", "readers"},
    "search": GROUND | {"search", "study"},
    "report": GROUND | {"report", "readers", "stats", "study", "survey", "declared"},
    "survey": GROUND | {"study"},
    "declared": GROUND | {"study"},
    "starter": GROUND,
    "stand_ins": GROUND | {"stand_ins"},
    "toy": GROUND,
}
"""Module or package directly below `ablate` -> what it may import of `ablate`. Whoever is not named wires parts."""

OWNERS = {
    "torch": ["training"],
    "torchvision": ["training"],
    "timm": ["training/models/by_name.py"],
    "mlflow": [
        "track/download.py",
        "track/foreign.py",
        "track/mlflow_files.py",
        "track/mlflow_store.py",
        "track/shelf.py",
        "track/sqlite_store.py",
    ],
    "optuna": ["search"],
    "matplotlib": ["report"],
    "sklearn": ["training"],
    "scipy": ["stats"],
    "statsmodels": [],  # the tests take known answers from it
    "jinja2": ["report"],
    "typer": ["cli"],
    "rich": ["cli"],
    "yaml": ["study/reader.py"],
    "ray": ["execute/ray_cluster.py"],
    "sqlalchemy": ["addresses.py", "search/patience.py"],
}
"""Package -> the only places that import it."""


class Import(NamedTuple):
    """One import: in which file, of which module."""

    file: str
    module: str
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
                yield from (Import(name, alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                module = str(node.module)
                inner = [f"ablate.{alias.name}" for alias in node.names] if module == "ablate" else [module]
                yield from (Import(name, found, node.lineno) for found in inner)


def test_the_ground_knows_nobody_and_the_parts_know_only_the_ground() -> None:
    """Study, training, execute, track and stats never know each other."""
    broken = [
        str(found)
        for found in imports()
        if found.imported and found.importer in MAY_KNOW and found.imported not in MAY_KNOW[found.importer]
    ]

    assert broken == []


def test_every_module_of_the_ground_exists() -> None:
    """A rule about nobody guards nothing."""
    assert [name for name in MAY_KNOW if not (PACKAGE / name).is_dir() and not (PACKAGE / f"{name}.py").is_file()] == []


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
    exceptions = {("addresses.py", "sqlalchemy"), ("columns.py", "numpy")}
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
