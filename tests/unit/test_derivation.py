"""Rows made without training: what may be asked, and which networks answer together."""

from __future__ import annotations

from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.study.derivation import Derivation, Member
from tests import small_trainer
from tests.study_builders import a_plan

FIXED = {"test": {"share": 0.2}, "replicates": [4, 7]}


def derivations(**rows: Any) -> tuple[Derivation, ...]:
    """The derived rows of a small study with one fixed test part."""
    return a_plan(evidence=FIXED, derive=rows).derivations


def test_an_ensemble_takes_the_replicates_in_turn() -> None:
    """No network is in two groups, and what is left over is in none."""
    (row,) = derivations(trio={"from": "BN", "ensemble": {"members": 3}})

    assert row.networks == 3
    assert row.groups(7) == [tuple(Member("BN", r) for r in group) for group in ((0, 1, 2), (3, 4, 5))]
    assert row.groups(2) == []


def test_variants_of_one_replicate_answer_together() -> None:
    """With folds, too: they share their test images."""
    (row,) = a_plan(derive={"both": {"from": ["BN", "wide"], "ensemble": {"how": "vote"}}}).derivations

    assert row.groups(2) == [(Member("BN", r), Member("wide", r)) for r in (0, 1)]
    assert row.how == "vote"


def test_replicates_of_different_folds_never_answer_together() -> None:
    """The test images of one are training images of the other."""
    with pytest.raises(StudyError, match="training images of the others"):
        a_plan(derive={"pair": {"from": "BN", "ensemble": {"members": 2}}})


def test_derived_rows_are_in_no_family_and_shrink_none() -> None:
    """The same contrasts and runs with and without them."""
    with_rows = a_plan(evidence=FIXED, derive={"trio": {"from": "BN", "ensemble": {"members": 3}}})
    without = a_plan(evidence=FIXED)

    assert (with_rows.contrasts, with_rows.variants) == (without.contrasts, without.variants)
    assert [spec.fingerprint for _, spec in with_rows.runs(2)] == [spec.fingerprint for _, spec in without.runs(2)]


def test_another_design_leaves_them_out() -> None:
    """They name variants of the study's own design."""
    rows = {"trio": {"from": "BN", "ensemble": {"members": 3}}}

    assert a_plan(evidence=FIXED, derive=rows, other_design="factorial").derivations == ()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"from": ["BN", "BN"], "ensemble": {}}, "names a variant twice"),
        ({"from": ["BN", "wide"], "tta": {"flip": True}}, "names several variants"),
        ({"from": "BN", "tta": {"draws": 2, "flip": True}}, "draws stands beside flip"),
        ({"from": "BN", "ensemble": {"members": 0}}, "members"),
        ({"from": [], "ensemble": {"members": 2}}, "from"),
        ({"from": "BN", "tta": {"flip": True}}, "cannot test with several views"),
    ],
)
def test_what_makes_no_sense_is_refused(row: dict[str, Any], told: str) -> None:
    """With the reason; the small trainer of the tests knows no views."""
    with pytest.raises(StudyError, match=told):
        derivations(row=row)


def test_another_metric_is_refused() -> None:
    """Derived rows count right answers."""
    with pytest.raises(StudyError, match="measured by accuracy"):
        a_plan(evidence=FIXED | {"metric": "loss"}, derive={"trio": {"from": "BN", "ensemble": {"members": 3}}})


@pytest.mark.parametrize(
    ("name", "row", "told"),
    [
        ("wide", {"from": "BN", "ensemble": {"members": 2}}, "'wide' is the name of a variant"),
        ("row", {"from": "BM", "ensemble": {"members": 2}}, "there is no variant 'BM' to derive from"),
        ("row", {"from": "BN", "ensemble": {"members": 8}}, "an ensemble of 8 replicates, and the study plans 7"),
        ("row", {"from": "BN", "tta": {"flip": False}}, "tta asks for no further view"),
        ("row", {"from": "BN"}, "nothing is derived"),
        ("row", {"from": "BN", "ensemble": {}}, "an ensemble of one network is that network"),
    ],
)
def test_a_row_that_cannot_be_made_is_refused(name: str, row: dict[str, Any], told: str) -> None:
    """Before anything is trained."""
    with pytest.raises(StudyError, match=told):
        derivations(**{name: row})


IMAGES: Any = {
    "trainer": "ablate.training:train",
    "base": {
        "data": {"source": {"name": "digits"}, "classes": 10, "image_size": 8, "channels": 1, "train": 120},
        "model": {"name": "vgg", "blocks": [1, 1], "width": 4, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 2e-2},
        "epochs": 1,
    },
    "chain": {"BN": {"model.norm": {"name": "batch"}}},
    "evidence": {"test": {"share": 0.2}, "replicates": [2]},
}


def test_views_are_tried_on_every_variant_they_are_asked_of() -> None:
    """The fixed ones are there for all; draws need an augmentation to draw from."""
    (row,) = a_plan(
        **IMAGES, derive={"mirrored": {"from": ["baseline", "BN"], "tta": {"flip": True}, "ensemble": {}}}
    ).derivations
    with pytest.raises(StudyError, match=r"asks for draws .* there is none \(variant 'BN'\)"):
        a_plan(**IMAGES, derive={"drawn": {"from": "BN", "tta": {"draws": 2}}})

    assert row.tta is not None
    assert row.tta["flip"] is True


def test_networks_of_other_data_have_no_images_that_both_may_answer_for() -> None:
    """Their test parts were cut from other shuffles."""
    other = {"other data": {"set": {"data.seed": 1}}}
    with pytest.raises(StudyError, match="are tested on different images"):
        a_plan(**IMAGES, compare=other, derive={"pair": {"from": ["BN", "other data"], "ensemble": {}}})


def test_a_trainer_that_tests_with_views_need_not_judge_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then every view is its own business."""
    monkeypatch.setattr(small_trainer, "augmented_test", lambda config, run, views: None, raising=False)
    (row,) = derivations(row={"from": "BN", "tta": {"draws": 2}})

    assert row.tta is not None
    assert row.tta["draws"] == 2
