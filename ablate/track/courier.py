"""A tracker's thread: takes events without delay, stores them when the store is willing."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ablate.protocols import RunLabel, StudyCard, StudySummary
from ablate.records import Event
from ablate.track.projection import Projection, Sink

logger = logging.getLogger(__name__)

FIRST_REST, LONGEST_REST = 0.5, 15.0
"""Seconds to wait after a failure, doubled each time."""
WARN_EVERY = 60.0


class _Begin(NamedTuple):
    card: StudyCard


class _News(NamedTuple):
    label: RunLabel
    attempt: Path
    event: Event


class _End(NamedTuple):
    summary: StudySummary
    stored: threading.Event


class _Job(NamedTuple):
    """What is delivered in one go: the events of one attempt that wait, or one other message."""

    news: list[_News]
    other: _Begin | _End | None = None


class _Backlog:
    """What waits: the events of one attempt together, all others in the order they came."""

    def __init__(self) -> None:
        self._jobs: deque[_Job] = deque()
        self._open: dict[tuple[str, Path], _Job] = {}

    def __len__(self) -> int:
        return sum(len(job.news) or 1 for job in self._jobs)

    def add(self, message: _Begin | _News | _End) -> None:
        if not isinstance(message, _News):
            self._open.clear()  # later events stay behind it
            self._jobs.append(_Job([], message))
            return
        group = (message.label.variant, message.attempt)
        if group not in self._open:
            self._open[group] = _Job([])
            self._jobs.append(self._open[group])
        self._open[group].news.append(message)

    def take(self) -> _Job:
        job = self._jobs.popleft()
        self._open = {group: other for group, other in self._open.items() if other is not job}
        return job

    def put_back(self, job: _Job) -> None:
        """Behind the other runs' events, so that one run's trouble does not keep the others waiting."""
        behind = 0
        if job.other is None:
            behind = next((i for i, other in enumerate(self._jobs) if other.other), len(self._jobs))
        self._jobs.insert(behind, job)
        if job.news and behind == len(self._jobs) - 1:
            pass
