"""The `Run` a trainer is handed: heartbeat, checkpoints, journal, all inside one attempt's folder."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ablate import files
from ablate.errors import Damaged, Stopped, TrainerError
from ablate.execute.handed import refuse_own_split
from ablate.execute.measured import number_of
from ablate.records import Finished, RunSpec
from ablate.safety.plain_files import open_own, read_plain
from ablate.splits.request import Handed, Parts, parts_of
from ablate.splits.rules import Protocol, Replicate
from ablate.store.journal import Journal
from ablate.store.run_names import fingerprint_of, newest_finished
from ablate.store.work_folder import SPEC, Store

STOP = "stop"
HEARTBEAT = "heartbeat"
LARGEST_SIGN = 1000
"""Bytes of either."""
LOOK_SECONDS = 0.02
"""How often to look for a stop request: a run that is given up must not train another epoch, however short."""
LOOKS_A_BEAT = 25
"""Only so many looks leave a heartbeat, which has to be written."""
BEFORE_TRAINING = "0 0 0"
"""The place in the training of a look at the data: its heartbeats tell how many images are decoded."""
KEPT_CHECKPOINTS = 2
CHECKPOINT_SHARE = 80.0
"""How many times as long as a checkpoint takes the run goes on before the next."""
LEAST_SECONDS = 1.0
"""Between two checkpoints, however cheap."""
WRITE_SECONDS, WRITE_BYTES = 0.01, 100e6
"""What the first checkpoint is taken to cost: so much at least, and a second for so many bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What stands in an attempt's spec.json.

    source_digest and data_digest are those the coordinator found; a checkpoint is only resumed
    where both agree. far: it is carried out on another machine, whose code may be another.
    """

    spec: RunSpec
    work: Path
    kind: str = "train"
    checkpoint_seconds: float = 300.0
    source_digest: str = ""
    data_digest: str = ""
    git_commit: str = ""
    keep_weights: bool = True
    far: bool = False
    label: str = ""
    """STUDY/VARIANT, as the study that trains it calls the run."""

    def envelope(self) -> dict[str, Any]:
        """What is stored beside the spec."""
        return {
            "work": str(self.work),
            "kind": self.kind,
            "checkpoint_seconds": self.checkpoint_seconds,
            "source_digest": self.source_digest,
            "data_digest": self.data_digest,
            "git_commit": self.git_commit,
            "keep_weights": self.keep_weights,
            "far": self.far,
            "label": self.label,
        }

    @staticmethod
    def read(attempt: Path) -> Task:
        """The task whose spec.json lies in this folder. Raises Damaged where that is not whole."""
        data = files.read_sealed(attempt / SPEC)
        if data is None:
            raise Damaged(
                f"{attempt / SPEC} is missing or damaged", hint=f"Remove {attempt}; its run is trained again."
            )
        fields = {name: data[name] for name in data if name not in ("spec", "work")}
        return Task(spec=RunSpec.from_json(data["spec"]), work=Path(data["work"]), **fields)


@dataclass(slots=True)
class LiveRun:
    """Implements protocols.Run for one attempt."""

    task: Task
    folder: Path
    journal: Journal
    _stop_asked: str = ""
    _ticks: bool = False
    _at: str = ""
    """The last step's place in the training, as a heartbeat tells it; empty before the first was told."""
    _looked: float = field(default_factory=lambda: time.monotonic())
    _beat: float = field(default_factory=lambda: time.monotonic())
    _saved: float = field(default_factory=lambda: time.monotonic())
    _checkpoints: int = 0
    _last_epoch: int = 0
    _epoch_started: float = field(default_factory=lambda: time.monotonic())
    _began: float = field(default_factory=lambda: time.monotonic())
    _earlier_seconds: float = 0.0
    _writing: float = 0.0
    """Seconds the last checkpoint took."""
    checkpoint_seconds: float = 0.0
    """Seconds all checkpoints took, those of earlier attempts included."""
    handed: Handed | None = None
    """What `split` gave out; None before it was asked."""
    after_epoch: Callable[[], None] | None = None
    """Told of each epoch, where nobody else can hear of it: in a process that both trains and listens."""

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, without what earlier attempts did after their last checkpoint."""
        return self._earlier_seconds + time.monotonic() - self._began

    @property
    def replicate(self) -> Replicate:
        """Which split and which luck."""
        return self.task.spec.replicate

    @property
    def label(self) -> str:
        """STUDY/VARIANT; the beginning of the fingerprint where nobody said."""
        return self.task.label or self.task.spec.fingerprint[:8]

    @property
    def protocol(self) -> Protocol:
        """What the run is tested on."""
        return self.task.spec.protocol

    def split(
        self,
        ids: Iterable[Any],
        targets: Iterable[Any],
        groups: Iterable[Any] | None = None,
        *,
        official: Iterable[Any] = (),
    ) -> Parts:
        """See `Run.split`; what is handed out is kept, to be compared with what comes back."""
        parts, handed = parts_of(ids, targets, groups, official, self.protocol, self.replicate)
        if self.handed not in (None, handed):
            raise TrainerError(
                "run.split was called twice, with different answers", hint="Call it once, with all images."
            )
        self.handed = handed
        return parts

    def cached(self, key: str, build: Callable[[Path], None]) -> Path:
        """A file or folder shared by all runs, built once under a lock."""
        return files.build_once(Store(self.task.work).cache / key, build)

    def earlier(self, name: str) -> tuple[RunSpec, Finished] | None:
        """The same replicate of a variant, `STUDY/VARIANT`; None where it has not finished."""
        store = Store(self.task.work)
        return newest_finished(fingerprint_of(f"{name}/{self.replicate.index}", store), store)

    def tick(self, epoch: int, step: int, of: int, *, state_bytes: float = math.inf) -> bool:
        """Looks for a stop request, leaves a heartbeat every half second, asks for a checkpoint when one is due."""
        if not self._ticks:
            refuse_own_split(self.protocol, self.handed)
        self._ticks = True
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look_for_a_stop()
        # The last of an epoch, counted from 0 or 1: what comes behind it may take as long as it likes.
        if now - self._beat >= LOOKS_A_BEAT * LOOK_SECONDS or (self._at and step + 1 >= of):
            self._at = f"{epoch} {step} {of}"
            self._leave_heartbeat(self._at)
        return bool(self._stop_asked) or now - self._saved >= self._interval(state_bytes)

    def stop_asked(self) -> Stopped | None:
        """See `Run.stop_asked`."""
        self._look_for_a_stop()
        how = "resumes from its last checkpoint" if self._checkpoints else "starts over"
        return self._stopped(f"the same command {how}") if self._stop_asked else None

    def alive(self, done: int, of: int) -> None:
        """Leaves a heartbeat every half second, and one at the end; nothing before the first step's was left."""
        is_due = time.monotonic() - self._beat >= LOOKS_A_BEAT * LOOK_SECONDS
        if self._at and (is_due or done >= of):
            self._leave_heartbeat(f"{self._at} {done} {of}")

    def _leave_heartbeat(self, text: str) -> None:
        self._beat = time.monotonic()
        _write(self.folder / HEARTBEAT, text)

    def _interval(self, state_bytes: float) -> float:
        """Seconds between two checkpoints: so many that writing them takes less than 2 % of the run.

        What the first will cost is guessed from its size; where nobody tells that, it waits for as long as was wished.
        """
        wanted = self.task.checkpoint_seconds
        writing = self._writing or WRITE_SECONDS + state_bytes / WRITE_BYTES
        interval = max(LEAST_SECONDS, CHECKPOINT_SHARE * writing)
        return interval if self._writing and wanted else min(wanted, interval)

    def checkpoint(self, write: Callable[[Path], None]) -> None:
        """Store a checkpoint with its checksum, keep the newest two, and end the run if that was asked."""
        self.alive(1, 1)  # a slow disk is not a run that hangs
        started = time.monotonic()
        self.journal.sync()  # no checkpoint may know of epochs that the journal could still lose
        self._checkpoints += 1
        path = self.folder / f"checkpoint-{self._checkpoints:06d}"
        files.write_atomically(path, write)
        taken = self.checkpoint_seconds + time.monotonic() - started
        half = {"epoch_seconds": time.monotonic() - self._epoch_started}
        note = {"file": files.sha256_file(path), "epoch": self._last_epoch} | half
        files.write_sealed(_note_of(path), note | {"seconds": self.seconds, "checkpoint_seconds": taken})
        for old in checkpoints_in(self.folder)[KEPT_CHECKPOINTS:]:
            _note_of(old).unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        self._saved = time.monotonic()
        self._writing = self._saved - started
        self.checkpoint_seconds += self._writing
        if self._stop_asked:
            raise self._stopped("the same command resumes from here")

    def resume(self, fits: Callable[[Path], bool] | None = None) -> Path | None:
        """The newest sound checkpoint of any earlier attempt made by the same code on the same data, if it fits."""
        for attempt in reversed(Store(self.task.work).attempts(self.task.spec.fingerprint)):
            if attempt == self.folder or not self._same_origin(attempt):
                continue
            for path in checkpoints_in(attempt):
                note = files.read_sealed(_note_of(path))
                if note is not None and files.sha256_file(path) == note["file"] and (fits is None or fits(path)):
                    self._last_epoch = int(note["epoch"])
                    self._earlier_seconds = float(note["seconds"])
                    self.checkpoint_seconds = float(note["checkpoint_seconds"])
                    self._epoch_started -= float(note.get("epoch_seconds", 0.0))
                    begun = {"attempt": attempt.name, "epoch": note["epoch"], "checkpoint": path.name}
                    self.journal.append("resumed", begun)
                    return path
        return None

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Report an epoch; it is on its way to MLflow when this returns.

        Ends a run that was asked to stop and takes no checkpoints: one that never ticks, or does
        not do what `tick` asks for.
        """
        refuse_own_split(self.protocol, self.handed)
        now = time.monotonic()
        seconds, self._epoch_started = now - self._epoch_started, now
        self._last_epoch = number
        values = {name: _json_number(number_of(name, value)) for name, value in metrics.items()}
        self.journal.append("epoch", {"epoch": number, "metrics": values, "seconds": round(seconds, 4)})
        if self.after_epoch is not None:
            self.after_epoch()
            self._looked = -math.inf  # what came of it is looked for at the next step
        if not self._ticks:
            self._look_for_a_stop()
        if self._stop_asked:
            raise self._stopped("its trainer takes no checkpoints, so the same command starts over")

    def _look_for_a_stop(self) -> None:
        with contextlib.suppress(OSError):
            self._stop_asked = read_plain(self.folder / STOP, at_most=LARGEST_SIGN).strip() or "interrupted"

    def _stopped(self, then: str) -> Stopped:
        if self._stop_asked == "pruned":
            return Stopped("pruned: it was unlikely to become one of the best", reason="pruned")
        return Stopped(f"stopped on request; {then}")

    def _same_origin(self, attempt: Path) -> bool:
        try:
            other = Task.read(attempt)
        except Damaged:
            return False  # its spec.json was never written whole
        return (other.source_digest, other.data_digest) == (self.task.source_digest, self.task.data_digest)


def ask_to_stop(attempt: Path, why: str) -> None:
    """Leave a request that the run finds at its next step; whole, or not there."""
    whole = attempt / f"{STOP}.new"
    _write(whole, why)
    whole.replace(attempt / STOP)


def _write(path: Path, text: str) -> None:
    with os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w", encoding="utf-8") as stream:
        stream.write(f"{text}\n")


class Heartbeat(NamedTuple):
    """A run's last sign of life. text: as it stands in the file. at: (epoch, step, steps) of the training.

    is_under_way: in the middle of an epoch or of a test, where the next sign is soon to come. done, of: images that
    are tested or decoded, where that is what it does; else steps.
    """

    text: str
    at: tuple[int, int, int]
    is_under_way: bool
    done: int
    of: int


def read_heartbeat(attempt: Path) -> Heartbeat | None:
    """A run's last sign of life; None where there is none."""
    try:
        text = read_plain(attempt / HEARTBEAT, at_most=LARGEST_SIGN)
        epoch, step, steps, *tested = (int(word) for word in text.split())
        # Steps are counted from 0 by some trainers: the last but one may be the last.
        done, of = tested or (step + 1, steps)
    except (OSError, ValueError):
        return None  # not begun, or caught in the middle of a write
    return Heartbeat(text, (epoch, step, steps), done < of, done, of)


def drop_checkpoints(work: Path, fingerprint: str) -> None:
    """Remove what is only needed to resume; called once the run has a result."""
    for attempt in Store(work).attempts(fingerprint):
        for path in checkpoints_in(attempt):
            path.unlink(missing_ok=True)
            _note_of(path).unlink(missing_ok=True)


def checkpoints_in(folder: Path) -> list[Path]:
    """Newest first."""
    return sorted(folder.glob(f"checkpoint-{'[0-9]' * 6}"), reverse=True)


def _note_of(checkpoint: Path) -> Path:
    return checkpoint.with_name(f"{checkpoint.name}.json")


def _json_number(number: float) -> float | str:
    """JSON has no NaN and no infinity; as text they survive, and float() reads them back."""
    return number if math.isfinite(number) else str(number)
