"""The journal's projection: from events to the runs of a tracking store, the same however often told.

A study is a run, each of its variants a run below it, each replicate a run below its variant. A
replicate's run follows one line of attempts: an attempt that resumed an earlier one continues its
run, an attempt that began afresh gets a run of its own and supersedes what was there, so that no
curve is ever sewn together from two trainings.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol as Contract
from urllib.parse import urlencode

from ablate.files import sha256_json
from ablate.protocols import RunLabel, StudyCard, StudySummary, VariantFiles
from ablate.records import Event
from ablate.store.run_record import RECORD, record_of
from ablate.track import entities
from ablate.track.entities import (
    ATTEMPTS,
    FAILURE,
    GIVEN,
    RECORDED,
    REPORTED,
    SUPERSEDED,
    KnownRun,
    NewRun,
    Status,
    Update,
)
from ablate.track.lines import ShownRun, age_of, epochs_after, line_of, run_of
from ablate.track.saved_views import ORDER

logger = logging.getLogger(__name__)

SUMMARY = "variant"
"""What a variant's summary metrics are below: MLflow sorts charts by name, and these are to come after the curves."""
IMAGE = "forest.png"
"""The artifact that a study's description shows."""
_GRAVITY: tuple[Status, ...] = ("FINISHED", "KILLED", "FAILED")


class StoreLost(Exception):
    """What a sink had stored is there no longer: the database was removed, or the server came back empty."""


class Sink(Contract):
    """A store of runs. Every call may be repeated after it raised, and then does what was left.

    create and write raise StoreLost where what the sink had opened is gone; a new sink then begins anew.
    """

    def open(self, card: StudyCard) -> Iterable[KnownRun]:
        """Make the study's experiment ready; the runs of the study it already holds."""
        ...

    def create(self, run: NewRun) -> str:
        """The id of a new run, or of the one that an earlier, failed call did create."""
        ...

    def write(self, run_id: str, update: Update) -> None:
        """Store what the update holds, its status last."""
        ...


class Projection:
    """One study's runs in one store; begin, hear and end raise what the store raises, and may be repeated."""

    def __init__(self, card: StudyCard, sink: Sink) -> None:
        self._card = card
        self._sink = sink
        self._runs: dict[str, list[ShownRun]] = {}
        self._held: dict[tuple[str, str], tuple[Event, ...]] = {}
        self._has_hinted = False

    def begin(self) -> None:
        """Learn what the store already holds, so that nothing is told twice."""
        self._runs = {}
        for known in self._sink.open(self._card):
            run = ShownRun.of(known)
            if run.attempts or run.level != "replicate":
                self._runs.setdefault(known.tags.get("ablate.run_uid", ""), []).append(run)

    def hear(self, label: RunLabel, attempt: Path, news: Sequence[Event]) -> None:
        """Store what these events of one attempt, in order, add to what is stored."""
        replicate = label.replicate
        uid = self._uid(label.variant, replicate.stream, replicate.index, label.fingerprint)
        events = (*self._held.get((uid, attempt.name), ()), *news)
        known = self._runs.get(uid, [])
        runs = [run for run in known if run.belongs_to(attempt.parent)]
        if len(runs) < len(known):
            self._hint(known, label)
        run = run_of(runs, attempt, events)
        if run is None and runs and all(event.kind == "started" for event in events):
            self._held[uid, attempt.name] = events  # the next event tells whether it resumed a run
            return
        if run is None:
            run = self._create_replicate(uid, label, attempt, events)
        update = self._news(run, label, attempt, events)
        if update != Update():
            self._reopen(label.variant)
            self._write(run, update)
        self._record(run, attempt, events)
        self._supersede(uid, label.variant)
        self._held.pop((uid, attempt.name), None)

    def end(self, summary: StudySummary) -> None:
        """Store the summary and close every run; nothing runs any more."""
        for run in self._level("replicate"):
            if run.status == "RUNNING":
                self._write(run, Update(status="KILLED", ended=run.last))
        known = {run.variant: None for run in self._level("variant")}
        for name in known | dict.fromkeys(summary.variants):
            values = {f"{SUMMARY}/{key}": value for key, value in summary.variants.get(name, {}).items()}
            self._end_variant(name, {**summary.headline.get(name, {}), **values}, summary.tags.get(name, {}))
            self._give(name, summary.given.get(name))
        self._end_study(summary)
        ordered = tuple(name for name in summary.searched if name in self._card.searched)
        if ordered:
            rest = tuple(name for name in self._card.searched if name not in ordered)
            self._sink.open(self._card._replace(searched=ordered + rest))
        self._held.clear()

    def _uid(self, *parts: str | int) -> str:
        return sha256_json([self._card.name, *parts])[:32]

    def _level(self, level: str) -> list[ShownRun]:
        return [run for runs in self._runs.values() for run in runs if run.level == level]

    def _write(self, run: ShownRun, update: Update) -> None:
        self._sink.write(run.run_id, update)
        run.learn(update)

    def _news(self, run: ShownRun, label: RunLabel, attempt: Path, events: Sequence[Event]) -> Update:
        is_new = attempt.name not in run.attempts
        if not is_new and (run.is_over() or run.attempts[-1] != attempt.name):
            return Update()
        news = [] if run.described else [entities.described(self._card, label)]
        if is_new:
            line = " ".join((*run.attempts, attempt.name))
            news.append(Update(tags={ATTEMPTS: line} | ({FAILURE: ""} if run.failed else {})))
        epochs = epochs_after(attempt, events, after=run.epoch)
        news += map(entities.of_epoch, epochs)
        reached = max([run.epoch, *(int(event.data["epoch"]) for event in epochs)])
        for event in events:
            if event.kind in ("finished", "failed"):
                news.append(entities.of_result(event, label, attempt, epoch=reached))
                news.append(_recording(record_of(attempt.parent, _whole_line(run, attempt, events))))
        if news and run.status != "RUNNING":  # resumed, or closed by a process that did not see its end
            news.insert(0, Update(status="RUNNING"))
        return entities.merged(news)

    def _create_replicate(self, uid: str, label: RunLabel, attempt: Path, events: Sequence[Event]) -> ShownRun:
        told = (*epochs_after(attempt, events, after=0), *events)
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
        } | self._place_of(label.variant)
        name = f"{label.variant} r{replicate.index}{stream}"
        return self._create(uid, "replicate", label.variant, NewRun(name, parent.run_id, started, own))

    def _variant_run(self, variant: str, started: int) -> ShownRun:
        uid = self._uid(variant)
        if uid in self._runs:
            return self._runs[uid][0]
        study = self._study_run(started)
        changes = self._card.changes.get(variant, "")
        own = {"ablate.changes": changes, "mlflow.note.content": changes} | self._place_of(variant)
        return self._create(uid, "variant", variant, NewRun(variant, study.run_id, started, own))

    def _place_of(self, variant: str) -> dict[str, str]:
        """The tag by which a table of the variants is in the order of the study."""
        places = {name: place for place, name in enumerate(self._card.changes)}
        return {ORDER: f"{places[variant]:04d}"} if variant in places else {}

    def _study_run(self, started: int) -> ShownRun:
        uid = self._uid()
        if uid not in self._runs:
            self._create(uid, "study", "", NewRun(self._card.name, None, started, {}))
        run = self._runs[uid][0]
        if not run.described:
            self._write(run, Update(texts={"study.yaml": self._card.config_text.encode()}))
        return run

    def _create(self, uid: str, level: str, variant: str, new: NewRun) -> ShownRun:
        shared = {"ablate.study": self._card.name, "ablate.level": level, "ablate.run_uid": uid}
        if variant:
            shared["ablate.variant"] = variant
        tags = entities.tags({**self._card.tags, **new.tags, **shared})
        run_id = self._sink.create(new._replace(name=entities.clipped(new.name, 250), tags=tags))
        run = ShownRun.of(KnownRun(run_id, "RUNNING", new.started, None, tags, 0, described=level == "variant"))
        run.is_here = True
        self._runs.setdefault(uid, []).append(run)
        return run

    def _reopen(self, variant: str) -> None:
        for uid in (self._uid(), self._uid(variant)):
            for run in self._runs.get(uid, [])[:1]:
                if run.status != "RUNNING":
                    self._write(run, Update(status="RUNNING"))

    def _record(self, run: ShownRun, attempt: Path, events: Sequence[Event]) -> None:
        """Give a run that ended before there were records its own; the mark comes after the file."""
        has_ended = any(event.kind in ("finished", "failed") for event in events)
        if run.recorded or not has_ended or not run.is_over() or run.attempts[-1] != attempt.name:
            return
        update = _recording(record_of(attempt.parent, _whole_line(run, attempt, events)))
        if update.texts:
            self._write(run, Update(texts=update.texts))
            self._write(run, Update(tags=update.tags))

    def _hint(self, known: Sequence[ShownRun], label: RunLabel) -> None:
        elsewhere = [run for run in known if not run.is_here and run.status == "FINISHED" and run.recorded]
        if elsewhere and not self._has_hinted:
            self._has_hinted = True
            logger.warning(
                "MLflow has finished runs of this study that are missing here, such as %s, replicate %d; "
                "`ablate pull` restores them, so that they need not be trained again",
                label.variant,
                label.replicate.index,
            )

    def _supersede(self, uid: str, variant: str) -> None:
        """Take all but the newest line of attempts out of the variant's group.

        What another folder has finished stays until the run has finished here, too.
        """
        runs = self._runs[uid]
        newest = max((run for run in runs if run.is_here), key=lambda run: age_of(run.attempts[-1]))
        for run in runs:
            kept = not run.is_here and run.status in ("FINISHED", "RUNNING") and newest.status != "FINISHED"
            if run is newest or run.superseded or kept:
                continue
            mark = f"{variant} (superseded)"
            tags = entities.tags({SUPERSEDED: newest.attempts[-1], "ablate.variant": mark})
            stopped: Status | None = "KILLED" if run.status == "RUNNING" else None
            ended = run.last if stopped else None
            self._write(run, Update(tags=tags, name=entities.clipped(mark, 250), status=stopped, ended=ended))
            run.superseded = True

    def _end_variant(self, variant: str, values: Mapping[str, float], said: Mapping[str, str]) -> None:
        children = [r for r in self._level("replicate") if r.variant == variant and not r.superseded]
        run = self._variant_run(variant, self._latest())
        ended = max([run.last, *(child.last for child in children)])
        status: Status = max((child.status for child in children), key=_GRAVITY.index, default="FINISHED")
        finished = sum(child.status == "FINISHED" for child in children)
        tags = self._place_of(variant) | entities.tags(said)
        end = Update(tags=tags, status=status, ended=ended)
        self._write(run, entities.merged([_summed_up(run, values, finished, ended), end]))

    def _give(self, variant: str, given: VariantFiles | None) -> None:
        """Store a variant's files, unless its run has them; the mark comes after the files."""
        run = self._variant_run(variant, self._latest())
        if given is None or run.given == given.digest:
            return
        self._write(run, Update(texts=given.texts, files=given.files))
        self._write(run, Update(tags={GIVEN: given.digest}))

    def _end_study(self, summary: StudySummary) -> None:
        run = self._study_run(self._latest())
        note = "\n\n… The whole report is among the artifacts."
        shown = _image(run.run_id) if summary.image else ""
        image = {IMAGE: summary.image} if summary.image else {}
        text = entities.clipped(summary.description, entities.TAG_LIMIT - len(shown), note)
        content = {"variants": summary.variants, "failed": summary.failed, "extra": summary.extra}
        update = Update(
            tags=entities.tags(summary.tags.get("", {})) | {"mlflow.note.content": text + shown},
            texts={
                "study.yaml": self._card.config_text.encode(),
                "summary.json": entities.as_json(content),
            }
            | image,
            folder=summary.files,
            status="FAILED" if summary.failed else "FINISHED",
            ended=(ended := max([run.last, *(variant.last for variant in self._level("variant"))])),
        )
        self._write(run, entities.merged([_summed_up(run, summary.headline.get("", {}), 0, ended), update]))

    def _latest(self) -> int:
        times = [run.last for runs in self._runs.values() for run in runs]
        return max(times) if times else entities.milliseconds(time.time())


def _summed_up(run: ShownRun, values: Mapping[str, float], finished: int, at: int) -> Update:
    """A summary's metrics and its mark. Two may rest on equally many replicates and differ: each has its own step."""
    digest = sha256_json({name: repr(value) for name, value in values.items()})[:16]
    before, _, shown = run.reported.partition(" ")
    if digest == shown:
        return Update(tags={REPORTED: run.reported})
    step = max(finished, int(before or -1) + 1)
    points = entities.metrics_at(values, at=at, step=step)
    return entities.merged([points, Update(tags={REPORTED: f"{step} {digest}"})])


def _image(run_id: str) -> str:
    """Markdown of the image among a run's artifacts, at its address below the pages of MLflow's server.

    A note of MLflow's shows images that have an address alone, not such as stand in the text itself.
    """
    asked = urlencode({"path": IMAGE, "run_uuid": run_id})
    return f"\n\n![The steps with their intervals](get-artifact?{asked})"


def _whole_line(run: ShownRun, attempt: Path, events: Sequence[Event]) -> set[str]:
    return {attempt.name, *run.attempts, *line_of(attempt, events)}


def _recording(record: bytes | None) -> Update:
    if record is None:
        return Update()
    return Update(texts={RECORD: record}, tags={RECORDED: hashlib.sha256(record).hexdigest()})
