"""The journal's projection: from events to the runs of a tracking store, the same however often told.

A study is a run, each of its variants a run below it, each replicate a run below its variant. A
replicate's run follows one line of attempts: an attempt that resumed an earlier one continues its
run, an attempt that began afresh gets a run of its own and supersedes what was there, so that no
curve is ever sewn together from two trainings.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol as Contract

from ablate.files import sha256_json
from ablate.journal import read_events, read_history
from ablate.protocols import RunLabel, StudyCard, StudySummary
from ablate.records import Event
from ablate.track import entities
from ablate.track.entities import ATTEMPTS, CURSOR, FAILURE, SUPERSEDED, Known, NewRun, Status, Update

_GRAVITY: tuple[Status, ...] = ("FINISHED", "KILLED", "FAILED")


class Sink(Contract):
    """A store of runs. Every call may be repeated after it raised, and then does what was left."""

    def open(self, card: StudyCard) -> Iterable[Known]:
        """Make the study's experiment ready; the runs of the study it already holds."""
        ...

    def create(self, run: NewRun) -> str:
        """The id of a new run, or of the one that an earlier, failed call did create."""
        ...

    def write(self, run_id: str, update: Update) -> None:
        """Store what the update holds, its status last."""
        ...


@dataclass(slots=True)
class _Run:
    """What is known of a run in the store. last: when it was last heard of, in milliseconds."""

    run_id: str
    level: str
    variant: str
    attempts: tuple[str, ...]
    epoch: int
    status: Status
    last: int
    described: bool
    failed: bool
    superseded: bool

    def is_over(self) -> bool:
        return self.status == "FINISHED" or self.failed

    def learn(self, update: Update) -> None:
        """Note what was written."""
        self.described = True
        self.epoch = max([self.epoch, *(point.step for point in update.points if point.key == CURSOR)])
        self.last = max([self.last, update.ended or 0, *(point.at for point in update.points)])
        self.status = update.status or self.status
        self.failed = bool(update.tags.get(FAILURE, "x" if self.failed else ""))
        self.attempts = _attempts(update.tags) or self.attempts


class Projection:
    """One study's runs in one store; begin, hear and end raise what the store raises, and may be repeated."""

    def __init__(self, card: StudyCard, sink: Sink) -> None:
        self._card = card
        self._sink = sink
        self._runs: dict[str, list[_Run]] = {}
        self._held: dict[tuple[str, str], tuple[Event, ...]] = {}

    def begin(self) -> None:
        """Learn what the store already holds, so that nothing is told twice."""
        self._runs = {}
        for known in self._sink.open(self._card):
            run = _known_run(known)
            if run.attempts or run.level != "replicate":
                self._runs.setdefault(known.tags.get("ablate.run_uid", ""), []).append(run)

    def hear(self, label: RunLabel, attempt: Path, news: Sequence[Event]) -> None:
        """Store what these events of one attempt, in order, add to what is stored."""
        replicate = label.replicate
        uid = self._uid(label.variant, replicate.stream, replicate.index, label.fingerprint)
        events = (*self._held.get((uid, attempt.name), ()), *news)
        runs = self._runs.get(uid, [])
        run = _run_of(runs, attempt, events)
        if run is None and runs and all(event.kind == "started" for event in events):
            self._held[uid, attempt.name] = events  # the next event tells whether it resumed a run
            return
        if run is None:
            run = self._create_replicate(uid, label, attempt, events)
        update = self._news(run, label, attempt, events)
        if update != Update():
            self._reopen(label.variant)
            self._write(run, update)
        self._supersede(uid, label.variant)
        self._held.pop((uid, attempt.name), None)

    def end(self, summary: StudySummary) -> None:
        """Store the summary and close every run; nothing runs any more."""
        for run in self._level("replicate"):
            if run.status == "RUNNING":
                self._write(run, Update(status="KILLED", ended=run.last))
        known = {run.variant: None for run in self._level("variant")}
        for name in known | dict.fromkeys(summary.variants):
            self._end_variant(name, summary.variants.get(name, {}))
        self._end_study(summary)
        self._held.clear()

    def _uid(self, *parts: str | int) -> str:
        return sha256_json([self._card.name, *parts])[:32]

    def _level(self, level: str) -> list[_Run]:
        return [run for runs in self._runs.values() for run in runs if run.level == level]

    def _write(self, run: _Run, update: Update) -> None:
        self._sink.write(run.run_id, update)
        run.learn(update)

    def _news(self, run: _Run, label: RunLabel, attempt: Path, events: Sequence[Event]) -> Update:
        is_new = attempt.name not in run.attempts
        if not is_new and (run.is_over() or run.attempts[-1] != attempt.name):
            return Update()
        news = [] if run.described else [entities.described(self._card, label)]
        if is_new:
            line = " ".join((*run.attempts, attempt.name))
            news.append(Update(tags={ATTEMPTS: line} | ({FAILURE: ""} if run.failed else {})))
        epochs = _epochs(attempt, events, after=run.epoch)
        news += map(entities.of_epoch, epochs)
        reached = max([run.epoch, *(int(event.data["epoch"]) for event in epochs)])
        for event in events:
            if event.kind in ("finished", "failed"):
                news.append(entities.of_result(event, label, attempt, epoch=reached))
        if news and run.status != "RUNNING":  # resumed, or closed by a process that did not see its end
            news.insert(0, Update(status="RUNNING"))
        return entities.merged(news)

    def _create_replicate(self, uid: str, label: RunLabel, attempt: Path, events: Sequence[Event]) -> _Run:
        told = (*_epochs(attempt, events, after=0), *events)
        started = entities.milliseconds(min(event.time for event in told))
        parent = self._variant_run(label.variant, started)
        replicate = label.replicate
        stream = "" if replicate.stream == "main" else f" {replicate.stream}"
        changes = self._card.changes.get(label.variant, "")
        own = {
            "ablate.replicate": str(replicate.index),
            "ablate.stream": replicate.stream,
            "ablate.fingerprint": label.fingerprint,
            "ablate.changes": changes,
            ATTEMPTS: attempt.name,
        }
        name = f"{label.variant} r{replicate.index}{stream}"
        return self._create(uid, "replicate", label.variant, NewRun(name, parent.run_id, started, own))

    def _variant_run(self, variant: str, started: int) -> _Run:
        uid = self._uid(variant)
        if uid in self._runs:
            return self._runs[uid][0]
        study = self._study_run(started)
        changes = self._card.changes.get(variant, "")
        own = {"ablate.changes": changes, "mlflow.note.content": changes}
        return self._create(uid, "variant", variant, NewRun(variant, study.run_id, started, own))

    def _study_run(self, started: int) -> _Run:
        uid = self._uid()
        if uid not in self._runs:
            self._create(uid, "study", "", NewRun(self._card.name, None, started, {}))
        run = self._runs[uid][0]
        if not run.described:
            self._write(run, Update(texts={"study.yaml": self._card.config_text.encode()}))
        return run

    def _create(self, uid: str, level: str, variant: str, new: NewRun) -> _Run:
        shared = {"ablate.study": self._card.name, "ablate.level": level, "ablate.run_uid": uid}
        if variant:
            shared["ablate.variant"] = variant
        tags = entities.tags({**self._card.tags, **new.tags, **shared})
        run_id = self._sink.create(new._replace(name=entities.clipped(new.name, 250), tags=tags))
        run = _known_run(Known(run_id, "RUNNING", new.started, None, tags, 0, described=level == "variant"))
        self._runs.setdefault(uid, []).append(run)
        return run

    def _reopen(self, variant: str) -> None:
        for uid in (self._uid(), self._uid(variant)):
            for run in self._runs.get(uid, [])[:1]:
                if run.status != "RUNNING":
                    self._write(run, Update(status="RUNNING"))

    def _supersede(self, uid: str, variant: str) -> None:
        """Take all but the newest line of attempts out of the variant's group."""
        newest = max(self._runs[uid], key=lambda run: _age(run.attempts[-1]))
        for run in self._runs[uid]:
            if run is newest or run.superseded:
                continue
            mark = f"{variant} (superseded)"
            tags = entities.tags({SUPERSEDED: newest.attempts[-1], "ablate.variant": mark})
            stopped: Status | None = "KILLED" if run.status == "RUNNING" else None
            ended = run.last if stopped else None
            self._write(run, Update(tags=tags, name=entities.clipped(mark, 250), status=stopped, ended=ended))
            run.superseded = True

    def _end_variant(self, variant: str, values: Mapping[str, float]) -> None:
        children = [r for r in self._level("replicate") if r.variant == variant and not r.superseded]
        run = self._variant_run(variant, self._latest())
        ended = max([run.last, *(child.last for child in children)])
        status: Status = max((child.status for child in children), key=_GRAVITY.index, default="FINISHED")
        finished = sum(child.status == "FINISHED" for child in children)
        summary = {f"summary/{name}": value for name, value in values.items()}
        points = entities.measured(summary, at=ended, step=finished)
        self._write(run, entities.merged([points, Update(status=status, ended=ended)]))

    def _end_study(self, summary: StudySummary) -> None:
        run = self._study_run(self._latest())
        note = "\n\n… The whole report is among the artifacts."
        content = {"variants": summary.variants, "failed": summary.failed, "extra": summary.extra}
        update = Update(
            tags={"mlflow.note.content": entities.clipped(summary.description, entities.TAG_LIMIT, note)},
            texts={
                "study.yaml": self._card.config_text.encode(),
                "summary.json": entities.as_json(content),
            },
            folder=summary.files,
            status="FAILED" if summary.failed else "FINISHED",
            ended=max([run.last, *(variant.last for variant in self._level("variant"))]),
        )
        self._write(run, update)

    def _latest(self) -> int:
        times = [run.last for runs in self._runs.values() for run in runs]
        return max(times) if times else entities.milliseconds(time.time())


def _known_run(known: Known) -> _Run:
    return _Run(
        run_id=known.run_id,
        level=known.tags.get("ablate.level", ""),
        variant=known.tags.get("ablate.variant", ""),
        attempts=_attempts(known.tags),
        epoch=known.epoch,
        status=known.status,
        last=known.ended or known.started,
        described=known.described,
        failed=bool(known.tags.get(FAILURE)),
        superseded=SUPERSEDED in known.tags,
    )


def _attempts(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(tags.get(ATTEMPTS, "").split())


def _age(attempt: str) -> tuple[int, str]:
    return len(attempt), attempt  # "999" is older than "1000"


def _run_of(runs: Sequence[_Run], attempt: Path, events: Sequence[Event]) -> _Run | None:
    """The run this attempt belongs to, or None where it is the first of its line."""
    for run in runs:
        if attempt.name in run.attempts:
            return run
    earlier = _line(attempt, events) if runs else set()
    for run in runs:
        untouched = run.epoch == 0 and not run.superseded and _age(run.attempts[-1]) < _age(attempt.name)
        if run.status != "FINISHED" and (untouched or earlier & set(run.attempts)):
            return run
    return None


def _line(attempt: Path, events: Sequence[Event]) -> set[str]:
    """The attempts this one resumed, directly or not; as told, else as the journals have it."""
    line: set[str] = set()
    told = [*events, *read_events(attempt)[0]]
    while resumed := {str(e.data["attempt"]) for e in told if e.kind == "resumed"} - line:
        line |= resumed
        told = [event for name in sorted(resumed) for event in read_events(attempt.parent / name)[0]]
    return line


def _epochs(attempt: Path, events: Sequence[Event], *, after: int) -> list[Event]:
    """Each epoch after the last one stored; the journals fill what the events leave open."""
    told = [event for event in events if event.kind == "epoch"]
    first = min((int(event.data["epoch"]) for event in told), default=after)
    if first > after + 1 or any(event.kind in ("resumed", "finished", "failed") for event in events):
        told = [*read_history(attempt), *told]
    by_number = {int(event.data["epoch"]): event for event in told}
    return [by_number[number] for number in sorted(by_number) if number > after]
