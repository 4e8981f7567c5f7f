"""Somebody's SQLite database, opened for reading alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from ablate.errors import StudyError

MARK = b"SQLite format 3\0"
_DAMAGED = "Copy it again with its -wal file beside it, or export its runs as CSV."


def is_database(path: Path) -> bool:
    """Whether a file begins as every SQLite database does."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MARK)) == MARK
    except OSError:
        return False


@contextmanager
def open_readonly(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, beside which nothing is written. Raises StudyError for one that is damaged or cannot be read."""
    # SQLite leaves files beside a database that keeps a log, unless it is told that nobody writes to it.
    is_written = path.with_name(f"{path.name}-wal").exists() or path.with_name(f"{path.name}-journal").exists()
    mode = "mode=ro" if is_written else "mode=ro&immutable=1"
    try:
        database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?{mode}", uri=True, timeout=5)
        try:
            database.text_factory = lambda text: text.decode("utf-8", "replace")
            database.execute("PRAGMA trusted_schema = OFF")
            yield database
        finally:
            database.close()
    except UnicodeDecodeError:  # SQLite's own message quotes bytes that are no text
        raise StudyError(f"{path} is damaged: its names are no text", hint=_DAMAGED) from None
    except sqlite3.Error as error:
        raise StudyError(f"{path} cannot be read as a database: {error}", hint=_DAMAGED) from None


def tables_of(database: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Each table's columns."""
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: frozenset(row[1] for row in database.execute(f"PRAGMA table_info({_quoted(name)})")) for name in names
    }


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
