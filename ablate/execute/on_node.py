"""What a node of a cluster does for the coordinator; it knows nothing of who distributes the work."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ablate.execute.environment import own_version
from ablate.execute.pool import SpawnPool
from ablate.files import is_held

PATIENCE_SECONDS = 10.0
"""How far a network file system may be behind."""


class NodeReport(NamedTuple):
    """How things are on a node. wrong: what is wrong with the work folder as seen from there; empty where all is well.

    version: of ablate-harness.
    """

    host: str
    version: str
    wrong: str


def run_attempt(attempt: str, work: str, here: str, environment: Mapping[str, str]) -> int:
    """Carry out an attempt in a process of its own; that process's exit code.

    here: the folder from which relative paths lead. When this process dies, the pipe to the run closes, and
    the run ends itself with all it started. Raises FileNotFoundError where this node does not see the attempt.
    """
    folder = Path(attempt)
    if not _appears(folder):
        raise FileNotFoundError(
            f"node {socket.gethostname()} does not see {folder}; nodes have to share the work folder"
        )
    os.environ.update(environment)
    pool = SpawnPool(slots=1, work=Path(work), here=Path(here) if Path(here).is_dir() else Path(work))
    try:
        pool.start(folder)
        while not (ended := pool.finished(1.0)):
            pass
        return ended[0].code
    finally:  # also on KeyboardInterrupt, by which Ray cancels a task
        pool.close()


def inspect_node(lock: str) -> NodeReport:
    """Look for a lock that somebody else holds, in a folder of its own in the work folder."""
    path = Path(lock)
    wrong = ""
    if not _appears(path):
        wrong = f"does not see {path.parent.parent}"
    elif not is_held(path):
        wrong = f"sees {path.parent.parent}, but not the locks that others hold in it"
    return NodeReport(socket.gethostname(), own_version(), wrong)


def _appears(path: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
