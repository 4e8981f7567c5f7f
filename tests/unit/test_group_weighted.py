"""Each group of test images with the same weight: the average patient, beside the average scan."""

from __future__ import annotations

import numpy as np

from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.group_weighted import each_group_alike

STEP = np.array([[-1.0, 1.0]])
GROUPS = np.array([0, 0, 0, 1])
"""Three images of one patient and one of another."""


def a_study(*, images: tuple[np.ndarray | None, ...] | None = None, groups: np.ndarray | None = GROUPS) -> Cells:
    """The change answers all images of the first patient rightly, and the baseline that of the second."""
    rows = (np.arange(4), np.arange(4)) if images is None else images
    chosen = [None if row is None else np.asarray(row) for row in rows]
    old, new = np.array([0.0, 0, 0, 1]), np.array([1.0, 1, 1, 0])
    return Cells(
        scores=tuple(tuple(None if row is None else score[row] for row in chosen) for score in (old, new)),
        images=tuple(chosen),
        groups=() if groups is None else tuple(None if row is None else groups[row] for row in chosen),
    )


def test_a_patient_counts_once_however_many_scans_there_are() -> None:
    """+1 for one patient and -1 for the other: 0 by patients, +0.5 by scans."""
    by_patient = each_group_alike(a_study())
    assert by_patient is not None
    (patients,), (scans,) = estimate(by_patient, STEP), estimate(a_study(), STEP)

    assert patients is not None
    assert scans is not None
    assert (patients.difference, scans.difference) == (0.0, 0.5)


def test_a_replicate_without_a_run_stays_without_one() -> None:
    """Of both variants."""
    alike = each_group_alike(a_study(images=(np.arange(4), None)))

    assert alike is not None
    assert [row is None for row in alike.images] == [False, True]
    assert [[score is None for score in row] for row in alike.scores] == [[False, True]] * 2


def test_without_groups_there_is_nothing_to_weigh() -> None:
    """Nor where every image is a group of its own."""
    assert each_group_alike(a_study(groups=None)) is None
    assert each_group_alike(a_study(groups=np.arange(4))) is None


def test_groups_that_folds_cut_are_not_weighed() -> None:
    """A patient with scans in two folds would be tested twice."""
    assert each_group_alike(a_study(images=(np.array([0, 1]), np.array([2, 3])))) is None


def test_groups_of_a_study_without_a_run_are_none() -> None:
    """As of one whose first replicate is still to come."""
    empty = Cells(scores=((None,), (None,)), images=(None,), groups=(None,))

    assert empty.units == ()
    assert each_group_alike(empty) is None
