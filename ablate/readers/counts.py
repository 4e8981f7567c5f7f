"""Right answers as counts of a run, or image by image."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.errors import StudyError
from ablate.metrics import is_rate
from ablate.readers.cells import (
    CellSource,
    Entry,
    Key,
    ReadCells,
    entries_below,
    in_one_unit,
    read_entries,
    whole,
    without_result,
)
from ablate.readers.numbers import quoted
from ablate.readers.sheet import TableSheet
from ablate.readers.tested import TestedRun

_RIGHT = {
    "true": "1",
    "yes": "1",
    "right": "1",
    "correct": "1",
    "false": "0",
    "no": "0",
    "wrong": "0",
    "incorrect": "0",
}


def read_counts(source: CellSource, *, correct: int, number: int) -> ReadCells:
    """One row per run with the number of right answers and of test images."""
    sheet = source.sheet
    both = [*entries_below(source, correct), *entries_below(source, number)]
    found, lost = read_entries(sheet, both, "count")  # together, for they share their marks
    of = {(one.entry.row, one.entry.column): one for one in found}
    runs = []
    gone: dict[int, Entry] = {}
    for entry in lost:
        gone.setdefault(entry.row, entry)
    for row, key in enumerate(source.keys):
        if row in gone:
            continue
        one, other = of[row, correct], of[row, number]
        right, n = whole(one), whole(other)
        if not right <= n or n < 1:
            raise StudyError(
                f"{sheet.where(sheet.rows[row])}: {right:,} right of {n:,} images",
                hint=f"{sheet.heading(correct)} is the number of right answers, {sheet.heading(number)} that of "
                "test images. For shares or percentages: --metric NAME.",
            )
        runs.append((row, TestedRun(*key, right / n, right, n)))
    return ReadCells(runs, without_result(sheet, list(gone.values())))


def read_images(source: CellSource, *, image: int, score: int, metric: str, group: int | None = None) -> ReadCells:
    """One row per image: right or wrong, or a score, for each run. group: the column of what it shares with others."""
    sheet = source.sheet
    plain = _plain(source, score)
    rate = is_rate(metric)
    found, lost = read_entries(plain.sheet, entries_below(plain, score), "rate" if rate else "plain")
    if lost:
        row = sheet.rows[lost[0].row]
        raise StudyError(
            f"{sheet.where(row, score)} {quoted(row.cells[score])} is no answer",
            hint="Leave an image out of all runs, or write 0 where a run has no right answer to it.",
        )
    done = in_one_unit(plain.sheet, found, metric, source.ask.unit)
    runs: dict[Key, dict[str, float]] = {}
    last: dict[Key, int] = {}
    for one, value in zip(found, done.values, strict=True):
        row = sheet.rows[one.entry.row]
        images = runs.setdefault(one.entry.key, {})
        name = row.cells[image]
        if not name:
            raise StudyError(f"{sheet.where(row, image)} is empty", hint="Give every row its image.")
        if name in images:
            raise StudyError(
                f"{sheet.where(row)}: image {quoted(name)} appears twice for {quoted(one.entry.key.variant)}",
                hint="Number the runs of a variant in a column replicate.",
            )
        images[name] = value
        last[one.entry.key] = one.entry.row
    _check_sizes(runs)
    groups = None if group is None else _groups(sheet, image, group)
    return ReadCells(
        [
            (last[key], TestedRun(*key, sum(images.values()) / len(images), None, len(images), images, groups=groups))
            for key, images in runs.items()
        ],
        [] if set(done.values) <= {0.0, 1.0} else list(done.notes),
    )


def _groups(sheet: TableSheet, image: int, group: int) -> dict[str, str]:
    """Image -> its group, which every row of the image has to name alike."""
    found: dict[str, tuple[str, int]] = {}
    for row in sheet.rows:
        name, told = row.cells[image], row.cells[group]
        if not told:
            raise StudyError(
                f"{sheet.where(row, group)} is empty", hint="Name every image's group; one on its own has its own name."
            )
        before = found.setdefault(name, (told, row.line))
        if before[0] != told:
            raise StudyError(
                f"{sheet.where(row, group)}: image {quoted(name)} is of {quoted(told)}, and of {quoted(before[0])} in "
                f"line {before[1]}",
                hint="An image has one group, in all rows of all variants.",
            )
    return {name: told for name, (told, _) in found.items()}


def _check_sizes(runs: dict[Key, dict[str, float]]) -> None:
    for key, images in runs.items():
        if len(images) < 2:
            raise StudyError(
                f"{quoted(key.variant)}, replicate {key.replicate}: a single test image",
                hint="One image has no spread. If the column is not of images, give it another name.",
            )


def _plain(source: CellSource, score: int) -> CellSource:
    """The same table with 1 for true and 0 for false."""
    words = {text.lower() for text in source.sheet.column(score)}
    if not words <= _RIGHT.keys() | {"0", "1"} or not words & _RIGHT.keys():
        return source
    rows = tuple(row._replace(cells=_with(row.cells, score)) for row in source.sheet.rows)
    return source._replace(sheet=source.sheet._replace(rows=rows))


def _with(cells: Sequence[str], score: int) -> tuple[str, ...]:
    text = cells[score].lower()
    return (*cells[:score], _RIGHT.get(text, text), *cells[score + 1 :])
