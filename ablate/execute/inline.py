"""Runs in this very process, one after the other: for debugging and for tests."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from ablate.execute import worker
from ablate.protocols import Exit

LOG = "run.log"


class InlineExecutor:
    """`start` returns when the run has ended; what it prints goes to run.log all the same."""

    def __init__(self) -> None:
        self.slots = 1
        self._ended: list[Exit] = []

    def start(self, attempt: Path) -> None:
        """Carry out the attempt."""
        code = 70
        with (
            (attempt / LOG).open("a", encoding="utf-8") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            try:
                code = worker.main(attempt)
            except Exception:  # noqa: BLE001 - another process would have ended here, and this one must not
                traceback.print_exc()
        self._ended.append(Exit(attempt, code))

    def accepts(self, replicate: int) -> bool:
        """Any, in any order."""
        return True

    def finished(self, timeout: float) -> Sequence[Exit]:
        """What ended since the last call."""
        if not self._ended:
            time.sleep(timeout)
        ended, self._ended = self._ended, []
        return ended

    def kill(self, attempt: Path) -> None:
        """Nothing runs between two calls."""

    def close(self) -> None:
        """Nothing was started."""
