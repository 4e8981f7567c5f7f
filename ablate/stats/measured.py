"""Scores that are computed from stored answers: a metric's value and what each image adds to it, run by run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.records import Cell, Finished
from ablate.scoring.answers import Answers, NotMeasurable, answers_of, joined, taken
from ablate.scoring.metric import Metric
from ablate.stats.cells import Array, Index, Strata
from ablate.stats.score_book import Grouping, Key, Numbering, ScoreBook, ScoreRow, group_names, how_lost
from ablate.store.outcome_columns import CLASSES, GROUP, VAL_PROB, VAL_TARGET, read_columns

FEWEST_IMAGES = 10
"""Of a class a metric rests on; with fewer there are intervals and no verdict."""

READ = ("id", "target", "prob", "predicted", "score", GROUP, CLASSES, VAL_TARGET, VAL_PROB)


def read_measured(cells: Sequence[Cell], metric: Metric) -> ScoreBook | None:
    """Every finished run's answers, and its score of each test image by them.

    None where a run stores no answers and tells the metric itself, or its own score of each image: it is compared by
    those.
    """
    rows: dict[Key, ScoreRow] = {}
    gone: dict[Key, str] = {}
    needs: dict[Key, Mapping[str, int]] = {}
    numbering, grouping = Numbering(), Grouping()
    for cell in sorted(cells, key=lambda cell: (cell.replicate.index, cell.variant)):
        run = cell.result
        if not isinstance(run, Finished):
            continue
        key, where = (cell.variant, cell.replicate.index), f"{cell.variant}, replicate {cell.replicate.index}"
        try:
            stored = _columns(run, metric)
        except (OSError, ValueError, KeyError, TypeError) as error:
            gone[key] = f"the answers of {where}, {how_lost(error)}: {run.folder / str(run.images)}"
            continue
        if "target" not in stored and metric.name in run.metrics:
            return None
        try:
            answers = _answers(stored, cell)
            if metric.needs is not None:
                needs[key] = metric.needs(answers)
            ids = stored["id"]
            images = numbering.of(cell.replicate.index, ids)
            order = np.argsort(images, kind="stable")
            found = metric.measure(answers := taken(answers, order))
        except NotMeasurable as error:
            if metric.name in stored:
                return None
            gone[key] = f"{metric.name} of {where}: {error.message}"
            continue
        if (names := group_names(cell, ids, stored.get(GROUP))) is not None:
            grouping.add(images, names)
        rows[key] = ScoreRow(images[order], found.value + found.influence, answers=answers)
    return ScoreBook(grouping.told(rows), gone, metric, needs) if rows or gone else None


def _columns(run: Finished, metric: Metric) -> Mapping[str, NDArray[Any]]:
    if run.images is None:
        return {}
    return read_columns(run.folder / run.images, *dict.fromkeys((*READ, metric.name)))


def _answers(stored: Mapping[str, NDArray[Any]], cell: Cell) -> Answers:
    if "id" not in stored or "target" not in stored:
        raise NotMeasurable(
            "the answers to single images are not stored (Outcome.images with the columns id, target and prob)"
        )
    answers = answers_of(stored, cell.classes)
    if stored["id"].shape != answers.target.shape[:1]:
        raise NotMeasurable("the stored columns differ in length")
    return answers


def pooled_scores(rows: Mapping[Key, ScoreRow], metric: Metric, repetition: Mapping[int, int]) -> dict[Key, Array]:
    """Scores by all answers of a variant to the folds of a repetition, fold by fold; their mean is the metric.

    A fold of more images than others weighs as much as they do, as everywhere: an image of it adds less.
    """
    scores: dict[Key, Array] = {}
    for members in _together(rows, repetition):
        answers = [rows[key].answers for key in members]
        try:
            found = metric.measure(joined([one for one in answers if one is not None]))
        except NotMeasurable:
            continue
        sizes = [len(rows[key].images) for key in members]
        parts = np.split(found.influence, np.cumsum(sizes)[:-1])
        for key, size, part in zip(members, sizes, parts, strict=True):
            scores[key] = found.value + part * (size * len(sizes) / sum(sizes))
    return scores


def _together(rows: Iterable[Key], repetition: Mapping[int, int]) -> list[list[Key]]:
    """The runs of one variant on the folds of one repetition."""
    found: dict[tuple[str, int], list[Key]] = {}
    for variant, r in sorted(rows):
        found.setdefault((variant, repetition[r]), []).append((variant, r))
    return list(found.values())


def strata_of(rows: Sequence[ScoreRow | None], metric: Metric) -> Strata | None:
    """The samples that a metric is centred in. rows: one of each replicate, whatever variant's."""
    if metric.strata is None:
        return None
    known = [None if row is None else row.answers for row in rows]
    of: list[Index | None] = [None if one is None else metric.strata(one) for one in known]
    there = [one for one in known if one is not None]
    shares = metric.shares(joined(there)) if metric.shares is not None and there else ()
    return Strata(tuple(of), pooled=metric.pooled, shares=tuple(float(share) for share in shares))


class ClassSize(NamedTuple):
    """A class that a metric rests on. images: of one repetition. without: the replicates whose test has none of it."""

    name: str
    images: int
    without: tuple[int, ...]


def class_sizes(book: ScoreBook, repetition: Mapping[int, int]) -> list[ClassSize]:
    """The classes that a metric rests on, as the replicates of `repetition` test them.

    repetition: of each replicate that counts, which shuffle of the data its fold is cut from; a fixed test has all
    images in each of its replicates, each a repetition of its own.
    """
    by_replicate = {r: dict(need) for (_, r), need in sorted(book.needs.items(), reverse=True) if r in repetition}
    found = []
    for name in dict.fromkeys(name for need in by_replicate.values() for name in need):
        totals: dict[int, int] = {}
        for r, need in by_replicate.items():
            totals[repetition[r]] = totals.get(repetition[r], 0) + need.get(name, 0)
        without = tuple(sorted(r for r, need in by_replicate.items() if not need.get(name)))
        found.append(ClassSize(name, max(totals.values()), without))
    return found


def with_values(cells: Sequence[Cell], book: ScoreBook | None) -> list[Cell]:
    """The cells whose runs tell the metric that was computed from their answers, whatever the trainer told of it."""
    if book is None or book.metric is None:
        return list(cells)
    name, found = book.metric.name, []
    for cell in cells:
        row, run = book.rows.get((cell.variant, cell.replicate.index)), cell.result
        if row is not None and isinstance(run, Finished):
            cell = replace(cell, result=replace(run, metrics={**run.metrics, name: float(row.scores.mean())}))
        found.append(cell)
    return found
