"""The report while a study runs: written again after each complete replicate, beside the runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable

from ablate.harness.coordinator import RunUpdate
from ablate.records import RunSpec

logger = logging.getLogger(__name__)

FIRST_SECONDS = 10.0
"""No report before: a study that is over by then needs none on the way."""
REST = 9.0
"""Rest this many times as long as writing took: the runs need the processor more."""


class Refresher:
    """Calls `write` in a thread of its own when all variants of a replicate have ended.

    specs: the runs that are to be trained. The last replicate is left to whoever writes the final report.
    """

    def __init__(self, specs: Iterable[RunSpec], write: Callable[[], None]) -> None:
        self._write = write
        self._open: dict[int, set[str]] = {}
        for spec in specs:
            self._open.setdefault(spec.replicate.index, set()).add(spec.fingerprint)
        self._is_due = False
        self._not_before = time.monotonic() + FIRST_SECONDS
        self._thread: threading.Thread | None = None

    def hear(self, news: RunUpdate) -> None:
        """Take in one piece of news; returns at once."""
        if news.kind == "ended" and not news.again:
            index = news.spec.replicate.index
            left = self._open.get(index, set())
            left.discard(news.spec.fingerprint)
            if not left and self._open.pop(index, None) is not None:
                self._is_due = bool(self._open)
        if self._is_due and time.monotonic() >= self._not_before and not self._is_writing():
            self._is_due = False
            self._thread = threading.Thread(target=self._carry_out, name="ablate-report", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Wait for a report that is being written."""
        if self._thread is not None:
            self._thread.join()

    def _is_writing(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _carry_out(self) -> None:
        started = time.monotonic()
        try:
            self._write()
        except Exception:  # the runs go on; the final report will meet the error where it is shown
            logger.warning("the report could not be written while the study runs", exc_info=True)
        now = time.monotonic()
        self._not_before = now + REST * (now - started)
