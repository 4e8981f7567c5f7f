"""A project of trackio: the SQLite database `PROJECT.db`, with metrics and configs as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.readers.database import open_readonly, tables_of
from ablate.readers.logged import LoggedRun, Point, as_number, flat, last_values

MOST_ROWS = 5_000_000


def is_project(tables: Mapping[str, frozenset[str]]) -> bool:
    """Whether a database with these tables and columns is trackio's."""
    return {"run_name", "step", "metrics"} <= tables.get("metrics", frozenset())


def read_runs(path: Path) -> list[LoggedRun]:
    """The runs of a project, in the order of their start."""
    with open_readonly(path) as database:
        tables = tables_of(database)
        if not is_project(tables):
            raise StudyError(f"{path} is no project of trackio", hint="Give PROJECT.db from trackio's folder.")
        by = "run_id" if "run_id" in tables["metrics"] else "run_name"
        points: dict[str, list[Point]] = {}
        names: dict[str, str] = {}
        query = f"SELECT {by}, run_name, step, metrics FROM metrics ORDER BY id LIMIT {MOST_ROWS + 1}"
        for count, (run, name, step, text) in enumerate(database.execute(query)):
            if count == MOST_ROWS:
                raise StudyError(f"{path} has more than {MOST_ROWS:,} rows", hint="Export the last values as CSV.")
            names.setdefault(str(run), str(name))
            points.setdefault(str(run), []).extend(_points(text, step))
        configs = _configs(database, tables)
    return [
        LoggedRun(names[run], settings, *last_values(points[run]), labels=labels, where=f"{path}: {names[run]}")
        for run in points
        for settings, labels in [configs.get(run, ({}, {}))]
    ]


def _points(text: str | bytes, step: object) -> list[Point]:
    place = int(step) if isinstance(step, int) else None
    values = {name: as_number(value) for name, value in _tree(text).items()}
    return [Point(name, value, place) for name, value in values.items() if value is not None]


def _configs(
    database: sqlite3.Connection, tables: Mapping[str, frozenset[str]]
) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Run -> its parameters, and what else may name it; trackio's own keys begin with `_`."""
    columns = tables.get("configs", frozenset())
    if not {"run_name", "config"} <= columns:
        return {}
    by = "run_id" if "run_id" in columns else "run_name"
    found = {}
    for run, text in database.execute(f"SELECT {by}, config FROM configs"):
        tree = _tree(text)
        own = {key: value for key, value in tree.items() if not str(key).startswith("_")}
        group = tree.get("_Group")
        found[str(run)] = (flat(own), {"group": str(group)} if group else {})
    return found


def _tree(text: str | bytes) -> Mapping[str, Any]:
    try:
        tree = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
