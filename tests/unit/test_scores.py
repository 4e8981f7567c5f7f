"""Scores of test images as runs have stored them: taken, refused, or left to the metric alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ablate.records import Cell, Finished
from ablate.splits.rules import Replicate
from ablate.stats.cautions import at_chance
from ablate.stats.cells import StatisticsError
from ablate.stats.replicate_level import Summary, estimate_summaries
from ablate.stats.scores import read_scores


def a_cell(folder: Path, *, metrics: dict[str, float], **columns: np.ndarray) -> Cell:
    """A finished run with these columns."""
    np.savez(folder / "outcomes.npz", **columns)
    run = Finished(folder=folder, metrics=metrics, images="outcomes.npz")
    return Cell(variant="A", replicate=Replicate(index=0), result=run)


IDS = np.array(["a", "b", "c", "d"])


def test_a_column_is_a_metric_only_if_its_mean_is(tmp_path: Path) -> None:
    """A score that merely shares the name would answer another question."""
    column = np.array([1.0, 2.0, 3.0, 4.0])
    same = read_scores([a_cell(tmp_path, metrics={"error": 2.5}, id=IDS, error=column)], "error")
    other = read_scores([a_cell(tmp_path, metrics={"error": 2.0}, id=IDS, error=column)], "error")
    unsaid = read_scores([a_cell(tmp_path, metrics={}, id=IDS, error=column)], "error")

    assert same is not None
    assert same.rows["A", 0].scores.tolist() == column.tolist()
    assert (other, unsaid) == (None, None)


def test_labels_that_are_no_column_say_nothing_of_chance(tmp_path: Path) -> None:
    """Several labels an image have no most frequent class."""
    cell = a_cell(tmp_path, metrics={"accuracy": 0.5}, id=IDS, target=np.eye(4, dtype=np.int64))

    assert at_chance([cell], {}) == ()


def test_a_summary_that_is_not_finite_is_refused() -> None:
    """What to leave out is said."""
    rows = [Summary(mean=float("inf"), deviation=0.1, n=3), Summary(mean=0.5, deviation=0.1, n=3)]

    with pytest.raises(StatisticsError, match="not finite") as refused:
        estimate_summaries(rows, np.array([[1.0, -1.0]]))
    assert refused.value.hint == "Leave that variant out."
