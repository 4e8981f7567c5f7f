"""ROC, precision-recall and reliability curves of single runs, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from ablate.stats.curves import PLACES, Calibration, band_of, bins_of, calibrate, rank_answers

RNG = np.random.default_rng(5)


def half_precision(n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes and probabilities as runs store them, with many ties."""
    target = RNG.integers(0, classes, n)
    raw = RNG.normal(size=(n, classes)) + 1.5 * (target[:, None] == np.arange(classes))
    prob = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return target, np.round(prob, 2).astype(np.float16).astype(np.float64)


def test_areas_of_tied_probabilities_are_those_of_scikit_learn() -> None:
    """Two classes: the positive one."""
    target, prob = half_precision(300, 2)
    found = rank_answers((target == 1)[:, None], prob[:, 1:])

    assert found is not None
    assert found.area == pytest.approx(roc_auc_score(target, prob[:, 1]))
    assert found.average_precision == pytest.approx(average_precision_score(target, prob[:, 1]))
    assert found.share == pytest.approx(target.mean())


def test_several_classes_are_averaged_each_against_the_rest() -> None:
    """Macro: each class weighs the same."""
    target, prob = half_precision(300, 4)
    truth = target[:, None] == np.arange(4)
    found = rank_answers(truth, prob)
    areas = [roc_auc_score(truth[:, c], prob[:, c]) for c in range(4)]

    assert found is not None
    assert found.area == pytest.approx(np.mean(areas))
    assert found.average_precision == pytest.approx(average_precision_score(truth, prob, average="macro"))
    assert found.classes == 4


def test_a_roc_curve_is_a_line_between_thresholds() -> None:
    """As scikit-learn's points say it, the highest where several share a false positive rate."""
    target, prob = half_precision(200, 2)
    found = rank_answers((target == 1)[:, None], prob[:, 1:])
    alarms, hits, _ = roc_curve(target, prob[:, 1], drop_intermediate=False)
    highest = {x: max(hits[alarms == x]) for x in set(alarms)}
    x = np.array(sorted(highest))

    assert found is not None
    at = [i for i, place in enumerate(PLACES) if np.isclose(x, place, atol=1e-12).any()]
    for i in at:
        assert found.sensitivity[i] == pytest.approx(highest[x[np.isclose(x, PLACES[i])][0]])
    assert (np.diff(found.sensitivity) >= -1e-12).all()
    assert found.sensitivity[-1] == 1


def test_precision_is_that_of_the_first_threshold_that_reaches_a_recall() -> None:
    """By hand: hit, miss, hit, miss."""
    found = rank_answers(np.array([[True], [False], [True], [False]]), np.array([[0.9], [0.8], [0.7], [0.1]]))

    assert found is not None
    assert found.precision[0] == found.precision[50] == 1
    assert found.precision[51] == found.precision[100] == pytest.approx(2 / 3)
    assert found.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found.sensitivity[0] == 0.5
    assert found.sensitivity[50] == 1


def test_a_class_that_cannot_be_ranked_is_left_out() -> None:
    """Without images of it, or without others."""
    truth, prob = np.array([[True, False], [False, False]]), np.array([[0.8, 0.2], [0.4, 0.6]])
    found = rank_answers(truth, prob)

    assert found is not None
    assert (found.classes, found.area) == (1, 1.0)
    assert rank_answers(truth[:, 1:], prob[:, 1:]) is None


def test_the_calibration_error_is_weighted_by_the_answers_of_a_bin() -> None:
    """By hand: three answers at .95 and above, two of them right, and one at .55, wrong."""
    found = calibrate(np.array([0.95, 0.95, 1.0, 0.55]), np.array([True, True, False, False]))

    assert found.n.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 3]
    assert found.error == pytest.approx((0.55 + abs(2.9 - 2)) / 4)


def test_the_band_of_a_bin_needs_two_runs_with_five_answers_in_it() -> None:
    """And the bin ten answers in all; its point is over all answers."""

    def run(n: list[float], right: list[float]) -> Calibration:
        pad = [0.0] * 7
        return Calibration(np.array(n + pad), np.array(n + pad) * 0.5, np.array(right + pad), 0.0)

    found = bins_of([run([10, 8, 4], [5, 8, 1]), run([20, 4, 4], [20, 0, 1])])

    assert [(one.lo, one.hi) for one in found] == [(0.5, 1.0), (None, None)]
    assert [one.right for one in found] == pytest.approx([25 / 30, 8 / 12])
    assert [one.share for one in found] == pytest.approx([0.6, 0.24])


def test_a_band_spans_least_to_most_of_the_runs() -> None:
    """Around their mean, place by place."""
    found = band_of([np.array([0.0, 0.4]), np.array([1.0, 0.6])])

    assert found.mean == (0.5, 0.5)
    assert (found.lo, found.hi) == ((0.0, 0.4), (1.0, 0.6))
