"""A tracker that keeps everything in memory: for tests, with the meaning of the real ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ablate.protocols import RunLabel, StudyCard, StudySummary
from ablate.records import Event
from ablate.safety.plain_files import plain_files
from ablate.track.entities import (
    ATTEMPTS,
    CURSOR,
    FORMER_CURSOR,
    DataSet,
    KnownRun,
    NewRun,
    Point,
    Status,
    Update,
    last_epoch,
)
from ablate.track.projection import Projection


@dataclass(slots=True)
class TrackedRun:
    """One run as a store would show it. artifacts: path -> content, or the file it comes from."""

    name: str
    parent: str | None
    started: int
    tags: dict[str, str]
    status: Status = "RUNNING"
    ended: int | None = None
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    data: DataSet | None = None
    artifacts: dict[str, bytes | Path] = field(default_factory=dict)

    def latest(self, key: str) -> float:
        """A metric's value at its highest step; KeyError where it has none."""
        values = {point.step: point.value for point in self.points if point.key == key}
        if not values:
            raise KeyError(key)
        return values[max(values)]


class MemorySink:
    """Runs by id, in the order of their creation."""

    def __init__(self) -> None:
        self.runs: dict[str, TrackedRun] = {}

    def open(self, card: StudyCard) -> Iterable[KnownRun]:
        """The study's runs."""
        mine = {i: run for i, run in self.runs.items() if run.tags["ablate.study"] == card.name}
        return [_known(run_id, run) for run_id, run in mine.items()]

    def create(self, run: NewRun) -> str:
        """A new run."""
        run_id = f"run-{len(self.runs)}"
        self.runs[run_id] = TrackedRun(run.name, run.parent, run.started, dict(run.tags))
        return run_id

    def write(self, run_id: str, update: Update) -> None:
        """Add to a run; a point that is there stays one point, a parameter never changes."""
        run = self.runs[run_id]
        for name, value in update.params.items():
            if run.params.setdefault(name, value) != value:
                raise ValueError(f"parameter {name!r} of {run.name!r} changed")
        known = {repr(point) for point in run.points}  # repr: NaN is not equal to itself
        run.points += [point for point in update.points if repr(point) not in known]
        run.tags.update(update.tags)
        run.artifacts.update(update.texts)
        run.artifacts.update(update.files)
        if update.folder is not None:
            report = sorted(plain_files(update.folder))
            run.artifacts.update({f"report/{path.relative_to(update.folder)}": path for path in report})
        run.data = update.data or run.data
        run.name = update.name or run.name
        run.status = update.status or run.status
        run.ended = update.ended or run.ended


def _known(run_id: str, run: TrackedRun) -> KnownRun:
    cursors = {point.key for point in run.points} & {CURSOR, FORMER_CURSOR}
    epoch = last_epoch({name: run.latest(name) for name in cursors})
    is_described = ATTEMPTS not in run.tags or "replicate" in run.params
    return KnownRun(run_id, run.status, run.started, run.ended, run.tags, epoch, is_described)


class MemoryTracker:
    """Shows a study to a test: `runs` by id, and what it was told as it was told.

    sink: that of an earlier tracker, to go on where it stopped.
    """

    def __init__(self, sink: MemorySink | None = None) -> None:
        self.sink = sink or MemorySink()
        self.cards: list[StudyCard] = []
        self.heard: list[tuple[RunLabel, Path, Event]] = []
        self.summaries: list[StudySummary] = []
        self._projection: Projection | None = None

    @property
    def runs(self) -> dict[str, TrackedRun]:
        """Every run, the study's and the variants' among them."""
        return self.sink.runs

    def begin(self, study: StudyCard) -> None:
        """The study is about to run."""
        self.cards.append(study)
        self._projection = Projection(study, self.sink)
        self._projection.begin()

    def hear(self, label: RunLabel, attempt: Path, event: Event) -> None:
        """One event of one run."""
        self.heard.append((label, attempt, event))
        assert self._projection is not None, "begin comes first"
        self._projection.hear(label, attempt, [event])

    def end(self, summary: StudySummary, *, timeout: float, at_most: float | None = None) -> bool:
        """Everything is stored at once; always True."""
        self.summaries.append(summary)
        assert self._projection is not None, "begin comes first"
        self._projection.end(summary)
        return True

    def refusal(self) -> str:
        """Nobody is refused."""
        return ""

    def page(self) -> str:
        """No server shows it."""
        return ""
