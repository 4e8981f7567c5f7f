"""The journal: one JSON line an event, appended by the run, read by everyone else.

A line counts once its line feed is on disk; what a killed process left behind it is ignored by
readers and cut off before anyone appends again. Each line carries a checksum: one that no longer
agrees with it is no event.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablate.files import encoded, sync
from ablate.records import Event, Failed, Finished, RunResult

NAME = "journal.jsonl"
SYNC_SECONDS = 1.0
"""What is younger is not worth waiting for the disk: where power fails, the run goes on from a checkpoint or anew."""
ENDS = ("finished", "failed")
_CHECK = b', "crc": '


class Journal:
    """Appends events to one attempt's journal."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        events, _ = read_events(folder)
        self._sequence = events[-1].sequence + 1 if events else 0
        self._synced = time.monotonic()
        self._is_safe = True
        _cut_torn_tail(self._path)

    def append(self, kind: str, data: Mapping[str, Any], *, at: float | None = None) -> None:
        """Write one event; others can read it when this returns.

        An end is safe on the disk then, with all before it; so is any line a second after the last that was.
        """
        line = {"sequence": self._sequence, "time": time.time() if at is None else at, "kind": kind}
        text = json.dumps(line | {"data": data}, ensure_ascii=False, allow_nan=False)
        body = encoded(text)[:-1]
        whole = self._path.stat().st_size if self._path.exists() else 0
        try:
            with self._path.open("ab") as stream:
                stream.write(body + b"%s%d}\n" % (_CHECK, zlib.crc32(body)))
            self._is_safe = False
            if kind in ENDS or time.monotonic() - self._synced >= SYNC_SECONDS:
                self.sync()
        except OSError:  # a full disk: half a line would swallow the next event, which says so
            with contextlib.suppress(FileNotFoundError):
                os.truncate(self._path, whole)
            raise
        self._sequence += 1

    def sync(self) -> None:
        """Make every event so far safe on the disk."""
        if not self._is_safe:
            sync([self._path], below=self._path.parent)
            self._is_safe, self._synced = True, time.monotonic()


def read_events(folder: Path, *, offset: int = 0) -> tuple[list[Event], int]:
    """Whole events from byte `offset` on, and the offset behind the last of them."""
    whole = _whole_lines(folder, offset)
    return _events_in(whole), offset + len(whole)


def whole_text(folder: Path) -> str:
    """The journal's whole lines as they stand in the file, bytes that are no UTF-8 left out."""
    return _whole_lines(folder).decode(errors="ignore")


def parsed(text: str) -> list[Event]:
    """The whole events in a journal's text."""
    return _events_in(encoded(text))


def _events_in(lines: bytes) -> list[Event]:
    return [event for line in lines.splitlines() if (event := _parse(line)) is not None]


def read_ends(folder: Path) -> tuple[Event, Event] | None:
    """The first and the last event, without the many between them; None where there is none."""
    lines = _whole_lines(folder).splitlines()
    first = next(filter(None, map(_parse, lines)), None)
    last = next(filter(None, map(_parse, reversed(lines))), None)
    return None if first is None or last is None else (first, last)


def _whole_lines(folder: Path, offset: int = 0) -> bytes:
    try:
        with (folder / NAME).open("rb") as stream:
            stream.seek(offset)
            content = stream.read()
    except FileNotFoundError:
        return b""
    return content[: content.rfind(b"\n") + 1]


def _parse(line: bytes) -> Event | None:
    body, check, rest = line.rpartition(_CHECK)
    if check and rest != b"%d}" % zlib.crc32(body):
        return None  # a damaged line is no event; the run it belonged to has no result
    try:
        return Event(**json.loads(body + b"}" if check else line))
    except (ValueError, TypeError):
        return None


def read_result(folder: Path) -> RunResult | None:
    """How the attempt ended, or None while it has not."""
    # From the end: a report asks this of every run, and all epochs stand before the answer.
    for event in map(_parse, reversed(_whole_lines(folder).splitlines())):
        match event:
            case Event(kind="finished", data=data):
                return Finished.from_json(folder, data)
            case Event(kind="failed", data=data):
                return Failed.from_json(folder, data)
    return None


def read_history(folder: Path) -> list[Event]:
    """The epochs behind an attempt's result, in order, each once.

    An attempt that was resumed has its first epochs in the journals of earlier attempts; their
    events keep the time at which they happened.
    """
    epochs: dict[int, Event] = {}
    for event in read_events(folder)[0]:
        if event.kind == "resumed":
            last = int(event.data["epoch"])
            earlier = read_history(folder.parent / str(event.data["attempt"]))
            epochs |= {int(e.data["epoch"]): e for e in earlier if int(e.data["epoch"]) <= last}
        elif event.kind == "epoch":
            epochs[int(event.data["epoch"])] = event
    return [epochs[number] for number in sorted(epochs)]


def _cut_torn_tail(path: Path) -> None:
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as stream:
            stream.truncate(whole)
