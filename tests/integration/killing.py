"""The built-in trainer in a run that dies at a chosen place; also copied into work folders, as a trainer of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ablate import Outcome, Run, training
from ablate.training.config import Config

METRICS = training.METRICS
WARM = training.WARM
PLACE = "die-at"
"""The file in the work folder that names the place; it is taken away, so that the next attempt lives."""


class DyingRun:
    """A run that calls `die` when it comes to a place.

    Places: `tick N` before the N-th step is reported, `half N` when the N-th checkpoint is written but not
    in place, `saved N` after it, `epoch N` before an epoch is reported, `reported N` after it.
    """

    def __init__(self, run: Run, place: str, die: Callable[[], None]) -> None:
        self._run = run
        self._place = place
        self._die = die
        self._ticks = 0
        self._checkpoints = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def _reach(self, place: str) -> None:
        if place == self._place:
            self._die()

    def tick(self, epoch: int, step: int, of: int, *, state_bytes: float = 0.0) -> bool:
        """Heartbeat."""
        self._ticks += 1
        self._reach(f"tick {self._ticks}")
        return self._run.tick(epoch, step, of, state_bytes=state_bytes)

    def checkpoint(self, write: Callable[[Path], None]) -> None:
        """Store a checkpoint."""
        self._checkpoints += 1

        def write_half(path: Path) -> None:
            write(path)
            self._reach(f"half {self._checkpoints}")

        self._run.checkpoint(write_half)
        self._reach(f"saved {self._checkpoints}")

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Report an epoch."""
        self._reach(f"epoch {number}")
        self._run.epoch(number, metrics)
        self._reach(f"reported {number}")


def train(config: Config, run: Run) -> Outcome:
    """The built-in training; killed by its own hand where a file in the work folder says so."""
    file = run.folder.parents[3] / PLACE
    place = file.read_text() if file.exists() else ""
    file.unlink(missing_ok=True)
    outcome = training.train(config, DyingRun(run, place, kill_this_process))
    if place == "end":
        kill_this_process()
    return outcome


def kill_this_process() -> None:
    """As the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
