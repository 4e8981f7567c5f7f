"""Lightning's CSVLogger: `version_N/metrics.csv`, and the parameters in `hparams.yaml` beside it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ablate.errors import StudyError
from ablate.readers.logged import LoggedRun, Point, files_below, last_values, newest_below, read_limited
from ablate.readers.settings_files import settings_beside

NAMED = "metrics.csv"
MOST_BYTES = 1 << 28
_PLACES = ("step", "epoch")


def read_metrics_csv(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Column -> epoch (else step, else the number of the row) and value, from a metrics.csv (the newest of a folder).

    A row that is still being written is left out; nothing where there is no file yet.
    """
    file = newest_below(path, NAMED)
    found: dict[str, list[tuple[int, float]]] = {}
    for point in _points(file)[0] if file is not None else ():
        rows = found.setdefault(point.metric, [])
        place = point.epoch if point.epoch is not None else point.step
        rows.append((len(rows) if place is None else place, point.value))
    return found


def read_runs(source: Path) -> list[LoggedRun]:
    """A run for each metrics.csv. Raises StudyError for one that is cut off."""
    files = [source] if source.is_file() else [path for path in files_below(source, [NAMED]) if path.name == NAMED]
    root = source if source.is_dir() else source.parent
    return [_run(root, path) for path in files]


def _run(root: Path, path: Path) -> LoggedRun:
    points, whole = _points(path)
    if not whole:
        raise StudyError(
            f"{path} is cut off in the middle of its last row: its run was stopped, or is still going on",
            hint="Leave that run out (move its folder away), or wait until it has ended.",
        )
    name = path.parent.relative_to(root).as_posix()
    return LoggedRun(
        name if name != "." else path.parent.resolve().name,
        settings_beside(path.parent, root),
        *last_values(points),
        where=str(path),
    )


def _points(path: Path) -> tuple[list[Point], bool]:
    """The values, and whether the last row is whole. A column that holds no numbers is none of a metric."""
    try:
        text = read_limited(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StudyError(f"{path} is not UTF-8 text", hint="Is it Lightning's metrics.csv?") from None
    if "\0" in text:
        raise StudyError(f"{path} is not text", hint="Is it Lightning's metrics.csv?")
    lines = text.splitlines(keepends=True)
    whole = not lines or lines[-1].endswith(("\n", "\r"))
    reader = csv.reader(io.StringIO("".join(lines if whole else lines[:-1]), newline=""))
    found: list[Point] = []
    headings: list[str] = []
    try:
        for row in reader:
            if not headings:
                headings = [cell.strip() for cell in row]
            else:
                found += _row(headings, row)
    except csv.Error as error:
        raise StudyError(f"{path}:{reader.line_num}: {error}", hint="Is it Lightning's metrics.csv?") from None
    return found, whole


def _row(headings: list[str], row: list[str]) -> list[Point]:
    cells = dict(zip(headings, row, strict=False))
    places = {name: _number(cells.get(name, "")) for name in _PLACES}
    step, epoch = (None if places[name] is None else int(places[name] or 0) for name in _PLACES)
    values = {name: _number(cell) for name, cell in cells.items() if name and name not in _PLACES}
    return [Point(name, value, step, epoch) for name, value in values.items() if value is not None]


def _number(cell: str) -> float | None:
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None
