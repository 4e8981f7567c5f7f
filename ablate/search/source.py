"""Optuna as a Source of runs: points become runs, results become values.

A trial is one run per replicate; each has a fingerprint, a folder and a journal like any other. Optuna
holds which points were asked for; how a run ended is read from the journals, so a search that was killed
tells Optuna the truth when it is started again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ablate.errors import SplitError, StudyError
from ablate.records import Event, Failed, Finished, RunResult, RunSpec
from ablate.search.book import OptunaAdapter, covered_seconds, state_of
from ablate.search.question import BASELINE_TRIAL
from ablate.search.trials import State, TrialRecord
from ablate.store.journal import read_history
from ablate.store.work_folder import Store
from ablate.study.space.tree import Point

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

BY_REPLICATE = "wilcoxon"


@dataclass(slots=True, kw_only=True)
class OptunaSource:
    """Asks Optuna for runs and tells it how they ended.

    trials: the total, counting what earlier calls have finished. on_asked: told of every trial before its
    first run is given out. failed_before: how a run failed that another try would not fix. retry_failed: ask
    first, and beyond the total, for what failed in earlier calls.
    """

    book: OptunaAdapter
    store: Store
    trials: int
    source_digest: str
    data_digest: str
    on_asked: Callable[[TrialRecord], None] = lambda _: None
    failed_before: Callable[[RunSpec], Failed | None] = lambda _: None
    retry_failed: bool = False
    former_sources: tuple[str, ...] = ()
    """Other digests that runs may carry of the same code."""
    tried: dict[int, TrialRecord] = field(default_factory=dict)
    """Every trial by its number, those that run included."""
    answered: int = 0
    """Suggestions that equalled finished runs and were answered from the records."""
    known_to_fail: int = 0
    """Suggestions that equalled a failed run and were not trained again."""
    stopped: str = ""
    """Why the search ended before its last trial; empty where it did not."""
    _queue: deque[tuple[int, int]] = field(default_factory=deque)
    """Trial and replicate of runs to begin."""
    _running: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _again: deque[int] = field(default_factory=deque)
    """Trials of earlier calls that have not ended."""
    _owners: dict[str, int] = field(default_factory=dict)
    _lost_now: dict[str, Failed] = field(default_factory=dict)
    """Runs that failed in this call: `retry_failed` is one more try, not one per trial."""
    _retried: int = 0
    _best: float | None = None
    _since_best: int = 0
    _seconds_before: float = 0.0
    _began: float | None = None

    def __post_init__(self) -> None:
        question = self.book.question
        baseline = question.space.baseline()
        wishes = [] if baseline is None else [baseline]
        for i, values in enumerate(question.block.enqueue):
            wishes.append(question.space.point_of(values, ("search", "enqueue", i)))
        self.book.enqueue(wishes)
        if baseline is None:
            self.tried[BASELINE_TRIAL] = TrialRecord(number=BASELINE_TRIAL, point={}, specs=question.baseline_specs())
            self._again.append(BASELINE_TRIAL)
        known = self.book.trials()
        for trial in known:
            self._recall(trial)
        ended = [trial for trial in known if trial.datetime_complete is not None]
        for trial in sorted(ended, key=lambda trial: (trial.datetime_complete, trial.number)):
            self._count(trial.values[0] if trial.state.name == "COMPLETE" else None)
        self._seconds_before = covered_seconds(ended)
        if self.retry_failed:
            self._retried = self.book.enqueue_failed()
        if not self._again:
            self._heed_limits()

    # What the coordinator calls.

    def take(self, free: int) -> list[RunSpec]:
        """Up to `free` runs; suggestions that equal a finished run are answered without one."""
        self._began = self._began or time.monotonic()
        specs: list[RunSpec] = []
        while len(specs) < free and (spec := self._next()) is not None:
            specs.append(spec)
        return specs

    def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
        """An epoch may end a trial, and so False; a result settles every trial that asked for this run."""
        match news:
            case Finished():
                for number, replicate in self._running.pop(spec.fingerprint, []):
                    self._got(self.tried[number], replicate, news)
            case Failed(reason="interrupted"):
                self._running.pop(spec.fingerprint, None)  # stays open: the next call goes on with it
            case Failed():
                if news.reason != "pruned":
                    self._lost_now[spec.fingerprint] = news
                for number, _ in self._running.pop(spec.fingerprint, []):
                    self._lost(self.tried[number], news)
            case Event(kind="epoch"):
                return self._goes_on(spec, news)
        return True

    def done(self) -> bool:
        """True when the total is reached, or the search is to stop, and nothing runs."""
        return not (self._running or self._again or self._queue or self._may_ask())

    # What others read.

    def owner_of(self, fingerprint: str) -> TrialRecord:
        """The trial that first asked for a run."""
        return self.tried[self._owners[fingerprint]]

    @property
    def ended(self) -> list[TrialRecord]:
        """The trials that ended, by number."""
        return [self.tried[number] for number in sorted(self.tried) if self.tried[number].has_ended]

    # How trials begin.

    def _recall(self, trial: FrozenTrial) -> None:
        """A trial of an earlier call."""
        if trial.state.name == "WAITING":
            return  # enqueued: the next ask gives it out
        if not trial.state.is_finished():
            handle, point = self.book.ask_again(trial)
            tried = self._make(trial.number, point)
            tried.reported = set(trial.intermediate_values)
            tried.is_recalled = True
            tried.handle = handle
            self._again.append(trial.number)
            return
        state = state_of(trial)
        self.tried[trial.number] = TrialRecord(
            number=trial.number,
            point=dict(trial.params),
            state=state,
            values=tuple(trial.values) if state == "complete" else None,
            reason=str(trial.user_attrs.get("reason", "")).partition(": ")[2],
            cached=bool(trial.user_attrs.get("cached", False)),
            is_recalled=True,
        )

    def _make(self, number: int, point: Point) -> TrialRecord:
        try:
            specs: Mapping[int, RunSpec] = self.book.question.specs(point)
            reason = ""
        except (StudyError, KeyError) as error:
            specs, reason = {}, str(error)
        tried = self.tried[number] = TrialRecord(number=number, point=dict(point), specs=specs, reason=reason)
        for spec in specs.values():
            self._owners.setdefault(spec.fingerprint, number)
        return tried

    def _heed_limits(self) -> None:
        """Stop asking, for good, where the study's `stop_when` says so."""
        self.stopped = self.stopped or self._reason_to_stop()

    def _may_ask(self) -> bool:
        return not self.stopped and len(self.tried) - (BASELINE_TRIAL in self.tried) - self._retried < self.trials

    def _reason_to_stop(self) -> str:
        stop = self.book.question.block.stop_when
        if stop is None:
            return ""
        if stop.no_improvement is not None and self._since_best >= stop.no_improvement:
            return f"no improvement in {self._since_best} trials"
        spent = self._seconds_before + (time.monotonic() - self._began if self._began else 0.0)
        if stop.seconds is not None and spent >= stop.seconds:
            return f"{stop.seconds:g} s were spent"
        return ""

    def _ask(self) -> TrialRecord:
        trial, point = self.book.ask()
        tried = self._make(trial.number, point)
        tried.handle = trial
        if tried.reason:
            self._settle(tried, "refused", None)
        return tried

    def _next(self) -> RunSpec | None:
        """The next run that has to be trained; None when there is none now."""
        while True:
            while self._queue:
                number, replicate = self._queue.popleft()
                spec = self._begin(self.tried[number], replicate)
                if spec is not None:
                    return spec
            if self._again:
                tried = self.tried[self._again.popleft()]
                if not tried.specs:
                    self._settle(tried, "refused", None)
            else:
                self._heed_limits()
                if not self._may_ask():
                    return None
                tried = self._ask()
            self.on_asked(tried)
            if not tried.has_ended:
                self._enqueue_runs(tried)

    def _enqueue_runs(self, tried: TrialRecord) -> None:
        """All replicates of a trial; one after the other where it may be given up in between."""
        missing = [replicate for replicate in tried.specs if replicate not in tried.results]
        if self.book.question.prunes:
            missing = missing[:1]
        self._queue.extend((tried.number, replicate) for replicate in missing)

    def _begin(self, tried: TrialRecord, replicate: int) -> RunSpec | None:
        """The run, where it has to be trained; None where it has its answer, or will have it from another trial."""
        if tried.has_ended:
            return None
        spec = tried.specs[replicate]
        self._owners.setdefault(spec.fingerprint, tried.number)
        finished = self._finished(spec)
        if finished is not None:
            self._got(tried, replicate, finished, cached=not tried.is_recalled)
        elif (failed := self._lost_now.get(spec.fingerprint) or self.failed_before(spec)) is not None:
            self.known_to_fail += not tried.is_recalled
            self._lost(tried, failed)
        elif spec.fingerprint in self._running:
            self._running[spec.fingerprint].append((tried.number, replicate))
        else:
            self._running[spec.fingerprint] = [(tried.number, replicate)]
            return spec
        return None

    def _finished(self, spec: RunSpec) -> Finished | None:
        for result in self.store.finished(spec.fingerprint):
            stamp = result.stamp
            is_code = stamp.source_digest in (self.source_digest, *self.former_sources)
            is_same = is_code and stamp.data_digest == self.data_digest
            if is_same and spec.takes(result):
                return result
        return None

    # How trials end.

    def _got(self, tried: TrialRecord, replicate: int, finished: Finished, *, cached: bool = False) -> None:
        """One run of a trial has its result."""
        if tried.has_ended:
            return
        question = self.book.question
        tried.results[replicate] = finished
        tried.cached = cached and (tried.cached or len(tried.results) == 1)
        if self._judges_epochs(replicate):
            self.book.report_epochs(tried, read_history(finished.folder))
        is_last = len(tried.results) == len(tried.specs)
        if question.block.pruner == BY_REPLICATE:
            self._report_replicate(tried, replicate, finished)
            if not is_last and self.book.gives_up(tried):
                return self._settle(tried, "pruned", None)
        if is_last:
            values = question.values([tried.results[index] for index in tried.specs])
            if values is None:
                names = " and ".join(objective.name for objective in question.objectives)
                tried.reason = f"the trainer does not report {names} of a run"
            self._settle(tried, "failed" if values is None else "complete", values)
        elif question.prunes:
            self._enqueue_runs(tried)
        return None

    def _report_replicate(self, tried: TrialRecord, replicate: int, finished: Finished) -> None:
        value = self.book.question.objectives[0].value_of(finished)
        if value is not None:
            self.book.report(tried, [(self.book.question.replicates.index(replicate), value)])

    def _lost(self, tried: TrialRecord, failed: Failed) -> None:
        """One run of a trial ended without a result."""
        if not tried.has_ended:
            tried.reason = f"{failed.reason}: {failed.message}"
            if failed.message.startswith(f"{SplitError.__name__}: "):
                self.stopped = failed.message.partition(": ")[2].rstrip(".")
                self._queue.clear()
            states: dict[str, State] = {"pruned": "pruned", "diverged": "diverged"}
            self._settle(tried, states.get(failed.reason, "failed"), None)

    def _settle(self, tried: TrialRecord, state: State, values: tuple[float, ...] | None) -> None:
        tried.state, tried.values = state, values
        self.answered += tried.cached and state == "complete"
        self.book.tell(tried)
        tried.handle, tried.specs, tried.results, tried.reported = None, {}, {}, set()
        if tried.number != BASELINE_TRIAL:
            self._count(None if values is None else values[0])

    def _count(self, value: float | None) -> None:
        """One more trial ended; with the first objective's value, unless it was given up or failed."""
        sign = 1 if self.book.question.objectives[0].goal == "max" else -1
        if value is not None and (self._best is None or sign * value > self._best):
            self._best, self._since_best = sign * value, 0
        else:
            self._since_best += 1

    # Giving up early.

    def _judges_epochs(self, replicate: int) -> bool:
        """Epochs are compared on the first replicate: the same images for every trial."""
        question = self.book.question
        return question.block.pruner not in ("none", BY_REPLICATE) and replicate == question.replicates[0]

    def _goes_on(self, spec: RunSpec, event: Event) -> bool:
        """Report an epoch to every trial that waits for this run; False where none of them wants it to go on."""
        waiting = self._running.get(spec.fingerprint, [])
        goes_on = not waiting
        for number, replicate in waiting:
            tried = self.tried[number]
            if tried.number == BASELINE_TRIAL or not self._judges_epochs(replicate):
                goes_on = True
                continue
            epoch = int(event.data["epoch"])
            told = [event]
            if epoch > 1 and epoch - 1 not in tried.reported:  # resumed: earlier attempts have what came before
                attempts = self.store.attempts(spec.fingerprint)
                told = [*(read_history(attempts[-1]) if attempts else []), event]
            self.book.report_epochs(tried, told)
            goes_on = goes_on or not self.book.gives_up(tried)
        return goes_on
