"""`--replicate`: one replicate as a job of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.records import Finished
from ablate.workflows.join import join_study
from ablate.workflows.options import Options
from ablate.workflows.run import run_study
from ablate.workflows.session import open_session
from tests.builders import a_study

ALONE = Options(executor="inline", track=False)
LOOKS = {"replicates": [2, 4]}


def finished(work: Path) -> set[int]:
    """The replicates of which every run has finished."""
    session = open_session(a_study(evidence=LOOKS), work)
    found: dict[int, bool] = {}
    for _, spec in session.plan.runs(2):
        index = spec.replicate.index
        found[index] = found.get(index, True) and bool(session.store.finished(spec.fingerprint))
    return {index for index, whole in found.items() if whole}


def test_one_replicate_is_trained_and_the_others_are_left(tmp_path: Path) -> None:
    """All variants of it; the report is that of the look it belongs to, and waits for the rest."""
    done = run_study(a_study(evidence=LOOKS), work=tmp_path, options=replace(ALONE, replicates=(3,)))

    assert finished(tmp_path) == {3}
    assert (done.trained, done.findings.evidence.look) == (3, 2)
    assert {row.decision.verdict for row in done.findings.effects} == {"not_assessable"}


def test_a_look_that_is_named_holds(tmp_path: Path) -> None:
    """Nothing of a later one is trained."""
    run_study(a_study(evidence=LOOKS), work=tmp_path, options=replace(ALONE, replicates=(1, 3), look=1))

    assert finished(tmp_path) == {1}


def test_several_jobs_may_each_have_one(tmp_path: Path) -> None:
    """`join` needs no lock of the study; together they leave what one command would."""
    for index in (1, 0):
        joined = join_study(a_study(evidence=LOOKS), work=tmp_path, options=Options(workers=1, replicates=(index,)))
        assert joined.trained == 3
    done = run_study(a_study(evidence=LOOKS), work=tmp_path, options=ALONE)

    assert done.trained == 0
    assert all(isinstance(cell.result, Finished) for cell in done.cells)


@pytest.mark.parametrize("index", [-1, 4])
def test_a_replicate_that_is_not_planned_is_refused(index: int, tmp_path: Path) -> None:
    """Before anything is written."""
    with pytest.raises(StudyError, match=f"--replicate {index}: the study plans 4 replicates, 0 to 3"):
        run_study(a_study(evidence=LOOKS), work=tmp_path, options=replace(ALONE, replicates=(index,)))
    assert not (tmp_path / ".ablate").exists()
