"""The first use of a sqlite store, made safe: the file is whole or absent, whoever dies or races."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ablate import files
from ablate.track.empty_store import copy_empty_store


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
        for companion in ("-wal", "-shm"):  # of a database that was removed: SQLite would put them into the new one
            path.with_name(path.name + companion).unlink(missing_ok=True)
        files.write_atomically(path, lambda aside: _build(aside, build))


def file_identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another one at the same path; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_size else None


def _is_there(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _build(aside: Path, build: Callable[[Path], None]) -> None:
    build(aside)
    with closing(sqlite3.connect(aside)) as connection:
        # Stays with the file: readers (`mlflow ui`) and the writer no longer wait for each other.
        connection.execute("PRAGMA journal_mode=WAL")


def build_store(path: Path, artifact_root: str) -> None:
    """A whole MLflow database at `path`, closed again."""
    try:
        copy_empty_store(path, artifact_root, _build_directly)
    except (ImportError, AttributeError, TypeError):
        _build_store_in_a_child(path)


def _build_directly(path: Path, artifact_root: str) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(f"sqlite:///{path}", artifact_root)  # type: ignore[no-untyped-call]
    store.engine.dispose()


def _build_store_in_a_child(path: Path) -> None:
    """The same by public calls; MLflow has none to close a database, but the end of a process does."""
    program = "import mlflow, sys; mlflow.MlflowClient(sys.argv[1]).search_experiments()"
    command = [sys.executable, "-P", "-c", program, f"sqlite:///{path}"]
    subprocess.run(command, check=True, capture_output=True, cwd=path.parent)
