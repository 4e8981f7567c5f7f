"""The forms of a table of results: counts, images, numbers, means over runs, one column per run or per variant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from ablate.errors import StudyError, near_match
from ablate.metrics import is_known, is_share
from ablate.readers import columns, counts, summaries
from ablate.readers.across import Across, is_run_column, runs_across
from ablate.readers.cells import CellSource, Entry, Key, ReadCells, entries_below, read_values
from ablate.readers.columns import first
from ablate.readers.numbers import quoted, read_cell
from ablate.readers.replicates import first_names, numbered, sums_up
from ablate.readers.sheet import TableSheet, check_name
from ablate.readers.tested import Ask
from ablate.readers.units import Note, without_unit

_NO_VARIANT = ("epoch", "step", "lr", "learning_rate", "batch_size", "seconds", "time", "date", "params", "parameters")


class Form(NamedTuple):
    """What a table is: the metric, the columns that hold results, and how they are read.

    are_runs: whether each of these columns is a run. notes: what is to be said of the choice.
    """

    metric: str
    used: frozenset[int]
    read: Callable[[CellSource], ReadCells]
    are_runs: bool = False
    notes: tuple[Note, ...] = ()


ASSUMED = Note("judge.metric_assumed")
"""That no heading says what was measured."""


def find_form(sheet: TableSheet, ask: Ask, metrics: Sequence[int], taken: Sequence[int | None]) -> Form:
    """The form of a table with one row per run, image or variant. metrics: columns of the metric's name.

    Raises StudyError where there is none, or where it may be one of two.
    """
    correct = first(columns.find(sheet, columns.CORRECT, without=[*taken, *metrics]))
    number = first(columns.find(sheet, (*columns.IMAGES, *columns.NUMBER), without=taken))
    image = first(columns.find(sheet, columns.IMAGE, without=taken))
    if image is None and correct is not None and number is None:
        image = _id_of_images(sheet, taken)
    if image is not None:
        score = metrics[0] if metrics and (ask.metric is not None or correct is None) else correct
        if score is None:
            raise StudyError(
                f"{sheet.where(sheet.rows[0])}: there is a column of images, but no column correct", hint=columns.FORMS
            )
        metric = ask.metric or "accuracy"
        group = _group_of_images(sheet, ask, [*taken, image, score])
        read = partial(counts.read_images, image=image, score=score, metric=metric, group=group)
        notes = () if group is None else (Note("judge.grouped", {"column": sheet.heading(group)}),)
        return Form(metric, frozenset(i for i in (image, score, group) if i is not None), read, notes=notes)
    if ask.group is not None:
        raise StudyError(
            f"{sheet.path}: --group {ask.group}, and the table does not have one row per image",
            hint="What test images have in common is told image by image: columns variant, image, correct, group.",
        )
    is_accuracy = ask.metric is None or columns.spelling(columns.bare(ask.metric)) in ("accuracy", "acc")
    if correct is not None and number is not None and is_accuracy:
        read = partial(counts.read_counts, correct=correct, number=number)
        return Form(ask.metric or "accuracy", frozenset([correct, number]), read)
    return _by_number(sheet, ask, metrics, taken, correct)


def _group_of_images(sheet: TableSheet, ask: Ask, taken: Sequence[int | None]) -> int | None:
    """The column that says what an image has in common with others: the one named, else `group`."""
    if ask.group is not None:
        return columns.column_named(sheet, ask.group, "--group")
    return first(columns.find(sheet, columns.GROUP, without=taken))


def _id_of_images(sheet: TableSheet, taken: Sequence[int | None]) -> int | None:
    """A column `id` that is of images, not a running number: its ids come again."""
    found = first(columns.find(sheet, ("id", "sample_id", "index"), without=taken))
    return found if found is not None and len(set(sheet.column(found))) < len(sheet.rows) else None


def _by_number(
    sheet: TableSheet, ask: Ask, metrics: Sequence[int], taken: Sequence[int | None], correct: int | None
) -> Form:
    line = f"{sheet.path}:{sheet.heading_line}"
    across = runs_across(sheet, ask.metric, taken, only_named=ask.metric is not None and bool(metrics))
    if across is not None:
        return _of_runs(sheet, ask, metrics, across)
    metric = ask.metric or "accuracy"
    metrics = metrics or columns.columns_of(sheet, columns.MEAN, ask.metric)
    if not metrics and correct is not None:
        raise StudyError(
            f"{line}: {sheet.heading(correct)} says how many were right, but no column n says out of how many",
            hint="Add a column n, the number of test images; or a column image, where each row is one image; "
            f"or, if it is the metric itself: --metric {sheet.heading(correct)}.",
        )
    if not metrics:
        raise StudyError(
            f"{sheet.path}: neither counts, nor images, nor a column {quoted(metric)}",
            hint=f"{_near(metric, sheet.headings)}There are: {first_names(sheet.headings)}. --metric NAME says which "
            f"column it is. {columns.FORMS}",
        )
    if len(metrics) > 1:
        if sheet.headings[metrics[0]].lower() == sheet.headings[metrics[1]].lower():
            raise columns.twice(sheet, metrics[0])
        raise StudyError(
            f"{line}: each of {', '.join(sheet.heading(i) for i in metrics[:5])} may be the metric",
            hint=f"Say which: --metric '{columns.proposed([sheet.heading(i) for i in metrics])}'.",
        )
    return _one_column(sheet, ask, metrics[0], [*taken, metrics[0]])


def _near(metric: str, headings: Sequence[str]) -> str:
    """A heading that may be meant: one that begins so, else one that is spelled much alike."""
    wanted = columns.spelling(columns.bare(metric))[:80]
    within = [
        name for name in headings[:200] if wanted and wanted in columns.spelling(columns.bare(name)).split("_")[0]
    ]
    return near_match(within[0] if within else metric[:80], headings[:200])


def _of_runs(sheet: TableSheet, ask: Ask, metrics: Sequence[int], across: Across) -> Form:
    """A table with one column per run."""
    if others := [i for i in metrics if i not in across.places and not is_run_column(sheet, i)]:
        raise StudyError(
            f"{sheet.path}:{sheet.heading_line}: both {sheet.heading(others[0])} and "
            f"{sheet.heading(across.places[0])} may hold the results",
            hint="Keep the one or the others.",
        )
    metric = ask.metric or across.metric or "accuracy"
    notes = () if ask.metric or across.metric else (ASSUMED,)
    read = partial(_read_runs_across, across=across, metric=metric)
    return Form(metric, frozenset(across.places), read, are_runs=True, notes=notes)


def _one_column(sheet: TableSheet, ask: Ask, value: int, taken: Sequence[int | None]) -> Form:
    """A table whose results stand in one column: of single runs, or means over runs with their spread."""
    mean = columns.base_of(sheet.headings[value], columns.MEAN)
    metric = ask.metric or mean or ("accuracy" if mean == "" else columns.metric_name(sheet.headings[value]))
    is_run = bool(columns.replicate_columns(sheet, ask.replicate, taken)[0])
    spread = summaries.find_spread(sheet, value, mean or columns.bare(sheet.headings[value]), taken)
    if not is_run and (mean is not None or spread is not None):
        notes = (ASSUMED,) if mean == "" and ask.metric is None else ()
        read = partial(summaries.read_summaries, value=value, spread=spread, metric=metric)
        return Form(metric, spread.columns | {value} if spread else frozenset([value]), read, notes=notes)
    images = first(columns.find(sheet, columns.IMAGES, without=taken))
    number = first(columns.find(sheet, columns.NUMBER, without=taken))
    if not is_run:
        summaries.check_single(sheet, first(columns.find(sheet, columns.RUNS, without=taken)))
        if images is None and number is not None:
            raise StudyError(
                f"{sheet.path}:{sheet.heading_line}: {sheet.heading(number)} may count test images or runs",
                hint="Call it images; or call it runs, and give their standard deviation in a column std; "
                "or give one row per run with a column seed.",
            )
    images = (images if images is not None else number) if is_share(metric) else None
    used = frozenset(i for i in (value, images) if i is not None)
    return Form(metric, used, partial(_read_column, value=value, images=images, metric=metric))


def _read_column(source: CellSource, *, value: int, images: int | None, metric: str) -> ReadCells:
    return read_values(source, entries_below(source, value), metric, images)


def _read_runs_across(source: CellSource, *, across: Across, metric: str) -> ReadCells:
    """One row per variant (or a variant and a fold), one column per run."""
    sheet, names = source.sheet, across.labels
    rows = range(len(sheet.rows))
    numbers = numbered([(f"{source.keys[row].replicate}", name) for row in rows for name in names])
    entries = [
        Entry(row, column, Key(source.keys[row].variant, numbers[row * len(names) + j]))
        for row in rows
        for j, column in enumerate(across.places)
    ]
    return read_values(source, entries, metric)


# --- one column per variant -----------------------------------------------------------------------


def find_variants_across(sheet: TableSheet, ask: Ask, replicates: Sequence[int]) -> Form | None:
    """The form of a table with one row per replicate and one column per variant.

    None where another column than those of the replicates is a known word, or fewer than two hold numbers.
    """
    words = {*columns.VARIANT, *columns.IMAGE, *columns.CORRECT, *columns.NUMBER, *columns.MEAN, *_NO_VARIANT}
    places = [i for i in range(len(sheet.headings)) if i not in replicates and _is_of_numbers(sheet, i)]
    places = [i for i in places if not sums_up(columns.bare(sheet.headings[i]))]
    names = [columns.spelling(columns.bare(sheet.headings[i])) for i in places]
    if len(places) < 2 or any(name in words or is_known(name) for name in names):
        return None
    metric = ask.metric or "accuracy"
    notes = () if ask.metric else (ASSUMED,)
    return Form(metric, frozenset(places), partial(_read_variants_across, places=places, metric=metric), notes=notes)


def _is_of_numbers(sheet: TableSheet, column: int) -> bool:
    cells = [read_cell(text, "") for text in sheet.column(column)]
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(cell.body[-1:].isdigit() and not cell.body[:1].isalpha() for cell in known)


def _read_variants_across(source: CellSource, *, places: Sequence[int], metric: str) -> ReadCells:
    sheet = source.sheet
    names = [check_name(without_unit(sheet.headings[i])[0], f"{sheet.path}:{sheet.heading_line}") for i in places]
    for i, name in zip(places, names, strict=True):
        if names.count(name) > 1:
            raise columns.twice(sheet, i)
    entries = [
        Entry(row, column, Key(name, source.keys[row].replicate))
        for column, name in zip(places, names, strict=True)
        for row in range(len(sheet.rows))
    ]
    return read_values(source, entries, metric)
