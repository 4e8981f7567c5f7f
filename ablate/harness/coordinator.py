"""The coordinator: takes runs from a Source, starts attempts, hears their journals, tells others.

It trains nothing and stores nothing of its own: what it knows is in the journals, so it can be
killed at any moment and started again.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple

from ablate.execute.live import HEARTBEAT, STOP, Task
from ablate.journal import Journal, read_events, read_result
from ablate.protocols import Executor, Exit, Source
from ablate.records import Event, Failed, FailureReason, RunResult, RunSpec
from ablate.store import Store

POLL_SECONDS = 0.05
STOP_SECONDS = 20.0


class News(NamedTuple):
    """What a listener hears of a run; `attempt` is its folder.

    kind `progress` comes between the events of the journal and carries epoch, step and steps.
    """

    spec: RunSpec
    attempt: Path
    kind: Literal["started", "event", "progress", "ended"]
    event: Event | None = None
    result: RunResult | None = None
    progress: tuple[int, int, int] | None = None


Listener = Callable[[News], None]


@dataclass(slots=True)
class Interruption:
    """Stop requests from the keyboard or the system.

    The first asks every run to write a checkpoint, the second ends them at once, the third ends the
    command itself, whatever it waits for. on_first: called from the signal's handler.
    """

    signal_number: int = 0
    count: int = 0
    since: float = 0.0
    on_first: Callable[[], None] | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[Interruption]:
        """Listen to SIGINT and SIGTERM while the block runs (in the main thread only)."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        self.signal_number = self.signal_number or number
        self.count += 1
        self.since = self.since or time.monotonic()
        if self.count == 1 and self.on_first is not None:
            self.on_first()
        if self.count > 2:
            raise KeyboardInterrupt

    @property
    def asked(self) -> bool:
        """True once a stop was asked for."""
        return self.count > 0

    @property
    def at_once(self) -> bool:
        """True when runs get no more time to write their checkpoints."""
        return self.count > 1 or (self.asked and time.monotonic() - self.since > STOP_SECONDS)

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells have it."""
        return 128 + self.signal_number


@dataclass(slots=True)
class _Live:
    spec: RunSpec
    attempt: Path
    offset: int = 0
    stopping: bool = False
    killed: bool = False
    heartbeat: str = ""


@dataclass(slots=True)
class Coordinator:
    """Keeps an executor's slots filled until the source has no more to give.

    task: what every attempt's spec.json holds beside the spec.
    """

    source: Source
    executor: Executor
    store: Store
    task: Task
    listener: Listener
    interruption: Interruption = field(default_factory=Interruption)
    digests: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint -> data digest, where runs differ in it."""
    _live: dict[Path, _Live] = field(default_factory=dict)

    def run(self) -> None:
        """Return when everything that was taken has ended."""
        # From the handler, because an executor that runs inline does not come back before a run has ended.
        self.interruption.on_first = self._ask_all_to_stop
        while True:
            self._fill()
            if not self._live and (self.interruption.asked or self.source.done()):
                return
            exits = self.executor.finished(POLL_SECONDS)
            for live in list(self._live.values()):
                self._hear(live)
            for end in exits:
                self._end(end)
            if self.interruption.asked:
                self._ask_all_to_stop()
            if self.interruption.at_once:
                self._kill_all()

    def _fill(self) -> None:
        free = self.executor.slots - len(self._live)
        if free <= 0 or self.interruption.asked:
            return
        for spec in self.source.take(free):
            digest = self.digests.get(spec.fingerprint, self.task.data_digest)
            task = replace(self.task, spec=spec, data_digest=digest)
            attempt = self.store.new_attempt(spec, task.envelope())
            self._live[attempt] = _Live(spec, attempt)
            self.listener(News(spec, attempt, "started"))
            self.executor.start(attempt)

    def _hear(self, live: _Live) -> None:
        events, live.offset = read_events(live.attempt, offset=live.offset)
        for event in events:
            self.listener(News(live.spec, live.attempt, "event", event=event))
            if event.kind == "epoch" and not self.source.heard(live.spec, event):
                self._ask_to_stop(live)
        beat = _read_heartbeat(live.attempt)
        if beat is not None and beat[0] != live.heartbeat:
            live.heartbeat = beat[0]
            self.listener(News(live.spec, live.attempt, "progress", progress=beat[1]))

    def _end(self, end: Exit) -> None:
        live = self._live.pop(end.attempt, None)
        if live is None:
            return
        if read_result(live.attempt) is None:
            self._record_death(live, end.code)
        self._hear(live)
        result = read_result(live.attempt)
        assert result is not None
        self.source.heard(live.spec, result)
        self.listener(News(live.spec, live.attempt, "ended", result=result))

    def _record_death(self, live: _Live, code: int) -> None:
        """A process that ended without a word: say for it what is known."""
        reason: FailureReason = "interrupted" if live.stopping or live.killed else "killed"
        how = f"by signal {-code} ({_signal_name(-code)})" if code < 0 else f"with exit code {code}"
        message = f"the process ended {how} before its result was written; see {live.attempt / 'run.log'}"
        failed = Failed(folder=live.attempt, reason=reason, message=message, source_digest=self.task.source_digest)
        Journal(live.attempt).append("failed", failed.to_json())

    def _ask_all_to_stop(self) -> None:
        for live in list(self._live.values()):
            self._ask_to_stop(live)

    def _kill_all(self) -> None:
        for live in self._live.values():
            if not live.killed:
                live.killed = True
                self.executor.kill(live.attempt)

    def _ask_to_stop(self, live: _Live) -> None:
        if not live.stopping:
            live.stopping = True
            (live.attempt / STOP).touch()


def _read_heartbeat(attempt: Path) -> tuple[str, tuple[int, int, int]] | None:
    try:
        text = (attempt / HEARTBEAT).read_text()
        epoch, step, steps = (int(word) for word in text.split())
    except (FileNotFoundError, ValueError):
        return None  # not begun, or caught in the middle of a write
    return text, (epoch, step, steps)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


@dataclass(slots=True)
class FixedSource:
    """The plan's runs in their order; the simplest Source."""

    waiting: list[RunSpec]

    def take(self, free: int) -> list[RunSpec]:
        """The next runs."""
        taken, self.waiting = self.waiting[:free], self.waiting[free:]
        return taken

    def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
        """Every run goes on."""
        return True

    def done(self) -> bool:
        """True when nothing waits."""
        return not self.waiting
