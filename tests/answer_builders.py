"""Outcomes with the answers of a classifier: targets, probabilities and groups beside the scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ablate.records import Cell, Finished
from ablate.store.outcome_columns import GROUP


def with_probabilities(
    cells: Sequence[Cell], classes: int = 2, *, several: bool = False, patients: int | None = None
) -> list[Cell]:
    """A target and probabilities beside the scores, right where the score is; and the group of each image.

    several: labels an image, instead of one class. patients: how many the images of a fold are of; each has one class.
    """
    rng = np.random.default_rng(11)
    for cell in cells:
        assert isinstance(cell.result, Finished)
        path = cell.result.folder / "outcomes.npz"
        with np.load(path) as stored:
            columns = {name: stored[name] for name in stored.files}
        number = np.array([int(str(name).split()[-1]) for name in columns["id"]])
        fold, number = number % 3, number // 3
        if patients is not None:
            number = number % patients
            columns[GROUP] = np.array([f"P{f}-{i:03d}" for f, i in zip(fold, number, strict=True)])
        target = number % classes
        said = np.where(columns["score"] > 0, target, (target + 1) % classes)
        raw = rng.normal(size=(len(number), classes)) * 0.3 + 2.0 * (said[:, None] == np.arange(classes))
        prob = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
        columns["target"] = (target[:, None] == np.arange(classes)) if several else target.astype(np.int32)
        columns["prob"] = prob.astype(np.float16)
        np.savez(path, **columns)
    return list(cells)
