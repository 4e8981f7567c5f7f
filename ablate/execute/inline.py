"""Runs in this very process, one after the other: for debugging and for tests."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from ablate.execute import worker
from ablate.protocols import Exit
from ablate.safety.plain_files import open_for_appending
from ablate.store.work_folder import LOG


class InlineExecutor:
    """`start` returns when the run has ended; what it prints goes to run.log all the same."""

    def __init__(self) -> None:
        self.slots = 1
        self.listen: Callable[[], None] = lambda: None
        """Called after each epoch, because `start` does not return before the run has ended."""
        self._ended: list[Exit] = []
        self._trouble: Exception | None = None

    def start(self, attempt: Path) -> None:
        """Carry out the attempt; raises what listening to it raised, once it has ended."""
        code = 70
        after_epoch = functools.partial(self._hear, sys.stdout, sys.stderr)
        with (
            io.TextIOWrapper(open_for_appending(attempt / LOG), encoding="utf-8") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            try:
                code = worker.main(attempt, after_epoch)
            except Exception:  # noqa: BLE001 - another process would have ended here, and this one must not
                traceback.print_exc()
        self._ended.append(Exit(attempt, code))
        if self._trouble is not None:
            raise self._trouble

    def _hear(self, out: TextIO, err: TextIO) -> None:
        """Listen with the streams this process had before; what goes wrong then is not the run's failure."""
        if self._trouble is None:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    self.listen()
                except Exception as error:  # noqa: BLE001 - raised again when the run has ended
                    self._trouble = error

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
