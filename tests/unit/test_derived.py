"""Derived rows measured from stored outcomes, with numbers known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.report.facts.exploratory import Exploratory
from ablate.report.tables.derived import (
    DerivedRequest,
    DerivedRow,
    derived_json,
    derived_row,
    derived_table,
    derived_words,
)
from ablate.splits.rules import Folds, Share, TestRule
from ablate.study.derivation import Derivation
from tests.builders import a_study, findings_of

FIXED = Share(share=0.2)


def a_derivation(**fields: Any) -> Derivation:
    """A mean of two networks unless something else is asked for."""
    defaults = {"name": "pair", "sources": ("BN",), "tta": None, "members": 2, "how": "mean"}
    return Derivation(**(defaults | fields))


def outcomes(path: Path, right: Sequence[int], *, sure: float = 0.8, first: int = 0) -> Path:
    """Stored outcomes of two classes: right or wrong, image by image, with one certainty."""
    target = np.zeros(len(right), np.int32)
    prob = np.array([[sure, 1 - sure] if hit else [1 - sure, sure] for hit in right])
    ids = np.array([f"{first + i:03}" for i in range(len(right))])
    np.savez(path, id=ids, target=target, prob=prob, score=np.array(right, np.float32))
    return path


def measured(groups: Sequence[Sequence[DerivedRequest] | None], test: TestRule = FIXED, **fields: Any) -> DerivedRow:
    """The row of some groups."""
    return derived_row(a_derivation(**fields), groups, test, "")


def test_a_surer_network_decides_and_the_gain_is_over_both_singly(tmp_path: Path) -> None:
    """75 % and 50 % singly; together the surer one's 75 %: 12.5 points more than their mean."""
    sure = outcomes(tmp_path / "a.npz", [1, 1, 1, 0] * 10, sure=0.9)
    unsure = outcomes(tmp_path / "b.npz", [1, 0, 1, 0] * 10, sure=0.6)
    row = measured([[DerivedRequest(sure, sure), DerivedRequest(unsure, unsure)]])

    assert (row.n, row.networks, row.mean) == (1, 2, 75.0)
    assert row.difference == pytest.approx(12.5)
    assert row.lo is not None
    assert row.hi is not None
    assert row.lo < 75 < row.hi
    assert row.reason == ""


def test_views_are_measured_against_the_same_run_without_them(tmp_path: Path) -> None:
    """Two replicates of one fixed part: n is 2, and an exact tie in all images is no difference."""
    plain = [outcomes(tmp_path / f"{r}.npz", [1, 0] * 10) for r in range(2)]
    row = measured([[DerivedRequest(path, path)] for path in plain], members=1, tta={"flip": True})

    assert (row.n, row.mean, row.difference) == (2, 50.0, 0.0)


def test_folds_keep_their_replicates(tmp_path: Path) -> None:
    """Different images in each, one missing in between."""
    paths = [outcomes(tmp_path / f"{r}.npz", [1] * (8 + r) + [0] * (12 - r), first=20 * r) for r in (0, 2)]
    groups = [[DerivedRequest(paths[0], paths[0])], None, [DerivedRequest(paths[1], paths[1])]]
    row = measured(groups, Folds(count=3), members=1, tta={"flip": True})

    assert (row.n, row.mean) == (2, 45.0)


def test_networks_that_may_have_seen_the_images_get_no_number(tmp_path: Path) -> None:
    """Whatever the plan let pass: different test images, no answer."""
    one, other = outcomes(tmp_path / "a.npz", [1] * 9), outcomes(tmp_path / "b.npz", [1] * 9, first=5)
    row = measured([[DerivedRequest(one, one), DerivedRequest(other, other)]])

    assert (row.mean, row.n) == (None, 0)
    assert "different images" in row.reason


def test_what_is_not_computed_says_so() -> None:
    """Or why."""
    assert "not computed yet" in measured([None]).reason
    assert derived_row(a_derivation(), [], FIXED, "it takes 2 replicates").reason == "it takes 2 replicates"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tta": {"flip": True}, "members": 1}, "mean of 2 views: as it is and mirrored"),
        (
            {"tta": {"flip": True, "crops": 4}, "members": 1},
            "mean of 10 views: as it is, four corners after padding by 4 and each mirrored",
        ),
        (
            {"tta": {"draws": 5}, "members": 1},
            "mean of 6 views: as it is, and 5 draws of the training augmentation",
        ),
        ({"how": "vote", "members": 3}, "vote of 3 networks of different replicates"),
        ({"sources": ("A", "B"), "members": 1}, "mean of 2 networks"),
        ({"tta": {"flip": True}}, "mean of 2 views: as it is and mirrored; mean of 2 networks of different replicates"),
    ],
)
def test_the_row_says_what_was_done(fields: dict[str, Any], words: str) -> None:
    """In words."""
    assert derived_words(a_derivation(**fields)) == words


def test_the_table_has_the_interval_and_no_verdict(tmp_path: Path) -> None:
    """And the report says that nothing was trained."""
    from dataclasses import replace

    from ablate.report.page.render import report_text

    path = outcomes(tmp_path / "a.npz", [1, 1, 0, 1] * 10)
    rows = (measured([[DerivedRequest(path, path)] * 2]), measured([None], name="later"))
    findings = replace(
        findings_of(a_study(), tmp_path),
        exploratory=Exploratory(derived=rows),
    )
    table, text = derived_table(findings), report_text(findings)

    assert "Verdict" not in table.columns
    assert table.rows[0][3].startswith("75.0 [")
    assert table.rows[1][3:] == ("-", "-", "0", rows[1].reason)
    assert "## Made without training" in text
    assert "Nothing was trained for these rows" in text
    assert derived_json(rows)[0]["difference"] == 0.0
