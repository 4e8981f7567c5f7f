"""Processes that an attempt at a run has left behind, wherever they went: found by a mark in their environment.

A launcher such as torchrun puts each of its workers into a session of its own: they would go on holding a graphics
card when it was killed with its process group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "ABLATE_ATTEMPT"
"""The attempt's folder, in the environment of whatever a run starts that may outlive it."""
SIGN = "marked"
"""A file in an attempt's folder: it has started such a process."""
ROUNDS = 5
"""A process may start another while it is looked for."""


def mark(attempt: Path) -> dict[str, str]:
    """What has to stand in the environment of a process that an attempt starts, so that it is found again."""
    (attempt / SIGN).touch()
    return {VARIABLE: str(attempt.resolve())}


def end_leftovers(attempt: Path) -> None:
    """End every process that carries the attempt's mark; nothing where none was ever marked, or not on Linux."""
    if sys.platform != "linux" or not (attempt / SIGN).exists():
        return
    wanted = f"{VARIABLE}={attempt.resolve()}".encode(errors="surrogateescape")
    for _ in range(ROUNDS):
        found = list(_marked(wanted))
        if not found:
            return
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)


def _marked(wanted: bytes) -> Iterator[int]:
    for name in os.listdir("/proc"):
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            content = Path(f"/proc/{name}/environ").read_bytes()  # empty of one that has ended
        except OSError:
            continue  # another user's, or gone
        if wanted in content.split(b"\0"):
            yield int(name)
