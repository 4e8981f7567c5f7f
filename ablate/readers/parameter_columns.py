"""A table of runs that has their parameters in columns, and no column that names the variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.metrics import is_known
from ablate.readers import columns
from ablate.readers.repeats import BOOKKEEPING
from ablate.readers.replicates import first_names, plain_key
from ablate.readers.sheet import TableSheet
from ablate.readers.tested import Ask
from ablate.readers.units import Note

NAMED = "variant"
"""The heading of the column that is put in front."""
_OTHERS = frozenset(
    (
        *columns.RUN_NAME, *columns.IMAGE, *columns.CORRECT, *columns.IMAGES, *columns.RUNS, *columns.NUMBER,
        *columns.DEVIATION, *columns.ERROR, *columns.MEAN, *columns.GROUP,
    )
)  # fmt: skip
"""Headings of tables of another form."""


class Named(NamedTuple):
    """A table with a column of variants in front."""

    sheet: TableSheet
    notes: tuple[Note, ...]


def name_variants(sheet: TableSheet, ask: Ask) -> Named | None:
    """The table with its variants named by its parameters: every column that differs, but the seed and the results.

    Also where --by names several columns. None where the table names its variants itself, or where nothing in it is a
    known seed and a known result. Raises StudyError where every row would be a variant of its own.
    """
    if ask.by is not None:
        several = [name.strip() for name in ask.by.split(",")]
        if len(several) < 2 or any(ask.by.strip().lower() == heading.lower() for heading in sheet.headings):
            return None
        return _named(sheet, [columns.column_named(sheet, name, "--by") for name in several], [])
    metrics = columns.metric_columns(sheet, ask.metric)
    variant, _ = columns.variant_column(sheet, None, without=metrics)
    replicates, _ = columns.replicate_columns(sheet, ask.replicate, metrics)
    plain = [plain_key(heading) for heading in sheet.headings]
    if variant is not None or not metrics or not replicates or _OTHERS & set(plain):
        return None
    states = columns.find(sheet, columns.STATE)
    rest = [i for i in range(len(plain)) if i not in (*metrics, *replicates, *states) and plain[i]]
    rest = [i for i in rest if not is_known(sheet.headings[i]) and len(set(sheet.column(i))) > 1]
    aside = [i for i in rest if plain[i] in BOOKKEEPING]
    kept = [i for i in rest if plain[i] not in BOOKKEEPING]
    if not kept:
        return None
    found = _named(sheet, kept, aside)
    if len(sheet.rows) > 2 and len({row.cells[0] for row in found.sheet.rows}) == len(sheet.rows):
        raise StudyError(
            f"{sheet.path}: no two of the {len(sheet.rows)} rows have the same parameters, so nothing says which "
            f"repeat each other: they differ in {first_names([sheet.heading(i) for i in kept], 8)}",
            hint="Name the column of the variants, --by COLUMN (or several: --by lr,depth); or that of the seed, "
            "--replicate COLUMN.",
        )
    return found


def _named(sheet: TableSheet, places: Sequence[int], aside: Sequence[int]) -> Named:
    """With the variant in front, and without the columns that are in it or were put aside."""
    headings = [sheet.heading(i) for i in places]
    kept = [i for i in range(len(sheet.headings)) if i not in (*places, *aside)]
    rows = tuple(
        row._replace(
            cells=(_label(headings, [row.cells[i] for i in places]), *(row.cells[i] for i in kept)),
        )
        for row in sheet.rows
    )
    notes = [Note("logged.repeats", {"keys": tuple(headings)})]
    if aside:
        notes.append(Note("logged.bookkeeping", {"keys": tuple(sheet.heading(i) for i in aside)}))
    shown = (NAMED, *(sheet.headings[i] for i in kept))
    return Named(sheet._replace(headings=shown, rows=rows), tuple(notes))


def _label(headings: Sequence[str], cells: Sequence[str]) -> str:
    parts = [
        cell if plain_key(heading) in columns.VARIANT else f"{heading}={cell}"
        for heading, cell in zip(headings, cells, strict=True)
        if cell
    ]
    return ", ".join(parts) or f"without {first_names(headings, 4)}"
