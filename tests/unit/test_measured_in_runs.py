"""Metrics by answers where runs are made: what is stored, by what the best epoch is chosen, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ablate.errors import SettingError, StudyError, TrainerError
from ablate.execute.measured import check_metrics, told_by_answers
from ablate.metrics import is_rate, is_share
from ablate.records import Outcome, Prepared
from ablate.scoring.answers import answers_of
from ablate.scoring.registry import find_metric
from ablate.splits.rules import Protocol, Share
from ablate.store.journal import read_history
from ablate.study.class_names import refuse_unknown_class
from ablate.training import check_config
from ablate.training.loop import train_network
from ablate.training.preparation import prepare_data
from ablate.workflows.visible import images_worth, is_assumable, why_unknown
from tests.study_builders import read_study
from tests.training_builders import PROTOCOL, a_config, a_live_run, a_spec
from tests.unit.test_planning import a_session, points, summary


def trained(work: Path, **protocol: Any) -> tuple[Outcome, list[Any]]:
    """A tiny run on digits: its outcome, and the metrics of its epochs."""
    run = a_live_run(work, a_spec(a_config(), protocol=replace(PROTOCOL, **protocol)))
    outcome = train_network(a_config(), run)
    return outcome, [event.data["metrics"] for event in read_history(run.folder)]


def test_the_best_epoch_is_that_of_the_metric_on_validation(digits: Path) -> None:
    """Whether the trainer reports it otherwise or not."""
    outcome, epochs = trained(digits, metric="auroc", weights="best")
    values = [metrics["val/auroc"] for metrics in epochs]
    _, plain = trained(digits, metric="auroc")

    assert outcome.epoch == 1 + int(np.argmax(values))
    assert 0 < outcome.metrics["auroc"] < 1
    assert "val/auroc" not in plain[0]


def test_less_of_a_loss_is_better_on_validation(digits: Path) -> None:
    """The direction is that of the metric."""
    outcome, epochs = trained(digits, metric="log_loss", weights="best")

    assert outcome.epoch == 1 + int(np.argmin([metrics["val/log_loss"] for metrics in epochs]))


def test_a_metric_that_validation_does_not_have_chooses_the_first_epoch(digits: Path) -> None:
    """No class of that name: nothing breaks, and the harness has refused it before."""
    outcome, epochs = trained(digits, metric="sensitivity:eleven", weights="best")

    assert outcome.epoch == 1
    assert "val/sensitivity:eleven" not in epochs[0]
    assert "sensitivity:eleven" not in outcome.metrics


def test_a_search_is_told_the_metric_on_validation(digits: Path) -> None:
    """Its test images stay sealed, and no answers to them are stored."""
    outcome, epochs = trained(digits, metric="auroc", sealed=True)

    assert outcome.images is None
    assert outcome.metrics["auroc"] == pytest.approx(epochs[-1]["val/auroc"])


def test_names_of_classes_and_answers_to_validation_are_stored(digits: Path) -> None:
    """So that a class can be asked for by name, and a threshold set where it may be."""
    outcome, _ = trained(digits)
    assert outcome.images is not None
    with np.load(outcome.images) as stored:
        columns = dict(stored)
    answers = answers_of(columns)
    at = find_metric("sensitivity:3@specificity=0.8")
    assert at is not None

    assert answers.classes == tuple(str(digit) for digit in range(10))
    assert answers.val is not None
    assert len(answers.val.target) == 20
    assert 0 <= at.measure(answers).value <= 1
    assert "val_prob" not in np.load(trained(digits, val=None)[0].images or "")


def test_the_look_at_the_data_counts_the_classes_of_the_test(digits: Path) -> None:
    """What a plan needs to know."""
    run = a_live_run(digits, a_spec(a_config()))
    found = prepare_data(a_config(), run)

    assert list(found.test_classes) == list(found.classes)
    assert sum(found.test_classes.values()) == found.counts["test"] == 60


@pytest.mark.parametrize("metric", ["auroc", "balanced_accuracy", "sensitivity:a", "mean_average_precision", "ece"])
def test_a_metric_without_meaning_for_these_labels_is_refused(metric: str) -> None:
    """Before anything is trained: one of several labels an image for one, or the reverse."""
    several = {"source": {"name": "csv", "file": "labels.csv"}, "classes": 3, "multi_label": True}
    config = a_config()
    if metric != "mean_average_precision":
        config = a_config({"loss": {"name": "binary_cross_entropy"}}, data=several)

    with pytest.raises(SettingError) as refused:
        check_config(config, replace(PROTOCOL, metric=metric))
    assert refused.value.key == "evidence.metric"


def test_an_unknown_class_is_refused_with_near_names(tmp_path: Path) -> None:
    """As soon as the data have been looked at; before that, nobody knows."""
    study = read_study(
        {"study": "toy", "trainer": "ablate.toy:train", "base": {}, "chain": {"A": {"gain": 5.0}},
         "evidence": {"metric": "sensitivity:melanom"}}
    )  # fmt: skip
    looks = {"baseline": Prepared(digest="d", classes=("naevus", "melanoma"))}

    refuse_unknown_class(study, {})
    refuse_unknown_class(study, {"baseline": Prepared(digest="d", classes=("melanom",))})
    with pytest.raises(StudyError, match=r"no class 'melanom'.*[Dd]id you mean 'melanoma'"):
        refuse_unknown_class(study, looks)


def test_an_unknown_metric_is_refused_with_near_names() -> None:
    """Of those the trainer reports and those that ablate computes."""
    with pytest.raises(StudyError, match=r"(?s)does not report 'aurok'.*'auroc'.*It reports: accuracy.*computes"):
        read_study(
            {"study": "toy", "trainer": "ablate.toy:train", "base": {}, "chain": {"A": {"gain": 5.0}},
             "evidence": {"metric": "aurok"}}
        )  # fmt: skip


def test_a_threshold_needs_validation_images() -> None:
    """Said when the study is read, not when it has run."""
    with pytest.raises(StudyError, match="sets its threshold on validation images"):
        read_study(
            {"study": "toy", "trainer": "ablate.toy:train", "base": {}, "chain": {"A": {"gain": 5.0}},
             "evidence": {"metric": "sensitivity:a@specificity=0.9"}}
        )  # fmt: skip


def test_a_class_says_nothing_of_its_metric() -> None:
    """Whatever words its name holds."""
    assert is_share("sensitivity:error loss count")
    assert not is_share("auroc:accuracy")
    assert is_rate("auroc:x")
    assert is_rate("f1:size")


# --- what a trainer returns ---------------------------------------------------------------------


def outcome_of(folder: Path, **columns: Any) -> Outcome:
    """Of two classes, some answers."""
    np.savez(folder / "o.npz", **{"id": np.array(["a", "b", "c"])} | columns)
    return Outcome(metrics={"accuracy": 0.5}, images=folder / "o.npz")


ANSWERS = {"target": np.array([0, 1, 1]), "prob": np.array([[0.9, 0.1], [0.6, 0.4], [0.95, 0.05]])}


def test_the_harness_adds_what_the_answers_tell(tmp_path: Path) -> None:
    """The journal then has the metric the study is judged by."""
    told = told_by_answers(outcome_of(tmp_path, **ANSWERS), replace(PROTOCOL, metric="auroc"))

    assert told == {"auroc": pytest.approx(roc_auc_score([0, 1, 1], [0.1, 0.4, 0.05]))}


@pytest.mark.parametrize("columns", [{}, {"target": np.array([0, 1, 1]), "score": np.ones(3)}])
def test_answers_that_do_not_tell_it_add_nothing(tmp_path: Path, columns: dict[str, Any]) -> None:
    """The report says why; the run is none the worse."""
    protocol = replace(PROTOCOL, metric="auroc")
    outcome = outcome_of(tmp_path, **columns)

    assert told_by_answers(outcome, protocol) == {}
    assert told_by_answers(replace(outcome, images=None), protocol) == {}
    assert told_by_answers(outcome, PROTOCOL) == {}
    assert check_metrics(outcome.metrics, a_spec(a_config(), protocol=protocol)) == {"accuracy": 0.5}


def test_a_search_cannot_do_without_its_metric() -> None:
    """A trial without a value is none."""
    spec = a_spec(a_config(), protocol=Protocol(test=Share(share=60), val=20, metric="auroc", sealed=True))

    with pytest.raises(TrainerError, match="no 'auroc'"):
        check_metrics({"accuracy": 0.5}, spec)


# --- what a plan says ---------------------------------------------------------------------------


def a_planned(work: Path, metric: str, **counts: int) -> Any:
    """The toy with these test images of each class on the first of three folds."""
    session = a_session(work, tested=sum(counts.values()), evidence={"metric": metric, "replicates": 3})
    session.prepared = {
        name: replace(found, test_classes=counts, classes=tuple(counts)) for name, found in session.prepared.items()
    }
    return session


def test_the_rare_class_decides_what_is_visible(tmp_path: Path) -> None:
    """A sensitivity has the images of its class, balanced accuracy the harmonic mean over the classes."""
    counts = {"naevus": 190, "melanoma": 10}
    (accuracy,), (sensitivity,), (balanced,), (f1,), (specificity,) = (
        points(a_planned(tmp_path, metric, **counts))
        for metric in ("accuracy", "sensitivity:melanoma", "balanced_accuracy", "macro_f1", "specificity:melanoma")
    )

    assert accuracy < specificity < balanced == f1 < sensitivity
    assert images_worth("balanced_accuracy", 600, {"a": 570, "b": 30}) == pytest.approx(4 / (1 / 570 + 1 / 30))
    assert images_worth("weighted_f1", 600, {}) == 600


@pytest.mark.parametrize(
    ("metric", "counts", "why"),
    [
        ("sensitivity:melanoma", {"naevus": 190, "melanoma": 3}, "there are 9 test images of melanoma in all folds"),
        ("auroc", {"naevus": 190, "melanoma": 3}, "there are 9 test images of melanoma in all folds"),
        ("specificity:naevus", {"naevus": 190, "melanoma": 3}, "9 test images of other than naevus"),
        ("auroc", {"naevus": 190, "melanoma": 30}, "nothing is known of how far variants differ in auroc"),
        ("log_loss", {"naevus": 190, "melanoma": 3}, "nothing is known of how far variants differ in log_loss"),
    ],
)
def test_why_nothing_can_be_said_is_said(tmp_path: Path, metric: str, counts: dict[str, int], why: str) -> None:
    """With the count, where that is why."""
    plan = summary(a_planned(tmp_path, metric, **counts))

    assert why in plan["visible_why"]
    assert plan["visible_basis"] == ""
    assert [row["points"] for row in plan["visible_step"]] == [None]


def test_a_plan_without_counts_says_so(tmp_path: Path) -> None:
    """A trainer of one's own may not count them; accuracy needs none."""
    plan = summary(a_session(tmp_path, evidence={"metric": "balanced_accuracy", "replicates": 3}))

    assert plan["visible_why"] == "the test images of each class have not been counted yet"
    assert "visible_why" not in summary(a_session(tmp_path, evidence={"replicates": 3}))


def test_the_words_for_one_image() -> None:
    """In the singular, and without folds."""
    assert why_unknown("auroc", {"a": 1, "b": 50}, with_folds=False).startswith("there is 1 test image of a, and 10")
    assert [is_assumable(name) for name in ("robust_accuracy", "kappa", "f1:a", "auroc:a", "brier")] == [
        True, False, True, False, False,
    ]  # fmt: skip
