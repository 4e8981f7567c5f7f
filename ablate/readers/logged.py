"""What a training script logged: points of a curve, and runs with their parameters and last values."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from math import inf, nan
from pathlib import Path
from typing import Any, NamedTuple

from ablate.errors import StudyError

MOST_FILES = 200_000
"""A folder with more is not one of runs."""
MOST_KEYS = 5_000
"""Parameters of one run."""
_NOT_RUNS = frozenset(["node_modules", "__pycache__", "site-packages", "venv"])
_NOT_FINITE = {"NaN": nan, "nan": nan, "Infinity": inf, "inf": inf, "-Infinity": -inf, "-inf": -inf}


class Point(NamedTuple):
    """One value of a metric. step, epoch: where in the training, None where not told."""

    metric: str
    value: float
    step: int | None = None
    epoch: int | None = None


class LoggedRun(NamedTuple):
    """A run as somebody's logger left it.

    name: the run's own, or its folder below the source. keys: its parameters. metrics: the last value of each; ends:
    the step at which that was logged, where it is known. labels: what else may name variants, such as a group.
    where: for a message.
    """

    name: str
    keys: Mapping[str, str]
    metrics: Mapping[str, float]
    ends: Mapping[str, int] = {}
    finished: bool = True
    labels: Mapping[str, str] = {}
    where: str = ""


def last_values(points: Iterable[Point]) -> tuple[dict[str, float], dict[str, int]]:
    """The value of each metric that was written last, and its step (else its epoch)."""
    values: dict[str, float] = {}
    ends: dict[str, int] = {}
    for point in points:
        values[point.metric] = point.value
        end = point.step if point.step is not None else point.epoch
        if end is not None:
            ends[point.metric] = end
    return values, ends


def as_number(value: object) -> float | None:
    """A logged value that is one number; NaN and infinity also where JSON holds them as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return None
    return _NOT_FINITE.get(value) if isinstance(value, str) else None


def flat(tree: Mapping[str, Any]) -> dict[str, str]:
    """Nested parameters as texts under dotted names. Raises StudyError for more than any run has."""
    found: dict[str, str] = {}
    stack: list[tuple[str, Any]] = [(str(key), tree[key]) for key in reversed(list(tree))]
    steps = 0
    while stack:
        key, value = stack.pop()
        steps += 1
        if steps > 4 * MOST_KEYS or len(found) > MOST_KEYS:
            raise StudyError(
                f"more than {MOST_KEYS:,} parameters of one run", hint="Name variants by a column instead."
            )
        if isinstance(value, Mapping) and value:
            stack += [(f"{key}.{inner}", value[inner]) for inner in reversed(list(value))]
        else:
            found[key] = as_text(value)
    return found


def as_text(value: object) -> str:
    """A parameter as it is compared and shown: `3.0` and `3` are one, and so are `True` and `true`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str):
        return " ".join(value.split())
    _check_size(value)
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return " ".join(json.dumps(value, default=str).split())


def _check_size(value: object) -> None:
    """Refuse lists that hold each other so often that writing them out would never end."""
    stack, seen = [value], 0
    while stack:
        one = stack.pop()
        seen += 1
        if seen > 20 * MOST_KEYS:
            raise StudyError("a parameter with more values than anybody gives", hint="Leave that run out.")
        if isinstance(one, Mapping):
            stack += one.values()
        elif isinstance(one, (list, tuple)):
            stack += one


def files_below(folder: Path, named: Iterable[str]) -> list[Path]:
    """The files whose name contains one of these texts, in natural order of their folders; links are not followed.

    Raises StudyError for a folder with more files than one of runs has.
    """
    words = tuple(named)
    found = [path for path in _walk(folder) if any(word in path.name for word in words)]
    return sorted(found, key=lambda path: [natural(part) for part in path.parts])


def _walk(folder: Path) -> Iterator[Path]:
    count = 0
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name == ".wandb" or not (name.startswith(".") or name in _NOT_RUNS)]
        count += len(names) + len(folders)
        if count > MOST_FILES:
            raise StudyError(f"{folder} has more than {MOST_FILES:,} files", hint="Name the folder of the runs.")
        yield from (Path(root) / name for name in names)


def natural(text: str) -> list[tuple[int, int, str]]:
    """For sorting: run_9 before run_10."""
    parts: list[tuple[int, int, str]] = []
    digits, word = "", ""
    for sign in f"{text}\0":
        if sign.isdecimal() and len(digits) < 15:
            if word:
                parts.append((1, 0, word))
                word = ""
            digits += sign
        else:
            if digits:
                parts.append((0, int(digits), ""))
                digits = ""
            word += sign
    return [*parts, (1, 0, word)]


def newest_below(folder: Path, name: str) -> Path | None:
    """The file of that name, here or anywhere below, that was written last."""
    if folder.is_file():
        return folder
    found = [path for path in files_below(folder, [name]) if path.name == name] if folder.is_dir() else []
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def read_limited(path: Path, most: int) -> bytes:
    """A file's bytes. Raises StudyError for one that cannot be read, is no plain file, or is larger."""
    try:
        if not path.is_file():
            raise StudyError(f"{path} is no file", hint="Give a file, or the folder of the runs.")
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}", hint="Is it there, and may you read it?") from None
    if len(content) > most:
        raise StudyError(f"{path} has more than {most >> 20:,} MB", hint="Is it another file than it seems?")
    return content
