"""The contracts between the parts: what a trainer is handed, and what feeds, runs and tracks runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple
from typing import Protocol as Contract

from ablate.errors import Stopped
from ablate.records import Event, Finished, RunResult, RunSpec
from ablate.splits.request import Parts
from ablate.splits.rules import Protocol, Replicate


class Run(Contract):
    """A trainer's way to the outside; free of torch.

    folder: the attempt's own folder; nothing is written anywhere else.
    """

    @property
    def replicate(self) -> Replicate:
        """Which split and which luck."""
        ...

    @property
    def protocol(self) -> Protocol:
        """What the run is tested on."""
        ...

    @property
    def folder(self) -> Path:
        """Where the attempt's files lie."""
        ...

    @property
    def label(self) -> str:
        """STUDY/VARIANT, as the study calls the run that trains it."""
        ...

    def split(
        self,
        ids: Iterable[Any],
        targets: Iterable[Any],
        groups: Iterable[Any] | None = None,
        *,
        official: Iterable[Any] = (),
    ) -> Parts:
        """Which images to fit on, to choose by and to be tested on, as places in `ids`.

        One entry an image in each: its name, its class (number or name; a list of them, or None), and where it
        comes from: what has the same group stays together. official: the places of the source's own test images,
        for `evidence: {test: official}`.
        """
        ...

    def cached(self, key: str, build: Callable[[Path], None]) -> Path:
        """A file or folder shared by all runs, built once under a lock."""
        ...

    def earlier(self, name: str) -> tuple[RunSpec, Finished] | None:
        """The same replicate of a variant, `STUDY/VARIANT`, of this work folder; None where it has not finished.

        Raises StudyError for a name that no plan knows.
        """
        ...

    def resume(self, fits: Callable[[Path], bool] | None = None) -> Path | None:
        """The newest sound checkpoint of any attempt at this run, or None.

        fits: asked of each; one that does not fit is passed over, and the run has nothing of its attempt.
        """
        ...

    def tick(self, epoch: int, step: int, of: int, *, state_bytes: float = math.inf) -> bool:
        """Heartbeat after each step; True asks for a checkpoint now.

        state_bytes: at most so large is one; of a small one the first is asked for after seconds, not minutes.
        """
        ...

    def stop_asked(self) -> Stopped | None:
        """What to raise where a stop was asked for, once what the trainer has started itself was ended."""
        ...

    def alive(self, done: int, of: int) -> None:
        """A sign of life between two steps, while a network is tested: so much is done, of so much."""
        ...

    def checkpoint(self, write: Callable[[Path], None]) -> None:
        """Store a checkpoint in one step; raises Stopped where a stop was asked for."""
        ...

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Report an epoch, counted from 1: "train/loss", "val/accuracy", ..."""
        ...


class Exit(NamedTuple):
    """An attempt's process that ended: exit code, or minus the signal that killed it.

    note: how it came to that, where the executor knows more than the code says.
    """

    attempt: Path
    code: int
    note: str = ""


class Executor(Contract):
    """Starts attempts; each ends as an Exit, whatever happens to it."""

    @property
    def slots(self) -> int:
        """How many runs it carries at once."""
        ...

    def start(self, attempt: Path) -> None:
        """Begin the attempt whose spec.json lies in this folder."""
        ...

    def accepts(self, replicate: int) -> bool:
        """False where what this replicate's runs must share, a kind of device, is taken just now."""
        ...

    def finished(self, timeout: float) -> Sequence[Exit]:
        """Attempts that ended since the last call; waits up to `timeout` seconds for one."""
        ...

    def kill(self, attempt: Path) -> None:
        """End the attempt's processes now; its Exit follows."""
        ...

    def close(self) -> None:
        """End everything that was started."""
        ...


class Source(Contract):
    """Feeds the coordinator: the fixed plan, planned looks, a search."""

    def take(self, free: int) -> Sequence[RunSpec]:
        """Up to `free` runs to start now; fewer when it has to wait for results."""
        ...

    def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
        """Told of every epoch and every result; False asks for the run to be stopped."""
        ...

    def done(self) -> bool:
        """True when nothing will be taken any more."""
        ...


class RunLabel(NamedTuple):
    """How a study calls one of its runs."""

    variant: str
    replicate: Replicate
    fingerprint: str
    spec: RunSpec


class Tracker(Contract):
    """Shows a study to others while it runs. Never raises into the coordinator, never blocks it."""

    def begin(self, study: StudyCard) -> None:
        """The study is about to run."""
        ...

    def hear(self, label: RunLabel, attempt: Path, event: Event) -> None:
        """One event of one run, from the attempt's folder; it may come again after a restart."""
        ...

    def end(self, summary: StudySummary, *, timeout: float, at_most: float | None = None) -> bool:
        """The study ended. False where nothing went through for `timeout` seconds, or not everything in `at_most`."""
        ...

    def refusal(self) -> str:
        """Why the store, which answers, takes nothing until somebody acts; empty where it does not refuse."""
        ...

    def page(self) -> str:
        """Once it ended: the address that shows the study in a browser; empty where no server does."""
        ...


class StoredRun(NamedTuple):
    """One replicate's run in a tracker.

    recorded: checksum of its record, empty where it has none. started: milliseconds. place: where its artifacts lie.
    """

    run_id: str
    fingerprint: str
    variant: str
    replicate: str
    finished: bool
    recorded: str
    attempts: tuple[str, ...]
    started: int
    place: str


class StoredStudy(NamedTuple):
    """One study in a tracker. place: where its own artifacts lie. runs: its replicates' runs, the oldest first."""

    name: str
    place: str
    runs: tuple[StoredRun, ...]


class TrackingReader(Contract):
    """Reads what trackers have stored; never writes. Raises TrackingError where the store does not answer."""

    def study(self, name: str, experiment: str | None) -> StoredStudy:
        """A study with all its replicates' runs; without any where the store does not know it."""
        ...

    def studies(self) -> list[StoredStudy]:
        """Every study in the store, by name."""
        ...

    def fetch(self, place: str, name: str, target: Path) -> bool:
        """Copy the artifact `name` of the run at `place` to the file `target`; False where there is none.

        Raises TrackingError for a place that is not the store's own, and Damaged for a file that is too large.
        """
        ...


class StudyCard(NamedTuple):
    """What a tracker needs to know of a study before its runs.

    changes: per variant, the overrides that tell it from its reference.
    core: per variant, the parameters shown for each run (those that differ from the baseline, and
    the usual ones), as strings.
    goal: whether more or less of the metric is better. searched: of a search, the settings it varies.
    """

    name: str
    experiment: str
    question: str
    config_text: str
    metric: str
    changes: Mapping[str, str]
    core: Mapping[str, Mapping[str, str]]
    tags: Mapping[str, str]
    goal: Literal["max", "min"] = "max"
    searched: tuple[str, ...] = ()


class VariantFiles(NamedTuple):
    """Files that belong to a variant. texts, files: artifact path -> content, or the file, which has the same name.

    digest: of all of them; a run that has those of this digest is not given them again.
    """

    texts: Mapping[str, bytes]
    files: Mapping[str, Path]
    digest: str


class StudySummary(NamedTuple):
    """What a tracker stores when a study ended.

    description: the report's table as Markdown. files: the report's folder.
    variants: per variant, summary metrics under their names. headline: what a table of runs shows first, by the
    variant, and by the empty name for the study as a whole. tags: likewise, what is said in words.
    image: PNG that belongs to the description, empty for none. searched: of a search, the settings it
    varies, those that mattered most first. given: by the variant, what was made of it, such as deployed files.
    """

    description: str
    files: Path | None
    variants: Mapping[str, Mapping[str, float]]
    failed: bool
    extra: Mapping[str, Any]
    headline: Mapping[str, Mapping[str, float]] = {}
    tags: Mapping[str, Mapping[str, str]] = {}
    image: bytes = b""
    searched: tuple[str, ...] = ()
    given: Mapping[str, VariantFiles] = {}
