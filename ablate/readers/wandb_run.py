"""A run of W&B on disk: `run-ID.wandb`, which every mode writes, or `files/` with its summary and settings.

The `.wandb` file is a log of LevelDB's kind: blocks of 32 KB with records, cut where a block ends, each with its
checksum and a protocol buffer `Record`. It is there also where a run was offline, and says at its end how it ended.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.readers.logged import LoggedRun, as_number, files_below, flat, newest_below, read_limited
from ablate.readers.settings_files import read_config
from ablate.readers.wire import Field, WireError, fields_of, first

SUMMARY, CONFIG, LOG = "wandb-summary.json", "config.yaml", ".wandb"
MOST_BYTES = 1 << 30
_BLOCK, _HEADER = 32768, 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_HISTORY, _SUMMARY, _CONFIG, _RUN, _EXIT = 2, 3, 5, 17, 18
_VALUE = 16
"""The field of a history, summary or settings item that holds the value as JSON."""


def read_summary(path: Path) -> dict[str, float]:
    """The numbers in a wandb-summary.json, or the newest one below a folder; W&B's own (`_step`) are left out.

    Nothing where there is none yet, or where it is being written.
    """
    file = newest_below(path, SUMMARY)
    if file is None:
        return {}
    try:
        return {name: value for name, value in _numbers(_summary(file)).items() if isfinite(value)}
    except StudyError:
        return {}


def read_runs(source: Path) -> list[LoggedRun]:
    """A run for each folder that W&B wrote below the source. Raises StudyError for a file that is none of its own."""
    if source.is_file():
        return [_of_log(source)] if source.name.endswith(LOG) else [_of_files(source.parent)]
    found = files_below(source, [LOG, SUMMARY])
    logs = [path for path in found if path.name.endswith(LOG)]
    logged = {path.parent for path in logs}
    alone = [p.parent for p in found if p.name == SUMMARY and p.parent.parent not in logged and p.parent not in logged]
    runs = [
        *((_place(path.parent), _of_log(path)) for path in logs),
        *((_place(f.parent), _of_files(f)) for f in alone),
    ]
    return [
        run for _, run in sorted(runs, key=lambda one: one[0])
    ]  # the folder's name begins with the time of its start


def _place(folder: Path) -> str:
    return folder.name.removeprefix("offline-").removeprefix("run-")


# --- summary and settings as files --------------------------------------------------------------


def _of_files(folder: Path) -> LoggedRun:
    config = folder / CONFIG
    summary = _summary(folder / SUMMARY)
    step = as_number(summary.get("_step"))
    numbers = _numbers(summary)
    name = folder.parent.name if folder.name == "files" else folder.name
    return LoggedRun(
        name,
        read_config(config) if config.is_file() else {},
        numbers,
        {} if step is None else dict.fromkeys(numbers, int(step)),
        where=str(folder),
    )


def _summary(path: Path) -> Mapping[str, Any]:
    try:
        tree = json.loads(read_limited(path, 1 << 26))
    except (ValueError, RecursionError):
        raise StudyError(
            f"{path} is cut off, or no JSON", hint="Leave that run out, or wait until it has ended."
        ) from None
    if not isinstance(tree, dict):
        raise StudyError(f"{path} holds no summary", hint="Is it a file of W&B?")
    return tree


def _numbers(tree: Mapping[str, Any]) -> dict[str, float]:
    """The numbers by name; nested ones with a dot between."""
    found: dict[str, float] = {}
    stack = [(str(key), value, 0) for key, value in reversed(list(tree.items()))]
    while stack:
        name, value, depth = stack.pop()
        if name.startswith("_"):
            continue
        if isinstance(value, Mapping):
            if depth < 20 and "_type" not in value:  # images, tables and histograms have a type
                stack += [(f"{name}.{key}", inner, depth + 1) for key, inner in reversed(list(value.items()))]
        elif (number := as_number(value)) is not None:
            found[name] = number
    return found


# --- the log ----------------------------------------------------------------------------------


def _of_log(path: Path) -> LoggedRun:
    settings: dict[str, Any] = {}
    history: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    labels: dict[str, str] = {}
    name, ended, step = "", False, None
    try:
        for data in _records(read_limited(path, MOST_BYTES), path):
            for field in fields_of(data):
                if field.number == _HISTORY:
                    history |= _items(field, 1)
                elif field.number == _SUMMARY:
                    summary |= _items(field, 1)
                elif field.number == _CONFIG:
                    settings |= _items(field, 1)
                elif field.number == _RUN:
                    name, labels = _named(field, labels)
                    if (config := first(field.inner, 4)) is not None:
                        settings |= _items(config, 1)
                elif field.number == _EXIT:
                    code = first(field.inner, 1)
                    ended = code is None or code.signed == 0
    except WireError:
        raise StudyError(f"{path}: no file of W&B, or damaged", hint="Leave that run out, or copy it again.") from None
    values = {**history, **summary}
    numbers = _numbers(values)
    step = as_number(values.get("_step"))
    return LoggedRun(
        name or _place(path.parent),
        flat({key: value for key, value in settings.items() if not key.startswith("_")}),
        numbers,
        {} if step is None else dict.fromkeys(numbers, int(step)),
        finished=ended,
        labels=labels,
        where=str(path),
    )


def _named(run: Field, before: dict[str, str]) -> tuple[str, dict[str, str]]:
    """A run's name, and its group and kind of job where it has them."""
    name, labels = "", dict(before)
    for field in fields_of(run.inner):
        if field.number == 8 or (field.number == 1 and not name):
            name = field.text
        elif field.number == 6 and field.text:
            labels["group"] = field.text
        elif field.number == 7 and field.text:
            labels["job_type"] = field.text
    return name, labels


def _items(record: Field, number: int) -> dict[str, Any]:
    """The items of a record: key (or its parts) and value."""
    found: dict[str, Any] = {}
    for item in fields_of(record.inner):
        if item.number != number:
            continue
        parts: list[str] = []
        text = ""
        for field in fields_of(item.inner):
            if field.number in (1, 2):
                parts.append(field.text)
            elif field.number == _VALUE:
                text = field.text
        try:
            found[".".join(part for part in parts if part)] = json.loads(text)
        except (ValueError, RecursionError):
            continue  # of a value that is no JSON nothing can be said
    return found


def _records(content: bytes, path: Path) -> Iterator[bytes]:
    """The records that are whole; one that is cut off at the end is left out, as in a run that was killed."""
    if content[:4] != b":W&B":
        raise StudyError(f"{path}: no file of W&B", hint="Give the folder `wandb`, or a table exported as CSV.")
    place, whole = _HEADER, b""
    while place + _HEADER <= len(content):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        checksum, size, kind = struct.unpack("<IHB", content[place : place + _HEADER])
        data = content[place + _HEADER : place + _HEADER + size]
        if kind == 0 and size == 0 and checksum == 0:
            return  # a file that was given its size before it was written
        if len(data) < size:
            return
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            raise WireError("a checksum that does not fit")
        whole = data if kind in (_FULL, _FIRST) else whole + data
        if kind in (_FULL, _LAST):
            yield whole
        place += _HEADER + size
