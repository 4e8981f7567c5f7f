"""One name for a variant wherever it is read or typed, and a run by its study's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.cli.loading import run_name
from ablate.store.run_names import find_run, full_name
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.session import open_session, resolved_options

STUDY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0, images: 60, epochs: 1}
one_at_a_time: {BN: {gain: 5.0}, Dropout: {gain: 9.0}}
evidence: {test: {folds: 2}, replicates: [2]}
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study of changes one at a time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "x.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def ablate(*arguments: str) -> str:
    answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == 0, answer.output
    return str(answer.output)


def test_the_table_calls_a_variant_as_progress_and_only_do(work: Path) -> None:
    """And what is typed by the name of its change is understood as well."""
    ablate("run", "studies/x.yaml", "--executor", "inline", "--no-tracking", "--only", "BN", "--only", "baseline")
    printed = ablate("run", "studies/x.yaml", "--executor", "inline", "--no-tracking")
    rows = [line.split("  ")[0].strip() for line in printed.splitlines()]

    assert {"baseline", "only BN", "only Dropout"} <= set(rows)
    assert "BN" not in rows
    assert "only BN" in (work / "reports/toy/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("typed", ["toy/only BN/0", "toy/BN/0", "studies/x.yaml/BN/0", "studies/x.yaml/only BN/0"])
def test_a_run_is_found_by_what_people_type(typed: str, work: Path) -> None:
    """The study by its name or its file, the variant by its own name or by that of its change."""
    ablate("run", "studies/x.yaml", "--executor", "inline", "--no-tracking")
    store = Store(work)

    name = full_name(run_name(typed, work), store)
    assert name == "toy/only BN/0"
    assert find_run(run_name(typed, work), store)[0].config["gain"] == 5.0


def test_only_takes_the_name_of_a_change(work: Path) -> None:
    """It is settled to the variant's own name before anything is looked up by it."""
    session = open_session(load_study(work / "studies" / "x.yaml"), work)

    assert resolved_options(session, Options(only=("BN", "only Dropout"))).only == ("only BN", "only Dropout")
