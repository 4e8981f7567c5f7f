"""What is shared of a study is written by its next run where the last one did not come to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.report import judge_study, write_report
from ablate.workflows.run import run_study
from ablate.workflows.session import open_session, resolved_options

TOY = """\
study: toy
trainer: ablate.toy:train
base: {}
chain: {BN: {gain: 10.0}}
evidence: {test: {folds: 2}, replicates: [2]}
"""
INLINE = Options(executor="inline", track=False)


@pytest.fixture
def claims(tmp_path: Path) -> Path:
    """`share/claims.json` of a study that has run."""
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    run_again(tmp_path)
    return tmp_path / "reports" / "toy" / "share" / "claims.json"


def run_again(work: Path) -> None:
    """`ablate run`."""
    run_study(load_study(work / "toy.yaml"), work=work, options=INLINE)


def test_what_is_missing_is_written_by_the_next_run(claims: Path, tmp_path: Path) -> None:
    """A report that says it all does not hide that nothing is shared of it."""
    before = claims.read_text(encoding="utf-8")
    shutil.rmtree(claims.parent)
    run_again(tmp_path)

    assert claims.read_text(encoding="utf-8") == before


def test_what_is_older_than_the_report_is_written_by_the_next_run(claims: Path, tmp_path: Path) -> None:
    """As where a run was killed between the two."""
    before = claims.read_text(encoding="utf-8")
    claims.write_text("{}", encoding="utf-8")
    (tmp_path / ".ablate" / "studies" / "toy" / "shown.json").unlink()
    session = open_session(load_study(tmp_path / "toy.yaml"), tmp_path)
    options = resolved_options(session, INLINE)
    write_report(judge_study(session, options), session, options)
    run_again(tmp_path)

    assert claims.read_text(encoding="utf-8") == before


def test_what_says_the_same_is_left_as_it_is(claims: Path, tmp_path: Path) -> None:
    """A run that finds nothing new writes nothing."""
    before = claims.stat()
    run_again(tmp_path)

    assert (claims.stat().st_ino, claims.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
