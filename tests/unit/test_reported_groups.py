"""What a report says of groups of test images, and how outcomes carry them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ablate.records import Cell, Finished
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.gather.judged import judge_cells
from ablate.report.page.render import report_text
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.groups import group_lines
from ablate.report.wording.language import words_of
from ablate.stats.group_weighted import estimate_alike
from ablate.stats.scores import read_scores
from ablate.store.outcome_columns import GROUP
from ablate.study.plan import make_plan
from tests.builders import a_study, cells_with

IMAGES = 600


def with_column(cells: list[Cell], groups: int) -> list[Cell]:
    """The outcomes with a column of so many groups, by the number in an image's id."""
    for cell in cells:
        assert isinstance(cell.result, Finished)
        path = cell.result.folder / "outcomes.npz"
        with np.load(path) as stored:
            columns = {name: stored[name] for name in stored.files}
        columns[GROUP] = np.array([f"patient {int(name.split()[-1]) % groups}" for name in columns["id"]])
        np.savez(path, **columns)
    return cells


def found_in(cells: list[Cell], work: Path) -> Findings:
    """What the report of the usual study says of them."""
    study = a_study()
    return make_findings(study, make_plan(study), cells, look=1, prepared={}, work=work, origin=None)


def test_the_column_group_makes_groups_the_unit_of_chance(tmp_path: Path) -> None:
    """The report says how many there are, what they are worth, the design effect, and the other estimand beside."""
    cells = cells_with(make_plan(a_study()), tmp_path, images=IMAGES)
    plain = found_in(cells, tmp_path)
    grouped = found_in(with_column(cells, 40), tmp_path)
    text = report_text(grouped)

    assert plain.evidence.groups is None
    assert grouped.evidence.groups is not None
    assert grouped.evidence.groups.n == 40
    assert [row.measured.difference for row in grouped.effects] == [row.measured.difference for row in plain.effects]
    told = summary_json(grouped)["groups"]
    assert (told["kind"], told["n"]) == ("groups", 40)
    assert [row["name"] for row in told["alike"]] == ["BN", "Dropout"]
    assert summary_json(plain)["groups"] is None
    assert "40 groups of" in text
    assert "The design effect is" in text
    assert "With every group of the same weight, as a check that no verdict rests on: BN " in text
    assert "they hold for new groups of this kind" in text
    assert not any("below 20" in line for line in grouped.notices.cautions)


def test_groups_that_do_not_fit_their_images_are_weighed_by_nobody(tmp_path: Path) -> None:
    """It is a check beside the comparisons, and no reason for a report to end."""
    study = a_study()
    plan = make_plan(study)
    cells = with_column(cells_with(plan, tmp_path, images=IMAGES), 40)
    judged = judge_cells(study, plan, cells, look=1, prepared={}, looks_before=None)
    assert judged.book is not None
    short = {
        (variant, r): row if r != 1 or row.groups is None else row._replace(groups=row.groups[1:])
        for (variant, r), row in judged.book.rows.items()
    }

    assert all(estimate_alike(cells, judged.effects, judged.question, judged.book))
    alike = estimate_alike(cells, judged.effects, judged.question, judged.book._replace(rows=short))
    assert alike == (None,) * len(judged.effects)


@pytest.mark.parametrize(("groups", "words"), [(12, "below 20"), (5, "fewer than 6 support no verdict")])
def test_few_groups_are_warned_of(tmp_path: Path, groups: int, words: str) -> None:
    """Below 20 a warning, below 6 no verdict: its reason and the intervals stand there."""
    cells = with_column(cells_with(make_plan(a_study()), tmp_path, images=IMAGES), groups)
    found = found_in(cells, tmp_path)

    assert any(words in line for line in found.notices.cautions)
    if groups < 6:
        assert {row.decision.verdict for row in found.effects} == {"not_assessable"}
        assert all(row.measured.lo is not None for row in found.effects)


def test_finished_runs_get_their_groups_from_the_data(tmp_path: Path) -> None:
    """Runs whose outcomes have no such column are asked by id; the answer is the same."""
    cells = cells_with(make_plan(a_study()), tmp_path / "a", images=IMAGES)
    ids = [f"image {i:05d}" for i in range(IMAGES)]
    known = {name: f"image {int(name.split()[-1]) % 40:05d}" for name in ids}
    told = found_in([replace(cell, groups=lambda: known) for cell in cells], tmp_path / "a")
    stored = found_in(with_column(cells, 40), tmp_path / "a")

    assert told.evidence.groups == stored.evidence.groups
    assert [row.measured for row in told.effects] == [row.measured for row in stored.effects]


def test_images_without_a_name_of_a_group_are_on_their_own(tmp_path: Path) -> None:
    """Copies alone: two images of one group, the rest of none."""
    cells = cells_with(make_plan(a_study()), tmp_path, images=IMAGES)
    pair = {"image 00000": "image 00000", "image 00003": "image 00000"}
    book = read_scores([replace(cell, groups=lambda: pair) for cell in cells])

    assert book is not None
    row = next(iter(book.rows.values()))
    assert row.groups is not None
    assert len(np.unique(row.groups)) == len(row.images) - 1
    assert all(one.groups is None for one in (read_scores(cells) or book).rows.values())


def test_copies_are_told_as_copies(tmp_path: Path) -> None:
    """Where a study names no groups, images that are equal are all there is, and no other estimand is shown."""
    cells = cells_with(make_plan(a_study()), tmp_path, images=IMAGES)
    found = found_in(with_column(cells, 40), tmp_path)
    assert found.evidence.groups is not None
    copies = replace(found, evidence=replace(found.evidence, groups=found.evidence.groups._replace(kind="copies")))

    (line,) = group_lines(copies)
    assert "equal pixel by pixel count as one" in line
    assert len(group_lines(copies, words_of("zh"))) == 1
