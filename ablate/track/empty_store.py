"""An MLflow database without runs, kept in the user's cache folder: making its tables takes MLflow seconds.

MLflow makes them by all its migrations, one after the other. They are the same for every new database of one version,
so that they are made once and copied.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from ablate.files import user_cache

PLACE = "/artifacts-of-nobody"
"""Where the copy's experiment would keep its files, until it is told where it does."""


def copy_empty_store(path: Path, artifact_root: str, build: Callable[[Path, str], None]) -> None:
    """A database at `path`, with nothing but the experiment MLflow makes by itself.

    build: makes one in a file, with a root for artifacts, where none is kept for this version of MLflow.
    """
    kept = (_kept() or _keep(build)) if _is_absolute(artifact_root) else None
    if kept is None:
        build(path, artifact_root)
        return
    shutil.copyfile(kept, path)
    now = round(time.time() * 1000)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?), creation_time = ?, "
            "last_update_time = ?",
            (PLACE, artifact_root.rstrip("/"), now, now),
        )


def _is_absolute(root: str) -> bool:
    return root.startswith("/") or "://" in root


def _prefix() -> str:
    return f"mlflow-{version('mlflow')}-"


def _kept() -> Path | None:
    """The file, if it is what was written: its name holds a digest of its content."""
    for path in user_cache().glob(f"{_prefix()}*.db"):
        with contextlib.suppress(OSError):
            if path.name == _name(path):
                return path
    return None


def _keep(build: Callable[[Path, str], None]) -> Path | None:
    """Make the file; None where the cache folder cannot be written to."""
    folder = user_cache()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="mlflow-", dir=folder) as own:
            made = Path(own, "empty.db")
            build(made, PLACE)
            return made.replace(folder / _name(made))
    return None


def _name(path: Path) -> str:
    return f"{_prefix()}{sha256(path.read_bytes()).hexdigest()[:32]}.db"
