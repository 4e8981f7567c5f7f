"""A database of an older MLflow, brought to the schema of the installed one; a copy of it stays beside it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ablate import files
from ablate.errors import TrackingError
from ablate.track.environment import quiet_environment
from ablate.track.uri import has_old_schema


def upgrade_store(path: Path, say: Callable[[str], None]) -> None:
    """Upgrade the database where it is an older one, after saying so and after copying it.

    Raises TrackingError where MLflow cannot do it; the database is then as it was.
    """
    if not has_old_schema(path):
        return
    with files.locked(path.with_name(f"{path.name}.lock"), wait=True):
        if not has_old_schema(path):  # another process was faster
            return
        copy = _free_name(path)
        say(f"{path} has the schema of an older MLflow. Upgrading it; a copy as it is stays in {copy.name}.")
        files.write_atomically(copy, lambda aside: _copy(path, aside))
        quiet_environment()
        command = [sys.executable, "-P", "-W", "ignore", "-m", "mlflow", "db", "upgrade", f"sqlite:///{path}"]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=path.parent, check=False, env=dict(os.environ)
        )
        if done.returncode:
            _copy(copy, path)
            raise TrackingError(
                f"MLflow cannot upgrade {path}: {_last_line(done.stderr)}",
                hint=f"It is as it was. Move it away (`mv {path} {path}.old`); `ablate sync` fills a new one.",
            )


def _copy(source: Path, target: Path) -> None:
    """The whole content, also what still stands in the write-ahead log."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}.before-upgrade{number or ''}{path.suffix}") for number in range(1000))
    return next(name for name in names if not name.exists())


def _last_line(text: str) -> str:
    return next((line.strip()[:300] for line in reversed(text.splitlines()) if line.strip()), "it says nothing")
