"""TensorBoard's event files: the scalars and hyperparameters in them, without TensorBoard.

A file is a row of TFRecords (length, its checksum, data, its checksum), each a protocol buffer `Event`. Only numbers
are read: values of the older kind, and tensors without dimensions.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ablate.errors import StudyError
from ablate.readers.logged import LoggedRun, Point, as_text, files_below, last_values
from ablate.readers.settings_files import settings_beside
from ablate.readers.wire import WireError, fields_of, first, varint

NAMED = "tfevents"
"""What stands in the name of every event file."""
MOST_VALUES = 1_000_000
"""Read of one run."""
_PARTS = frozenset(["train", "training", "val", "valid", "validation", "test", "eval"])
LARGE = 1 << 20
"""Bytes of a record."""
_REALS = {1: ("<f", 5), 2: ("<d", 6)}
_WHOLE = {3: ("<i", 7), 9: ("<q", 10)}
"""Type of a tensor -> how one number lies in its bytes, and the field that holds it otherwise."""


class EventFile(NamedTuple):
    """What stands in a file from `begin` on.

    end: the byte after the last whole record, from which a file that grows is read on. whole: whether it ends there;
    else the next record is cut off. started: seconds since 1970, of the first record.
    """

    points: tuple[Point, ...]
    hparams: Mapping[str, str]
    end: int
    whole: bool
    started: float = inf


def read_events(path: Path, begin: int = 0) -> EventFile:
    """The scalars of an event file, in the order in which they were written.

    Raises StudyError, naming the byte, for what is no event file or was damaged; a file that is cut off, or still
    grows, is read up to its last whole record.
    """
    points: list[Point] = []
    hparams: dict[str, str] = {}
    end, started, whole = begin, inf, True
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(begin)
            while end < size and whole:
                data = _next_record(stream, path, end, size)
                if data is None:
                    whole = False
                    continue
                found, settings, when = _checked(data, path, end)
                started = min(started, when)
                points += found
                hparams |= settings
                end += 16 + len(data.content)
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}", hint="Is it there, and may you read it?") from None
    return EventFile(tuple(points), hparams, end, whole, started)


class _Record(NamedTuple):
    content: bytes
    checksum: bytes


def _next_record(stream: BinaryIO, path: Path, place: int, size: int) -> _Record | None:
    """The record at this byte; None where the file ends before it does."""
    header = stream.read(12)
    if len(header) < 12:
        return None
    (length,) = struct.unpack("<Q", header[:8])
    if _masked(header[:8]) != struct.unpack("<I", header[8:])[0]:
        raise _damaged(path, place)
    if place + 16 + length > size:
        return None
    content, checksum = stream.read(length), stream.read(4)
    return _Record(content, checksum) if len(checksum) == 4 else None


def _checked(record: _Record, path: Path, place: int) -> tuple[list[Point], dict[str, str], float]:
    """What stands in a record. The checksum of a large one, of images or a graph, is not computed: it takes seconds."""
    is_small = len(record.content) <= LARGE
    if is_small and _masked(record.content) != struct.unpack("<I", record.checksum)[0]:
        raise _damaged(path, place)
    try:
        return _event(record.content)
    except (WireError, struct.error):
        raise _damaged(path, place) from None


def read_scalars(folder: Path, *, at_most: int = MOST_VALUES) -> dict[str, list[tuple[int, float]]]:
    """Tag -> step and value of each scalar in an event file, or in all below a folder, in the order of writing.

    Of files that are cut off or still grow, what is whole; nothing where there is no file yet; after `at_most` values
    the rest is left. Raises StudyError for what is no event file.
    """
    files = [folder] if folder.is_file() else files_below(folder, [NAMED]) if folder.is_dir() else []
    found: dict[str, list[tuple[int, float]]] = {}
    count = 0
    for file in files:
        prefix = _part(file.parent, folder)
        for point in read_events(file).points[: at_most - count]:
            found.setdefault(f"{prefix}{point.metric}", []).append((point.step or 0, point.value))
            count += 1
    return found


def _part(folder: Path, source: Path) -> str:
    """What stands before the tags of a folder `train` or `validation`, as Keras makes two for a run."""
    return f"{folder.name}/" if folder.name.lower() in _PARTS and source in folder.parents else ""


def _damaged(path: Path, place: int) -> StudyError:
    return StudyError(
        f"{path}: no event file of TensorBoard, or damaged, at byte {place:,}",
        hint="Copy it again from where it was written, or leave that run out.",
    )


# --- runs -------------------------------------------------------------------------------------


def read_runs(source: Path) -> list[LoggedRun]:
    """A run for each folder with event files; one below a run that only adds its hyperparameters belongs to it, and so
    do `train` and `validation`, which then stand before its metrics.

    Raises StudyError for a file that is cut off: nobody knows how its run went on.
    """
    files = [source] if source.is_file() else files_below(source, [NAMED])
    folders: dict[Path, list[EventFile]] = {}
    for path in files:
        found = read_events(path)
        if not found.whole:
            raise StudyError(
                f"{path} is cut off after {found.end:,} bytes, in the middle of a record: its run was stopped, is "
                "still going on, or the file was not copied to its end",
                hint="Leave that run out (move its folder away), or wait until it has ended.",
            )
        folder, prefix = path.parent, _part(path.parent, source)
        if prefix:
            folder = folder.parent
            named = tuple(point._replace(metric=f"{prefix}{point.metric}") for point in found.points)
            found = found._replace(points=named)
        folders.setdefault(folder, []).append(found)
    root = source if source.is_dir() else source.parent
    known = {folder: _settings(folder, root, found) for folder, found in folders.items()}
    added: dict[Path, list[Path]] = {}
    for folder in folders:
        holder = next((above for above in folder.parents if above in folders), None)
        if holder is not None and known[folder] and not known[holder]:
            added.setdefault(holder, []).append(folder)
    inside = {folder for found in added.values() for folder in found}
    started = {folder: min(file.started for file in found) for folder, found in folders.items()}
    return [
        _run(root, folder, [folder, *added.get(folder, [])], folders, known)
        for folder in sorted(folders, key=lambda one: started[one])
        if folder not in inside
    ]


def _run(
    root: Path,
    folder: Path,
    parts: list[Path],
    folders: Mapping[Path, list[EventFile]],
    known: Mapping[Path, dict[str, str]],
) -> LoggedRun:
    metrics: dict[str, float] = {}
    ends: dict[str, int] = {}
    keys: dict[str, str] = {}
    for part in reversed(parts):  # what the run itself logged goes before what was added to it
        values, steps = last_values(point for file in folders[part] for point in file.points)
        metrics |= values
        ends = {name: end for name, end in ends.items() if name not in values} | steps
        keys |= known[part]
    name = folder.relative_to(root).as_posix()
    return LoggedRun(name if name != "." else folder.resolve().name, keys, metrics, ends, where=str(folder))


def _settings(folder: Path, root: Path, found: list[EventFile]) -> dict[str, str]:
    settings = settings_beside(folder, root)
    for file in found:
        settings |= file.hparams
    return settings


# --- what stands in a record ------------------------------------------------------------------


def _event(data: bytes) -> tuple[list[Point], dict[str, str], float]:
    step, when = 0, inf
    points: list[Point] = []
    settings: dict[str, str] = {}
    for field in fields_of(data):
        if field.number == 1:
            when = field.real
        elif field.number == 2:
            step = field.signed
        elif field.number == 5:
            for value in fields_of(field.inner):
                if value.number == 1:
                    tag, number, hparams = _value(value.inner)
                    settings |= hparams
                    if number is not None:
                        points.append(Point(tag, number))
    return [point._replace(step=step) for point in points], settings, when


def _value(data: bytes) -> tuple[str, float | None, dict[str, str]]:
    tag, number = "", None
    settings: dict[str, str] = {}
    for field in fields_of(data):
        if field.number == 1:
            tag = field.text
        elif field.number == 2:
            number = field.real
        elif field.number == 8:
            number = _scalar(field.inner)
        elif field.number == 9 and (plugin := first(field.inner, 1)) is not None:
            settings = _hparams(plugin.inner)
    return tag, number, settings


def _scalar(tensor: bytes) -> float | None:
    """The number in a tensor without dimensions; None for any other tensor."""
    kind, content = 0, b""
    held: dict[int, int | bytes] = {}
    for field in fields_of(tensor):
        if field.number == 1:
            kind = field.signed
        elif field.number == 2 and first(field.inner, 2) is not None:
            return None
        elif field.number == 4:
            content = field.inner
        else:
            held[field.number] = field.value
    layout = _REALS.get(kind) or _WHOLE.get(kind)
    if layout is None:
        return None
    form, number = layout
    size = struct.calcsize(form)
    value = held.get(number, content)
    if isinstance(value, int):
        return float(value - (1 << 64) if value >= 1 << 63 else value)
    if kind in _WHOLE and value is not content:  # packed, in as many bytes as it takes
        packed = next(iter(_packed(value)), None)
        return None if packed is None else float(packed)
    return float(struct.unpack(form, value)[0]) if len(value) == size else None


def _packed(data: bytes) -> Iterator[int]:
    place = 0
    while place < len(data):
        value, place = varint(data, place)
        yield value - (1 << 64) if value >= 1 << 63 else value


def _hparams(plugin: bytes) -> dict[str, str]:
    """The hyperparameters that the plugin of that name wrote at the start of a session."""
    name, content = first(plugin, 1), first(plugin, 2)
    if name is None or name.text != "hparams" or content is None:
        return {}
    started = first(content.inner, 3)
    found: dict[str, str] = {}
    for entry in fields_of(started.inner) if started is not None else ():
        if entry.number != 1:
            continue
        key, value = first(entry.inner, 1), first(entry.inner, 2)
        if key is not None:
            found[key.text] = _setting(value.inner) if value is not None else ""
    return found


def _setting(value: bytes) -> str:
    for field in fields_of(value):
        if field.number == 2:
            return as_text(field.real)
        if field.number == 3:
            return as_text(field.text)
        if field.number == 4:
            return as_text(bool(field.value))
    return ""


# --- checksums --------------------------------------------------------------------------------


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        found.append(value)
    return tuple(found)


_CRC = _table()


def _masked(data: bytes) -> int:
    """CRC-32C as TFRecords have it: turned, and moved by a constant."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _CRC[(value ^ byte) & 0xFF] ^ (value >> 8)
    value ^= 0xFFFFFFFF
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF
