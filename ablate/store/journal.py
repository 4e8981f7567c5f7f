"""The journal: one JSON line an event, appended by the run, read by everyone else.

A line counts once its line feed is on disk; what a killed process left behind it is ignored by
readers and cut off before anyone appends again. Each line carries a checksum: one that no longer
agrees with it is no event.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import math
import os
import time
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from ablate.files import encoded, sync_files
from ablate.records import Event, Failed, FailureReason, Finished, RunResult
from ablate.safety.plain_files import NotPlain, is_inside, open_own, open_plain

NAME = "journal.jsonl"
SYNC_SECONDS = 1.0
"""What is younger is not worth waiting for the disk: where power fails, the run goes on from a checkpoint or anew."""
ENDS = ("finished", "failed")
LARGEST = 500_000_000
"""Bytes of a journal; one of ten thousand epochs has a few million."""
_CHECK = b', "crc": '


logger = logging.getLogger(__name__)


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
            with os.fdopen(open_own(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab") as stream:
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
            sync_files([self._path], below=self._path.parent)
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
        with open_plain(folder / NAME) as stream:
            if os.fstat(stream.fileno()).st_size - offset > LARGEST:
                raise NotPlain(errno.EFBIG, "it is larger than any journal can be", str(folder / NAME))
            stream.seek(offset)
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        return b""
    except NotPlain as error:
        logger.warning("%s is not read: %s", folder / NAME, error.strerror)
        return b""
    return content[: content.rfind(b"\n") + 1]


def _parse(line: bytes) -> Event | None:
    body, check, rest = line.rpartition(_CHECK)
    if check and rest != b"%d}" % zlib.crc32(body):
        return None  # a damaged line is no event; the run it belonged to has no result
    try:
        event = Event(**json.loads(body + b"}" if check else line))
    except (ValueError, TypeError, RecursionError):
        return None
    return event if _is_sound(event) else None


def _is_sound(event: Event) -> bool:
    """Whether it has what is asked of every event; whoever can write to the folder can write to the journal."""
    if not isinstance(event.sequence, int) or not isinstance(event.time, int | float) or not math.isfinite(event.time):
        return False
    data = event.data
    if not isinstance(data, dict) or not isinstance(event.kind, str):
        return False
    if event.kind == "epoch":
        return _is_number(data.get("epoch")) and isinstance(data.get("metrics", {}), dict)
    if event.kind == "resumed":
        name = str(data.get("attempt"))
        return name.isascii() and name.isdecimal() and _is_number(data.get("epoch"))
    return True


def _is_number(value: object) -> bool:
    if isinstance(value, float):  # of a trainer that counts so
        return value.is_integer() and 0 <= value < 10**15
    return isinstance(value, int | float | str) and str(value).isdecimal() and len(str(value)) < 16


def read_result(folder: Path) -> RunResult | None:
    """How the attempt ended, or None while it has not."""
    # From the end: a report asks this of every run, and all epochs stand before the answer.
    for event in map(_parse, reversed(_whole_lines(folder).splitlines())):
        match event:
            case Event(kind="finished" | "failed", data=data):
                return result_of(folder, event.kind, data)
    return None


def result_of(folder: Path, kind: str, data: Mapping[str, Any]) -> RunResult:
    """What a journal says of an attempt's end; a failure where that is no result, or names files of others."""
    try:
        if kind == "failed":
            return _sound_failure(Failed.from_json(folder, data))
        finished = _with_own_files(Finished.from_json(folder, data))
        wrong = _wrong_with(finished)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        wrong = f"it is not a valid result ({type(error).__name__})"
    if not wrong:
        return finished
    return Failed(
        folder=folder,
        reason="damaged",
        message=f"the result in {folder / NAME} is not used: {wrong}; `ablate run` trains it again",
    )


def _with_own_files(finished: Finished) -> Finished:
    """The result without files that would lie outside its folder."""
    if all(map(is_inside, (*finished.files.values(), *finished.digests))):
        return finished
    files = {name: path for name, path in finished.files.items() if is_inside(path)}
    return replace(finished, files=files, digests={n: digest for n, digest in finished.digests.items() if is_inside(n)})


def _sound_failure(failed: Failed) -> Failed:
    texts = (failed.reason, failed.message, failed.traceback, failed.source_digest, failed.data_digest)
    if failed.reason not in get_args(FailureReason) or not all(isinstance(text, str) for text in texts):
        raise ValueError
    return failed


def _wrong_with(finished: Finished) -> str:
    """What cannot be in a result, in words; empty where all is well."""
    for name, value in finished.metrics.items():
        if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, int | float):
            return "one of its metrics is not a number"
        if not math.isfinite(value):
            return f"its {name[:80]} is not a finite number"
    if finished.images is not None and not is_inside(finished.images):
        return f"its scores would lie in {str(finished.images)[:80]!r}, which is not in its folder"
    if not all(isinstance(text, str) for text in (*finished.files, *finished.digests.values(), finished.test_digest)):
        return "what should be text in it is not"
    if not isinstance(finished.epoch, int | None) or not isinstance(finished.seconds, int | float):
        return "its epoch or its seconds are not a number"
    stamp = finished.stamp
    if not all(isinstance(text, str) for text in (stamp.source_digest, stamp.data_digest, stamp.weights_digest)):
        return "its stamp is not valid"
    costs = (getattr(finished.cost, one) for one in finished.cost.__slots__)
    if not all(cost is None or (isinstance(cost, int | float) and math.isfinite(cost)) for cost in costs):
        return "its cost is not a number"
    return ""


def read_history(folder: Path) -> list[Event]:
    """The epochs behind an attempt's result, in order, each once.

    An attempt that was resumed has its first epochs in the journals of earlier attempts; their
    events keep the time at which they happened.
    """
    epochs: dict[int, Event] = {}
    for event in read_events(folder)[0]:
        if event.kind == "resumed":
            last = int(event.data["epoch"])
            name = str(event.data["attempt"])
            if not folder.name.isdecimal() or int(name) >= int(folder.name):
                continue  # nothing goes on from itself, or from what came later
            earlier = read_history(folder.parent / name)
            epochs |= {int(e.data["epoch"]): e for e in earlier if int(e.data["epoch"]) <= last}
        elif event.kind == "epoch":
            epochs[int(event.data["epoch"])] = event
    return [epochs[number] for number in sorted(epochs)]


def _cut_torn_tail(path: Path) -> None:
    try:
        with os.fdopen(open_own(path, os.O_RDWR), "r+b") as stream:
            content = stream.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                stream.truncate(whole)
    except FileNotFoundError:
        return
