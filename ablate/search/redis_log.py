"""Optuna's journal in Redis without its snapshots, which are pickles: unpickling one executes what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class LogsAlone:
    """A journal backend that hands on the log, lines of JSON, and neither reads nor writes snapshots.

    The log is never shortened, so nothing is missing; opening a search of thousands of trials takes longer.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """The entries from this number on."""
        return iter(self._backend.read_logs(log_number_from))

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add entries."""
        self._backend.append_logs(logs)
