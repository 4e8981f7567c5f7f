"""The scores of every run of a study: which image each belongs to, and which group the image is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ablate.records import Cell
from ablate.scoring.answers import Answers
from ablate.scoring.metric import Metric
from ablate.stats.cells import Array, Index

Key = tuple[str, int]
"""Variant and index of the replicate."""


class ScoreRow(NamedTuple):
    """One run's scores: which image each belongs to (ascending numbers), and the score.

    groups: what shares the luck of each image, as the number of one of its images; None where nobody says.
    answers: what the scores of a metric were computed from, image by image.
    """

    images: Index
    scores: Array
    groups: Index | None = None
    answers: Answers | None = None


class ScoreBook(NamedTuple):
    """The per-image scores of every finished run of a study, for one metric.

    gone: runs that finished, but whose scores cannot be read any more, and why. metric: by which the scores were
    computed from answers; None where the runs stored the scores themselves. needs: the classes it rests on, with their
    numbers of images.
    """

    rows: Mapping[Key, ScoreRow]
    gone: Mapping[Key, str]
    metric: Metric | None = None
    needs: Mapping[Key, Mapping[str, int]] = {}


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


class Numbering:
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


def how_lost(error: Exception) -> str:
    """What became of a file that cannot be read."""
    return "are gone" if isinstance(error, FileNotFoundError) else "cannot be read"
