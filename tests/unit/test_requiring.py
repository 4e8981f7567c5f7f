"""`--require`: a gate for others, with an exit code of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.report.facts.requirements import read_requirement, unmet
from tests.builders import a_study, findings_of
from tests.command_line import ablate

TABLE = "variant,seed,accuracy\n" + "".join(
    f"{name},{seed},{level + 0.1 * seed:.1f}\n"
    for name, level in (("baseline", 90.0), ("wide", 94.0), ("deep: 2", 90.1))
    for seed in range(4)
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a table of results."""
    (tmp_path / "results.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("required", "code"),
    [
        (["wide: better"], 0),
        (["wide: Better or same"], 0),
        (["wide: worse, undecided"], 3),
        (["deep: 2: better"], 3),
        (["wide: better", "deep: 2: better"], 3),
    ],
)
def test_a_verdict_opens_the_gate_or_not(required: list[str], code: int, work: Path) -> None:
    """0 where all is as required, 3 where anything is not; the answer is printed all the same."""
    options = [word for text in required for word in ("--require", text)]
    done = ablate(work, "judge", "results.csv", *options)

    assert done.exit_code == code
    assert ("Not as required" in done.stderr) == (code == 3)
    assert "wide" in done.stdout


def test_what_it_is_instead_is_said(work: Path) -> None:
    """With the numbers."""
    done = ablate(work, "judge", "results.csv", "--require", "wide: worse", "--json")

    assert done.exit_code == 3
    assert "Not as required 'wide: worse': wide, compared with baseline, is better: +4.0 [" in done.stderr
    assert json.loads(done.stdout)["effects"][0]["verdict"] == "better"


def test_no_worse_is_an_answer_where_it_was_asked(work: Path) -> None:
    """A gate for what makes something cheaper."""
    words = ["judge", "results.csv", "--no-worse", "2", "--require"]
    unasked = ablate(work, "judge", "results.csv", "--require", "deep: 2: no worse")

    assert ablate(work, *words, "deep: 2: no worse").exit_code == 0
    assert ablate(work, *words, "deep: 2: no_worse or better").exit_code == 0
    assert unasked.exit_code == 2
    assert "--no-worse LOSS" in unasked.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("better", "not of the form 'NAME: ANSWER'"),
        (": better", "not of the form"),
        ("wide: ", "not of the form"),
        ("wide: beter", "'beter' is no answer Did you mean 'better'"),
        ("wyde: better", "no comparison is called 'wyde' Did you mean 'wide'"),
    ],
)
def test_what_cannot_be_required_is_a_wrong_request(text: str, message: str, work: Path) -> None:
    """Exit code 2, and no report is written."""
    done = ablate(work, "judge", "results.csv", "--report", "page", "--require", text)

    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split()).replace("Error: ", "")
    assert not (work / "page").exists()


def test_a_study_s_comparison_goes_by_the_name_in_its_table(tmp_path: Path) -> None:
    """Or by that of its variant."""
    findings = findings_of(a_study(), tmp_path)
    effect = findings.effects[0]
    met = f"{effect.compared.name}: {effect.decision.verdict}"

    assert unmet(findings, [read_requirement(met)]) == []
    with pytest.raises(StudyError, match="no comparison is called"):
        unmet(findings, [read_requirement("no such: better")])
