"""A table of results that somebody made elsewhere: one row a run, or one row a test image."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.rates import is_rate
from ablate.report.judged_images import TestedRun

_COLUMNS = {
    "variant": ("variant", "model", "method", "name"),
    "replicate": ("replicate", "seed", "run", "fold", "repeat"),
    "correct": ("correct", "right", "score"),
    "n": ("n", "total", "images", "count"),
    "image": ("image", "image_id", "id", "file"),
}
"""What a column may be called, in any case; the first is ours."""

_FORMS = (
    "Columns: variant, replicate, correct, n (a row a run); or variant, replicate, image, correct (a row an image, "
    "correct being 0 or 1); or variant, replicate and the metric's name (a number a run)."
)


class HandedIn(NamedTuple):
    """The runs of a table, in its order. percent: whether values above 1 were taken as percentages."""

    runs: tuple[TestedRun, ...]
    percent: bool


class _Row(NamedTuple):
    where: str
    cells: Mapping[str, str]


def read_table(path: Path, metric: str) -> HandedIn:
    """The runs of a CSV file, with commas, semicolons or tabs.

    Raises StudyError, naming file and line, for a table that is none of the three forms or holds nothing.
    """
    rows = _rows(path, metric)
    if "image" in rows[0].cells:
        return HandedIn(_by_image(rows), percent=False)
    if "correct" in rows[0].cells and "n" in rows[0].cells:
        return HandedIn(tuple(_unique([(row, _counted(row)) for row in rows])), percent=False)
    if "value" in rows[0].cells:
        values = [_number(row, "value") for row in rows]
        percent = is_rate(metric) and max(values) > 1
        if percent:
            values = [value / 100 for value in values]
        runs = [(row, TestedRun(*_key(row), value)) for row, value in zip(rows, values, strict=True)]
        return HandedIn(tuple(_unique(runs)), percent=percent)
    if "correct" in rows[0].cells:
        raise StudyError(
            f"{path}:1: correct says how many were right, and there is no column n to say of how many",
            hint="Add a column n, the number of test images; or a column image, where each row is one image.",
        )
    raise StudyError(f"{path}: neither counts, nor images, nor a column {metric!r}", hint=_FORMS)


def _rows(path: Path, metric: str) -> list[_Row]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be read: {error.strerror}", hint="Give a CSV file, or a study file."
        ) from None
    except UnicodeDecodeError:
        raise StudyError(f"{path}: is no UTF-8 text", hint="Save the table as CSV in UTF-8.") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    names = [_meaning(name, metric) for name in next(reader, [])]
    if "variant" not in names:
        raise StudyError(f"{path}:1: there is no column variant", hint=_FORMS)
    rows = []
    for cells in reader:
        if any(cell.strip() for cell in cells):
            if len(cells) != len(names):
                raise StudyError(
                    f"{path}:{reader.line_num}: {len(cells)} cells under {len(names)} headings",
                    hint="Put a name that holds the separator in double quotes.",
                )
            pairs = zip(names, (cell.strip() for cell in cells), strict=True)
            rows.append(_Row(f"{path}:{reader.line_num}", {name: cell for name, cell in pairs if name}))
    if not rows:
        raise StudyError(f"{path}: holds no result", hint=_FORMS)
    return rows


def _meaning(name: str, metric: str) -> str:
    plain = name.strip().lower().replace(" ", "_")
    if plain == metric.lower():
        return "value"
    return next((ours for ours, names in _COLUMNS.items() if plain in names), "")


def _key(row: _Row) -> tuple[str, int]:
    name = row.cells["variant"]
    if not name:
        raise StudyError(f"{row.where}: no variant is named", hint="Give every row the name of what was trained.")
    replicate = row.cells.get("replicate", "") or "0"
    try:
        return name, int(replicate)
    except ValueError:
        raise StudyError(f"{row.where}: replicate {replicate!r} is no whole number", hint="Number the runs.") from None


def _number(row: _Row, column: str) -> float:
    text = row.cells[column].removesuffix("%").strip()
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise StudyError(
            f"{row.where}: {column} {row.cells[column]!r} is no number", hint="Leave runs without a result out."
        )
    return value


def _counted(row: _Row) -> TestedRun:
    correct, n = _number(row, "correct"), _number(row, "n")
    if correct != round(correct) or n != round(n) or not 0 <= correct <= n or n < 1:
        raise StudyError(
            f"{row.where}: {row.cells['correct']} right of {row.cells['n']} images",
            hint="correct is the number of right answers, n that of test images.",
        )
    return TestedRun(*_key(row), correct / n, int(correct), int(n))


def _unique(runs: Sequence[tuple[_Row, TestedRun]]) -> list[TestedRun]:
    seen: dict[tuple[str, int], TestedRun] = {}
    for row, run in runs:
        if (run.variant, run.replicate) in seen:
            raise StudyError(
                f"{row.where}: {run.variant!r}, replicate {run.replicate}, stands there twice",
                hint="Number the runs of a variant in a column replicate.",
            )
        seen[run.variant, run.replicate] = run
    return list(seen.values())


def _by_image(rows: Sequence[_Row]) -> tuple[TestedRun, ...]:
    found: dict[tuple[str, int], dict[str, float]] = {}
    if "correct" not in rows[0].cells:
        raise StudyError(f"{rows[0].where}: images without a column correct", hint=_FORMS)
    for row in rows:
        images = found.setdefault(_key(row), {})
        image = row.cells["image"]
        if image in images:
            raise StudyError(
                f"{row.where}: image {image!r} stands there twice for {row.cells['variant']!r}",
                hint="Number the runs of a variant in a column replicate.",
            )
        images[image] = _number(row, "correct")
    for (variant, replicate), images in found.items():
        if len(images) < 2:
            raise StudyError(
                f"{variant!r}, replicate {replicate}: a single test image", hint="One image has no spread."
            )
    return tuple(
        TestedRun(variant, replicate, sum(images.values()) / len(images), None, len(images), images)
        for (variant, replicate), images in found.items()
    )
