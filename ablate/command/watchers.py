"""What is read while a command runs: its epochs, and the last value of everything it tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from pathlib import Path
from typing import Protocol

from ablate.command.numbers import Twice, as_number, metric_name, numbers_in, read_object
from ablate.command.schema import CurvesBlock, ResultsBlock
from ablate.errors import AblateError, TrainerError
from ablate.readers.lightning_csv import read_metrics_csv
from ablate.readers.tensorboard_events import read_scalars
from ablate.readers.wandb_run import read_runs, read_summary
from ablate.safety.plain_files import plain_files

EPOCH = "epoch"
MOST_EPOCHS = 1000
"""Reported of one run; of more, steps of a training rather, every tenth, hundredth ... is."""
LARGEST_CURVE = 100_000_000
"""Bytes of a file of curves."""

Points = Mapping[str, Sequence[tuple[int, float]]]
"""Key -> (epoch or step, value), in the order of writing."""
Report = Callable[[int, Mapping[str, float]], None]


class Watcher(Protocol):
    """Reads one place."""

    def line(self, text: str) -> None:
        """A line of the standard output."""
        ...

    def points(self) -> Points:
        """All that is there by now, of what has epochs."""
        ...

    def last(self) -> dict[str, float]:
        """Key -> its last value."""
        ...


@dataclass(slots=True)
class Lines:
    """Numbers in what a command prints: JSON objects where there are no patterns, else named groups."""

    patterns: Sequence[re.Pattern[str]] = ()
    _values: dict[str, float] = field(default_factory=dict)
    _points: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    _epoch: int | None = None

    def line(self, text: str) -> None:
        """Raises TrainerError where an object has a key twice."""
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                groups = {key: as_number(value) for key, value in match.groupdict().items() if value is not None}
                self._hear({key: number for key, number in groups.items() if number is not None})
        if not self.patterns and text.lstrip().startswith("{"):
            try:
                found = read_object(text)
            except Twice as error:
                raise TrainerError(f"a line of its output: {error}", hint="Write each metric once.") from None
            except (ValueError, RecursionError):
                return
            if isinstance(found, Mapping):
                self._epoch = None
                self._hear(numbers_in(found))

    def _hear(self, found: Mapping[str, float]) -> None:
        if isfinite(found.get(EPOCH, nan)):
            self._epoch = int(found[EPOCH])
        for key, value in found.items():
            if key == EPOCH:
                continue
            self._values[key] = value
            if self._epoch is not None:
                self._points.setdefault(key, []).append((self._epoch, value))

    def points(self) -> Points:
        """Of lines with an epoch, or behind one."""
        return self._points

    def last(self) -> dict[str, float]:
        """Whatever was told last under each name."""
        return dict(self._values)


@dataclass(slots=True)
class Files:
    """Numbers in files that grow."""

    read: Callable[[], Points]

    def line(self, text: str) -> None:
        """Nothing to do with what is printed."""

    def points(self) -> Points:
        """What is whole of them by now."""
        return self.read()

    def last(self) -> dict[str, float]:
        """The value that was written last under each name."""
        return {key: rows[-1][1] for key, rows in self.read().items() if rows}


def watcher_of(block: ResultsBlock | CurvesBlock, folder: Path) -> Watcher | None:
    """Who reads that place; None for one that is read once, when the command has ended."""
    if block.stdout == "json":
        return Lines()
    if block.stdout is not None:
        patterns = [block.stdout] if isinstance(block.stdout, str) else block.stdout
        return Lines([re.compile(pattern) for pattern in patterns])
    if block.tensorboard is not None:
        place = folder / block.tensorboard
        return Files(lambda: read_scalars(place))
    if block.lightning is not None:
        place = folder / block.lightning
        return Files(lambda: read_metrics_csv(place))
    if isinstance(block, CurvesBlock):
        name = str(block.file)
        return Files(lambda: _curve_file(folder, name))
    if block.mlflow:
        return Files(lambda: read_mlruns(folder / "mlruns"))
    return None


def _curve_file(folder: Path, name: str) -> Points:
    path = next(iter(sorted(folder.glob(name))), None)
    if path is None or path.is_symlink() or path.stat().st_size > LARGEST_CURVE:
        return {}
    if path.suffix == ".csv":
        return read_metrics_csv(path)
    told = Lines()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        told.line(line)
    return told.points()


def read_wandb(folder: Path) -> dict[str, float]:
    """The numbers of the summary that W&B leaves; of an offline run, which has none as a file, from its log."""
    found = read_summary(folder)
    if found or not folder.is_dir():
        return found
    runs = read_runs(folder)
    if len(runs) > 1:
        raise TrainerError(
            f"{len(runs)} runs of W&B are below {folder}", hint="Name the folder of the one that counts."
        )
    return dict(runs[0].metrics) if runs else {}


def read_mlruns(folder: Path) -> Points:
    """Metric -> (step, value) of the run in a folder of MLflow's; where there are several, of the newest."""
    runs = sorted((meta.parent for meta in folder.glob("*/*/meta.yaml")), key=lambda run: run.stat().st_mtime_ns)
    if not runs or not (runs[-1] / "metrics").is_dir():
        return {}
    place = runs[-1] / "metrics"
    found: dict[str, list[tuple[int, float]]] = {}
    for path in plain_files(place):
        rows = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
        found[path.relative_to(place).as_posix()] = [
            (int(row[2]), float(row[1])) for row in rows if len(row) > 2 and row[2].lstrip("-").isdecimal()
        ]
    return found


@dataclass(slots=True)
class Curve:
    """Reports epochs once each, in their order: those before the newest, and that one when it is as full as they."""

    report: Report
    epoch: int | None = None
    """The one that was reported last, counted from 1."""
    _told: int | None = None
    _width: int = 0
    _shift: int = 0
    _count: int = 0
    _stride: int = 1

    def follow(self, points: Points, *, ended: bool = False) -> None:
        """Report what has come since. ended: the newest is as full as it gets."""
        epochs: dict[int, dict[str, float]] = {}
        for key, rows in points.items():
            for epoch, value in rows:
                if self._told is None or epoch > self._told:
                    epochs.setdefault(epoch, {})[metric_name(key)] = value
        if not epochs:
            return
        if self._told is None and min(epochs) <= 0:
            self._shift = 1 - min(epochs)  # counted from 0, and here from 1
        for epoch in sorted(epochs):
            is_newest = epoch == max(epochs)
            if is_newest and not ended and (self._width == 0 or len(epochs[epoch]) < self._width):
                return
            self._told, self._width = epoch, max(self._width, len(epochs[epoch]))
            if (epoch + self._shift) % self._stride == 0:
                self._count += 1
                self._stride *= 10 if self._count % MOST_EPOCHS == 0 else 1
                self.epoch = epoch + self._shift
                self.report(self.epoch, epochs[epoch])


def quietly(read: Callable[[], Points]) -> Points:
    """What can be read by now; nothing of a file that is just being written or is none."""
    try:
        return read()
    except (OSError, ValueError, AblateError):
        return {}
