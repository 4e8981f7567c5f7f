"""What a metric's name says of its unit, its direction and its thresholds."""

from __future__ import annotations

import pytest

from ablate.metrics import better_direction, is_rate, is_share, no_fraction, thresholds_for

SHARES = [
    "accuracy", "acc", "val_acc", "acc@1", "Acc@5", "acc1", "val/Top1", "Top-1", "top_5", "topk", "top5_acc",
    "imagenet_top1", "metrics/accuracy_top1", "Accuracy/val", "valAcc", "BinaryAccuracy", "MulticlassAccuracy",
    "accuracy_score", "balanced_accuracy", "robust_accuracy", "exact_match", "prec@1", "precision@1", "R@1", "hit@10",
    "recall", "recall@0.5", "sensitivity", "Specificity", "tpr",
]  # fmt: skip
ERRORS = [
    "error", "err", "Error", "err@1", "error_rate", "val/error", "error/val", "test_err", "valerr", "top1_error",
    "err_top5", "classification_error", "zero_one_loss", "0-1 loss", "misclassification_rate", "fpr",
]  # fmt: skip
OTHERS = [
    "kappa", "cohen_kappa", "mIoU", "val/mIoU", "IoU", "dice", "mAP", "mAP50(B)", "metrics/mAP50-95(B)",
    "average_precision", "MCC", "matthews_corrcoef", "AUC", "auc", "roc_auc", "recall_auc", "f1", "F1Score", "macro_f1",
    "precision", "precision@0.5", "r2", "accuracy_std", "adjusted_accuracy", "laptop1", "f10", "lr",
]  # fmt: skip
LOSSES = [
    "loss", "val/loss", "top5_loss", "nll", "cross_entropy", "logloss", "perplexity", "brier", "ece", "mse",
    "calibration_error", "calibration/error", "mean_squared_error", "reconstruction_error", "negative_log_likelihood",
]  # fmt: skip


@pytest.mark.parametrize("name", [*SHARES, *ERRORS])
def test_a_mean_of_right_and_wrong_has_points_unasked(name: str) -> None:
    """Whatever part it is of, however it is spelt: one point is one image of a hundred."""
    assert is_share(name)
    assert is_rate(name)
    assert thresholds_for(name, None, None)[:2] == (1.0, 3.0)


@pytest.mark.parametrize("name", [*OTHERS, *LOSSES])
def test_no_other_metric_has_points_unasked(name: str) -> None:
    """A hundredth of a kappa counts nothing, though it lies between 0 and 1; what is stated holds."""
    assert not is_share(name)
    assert thresholds_for(name, None, None)[:2] == (None, None)
    assert thresholds_for(name, 0.01, 0.05) == (0.01, 0.05, (), 0.05)


@pytest.mark.parametrize("name", [*ERRORS, *LOSSES])
def test_less_of_an_error_or_a_loss_is_better(name: str) -> None:
    """So that nobody has to say it."""
    assert better_direction(name) == "min"


@pytest.mark.parametrize("name", [*SHARES, *OTHERS, "neg_log_loss", "neg_mean_squared_error", "log_likelihood"])
def test_more_of_the_rest_is_better(name: str) -> None:
    """A score that is a loss turned round as well."""
    assert better_direction(name) == "max"


@pytest.mark.parametrize("name", ["kappa", "mIoU", "mAP50(B)", "MCC", "AUC"])
def test_points_stated_for_what_has_none_are_not_taken(name: str) -> None:
    """1 and 3, copied from a study on accuracy: no difference of a kappa is as large, and all would be the same."""
    assert thresholds_for(name, 1.0, 3.0) == (None, None, (1.0, 3.0), None)
    assert thresholds_for("loss", 1.0, 3.0) == (1.0, 3.0, (), 3.0)


def test_one_threshold_may_be_stated_alone() -> None:
    """The other keeps its usual value where there is one."""
    assert thresholds_for("acc@1", 0.5, None)[:2] == (0.5, 3.0)
    assert thresholds_for("kappa", None, 0.05)[:2] == (None, 0.05)


def test_a_percentage_is_no_fraction_of_whatever_share() -> None:
    """93.5 under acc@1 is a number in percent; 2.3 is a fine loss."""
    assert no_fraction("acc@1", 93.5)
    assert no_fraction("val/Top1", -0.1)
    assert not no_fraction("loss", 2.3)
    assert not no_fraction("err", 0.25)
