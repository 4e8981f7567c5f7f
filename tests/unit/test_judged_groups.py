"""Tables whose test images come in groups: the column that says so, and what `judge` makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.report.facts.findings import Findings
from ablate.workflows.judge import Request, judge_results


def write_table(path: Path, column: str, *, patients: int = 24) -> Path:
    """Two models, three seeds, eight scans a patient, whose answers go together."""
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(patients), 8)
    lines = [f"model,seed,image,{column},correct"]
    for model in "ab":
        ease = rng.normal(0, 1.5, patients)
        for seed in range(3):
            right = rng.random(len(patient)) < 1 / (1 + np.exp(-ease[patient]))
            lines += [f"{model},{seed},scan{i},P{patient[i]},{int(right[i])}" for i in range(len(patient))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def width(found: Findings) -> float:
    """Of the one interval."""
    (effect,) = found.effects
    assert effect.measured.lo is not None
    assert effect.measured.hi is not None
    return effect.measured.hi - effect.measured.lo


def test_a_named_column_groups_the_images(tmp_path: Path) -> None:
    """--group patient: the interval is for new patients, and longer; the difference is the same."""
    table = write_table(tmp_path / "t.csv", "patient")
    plain = judge_results(Request(source=str(table)))
    grouped = judge_results(Request(source=str(table), group="patient"))

    assert grouped.effects[0].measured.difference == plain.effects[0].measured.difference
    assert width(grouped) > 1.4 * width(plain)
    assert any("with the same patient share their chance effects" in line for line in grouped.notices.cautions)


def test_a_column_called_group_needs_no_option(tmp_path: Path) -> None:
    """It says what it is."""
    named = judge_results(Request(source=str(write_table(tmp_path / "a.csv", "patient")), group="patient"))
    told = judge_results(Request(source=str(write_table(tmp_path / "b.csv", "group"))))

    assert width(told) == width(named)


def test_few_patients_get_no_verdict(tmp_path: Path) -> None:
    """Five of them give an interval, and the reason."""
    found = judge_results(Request(source=str(write_table(tmp_path / "t.csv", "group", patients=5))))

    assert found.effects[0].decision.verdict == "not_assessable"
    assert found.effects[0].decision.reason == "too few groups of images"
    assert found.effects[0].measured.lo is not None


@pytest.mark.parametrize(
    ("line", "words"),
    [("a,0,scan1,P9,1", "image 'scan1' is of 'P9', and of 'P1' in line 2"), ("a,0,scan1,,1", "is empty")],
)
def test_an_image_has_one_group(tmp_path: Path, line: str, words: str) -> None:
    """A second one, or none, is refused with its line and what to do."""
    table = tmp_path / "t.csv"
    rows = ["a,0,scan0,P1,1", "b,0,scan0,P1,1", "b,0,scan1,P1,0", line]
    table.write_text("model,seed,image,group,correct\nb,1,scan1,P1,1\nb,1,scan0,P1,1\n" + "\n".join(rows) + "\n")

    with pytest.raises(StudyError, match=r"t\.csv:7.*") as error:
        judge_results(Request(source=str(table)))
    assert words in error.value.message


def test_groups_are_of_single_images(tmp_path: Path) -> None:
    """A table of one number per run has none, and says which columns it would take."""
    table = tmp_path / "t.csv"
    table.write_text("model,seed,accuracy,site\na,0,.5,x\nb,0,.6,y\n", encoding="utf-8")

    with pytest.raises(StudyError, match="does not have one row per image") as error:
        judge_results(Request(source=str(table), group="site"))
    assert "group" in error.value.hint


def test_two_networks_are_not_compared_as_if_grouped_images_were_independent(tmp_path: Path) -> None:
    """McNemar's p takes every image for a draw of its own: told of single runs, not where there are groups."""
    rng = np.random.default_rng(3)
    rows = [f"{model},0,scan{i},P{i // 8},{int(rng.random() < 0.6)}" for model in "ab" for i in range(96)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["model,seed,image,patient,correct", *rows]) + "\n", encoding="utf-8")
    plain = judge_results(Request(source=str(table)))
    grouped = judge_results(Request(source=str(table), group="patient"))

    assert any("McNemar" in line for line in plain.notices.cautions)
    assert not any("McNemar" in line for line in grouped.notices.cautions)
