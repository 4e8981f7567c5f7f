"""The coordinator: takes runs from a Source, starts attempts, hears their journals, tells others.

It trains nothing and stores nothing of its own: what it knows is in the journals, so it can be
killed at any moment and started again.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from ablate.errors import Held
from ablate.execute.live import Task, ask_to_stop, read_heartbeat
from ablate.files import locked, remove_stale_temporary_files
from ablate.harness.interruption import Interruption
from ablate.harness.offers import Offers
from ablate.protocols import Executor, Exit, Source
from ablate.records import Event, Failed, FailureReason, Finished, RunResult, RunSpec
from ablate.store.journal import Journal, read_events, read_result
from ablate.store.work_folder import LOG, TRIED_AGAIN, TRIES, Store

POLL_SECONDS = 0.05
ASIDE_SECONDS = 1.0
"""How often to look whether a run that another study is training, or that has to wait for a device, can begin."""
MOST_ASIDE = 100
"""So many runs may wait in this way before no more are taken."""
SILENT_SECONDS = 1800.0
"""A run that fell silent in the middle of an epoch or a test for so long hangs. Behind an epoch's end none does."""


class RunUpdate(NamedTuple):
    """What a listener hears of a run; `attempt` is its folder.

    kind `progress` comes between the events of the journal and carries epoch, step and steps. again: the
    run ended in a way that another try may fix, and is tried again.
    """

    spec: RunSpec
    attempt: Path
    kind: Literal["started", "event", "progress", "ended"]
    event: Event | None = None
    result: RunResult | None = None
    progress: tuple[int, int, int] | None = None
    again: bool = False


Listener = Callable[[RunUpdate], None]


@dataclass(slots=True)
class _Live:
    spec: RunSpec
    attempt: Path
    lock: contextlib.ExitStack
    offset: int = 0
    stopping: FailureReason | None = None
    killed: FailureReason | None = None
    heartbeat: str = ""
    started: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    under_way: bool = False  # another sign of life is soon to come: its last was not an epoch's end
    epoch: int = 0
    waits: bool = True
    """Handed to the executor, and without a process yet: in a cluster's queue."""


@dataclass(slots=True)
class Coordinator:
    """Keeps an executor's slots filled until the source has no more to give.

    task: what every attempt's spec.json holds beside the spec. timeout: seconds an attempt may take.
    A run that another study is training just now is waited for, not trained twice.
    """

    source: Source
    executor: Executor
    store: Store
    task: Task
    listener: Listener
    interruption: Interruption = field(default_factory=Interruption)
    _: KW_ONLY
    digests: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint -> data digest, where runs differ in it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint -> STUDY/VARIANT."""
    timeout: float | None = None
    before: Mapping[str, int] = field(default_factory=dict)
    """Fingerprint -> number of its newest attempt when the runs were chosen. What others fail at later counts."""
    refused: Collection[Path] = ()
    """Folders of finished attempts that were found not to answer, though of the same code and data."""
    patient: bool = True
    """False: end where all that is left is in other hands, or waits for a device that is not here."""
    offers: Offers | None = None
    """How runs beyond one's own slots are offered to others; they are waited for like those that others took."""
    _live: dict[Path, _Live] = field(default_factory=dict)
    _aside: list[RunSpec] = field(default_factory=list)
    """Taken, and held by another process or waiting for a device of their replicate's kind."""
    _again: list[RunSpec] = field(default_factory=list)
    _tries: Counter[str] = field(default_factory=Counter)
    _looked_aside: float = 0.0

    def run(self) -> None:
        """Return when everything that was taken has ended."""
        # From the handler, because an executor that runs inline does not come back before a run has ended.
        self.interruption.on_first = self._ask_all_to_stop
        while True:
            self._fill()
            if not self._live and (self.interruption.asked or self._has_nothing_left()):
                return
            exits = self.executor.finished(POLL_SECONDS)
            self.listen()
            for end in exits:
                self._end(end)
            self._keep_watch()

    def listen(self) -> None:
        """Hear what the journals have to say, and heed requests to stop."""
        for live in list(self._live.values()):
            self._hear(live)
        self.interruption.watch()
        if self.interruption.asked:
            self._ask_all_to_stop()

    def _has_nothing_left(self) -> bool:
        if self._aside and not self._again and not self.patient and self.source.done():
            self._looked_aside = 0.0
            self._look_aside()
            return not self._live and not self._again
        return not self._aside and not self._again and self.source.done()

    def _keep_watch(self) -> None:
        if self.interruption.at_once:
            for live in self._live.values():
                self._kill(live, "interrupted")
        now = time.monotonic()
        for live in self._live.values():
            if self.timeout is not None and live.waits:
                live.started, live.waits = now, not (live.attempt / LOG).exists()
            too_long = self.timeout is not None and now - live.started > self.timeout
            if too_long or (live.under_way and now - live.heard > SILENT_SECONDS):
                self._kill(live, "timeout")

    def _fill(self) -> None:
        self._look_aside()
        self._begin_own()
        if self.offers is not None and not self.interruption.asked:
            for spec in self.source.take(self.offers.wanted(len(self._aside))):
                self.offers.offer(spec)
                self._aside.append(spec)

    def _begin_own(self) -> None:
        while (free := self.executor.slots - len(self._live)) > 0 and not self.interruption.asked:
            if self.patient and len(self._aside) >= MOST_ASIDE:
                return
            specs = [self._again.pop(0)] if self._again else self.source.take(free)
            if not specs:
                return
            for spec in specs:
                if not self._begin(spec):
                    self._aside.append(spec)

    def _look_aside(self) -> None:
        """Take over runs whose holder has let go of them."""
        now = time.monotonic()
        if not self._aside or now - self._looked_aside < ASIDE_SECONDS:
            return
        self._looked_aside = now
        waiting, self._aside = self._aside, []
        for spec in waiting:
            if self._has_ended_elsewhere(spec):
                continue
            free = len(self._live) < self.executor.slots and not self.interruption.asked
            if not free or not self._begin(spec):
                self._aside.append(spec)
            elif self.offers is not None:
                self.offers.withdraw(spec.fingerprint)

    def _has_ended_elsewhere(self, spec: RunSpec) -> bool:
        """Hear what somebody has to say who took an offered run; whether it has ended there."""
        if self.offers is None:
            return False
        for attempt, event, is_first in self.offers.news(spec.fingerprint):
            if is_first:
                self.listener(RunUpdate(spec, attempt, "started"))
            self.listener(RunUpdate(spec, attempt, "event", event=event))
            if event.kind == "epoch" and not self.source.heard(spec, event):
                ask_to_stop(attempt, "pruned")
        result = self.offers.result(spec, self.task.source_digest, self.task.data_digest)
        if result is None:
            return False
        self._settle(spec, result.folder, result)
        return True

    def _begin(self, spec: RunSpec) -> bool:
        """Start an attempt, or take the result another study has come to meanwhile.

        False where one is at it, or where no device of the replicate's kind is free.
        """
        if not self.executor.accepts(spec.replicate.index):
            return False
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.store.lock(spec.fingerprint)))
            except Held:
                return False
            digest = self.digests.get(spec.fingerprint, self.task.data_digest)
            label = self.labels.get(spec.fingerprint, self.task.label)
            task = replace(self.task, spec=spec, data_digest=digest, label=label)
            found = self._made_meanwhile(task)
            if found is not None:
                self._settle(spec, found.folder, found)
                return True
            remove_stale_temporary_files(self.store.lock(spec.fingerprint).parent)
            attempt = self.store.new_attempt(spec, task.envelope())
            live = self._live[attempt] = _Live(spec, attempt, stack.pop_all())
        self._tries[spec.fingerprint] += 1
        self.listener(RunUpdate(spec, attempt, "started"))
        live.started = live.heard = time.monotonic()
        self.executor.start(attempt)
        return True

    def _made_meanwhile(self, task: Task) -> RunResult | None:
        """What others have come to: a result, or failures of which another would be no news."""
        origin = (task.source_digest, task.data_digest)
        results = self.store.results(task.spec.fingerprint)
        for result in reversed(results):
            if not isinstance(result, Finished) or not task.spec.takes(result) or result.folder in self.refused:
                continue
            if (result.stamp.source_digest, result.stamp.data_digest) == origin:
                return result
        before = self.before.get(task.spec.fingerprint)
        newer = [one for one in results if before is not None and int(one.folder.name) > before]
        failed = [one for one in newer if isinstance(one, Failed) and (one.source_digest, one.data_digest) == origin]
        final = failed and failed[-1].reason in ("error", "diverged")
        unlucky = sum(one.reason in TRIED_AGAIN for one in failed) - self._tries[task.spec.fingerprint]
        return failed[-1] if final or unlucky >= TRIES else None

    def _hear(self, live: _Live) -> None:
        beat = read_heartbeat(live.attempt)  # first: an epoch's end that is told meanwhile has the last word
        if beat is not None and beat.text != live.heartbeat:
            live.heartbeat, live.heard = beat.text, time.monotonic()
            live.under_way = beat.is_under_way and beat.at[0] > live.epoch
            self.listener(RunUpdate(live.spec, live.attempt, "progress", progress=beat.at))
        events, live.offset = read_events(live.attempt, offset=live.offset)
        for event in events:
            live.heard = time.monotonic()
            if event.kind == "epoch":
                live.epoch, live.under_way = int(event.data["epoch"]), False
            self.listener(RunUpdate(live.spec, live.attempt, "event", event=event))
            if event.kind == "epoch" and not self.source.heard(live.spec, event):
                self._ask_to_stop(live, "pruned")

    def _end(self, end: Exit) -> None:
        live = self._live.pop(end.attempt, None)
        if live is None:
            return
        if read_result(live.attempt) is None:
            self._record_death(live, end)
        self._hear(live)
        result = read_result(live.attempt)
        assert result is not None
        live.lock.close()
        if self._deserves_another_try(live.spec, result):
            self._again.append(live.spec)
            self.listener(RunUpdate(live.spec, live.attempt, "ended", result=result, again=True))
        else:
            self._settle(live.spec, live.attempt, result)

    def _deserves_another_try(self, spec: RunSpec, result: RunResult) -> bool:
        if self.interruption.asked or not isinstance(result, Failed) or result.reason not in TRIED_AGAIN:
            return False
        return self._tries[spec.fingerprint] < TRIES

    def _settle(self, spec: RunSpec, attempt: Path, result: RunResult) -> None:
        self.source.heard(spec, result)
        self.listener(RunUpdate(spec, attempt, "ended", result=result))

    def _record_death(self, live: _Live, end: Exit) -> None:
        """A process that ended without a word: say for it what is known, and stop it where it is only out of reach."""
        reason: FailureReason = live.killed or live.stopping or "killed"
        self._ask_to_stop(live, "interrupted")
        message = f"{_how(end)}, before its result was written; see {live.attempt / 'run.log'}"
        if reason == "timeout":
            message = f"{self._what_took_too_long(live)}; its process was ended; see {live.attempt / 'run.log'}"
        failed = Failed(
            folder=live.attempt,
            reason=reason,
            message=message,
            source_digest=self.task.source_digest,
            data_digest=self.digests.get(live.spec.fingerprint, self.task.data_digest),
        )
        Journal(live.attempt).append("failed", failed.to_json())

    def _what_took_too_long(self, live: _Live) -> str:
        if self.timeout is not None and time.monotonic() - live.started > self.timeout:
            return f"the attempt took longer than the {self.timeout:g} s it may take (timeout)"
        return f"no sign of life for {SILENT_SECONDS:g} s, the last at (epoch step steps) {live.heartbeat.strip()}"

    def _ask_all_to_stop(self) -> None:
        for live in list(self._live.values()):
            self._ask_to_stop(live, "interrupted")

    def _ask_to_stop(self, live: _Live, why: FailureReason) -> None:
        if live.stopping is None:
            live.stopping = why
            ask_to_stop(live.attempt, why)

    def _kill(self, live: _Live, why: FailureReason) -> None:
        if live.killed is None:
            live.killed = why
            self.executor.kill(live.attempt)


def _how(end: Exit) -> str:
    """What is known of a death."""
    if end.note:
        return f"the process was lost ({end.note})"
    if end.code >= 0:
        return f"the process ended with exit code {end.code}"
    hint = ", as the system does when memory runs out" if end.code == -signal.SIGKILL else ""
    return f"the process ended by signal {-end.code} ({_signal_name(-end.code)}){hint}"


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in list(signal.Signals) else "unknown"
