"""What a reader must know of the numbers stands wherever they are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.cli.results import show_findings
from ablate.report.facts.findings import Notices
from ablate.report.page.render import description_of
from ablate.report.wording.language import LANGUAGES, words_of
from ablate.report.wording.sentences import may_not_write
from tests.builders import a_study, findings_of

CHANCE = "At chance level: baseline is not shown to be better than always predicting the most frequent class."


def test_a_caution_stands_on_the_terminal_and_in_mlflow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Networks that learnt nothing are no secret of the report."""
    findings = replace(findings_of(a_study(), tmp_path), notices=Notices(cautions=(CHANCE,)))
    show_findings(findings, tmp_path / "report.md")

    assert CHANCE in capsys.readouterr().out
    assert "At chance level" in description_of(findings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_interval_without_width_is_no_chance_among_comparisons(language: str, tmp_path: Path) -> None:
    """It has no ends that run from here to there; what is wrong with it is that nothing varies."""
    findings = findings_of(a_study(), tmp_path)
    effect = replace(
        findings.effects[0],
        measured=replace(findings.effects[0].measured, difference=2.0, lo=2.0, hi=2.0, n=2),
        decision=replace(findings.effects[0].decision, verdict="undecided"),
    )
    refused = may_not_write(replace(findings, effects=(effect,)), words_of(language))  # type: ignore[arg-type]

    assert refused is not None
    assert ("no width" if language == "en" else "没有宽度") in refused.why
    assert "2.0" not in refused.why


def test_the_readme_knows_every_word_that_stands_in_a_verdict() -> None:
    """The six, and what may stand behind `better`."""
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

    for word in ("better", "worse", "same", "no worthwhile gain", "undecided", "not assessable", "but negligible"):
        assert word in text
