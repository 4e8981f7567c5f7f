"""The command's own checkpoints: which is kept as it runs, and from which a later attempt goes on."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ablate.protocols import Run
from ablate.records import Failed
from ablate.store.journal import read_events, read_result

QUIET_SECONDS = 1.0
"""A checkpoint that was not written to for so long is whole."""


class _Changed(OSError):
    """It was written to while it was copied."""


def keep(run: Run, folder: Path, pattern: str, *, at: float | None = None, has_saved: bool = False) -> None:
    """Keep a copy of the command's newest whole checkpoint, where there is one. Raises Stopped where that was asked.

    at: when it was asked to end; what it wrote to shortly before may be torn, unless it has_saved: ended by itself.
    """
    now = time.time() if at is None else at
    for path, written in _newest_first(folder, pattern):
        if has_saved or now - written >= QUIET_SECONDS:
            try:
                run.checkpoint(lambda copy, path=path: _copy(path, copy))  # type: ignore[misc]
            except (FileNotFoundError, PermissionError, _Changed):
                continue  # its script has removed or rewritten it meanwhile
            return


def _newest_first(folder: Path, pattern: str) -> list[tuple[Path, float]]:
    """The checkpoints and when each was last written to; a script may remove any at any time."""
    found: list[tuple[Path, float]] = []
    try:
        for path in folder.glob(pattern):
            if path.is_file() and not path.is_symlink():
                found.append((path, path.stat().st_mtime))
    except OSError:
        pass  # what was seen so far will do
    return sorted(found, key=lambda one: one[1], reverse=True)


def _copy(path: Path, to: Path) -> None:
    with path.open("rb") as source:
        before = os.fstat(source.fileno())
        with to.open("wb") as copy:
            while piece := source.read(1 << 20):
                copy.write(piece)
        after = os.fstat(source.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _Changed(f"{path} was written to while it was copied")


def is_usable(checkpoint: Path) -> bool:
    """Whether no attempt failed that went on from this checkpoint, and came to none of its own."""
    attempts = checkpoint.parent.parent
    for attempt in (folder for folder in attempts.iterdir() if folder.is_dir() and folder.name.isdecimal()):
        result = read_result(attempt)
        if isinstance(result, Failed) and result.reason == "error" and not any(attempt.glob("checkpoint-*")):
            begun = [event.data for event in read_events(attempt)[0] if event.kind == "resumed"]
            if any(
                (one["attempt"], one.get("checkpoint")) == (checkpoint.parent.name, checkpoint.name) for one in begun
            ):
                return False
    return True
