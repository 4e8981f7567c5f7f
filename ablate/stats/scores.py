"""The scores of single test images, read once from every run and laid out for the engine.

What cannot be read or cannot be compared is named and left out; it never ends the whole analysis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ablate.records import Cell, Finished
from ablate.splits.rules import Folds, TestRule
from ablate.stats.cells import Array, Cells, Index
from ablate.store.outcome_columns import GROUP, read_columns

PER_IMAGE_METRIC = "accuracy"
"""The metric whose per-image scores a trainer stores under `score`: right (1) or wrong (0)."""

Key = tuple[str, int]
"""Variant and index of the replicate."""


class ScoreRow(NamedTuple):
    """One run's scores: which image each belongs to (ascending numbers), and the score.

    groups: what shares the luck of each image, as the number of one of its images; None where nobody says.
    """

    images: Index
    scores: Array
    groups: Index | None = None


class ScoreBook(NamedTuple):
    """The per-image scores of every finished run of a study, for one metric.

    gone: runs that finished, but whose scores cannot be read any more, and why.
    """

    rows: Mapping[Key, ScoreRow]
    gone: Mapping[Key, str]


class Scored(NamedTuple):
    """Per-image scores of every run, and the variants that were tested on other images than the rest."""

    cells: Cells
    different_test: frozenset[str]


COLUMNS = {PER_IMAGE_METRIC: "score", "robust_accuracy": "robust"}
"""Metrics whose column in a run's npz has another name than they have."""


def column_of(metric: str) -> str:
    """The column of a run's npz that holds a metric image by image: `score` for accuracy, mostly its own name."""
    return COLUMNS.get(metric, metric)


def read_scores(cells: Sequence[Cell], metric: str = PER_IMAGE_METRIC) -> ScoreBook | None:
    """Every finished run's score of each test image; None where a finished run has stored none for this metric.

    For another metric than accuracy the mean of the column has to be the metric itself: a score that only
    shares its name would answer another question.
    """
    rows: dict[Key, ScoreRow] = {}
    gone: dict[Key, str] = {}
    numbering, grouping = _Numbering(), Grouping()
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
            gone[key] = f"the scores of {cell.variant}, replicate {cell.replicate.index}, {_how(error)}: {path}"
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


def group_names(cell: Cell, ids: np.ndarray, stored: np.ndarray | None) -> np.ndarray | None:
    """The name of each image's group, "" for one on its own: by the run's own outcomes (stored), else by its data.

    None where neither says.
    """
    if stored is not None and stored.shape == ids.shape:
        return stored.astype(np.str_)
    known = cell.groups() if cell.groups is not None else {}
    return np.array([known.get(name, "") for name in map(str, ids.tolist())]) if known else None


class Grouping:
    """Which images share their luck, as their runs and data say: each run may know a part of it."""

    def __init__(self) -> None:
        self._groups: dict[int, int] = {}
        self._first: dict[str, int] = {}
        self._seen: set[tuple[bytes, bytes]] = set()

    def add(self, images: Index, names: np.ndarray) -> None:
        """names: of the group of each image; those of no name are on their own."""
        told = (images.tobytes(), names.tobytes())
        if told in self._seen:  # the variants of a replicate say the same
            return
        self._seen.add(told)
        for image, name in zip(images.tolist(), names.tolist(), strict=True):
            if name:
                self._groups.setdefault(image, self._first.setdefault(name, image))

    def told(self, rows: Mapping[Key, ScoreRow]) -> Mapping[Key, ScoreRow]:
        """The rows with their groups; as they are where no image has any."""
        if not self._groups:
            return rows
        found: dict[bytes, Index] = {}  # one array for all variants of a replicate
        return {key: row._replace(groups=self._of(row.images, found)) for key, row in rows.items()}

    def _of(self, images: Index, found: dict[bytes, Index]) -> Index:
        key = images.tobytes()
        if key not in found:
            found[key] = np.array([self._groups.get(image, image) for image in images.tolist()], np.int64)
        return found[key]


def _how(error: Exception) -> str:
    return "are gone" if isinstance(error, FileNotFoundError) else "cannot be read"


def _is_mean(scores: Array, metric: float | None) -> bool:
    return metric is not None and bool(np.isclose(scores.mean(), metric, rtol=1e-3, atol=1e-6))


class _Numbering:
    """Image id -> number. The runs of a replicate share their ids, so that each set is looked up once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._latest: dict[int, tuple[np.ndarray, Index]] = {}

    def of(self, replicate: int, ids: np.ndarray) -> Index:
        known = self._latest.get(replicate)
        if known is not None and np.array_equal(known[0], ids):
            return known[1]
        # In the order of the names, so that sums do not depend on who was read first.
        order = np.argsort(ids, kind="stable")
        found = np.empty(len(ids), np.int64)
        found[order] = [self._numbers.setdefault(str(name), len(self._numbers)) for name in ids[order]]
        self._latest[replicate] = (ids, found)
        return found


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


def arrange(
    book: ScoreBook, cells: Sequence[Cell], variants: Sequence[str], test: TestRule, different: frozenset[str]
) -> Cells:
    """The scores of these cells as the engine takes them. different: variants to leave out.

    Raises StatisticsError where the test images of the replicates do not fit together.
    """
    replicates = sorted({cell.replicate.index for cell in cells})
    present = {(cell.variant, cell.replicate.index) for cell in cells if isinstance(cell.result, Finished)}
    images: list[Index | None] = []
    groups: list[Index | None] = []
    columns: list[Mapping[str, Array]] = []
    for r in replicates:
        usable = [v for v in variants if v not in different and (v, r) in present]
        rows = {v: row for v in usable if (row := book.rows.get((v, r))) is not None}
        images.append(next((row.images for row in rows.values()), None))
        groups.append(next((row.groups for row in rows.values()), None))
        columns.append({v: row.scores for v, row in rows.items()})
    scores = tuple(tuple(column.get(v) for column in columns) for v in variants)
    repetition = tuple(repetition_of(r, test) for r in replicates)
    told = tuple(groups) if any(row is not None for row in groups) else ()
    return Cells(scores=scores, images=tuple(images), repetition=repetition, groups=told)
