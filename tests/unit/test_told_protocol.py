"""What a report says of the protocol of somebody's own trainer: what was recorded or declared, and no more."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from ablate.errors import TrainerError
from ablate.protocols import Run
from ablate.records import Cell, Finished
from ablate.report.gather.assemble import make_findings
from ablate.report.page.render import report_text
from ablate.report.wording.evidence import evidence_lines
from ablate.report.wording.language import words_of
from ablate.settings import Settings
from ablate.splits.rules import Replicate
from ablate.study.plan import make_plan
from ablate.trainer import load_trainer
from tests.builders import a_study, findings_of


class Config(Settings):
    """One setting."""

    rate: float = 1.0


def train(config: Config, run: Run) -> dict[str, float]:
    """Never called."""
    del config, run
    return {}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module with a trainer; a test adds what it declares."""
    module = types.ModuleType("told")
    vars(module).update(train=train)
    monkeypatch.setitem(sys.modules, "told", module)
    return module


def evidence_text(tmp_path: Path, *, parts: dict[str, int] | None = None, **evidence: Any) -> str:
    """What the report of a study with that trainer rests on."""
    study = a_study(trainer="told:train", base={"rate": 1.0}, factors={"B": {"rate": 2.0}},
                    evidence={"replicates": 2} | evidence)  # fmt: skip
    cells = [
        Cell(
            variant=name,
            replicate=Replicate(index=r),
            result=Finished(folder=tmp_path, metrics={"accuracy": 0.5 + r / 10}, parts=parts or {}),
        )
        for name in ("baseline", "B")
        for r in range(2)
    ]
    findings = make_findings(study, make_plan(study), cells, look=1, prepared={}, work=tmp_path, origin=None)
    assert "{" not in report_text(findings, words_of("zh"))
    return " ".join(evidence_lines(findings))


def test_nothing_is_claimed_of_a_trainer_that_says_nothing(scripted: types.ModuleType, tmp_path: Path) -> None:
    """It may test its best test epoch, and split as it likes."""
    text = evidence_text(tmp_path, val=0.1)

    assert "does not say which epoch's weights are tested" in text
    assert "The study asks for 10% of all images for validation; the trainer does not say" in text
    assert "the trainer splits the data by itself" in text
    assert "nothing was chosen" not in text
    assert "kept out of training" not in text


def test_what_a_run_took_from_the_harness_is_known(scripted: types.ModuleType, tmp_path: Path) -> None:
    """Its parts, though not whose weights it tests."""
    text = evidence_text(tmp_path, parts={"fit": 60, "val": 10, "test": 30}, val=0.1)

    assert "each replicate is tested on the next one" in text
    assert "10% of all images were kept out of training for validation." in text
    assert "does not say which epoch's weights" in text


@pytest.mark.parametrize(("told", "words"), [("last", "last epoch"), ("best", "best accuracy on validation")])
def test_what_the_trainer_declares_is_said(told: str, words: str, scripted: types.ModuleType, tmp_path: Path) -> None:
    """Whatever the study asks for: it is the trainer that tests."""
    vars(scripted)["WEIGHTS"] = told
    text = evidence_text(tmp_path, parts={"fit": 60, "val": 10, "test": 30}, val=0.1)

    assert words in text
    assert "does not say" not in text


def test_a_declaration_that_means_nothing_is_refused(scripted: types.ModuleType) -> None:
    """With what may stand there."""
    vars(scripted)["WEIGHTS"] = "newest"

    with pytest.raises(TrainerError, match="WEIGHTS is 'newest'") as refused:
        load_trainer("told:train")
    assert '"last"' in refused.value.hint


def test_our_own_trainers_do_as_the_study_says(tmp_path: Path) -> None:
    """So that their reports are as before."""
    text = " ".join(evidence_lines(findings_of(a_study(), tmp_path)))

    assert "The weights of the last epoch are tested: nothing was chosen" in text
    assert "does not say" not in text
