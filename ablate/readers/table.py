"""A table of results that somebody made elsewhere, whatever its form. The rules stand in docs/judge.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.readers import columns, forms
from ablate.readers.cells import CellSource, Key
from ablate.readers.numbers import quoted
from ablate.readers.replicates import (
    FIRST,
    TOGETHER,
    first_names,
    is_numbered,
    is_part,
    is_unique,
    numbered,
    paired_replicates,
    plain_key,
    plain_label,
    sums_up,
)
from ablate.readers.sheet import TableSheet, check_name
from ablate.readers.tested import Ask, HandedIn, TestedRun, reference_of
from ablate.readers.units import Note, without_any

MOST_VARIANTS = 1000
"""More are names of runs, or of images, in the wrong column."""


def read_rows(sheet: TableSheet, ask: Ask) -> HandedIn:
    """The runs of a table.

    Raises StudyError, naming file, line and cell, for what cannot be read or may be read in two ways.
    """
    path = sheet.path
    if not sheet.headings or not sheet.rows:
        raise StudyError(f"{path}: has no results", hint=columns.FORMS)
    _check_parts(sheet)
    sheet, sums = _without_sums(sheet, ask)
    whole = sheet
    sheet, lost, state = _finished(sheet)
    notes = [*sums, *lost]
    metrics = columns.metric_columns(sheet, ask.metric)
    variant, equals = columns.variant_column(sheet, ask.by, without=metrics)
    if variant is None:
        return _across_variants(sheet, ask, metrics, notes)
    _check_equals(sheet, variant, equals)
    found = forms.find_form(sheet, ask, metrics, [variant, state])
    keys, replicates, more = _keys(sheet, ask, variant, found.used | {state})
    placed, said = found.read(CellSource(sheet, ask, keys))
    runs = _unique(sheet, placed, found)
    if not runs:
        raise StudyError(f"{path}: no row has a result", hint=columns.FORMS)
    used = found.used | {variant, *replicates}
    named = [" ".join(label.split()) for label in whole.column(variant)]
    notes = [
        *_roles(sheet, variant, replicates, found), *found.notes, *more, *said, *notes,
        *without_any(named, [run.variant for run in runs]), *_unread(sheet, used | {state}),
    ]  # fmt: skip
    return HandedIn(tuple(runs), found.metric, tuple(notes))


# --- which rows, which columns ----------------------------------------------------------------


def _check_parts(sheet: TableSheet) -> None:
    for i in range(len(sheet.headings)):
        labels = sheet.column(i)
        if is_part(labels) and len({label.lower() for label in labels}) > 1:
            raise StudyError(
                f"{sheet.path}: {sheet.heading(i)} marks rows of several parts ({first_names(sorted(set(labels)))})",
                hint="Keep the rows of the test part.",
            )


def _without_sums(sheet: TableSheet, ask: Ask) -> tuple[TableSheet, list[Note]]:
    """Without rows that are called mean, std or all where the others have the number of a replicate."""
    for i, heading in enumerate(sheet.headings):
        if plain_key(heading) not in {*FIRST, *TOGETHER, "run", "trial", plain_key(ask.replicate or "")}:
            continue
        kept = tuple(row for row in sheet.rows if not sums_up(row.cells[i]))
        if len(kept) < len(sheet.rows) and is_numbered([row.cells[i] for row in kept]):
            names = tuple(dict.fromkeys(row.cells[i] for row in sheet.rows if sums_up(row.cells[i])))
            lost = len(sheet.rows) - len(kept)
            return sheet._replace(rows=kept), [
                Note("judge.sums", {"rows": lost, "column": sheet.heading(i), "names": names})
            ]
    return sheet, []


def _finished(sheet: TableSheet) -> tuple[TableSheet, list[Note], int | None]:
    """Without the rows of runs that did not finish, where a column says so; and that column."""
    for i in columns.find(sheet, columns.STATE):
        labels = [label.lower() for label in sheet.column(i)]
        if set(labels) <= columns.FINISHED | columns.NOT_FINISHED:
            rows = tuple(row for row, label in zip(sheet.rows, labels, strict=True) if label in columns.FINISHED)
            if not rows:
                raise StudyError(f"{sheet.path}: {sheet.heading(i)} says that no run finished", hint=columns.FORMS)
            lost = len(labels) - len(rows)
            return sheet._replace(rows=rows), [Note("judge.unfinished", {"runs": lost})] if lost else [], i
    return sheet, [], None


def _check_equals(sheet: TableSheet, variant: int, equals: Sequence[int]) -> None:
    """Refuse a second column that might name the variants and tells apart what the first one does not."""
    if sheet.headings[variant].strip().lower() == "variant":
        return
    for other in equals:
        seen: dict[str, str] = {}
        for row in sheet.rows:
            if seen.setdefault(row.cells[variant], row.cells[other]) != row.cells[other]:
                one, two = sheet.heading(variant), sheet.heading(other)
                raise StudyError(
                    f"{sheet.where(row)}: both {one} and {two} may name the variants: {one} "
                    f"{quoted(row.cells[variant])} appears with {two} {quoted(seen[row.cells[variant]])} "
                    f"and {quoted(row.cells[other])}",
                    hint=f"Say which: --by {one} or --by {two}. For both, put a column variant in front.",
                )


class _Numbered(NamedTuple):
    keys: list[Key]
    columns: tuple[int, ...]
    notes: list[Note]


def _keys(sheet: TableSheet, ask: Ask, variant: int, used: frozenset[int | None]) -> _Numbered:
    """Each row's variant and replicate, the columns these are from, and what is to be said of it."""
    names = [check_name(row.cells[variant], sheet.where(row)) for row in sheet.rows]
    if len(different := set(names)) > MOST_VARIANTS:
        raise StudyError(
            f"{sheet.path}: {sheet.heading(variant)} names {len(different):,} variants, and at most "
            f"{MOST_VARIANTS:,} are compared",
            hint="Does it name runs or images? Say which column names the variants: --by COLUMN. If each of them is "
            "a variant, keep the rows of those that were to be compared before the results were seen.",
        )
    chosen, weak = columns.replicate_columns(sheet, ask.replicate, [variant, *used])
    if not chosen and len(different) < len(names):
        chosen = [i for i in weak if columns.is_of_runs(sheet, i) or is_unique([(x,) for x in sheet.column(i)], names)][
            :1
        ]
    for i in chosen:
        for row in sheet.rows:
            if not row.cells[i]:
                raise StudyError(f"{sheet.where(row, i)} is empty", hint="Give every row its replicate, or none.")
    labels = {sheet.headings[i]: [plain_label(label) for label in sheet.column(i)] for i in chosen}
    together = list(zip(*labels.values(), strict=True)) if chosen else []
    if ask.paired and chosen and is_unique(together, names):
        return _paired(sheet, ask, chosen, labels, names)
    numbers = numbered(together) if chosen else [0] * len(names)
    return _Numbered([Key(*one) for one in zip(names, numbers, strict=True)], tuple(chosen), [])


def _paired(
    sheet: TableSheet, ask: Ask, chosen: Sequence[int], labels: Mapping[str, Sequence[str]], names: Sequence[str]
) -> _Numbered:
    """The replicates by which runs are paired: see `paired_replicates`."""
    reference, _ = reference_of(list(dict.fromkeys(names)), ask.baseline)
    found = paired_replicates(labels, names, reference) if reference in names else None
    if found is None:
        raise StudyError(
            f"{sheet.path}: --paired: no run of one variant has the same {first_names(list(labels))} as one of another",
            hint="Name the column that runs which belong together share: --replicate COLUMN; or leave out --paired.",
        )
    kept = tuple(i for i in chosen if sheet.headings[i] in found.keys)
    notes = [Note("judge.left_aside", {"keys": found.left_out})] if found.left_out else []
    return _Numbered([Key(*one) for one in zip(names, found.numbers, strict=True)], kept, notes)


# --- what came of it --------------------------------------------------------------------------


def _unique(sheet: TableSheet, runs: Sequence[tuple[int, TestedRun]], found: forms.Form) -> list[TestedRun]:
    """The runs, none of which stands for a replicate that another has. runs: with the row each ends in."""
    seen: dict[tuple[str, int], int] = {}
    for place, run in runs:
        before = seen.setdefault((run.variant, run.replicate), place)
        if before != place:
            one, other = sheet.rows[before], sheet.rows[place]
            apart = [
                sheet.heading(i)
                for i in range(len(sheet.headings))
                if i not in found.used and one.cells[i] != other.cells[i]
            ]
            hint = "Number the runs of a variant in a column replicate."
            if apart:
                hint = (
                    f"They differ in {first_names(apart, 5)}: name the column that tells replicates (--replicate "
                    "COLUMN) or variants (--by COLUMN) apart, or keep one row per run."
                )
            raise StudyError(
                f"{sheet.where(other)}: {quoted(run.variant)}, replicate {run.replicate}, appears twice "
                f"(also in line {one.line})",
                hint=hint,
            )
    return [run for _, run in runs]


def _headings(sheet: TableSheet, places: Iterable[int]) -> tuple[str, ...]:
    return tuple(sheet.heading(i) for i in places)


def _roles(sheet: TableSheet, variant: int, replicates: Sequence[int], found: forms.Form) -> list[Note]:
    names: dict[str, str | int | tuple[str, ...]] = {
        "variant": sheet.heading(variant),
        "results": _headings(sheet, sorted(found.used)),
    }
    if found.are_runs:
        return [Note("judge.runs_across", names)]
    if not replicates:
        return [Note("judge.columns_alone", names)]
    return [Note("judge.columns", {**names, "replicates": _headings(sheet, replicates)})]


def _unread(sheet: TableSheet, used: frozenset[int | None]) -> list[Note]:
    others = tuple(sheet.heading(i) for i in range(len(sheet.headings)) if i not in used)
    return [Note("judge.unread", {"columns": others})] if others else []


def _across_variants(sheet: TableSheet, ask: Ask, metrics: Sequence[int], notes: list[Note]) -> HandedIn:
    """A table with one column per variant and one row per replicate, told by its replicates alone."""
    replicates, _ = columns.replicate_columns(sheet, ask.replicate, [])
    found = forms.find_variants_across(sheet, ask, replicates) if replicates and not metrics else None
    if found is None:
        raise StudyError(
            f"{sheet.path}:{sheet.heading_line}: there is no column variant",
            hint=f"--by COLUMN says which one names the variants. There are: {first_names(sheet.headings)}. "
            f"{columns.FORMS}",
        )
    if len(found.used) > MOST_VARIANTS:
        raise StudyError(
            f"{sheet.path}: {len(found.used):,} columns of numbers; at most {MOST_VARIANTS:,} variants are compared",
            hint=columns.FORMS,
        )
    labels = [tuple(plain_label(row.cells[i]) for i in replicates) for row in sheet.rows]
    placed, said = found.read(CellSource(sheet, ask, [Key("", number) for number in numbered(labels)]))
    runs = _unique(sheet, placed, found)
    used = found.used | set(replicates)
    names = {"results": _headings(sheet, sorted(found.used)), "replicates": _headings(sheet, replicates)}
    return HandedIn(
        tuple(runs), found.metric, (Note("judge.across", names), *found.notes, *said, *notes, *_unread(sheet, used))
    )
