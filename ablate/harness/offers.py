"""Runs offered to other processes by files in a folder that all of them see: how `ablate join` helps a search.

One process asks Optuna, and it alone. What it has no slot for it offers; whoever is free takes the run's lock, which
the operating system drops when its holder dies, and trains it like any other. So nothing here has to be repaired: an
offer is a wish, and who carries it out is decided by the lock.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ablate.files import read_json, write_json, write_text
from ablate.records import Event, Failed, Finished, RunResult, RunSpec
from ablate.store.journal import read_events, read_result
from ablate.store.work_folder import Store

FOLDER = "offers"
ASKING, HELPERS = "asking", "helpers"
BEAT_SECONDS = 2.0
SILENT_SECONDS = 60.0
"""Who has not been heard of for so long is gone. Told by what changes, not by the clocks of other machines."""
LAST = ("error", "diverged", "pruned")
"""Failures that another try would not fix."""


@dataclass(slots=True)
class _Sign:
    """What stands in somebody's file, and when it last changed here."""

    text: str = ""
    at: float = field(default_factory=time.monotonic)

    def is_alive(self, text: str) -> bool:
        """Take in what stands there now."""
        if text != self.text:
            self.text, self.at = text, time.monotonic()
        return time.monotonic() - self.at < SILENT_SECONDS


@dataclass(slots=True)
class _Offered:
    """An offered run: the attempts there were before, and how far the newest one was heard."""

    before: int
    attempt: Path | None = None
    offset: int = 0


@dataclass(slots=True)
class Offers:
    """The side that asks. folder: of the study, where others look."""

    folder: Path
    store: Store
    _offered: dict[str, _Offered] = field(default_factory=dict)
    _signs: dict[str, _Sign] = field(default_factory=dict)
    _slots: int = 0
    _looked: float = 0.0
    _beats: int = 0

    def wanted(self, waiting: int) -> int:
        """How many more runs others could take, where so many wait already."""
        if time.monotonic() - self._looked >= BEAT_SECONDS / 2:
            self._looked = time.monotonic()
            self._beats += 1
            write_text(self.folder / ASKING, f"{os.getpid()} {self._beats}")
            self._slots = sum(slots for slots in self._helpers() if slots > 0)
        return max(0, self._slots - waiting)

    def _helpers(self) -> Iterator[int]:
        for path in (self.folder / HELPERS).glob("*"):
            with suppress(OSError, ValueError):
                text = path.read_text(encoding="utf-8")
                if self._signs.setdefault(path.name, _Sign()).is_alive(text):
                    yield int(text.split()[0])

    def offer(self, spec: RunSpec) -> None:
        """Let others take a run."""
        self._offered[spec.fingerprint] = _Offered(self.store.newest(spec.fingerprint))
        write_json(self.folder / f"{spec.fingerprint}.json", spec.to_json())

    def news(self, fingerprint: str) -> Iterator[tuple[Path, Event, bool]]:
        """What the newest attempt at an offered run has told since: the attempt, the event, whether it is its first."""
        offered = self._offered.get(fingerprint)
        newer = [] if offered is None else self._newer(fingerprint, offered)
        if offered is None or not newer:
            return
        if offered.attempt != newer[-1]:
            offered.attempt, offered.offset = newer[-1], 0
        is_first = offered.offset == 0
        events, offered.offset = read_events(newer[-1], offset=offered.offset)
        for event in events:
            yield newer[-1], event, is_first
            is_first = False

    def result(self, spec: RunSpec, source_digest: str, data_digest: str) -> RunResult | None:
        """How an offered run ended elsewhere, by the same code and data, where another try would change nothing."""
        offered = self._offered.get(spec.fingerprint)
        for attempt in reversed([] if offered is None else self._newer(spec.fingerprint, offered)):
            match read_result(attempt):
                case Finished() as run if spec.takes(run):
                    is_same = (run.stamp.source_digest, run.stamp.data_digest) == (source_digest, data_digest)
                case Failed() as run:
                    is_same = run.reason in LAST
                case _:
                    continue
            if is_same:
                self.withdraw(spec.fingerprint)
                return run
        return None

    def _newer(self, fingerprint: str, offered: _Offered) -> list[Path]:
        return [path for path in self.store.attempts(fingerprint) if int(path.name) > offered.before]

    def withdraw(self, fingerprint: str) -> None:
        """Nobody need take it any more."""
        self._offered.pop(fingerprint, None)
        (self.folder / f"{fingerprint}.json").unlink(missing_ok=True)


@contextmanager
def offering(study_folder: Path, store: Store) -> Iterator[Offers]:
    """Offers from here on; those of a process that was killed are taken back, as these are in the end."""
    folder = study_folder / FOLDER
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)
    try:
        yield Offers(folder, store)
    finally:
        (folder / ASKING).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class OfferedSource:
    """The side that helps: implements protocols.Source. trainer: whose runs alone are taken."""

    folder: Path
    trainer: str
    _taken: set[str] = field(default_factory=set)
    _sign: _Sign = field(default_factory=_Sign)
    _looked: float = 0.0

    def take(self, free: int) -> list[RunSpec]:
        """Runs that are on offer, each once."""
        if time.monotonic() - self._looked < BEAT_SECONDS / 4 or free <= 0:
            return []
        self._looked = time.monotonic()
        found: list[RunSpec] = []
        for path in sorted(self.folder.glob("*.json")):
            if path.stem not in self._taken and len(found) < free and (spec := self._read(path)) is not None:
                self._taken.add(path.stem)
                found.append(spec)
        return found

    def _read(self, path: Path) -> RunSpec | None:
        try:
            spec = RunSpec.from_json(read_json(path))
        except (KeyError, TypeError, ValueError, OSError):
            return None  # taken back meanwhile
        return spec if spec.trainer == self.trainer and spec.fingerprint == path.stem else None

    def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
        """Whoever asks hears the journals, and decides."""
        return True

    def done(self) -> bool:
        """Whether nobody asks any more, or has not for a while."""
        try:
            text = (self.folder / ASKING).read_text(encoding="utf-8")
        except OSError:
            text = self._sign.text
            if text:
                return True
        return not self._sign.is_alive(text)


@contextmanager
def helping(study_folder: Path, slots: int) -> Iterator[Path]:
    """Say that so many runs can be taken here, from now until the end of the block; where offers lie."""
    folder = study_folder / FOLDER
    own = folder / HELPERS / f"{socket.gethostname()}-{os.getpid()}"
    over = threading.Event()

    def beat() -> None:
        beats = 0
        while not over.is_set():
            beats += 1
            with suppress(OSError):
                write_text(own, f"{slots} {beats}")
            over.wait(BEAT_SECONDS)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield folder
    finally:
        over.set()
        thread.join(timeout=2 * BEAT_SECONDS)
        own.unlink(missing_ok=True)
