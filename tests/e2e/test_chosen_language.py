"""The language of a study: by option, by the study file, by the reader's environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app
from ablate.errors import StudyError
from ablate.report.wording.language import chosen_language

STUDY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0, images: 600}
chain:
  big gain: {gain: 15.0}
evidence: {test: {folds: 3}, replicates: 3}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study file in an empty work folder, and no language in the environment."""
    monkeypatch.delenv("ABLATE_LANG", raising=False)
    path = tmp_path / "toy.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def ablate(*arguments: object) -> Result:
    """One command; what it printed and how it ended."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def run(study: Path) -> Result:
    """`ablate run`, in this process, without MLflow."""
    return ablate("run", study, "--work", study.parent, "--executor", "inline", "--no-tracking")


def page(study: Path) -> str:
    """The report as a page."""
    return (study.parent / "reports" / "toy" / "report.html").read_text(encoding="utf-8")


def test_the_environment_names_it(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminal and report; and when it changes, both do, without training."""
    monkeypatch.setenv("ABLATE_LANG", "zh_CN.UTF-8")
    first = run(study)
    assert first.exit_code == 0, first.stderr
    assert ("更好" in first.stdout, "报告: " in first.stdout, "训练了 6 次运行" in first.stderr) == (True,) * 3
    assert '<html lang="zh">' in page(study)

    monkeypatch.delenv("ABLATE_LANG")
    again = run(study)
    assert "Nothing to train" in again.stderr
    assert '<html lang="en">' in page(study)


def test_a_study_names_its_own_and_an_option_counts_for_more(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no part of what a run is: nothing is trained for it."""
    run(study)
    monkeypatch.setenv("ABLATE_LANG", "en")
    study.write_text(STUDY + "lang: zh\n", encoding="utf-8")
    done = run(study)
    assert ("更好" in done.stdout, "没有可训练的运行" in done.stderr) == (True, True)

    english = ablate("report", study, "--work", study.parent, "--lang", "en")
    assert "better" in english.stdout
    assert '<html lang="en">' in page(study)


def test_one_that_does_not_exist_is_refused_before_anything_is_trained(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those that do."""
    monkeypatch.setenv("ABLATE_LANG", "fr")
    done = run(study)

    assert done.exit_code == 2
    assert "ABLATE_LANG=fr: no such language" in done.stderr
    assert "en, zh" in done.stderr
    assert not (study.parent / ".ablate" / "runs").exists()


@pytest.mark.parametrize(
    ("named", "language"), [("", "en"), ("zh", "zh"), ("zh-CN", "zh"), ("ZH_tw", "zh"), ("en_GB.UTF-8", "en")]
)
def test_names_as_systems_write_them(named: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the language counts, not the country."""
    monkeypatch.setenv("ABLATE_LANG", named)

    assert chosen_language() == language


def test_what_is_given_first_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the environment names nothing that exists."""
    monkeypatch.setenv("ABLATE_LANG", "xx")

    assert chosen_language(None, "zh", "en") == "zh"
    with pytest.raises(StudyError, match="ABLATE_LANG=xx"):
        chosen_language(None)
