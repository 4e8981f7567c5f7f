"""The first use of a sqlite store, made safe: the file is whole or absent, whoever dies or races."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ablate import files


def create_store(path: Path, build: Callable[[Path], None]) -> None:
    """Let `build` make an MLflow database at `path` unless one is there.

    MLflow itself creates its tables in place and without a lock: of four processes that begin
    together most fail, and the file can stay broken for good. Here one process builds beside the
    path while the others wait, and the finished file appears in one step. `build` must have closed
    the database when it returns.
    """
    if _is_there(path):
        return
    with files.locked(path.with_name(f"{path.name}.lock"), wait=True):
        if _is_there(path):
            return
        for left_over in path.parent.glob(f".{path.name}.tmp-*"):  # of a builder that was killed
            left_over.unlink(missing_ok=True)
        files.write_atomically(path, lambda aside: _build(aside, build))


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _build(aside: Path, build: Callable[[Path], None]) -> None:
    build(aside)
    with closing(sqlite3.connect(aside)) as connection:
        # Stays with the file: readers (`mlflow ui`) and the writer no longer wait for each other.
        connection.execute("PRAGMA journal_mode=WAL")
