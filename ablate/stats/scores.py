"""The scores of single test images, read once from every run and laid out for the engine.

What cannot be read or cannot be compared is named and left out; it never ends the whole analysis.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ablate.records import Cell, Finished
from ablate.scoring.metric import Metric
from ablate.scoring.registry import find_metric
from ablate.scoring.unit import SHARE_RIGHT, Unit
from ablate.splits.rules import Folds, TestRule
from ablate.stats.cells import Array, Cells
from ablate.stats.measured import ClassSize, class_sizes, pooled_scores, read_measured, strata_of
from ablate.stats.score_book import Grouping, Key, Numbering, ScoreBook, ScoreRow, group_names, how_lost
from ablate.store.outcome_columns import GROUP, read_columns

PER_IMAGE_METRIC = "accuracy"
"""The metric whose per-image scores a trainer stores under `score`: right (1) or wrong (0)."""


class Scored(NamedTuple):
    """Per-image scores of every run, and the variants that were tested on other images than the rest."""

    cells: Cells
    different_test: frozenset[str]


COLUMNS = {PER_IMAGE_METRIC: "score", "robust_accuracy": "robust"}
"""Metrics whose column in a run's npz has another name than they have."""


def column_of(metric: str) -> str:
    """The column of a run's npz that holds a metric image by image: `score` for accuracy, mostly its own name."""
    return COLUMNS.get(metric, metric)


def read_scores(
    cells: Sequence[Cell], metric: str = PER_IMAGE_METRIC, *, unit: Unit | None = None, own: Metric | None = None
) -> ScoreBook | None:
    """Every finished run's score of each test image; None where a finished run has stored none for this metric.

    For another metric than accuracy the mean of the column has to be the metric itself: a score that only
    shares its name would answer another question. A metric of the harness is computed from the answers, where they
    are stored; so is one of the user's own, and with a unit accuracy, too.
    """
    measured = own or (SHARE_RIGHT if unit is not None and metric == PER_IMAGE_METRIC else find_metric(metric))
    book = None if measured is None else read_measured(cells, measured, unit)
    return _read_stored(cells, metric) if book is None else book


def _read_stored(cells: Sequence[Cell], metric: str) -> ScoreBook | None:
    """The scores that runs stored themselves."""
    rows: dict[Key, ScoreRow] = {}
    gone: dict[Key, str] = {}
    numbering, grouping = Numbering(), Grouping()
    for cell in sorted(cells, key=lambda cell: (cell.replicate.index, cell.variant)):
        run = cell.result
        if not isinstance(run, Finished):
            continue
        if run.images is None:
            return None
        key = (cell.variant, cell.replicate.index)
        path = run.folder / run.images
        try:
            stored = read_columns(path, "id", column_of(metric), GROUP)
            if "id" in stored and column_of(metric) not in stored:
                return None
            ids, scores = stored["id"], stored[column_of(metric)].astype(np.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            gone[key] = f"the scores of {cell.variant}, replicate {cell.replicate.index}, {how_lost(error)}: {path}"
            continue
        if ids.shape != scores.shape or scores.ndim != 1 or not np.isfinite(scores).all():
            gone[key] = f"the scores of {cell.variant}, replicate {cell.replicate.index}, are damaged: {path}"
            continue
        if metric != PER_IMAGE_METRIC and not _is_mean(scores, run.metrics.get(metric)):
            return None
        images = numbering.of(cell.replicate.index, ids)
        if (names := group_names(cell, ids, stored.get(GROUP))) is not None:
            grouping.add(images, names)
        order = np.argsort(images, kind="stable")
        rows[key] = ScoreRow(images[order], scores[order])
    return ScoreBook(grouping.told(rows), gone) if rows or gone else None


def _is_mean(scores: Array, metric: float | None) -> bool:
    return metric is not None and bool(np.isclose(scores.mean(), metric, rtol=1e-3, atol=1e-6))


def other_images(book: ScoreBook) -> frozenset[str]:
    """The variants whose stored scores belong to other images than those of most, in whatever replicate.

    One image more or less is enough: comparing what two tests have in common would be a third test.
    """
    found: set[str] = set()
    for r in {index for _, index in book.rows}:
        sets = {variant: row.images.tobytes() for (variant, index), row in book.rows.items() if index == r}
        counted = list(sets.values())
        most = max(dict.fromkeys(counted), key=counted.count)
        found |= {variant for variant, images in sets.items() if images != most}
    return frozenset(found)


def repetition_of(replicate: int, test: TestRule) -> int:
    """Which shuffle of the data a replicate's test was cut from; one for all where it is not a fold."""
    return replicate // test.count if isinstance(test, Folds) else 0


def classes_tested(book: ScoreBook, replicates: Collection[int], test: TestRule) -> list[ClassSize]:
    """The classes that a metric rests on, with their numbers of test images in these replicates."""
    is_cut = isinstance(test, Folds)
    return class_sizes(book, {r: repetition_of(r, test) if is_cut else r for r in replicates})


def arrange(
    book: ScoreBook, cells: Sequence[Cell], variants: Sequence[str], test: TestRule, different: frozenset[str]
) -> Cells:
    """The scores of these cells as the engine takes them. different: variants to leave out.

    Raises StatisticsError where the test images of the replicates do not fit together.
    """
    replicates = sorted({cell.replicate.index for cell in cells})
    present = {(cell.variant, cell.replicate.index) for cell in cells if isinstance(cell.result, Finished)}
    rows = {key: row for key, row in book.rows.items() if key in present and key[0] not in different}
    repetition = {r: repetition_of(r, test) for r in replicates}
    first = [next((rows[v, r] for v in variants if (v, r) in rows), None) for r in replicates]
    scores: Mapping[Key, Array] = {key: row.scores for key, row in rows.items()}
    if book.metric is not None and book.metric.pooled and isinstance(test, Folds):
        scores = pooled_scores(rows, book.metric, repetition)
    groups = [None if row is None else row.groups for row in first]
    return Cells(
        scores=tuple(tuple(scores.get((v, r)) for r in replicates) for v in variants),
        images=tuple(None if row is None else row.images for row in first),
        repetition=tuple(repetition.values()),
        groups=tuple(groups) if any(row is not None for row in groups) else (),
        strata=None if book.metric is None else strata_of(first, book.metric),
    )
