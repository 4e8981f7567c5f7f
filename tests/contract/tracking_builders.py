"""Studies, attempts and journals to tell trackers of, and what a store shows afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ablate import records
from ablate.protocols import RunLabel, StudyCard, StudySummary, Tracker
from ablate.records import Event, Failed, Finished, RunSpec
from ablate.splits import rules
from ablate.splits.rules import Replicate
from ablate.store.journal import Journal, read_events

NOON = 1_700_000_000.0
"""When the runs of these tests begin, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One run as its store shows it. history: metric -> sorted (step, value, milliseconds)."""

    name: str
    parent: str | None
    status: str
    started: int
    ended: int | None
    tags: Mapping[str, str]
    params: Mapping[str, str]
    history: Mapping[str, list[tuple[int, float, int]]]
    artifacts: Mapping[str, bytes]
    data: tuple[str, ...] = field(default=())

    def values(self, metric: str) -> list[float]:
        """A metric's values by step."""
        return [value for _, value, _ in self.history.get(metric, [])]


class Store(Protocol):
    """A store under test."""

    def tracker(self) -> Tracker:
        """A fresh tracker that writes to it, as after a restart."""
        ...

    def shown(self) -> list[Shown]:
        """Every run in it, in an order that stays."""
        ...


def a_card(**overrides: Any) -> StudyCard:
    """A study of a baseline and one change."""
    card = StudyCard(
        name="toy",
        experiment="toy",
        question="Does dropout help?",
        config_text="study: toy\n",
        metric="accuracy",
        changes={"baseline": "", "dropout": "model.dropout: 0.5"},
        core={"baseline": {"lr": "0.001"}, "dropout": {"lr": "0.001", "model.dropout": "0.5"}},
        tags={"team": "vision"},
    )
    return card._replace(**overrides)


def a_summary(**overrides: Any) -> StudySummary:
    """A study that ended well, without a report."""
    summary = StudySummary(
        description="| step | accuracy |",
        files=None,
        variants={"baseline": {"accuracy": 0.75}},
        failed=False,
        extra={},
    )
    return summary._replace(**overrides)


def a_label(variant: str = "baseline", index: int = 0, **config: Any) -> RunLabel:
    """One run of the study."""
    content = {"variant": variant, "data": {"source": {"name": "folder", "root": "data/pets"}}} | config
    spec = RunSpec(
        trainer="toy:train",
        config=content,
        identity=content,
        protocol=rules.Protocol(test=rules.Folds(count=10)),
        replicate=Replicate(index=index),
    )
    return RunLabel(variant=variant, replicate=spec.replicate, fingerprint=spec.fingerprint, spec=spec)


class Attempt:
    """An attempt's folder and the journal in it; every event is ten seconds after the one before."""

    def __init__(self, work: Path, label: RunLabel, name: str = "001", *, at: float = NOON) -> None:
        self.label = label
        self.folder = work / ".ablate" / "runs" / label.fingerprint / name
        self.folder.mkdir(parents=True)
        self._at = at

    def _append(self, kind: str, data: Mapping[str, Any]) -> None:
        Journal(self.folder).append(kind, data, at=self._at)
        self._at += 10

    def started(self) -> Attempt:
        self._append("started", {"attempt": self.folder.name})
        return self

    def resumed(self, earlier: str, epoch: int) -> Attempt:
        self._append("resumed", {"attempt": earlier, "epoch": epoch})
        return self

    def epochs(self, *numbers: int, scale: float = 1.0) -> Attempt:
        for number in numbers:
            metrics = {"train/loss": scale / number, "val/accuracy": scale * number / 100}
            self._append("epoch", {"epoch": number, "metrics": metrics, "seconds": 1.5})
        return self

    def epoch(self, number: int, metrics: Mapping[str, Any]) -> Attempt:
        self._append("epoch", {"epoch": number, "metrics": metrics, "seconds": 1.5})
        return self

    def finished(self, metrics: Mapping[str, float] | None = None, **fields: Any) -> Attempt:
        result = Finished(folder=self.folder, metrics=metrics or {"accuracy": 0.75}, **fields)
        self._append("finished", result.to_json())
        return self

    def failed(self, reason: records.FailureReason, **fields: Any) -> Attempt:
        self._append("failed", Failed(folder=self.folder, reason=reason, **fields).to_json())
        return self

    def events(self) -> list[Event]:
        return read_events(self.folder)[0]


def a_finished_attempt(work: Path, label: RunLabel, name: str = "001", *, at: float = NOON) -> Attempt:
    """Three epochs and a result."""
    return Attempt(work, label, name, at=at).started().epochs(1, 2, 3).finished(epoch=3)


def tell(tracker: Tracker, attempt: Attempt, events: Sequence[Event] | None = None) -> None:
    """Pass an attempt's events on, or some of them."""
    for event in attempt.events() if events is None else events:
        tracker.hear(attempt.label, attempt.folder, event)


def track(store: Store, *attempts: Attempt, summary: StudySummary | None = None) -> None:
    """A whole study by a fresh tracker: begin, every event, end."""
    tracker = store.tracker()
    tracker.begin(a_card())
    for attempt in attempts:
        tell(tracker, attempt)

    assert tracker.end(summary or a_summary(), timeout=60)


def run_named(store: Store, name: str) -> Shown:
    """The only run of this name."""
    (run,) = [run for run in store.shown() if run.name == name]
    return run


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def at(step: int) -> int:
    """The time of an attempt's n-th event, in milliseconds."""
    return round((NOON + 10 * step) * 1000)
