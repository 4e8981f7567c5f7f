"""A tracker's thread: takes events without delay, stores them as soon as the store is willing."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple

from ablate.protocols import RunLabel, StudyCard, StudySummary
from ablate.records import Event
from ablate.safety.addresses import text_without_secrets
from ablate.store.journal import read_events
from ablate.track.projection import Projection, Sink, StoreLost

logger = logging.getLogger(__name__)

FIRST_REST, LONGEST_REST = 0.5, 15.0
"""Seconds to wait after a failure; doubled each time."""
WARN_EVERY = 60.0
"""Seconds between two warnings about a store that does not answer."""
MOST_ANEW = 3
"""How often a store that lost what it had is told everything again."""
FIRST_WORD = 3.0
"""Seconds a finished command waits for a store before it says so."""
REFUSED_SECONDS = 5.0
"""How long a finished command waits for a store that answers, and refuses: somebody has to act first."""
LOOK_EVERY = 0.5
"""Seconds between two looks whether anything is delivered any more."""


class _Begin(NamedTuple):
    card: StudyCard


class _News(NamedTuple):
    label: RunLabel
    attempt: Path
    event: Event

    def run(self) -> tuple[str, str]:
        return self.label.variant, self.label.fingerprint


class _End(NamedTuple):
    summary: StudySummary
    done: threading.Event


_Message = _Begin | _News | _End
_Job = list[_News] | _Begin | _End
"""What is delivered in one go: a study's begin or end, or all that waits of one run."""


class _Backlog:
    """What waits, in order; the events of one run are taken together."""

    def __init__(self) -> None:
        self._jobs: deque[_Job] = deque()
        self._open: dict[tuple[str, str], list[_News]] = {}

    def __len__(self) -> int:
        return sum(len(job) if isinstance(job, list) else 1 for job in self._jobs)

    def add(self, message: _Message) -> None:
        if not isinstance(message, _News):
            self._open.clear()  # what comes later stays behind it
            self._jobs.append(message)
        elif message.run() in self._open:
            self._open[message.run()].append(message)
        else:
            self._open[message.run()] = [message]
            self._jobs.append(self._open[message.run()])

    def take(self) -> _Job:
        job = self._jobs.popleft()
        if isinstance(job, list) and self._open.get(job[0].run()) is job:
            del self._open[job[0].run()]
        return job

    def put_back(self, job: _Job) -> None:
        """Behind the other runs, so that one run's trouble does not keep the others waiting."""
        if not isinstance(job, list):
            self._jobs.appendleft(job)
            return
        place = next((i for i, other in enumerate(self._jobs) if not isinstance(other, list)), None)
        if place is None:
            self._jobs.append(job)
            self._open[job[0].run()] = job
        else:
            self._jobs.insert(place, job)


class TrackerQueue:
    """Delivers a study's events to a sink from a daemon thread; nobody waits for the sink but `end`.

    connect: opens the sink, in the thread, as it may be slow. is_hopeless: whether an error will
    come again however often the same thing is tried; anything else is tried until it succeeds. clean: takes
    the secrets out of what the store says. refusal: what to tell where the store refuses who asks, else empty.
    """

    def __init__(
        self,
        connect: Callable[[], Sink],
        *,
        is_hopeless: Callable[[Exception], bool],
        store: str,
        clean: Callable[[str], str] = text_without_secrets,
        refusal: Callable[[Exception], str] = lambda error: "",
    ) -> None:
        self._refusal_of, self.refusal = refusal, ""
        self._connect, self._is_hopeless, self._store, self._clean = connect, is_hopeless, store, clean
        self._inbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._sink: Sink | None = None
        self._projection: Projection | None = None
        self._card: StudyCard | None = None
        self._told: dict[tuple[str, str, Path], RunLabel] = {}
        self._anew = 0
        self._is_gone = False
        self._refused: set[tuple[str, str]] = set()
        self._lost = 0
        self._delivered = 0
        self._waiting = 0
        self._is_ended = False
        self._rest = FIRST_REST
        self._warned = -WARN_EVERY
        self._is_away = False

    def begin(self, card: StudyCard) -> None:
        """Take note of a study; returns at once."""
        self._send(_Begin(card))

    def hear(self, label: RunLabel, attempt: Path, event: Event) -> None:
        """Take note of an event; returns at once."""
        self._send(_News(label, attempt, event))

    def end(self, summary: StudySummary, *, timeout: float, at_most: float | None = None) -> bool:
        """Wait until all is delivered; False where something is not.

        timeout: how many seconds may pass without a delivery. at_most: how many in all, however well it goes.
        What waits goes on being delivered for as long as the process lives.
        """
        message = _End(summary, threading.Event())
        self._send(message)
        self._hurry.set()
        began = moved = time.monotonic()
        said = began - WARN_EVERY + FIRST_WORD  # a command that is done and does not end says soon what it waits for
        count = self._delivered
        while not message.done.wait(min(timeout, LOOK_EVERY)):
            now = time.monotonic()
            if self._delivered != count:
                count, moved = self._delivered, now
            if self.refusal and now - moved >= min(timeout, REFUSED_SECONDS):
                logger.warning(
                    "MLflow at %s refuses what is left; `ablate sync` delivers it when that is settled", self._store
                )
                return False
            if now - moved >= timeout or (at_most is not None and now - began >= at_most):
                logger.warning(
                    "MLflow at %s has not received everything yet; `ablate sync` delivers the rest", self._store
                )
                return False
            if now - said >= WARN_EVERY:
                said = now
                logger.warning(
                    "MLflow at %s is still being sent %d entries; after %.0f s in which it takes none they are left "
                    "to `ablate sync`, by Ctrl-C at once",
                    self._store,
                    self._waiting,
                    timeout,
                )
        return self._lost == 0

    def _send(self, message: _Message) -> None:
        with self._lock:
            self._inbox.put(message)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="ablate-tracking", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        backlog = _Backlog()
        while True:
            if not backlog:
                backlog.add(self._inbox.get())
            while not self._inbox.empty():
                backlog.add(self._inbox.get())
            self._try(backlog.take(), backlog)
            with self._lock:
                if self._is_ended and not backlog and self._inbox.empty():
                    self._thread = None  # the next message starts another
                    return

    def _try(self, job: _Job, backlog: _Backlog) -> None:
        self._waiting = len(backlog) + self._inbox.qsize() + 1
        try:
            self._deliver(job)
            self._delivered += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread must go on
            if isinstance(job, _Begin) or not self._is_hopeless(error):
                backlog.put_back(job)
                self._wait(error, len(backlog) + self._inbox.qsize())
                return
            self._lost += 1
            reason = self._clean(traceback.format_exc())
            logger.error("MLflow at %s refused an entry, which stays in the journal\n%s", self._store, reason)
            if isinstance(job, list):
                # Later epochs would move the run's cursor past the gap, which nothing could fill then.
                self._refused.add(job[0].run())
        self._recovered()
        self._is_ended = isinstance(job, _End)
        if isinstance(job, _End):
            job.done.set()

    def _deliver(self, job: _Job) -> None:
        if self._is_gone:
            self._begin_anew()
        try:
            self._deliver_once(job)
        except StoreLost:
            if self._card is None or self._anew >= MOST_ANEW:
                raise
            logger.warning("MLflow at %s lost what it had been sent; it is sent again from the journals", self._store)
            self._is_gone = True
            self._anew += 1
            self._begin_anew()
            self._deliver_once(job)
        if isinstance(job, list):
            for news in job:
                self._told[*news.run(), news.attempt] = news.label

    def _begin_anew(self) -> None:
        assert self._card is not None, "begin comes first"
        self._sink = self._connect()
        projection = Projection(self._card, self._sink)
        projection.begin()
        for (*run, attempt), label in self._told.items():
            events = read_events(attempt)[0]
            if events and tuple(run) not in self._refused:
                projection.hear(label, attempt, events)
        self._projection, self._is_gone = projection, False

    def _deliver_once(self, job: _Job) -> None:
        if isinstance(job, _Begin):
            self._sink = self._sink or self._connect()
            projection = Projection(job.card, self._sink)
            projection.begin()
            self._projection, self._lost, self._refused = projection, 0, set()
            self._card, self._told, self._anew = job.card, {}, 0
            return
        assert self._projection is not None, "begin comes first"
        if isinstance(job, _End):
            self._projection.end(job.summary)
            return
        if job[0].run() in self._refused:
            return
        for attempt, news in itertools.groupby(job, key=lambda message: message.attempt):
            told = list(news)
            self._projection.hear(told[0].label, attempt, [message.event for message in told])

    def _wait(self, error: Exception, waiting: int) -> None:
        now, before = time.monotonic(), self.refusal
        self.refusal = self._refusal_of(error)
        if self.refusal not in ("", before) or now - self._warned >= WARN_EVERY:
            self._warned, self._is_away = now, True
            self._warn(error, waiting)
        self._hurry.wait(self._rest)
        self._hurry.clear()
        self._rest = min(2 * self._rest, LONGEST_REST)

    def _warn(self, error: Exception, waiting: int) -> None:
        if self.refusal:
            logger.warning("%s %d entries wait, nothing is lost.", self.refusal, waiting)
            return
        reason = shorten(self._clean((str(error).strip().splitlines() or [""])[0]), 300, placeholder=" ...")
        logger.warning(
            "MLflow at %s cannot be written now (%s: %s); %d entries wait, nothing is lost",
            self._store,
            type(error).__name__,
            reason,
            waiting,
        )

    def _recovered(self) -> None:
        self._rest, self.refusal = FIRST_REST, ""
        if self._is_away:
            self._is_away = False
            logger.info("MLflow at %s answers again", self._store)
