"""Several studies, one a data set: what may be pooled, what is said of the rest, and what `--pool` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.errors import StudyError
from ablate.report.gather.judged import judge_cells
from ablate.report.page.html import html_page
from ablate.report.page.markdown import markdown_page
from ablate.report.page.pooled import pooled_json, pooled_page, pooled_sentences
from ablate.report.wording.language import Language, words_of
from ablate.results.pooling import PooledStudies, StudyAnswers, pool_studies
from ablate.stats.pooled import TOO_FEW_SETS
from ablate.study.plan import make_plan
from tests.builders import a_study, cells_with

SETS = ("pets", "cars", "food", "birds", "scans")
EFFECTS = (8.0, 9.0, 11.0, 12.0, 10.0)


def answers_of(
    work: Path,
    name: str,
    *,
    declared: str = "",
    evidence: dict[str, Any] | None = None,
    chain: Any = None,
    **cells: Any,
) -> StudyAnswers:
    """What a toy study on a data set of its own says."""
    steps = {} if chain is None else {"chain": chain}
    study = a_study(evidence={"pool": declared or None} | (evidence or {}), **steps)
    plan = make_plan(study)
    drawn = cells_with(plan, work / name, **cells)
    judged = judge_cells(study, plan, drawn, look=1, prepared={}, looks_before=None)
    return StudyAnswers(
        study=name,
        declared=declared,
        metric=judged.metric,
        thresholds=(study.evidence.thresholds.negligible, study.evidence.thresholds.worthwhile),
        effects={effect.contrast.name: effect for effect in judged.effects},
        changes={variant.name: variant.changes for variant in plan.variants},
        digests=frozenset([f"digest of {name}"]),
    )


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[StudyAnswers]:
    """Five data sets on which BN gains about ten points, and is named beforehand."""
    work = tmp_path_factory.mktemp("sets")
    return [answers_of(work, name, declared="BN", effect=e) for name, e in zip(SETS, EFFECTS, strict=True)]


def pooled(answers: list[StudyAnswers], *steps: str) -> PooledStudies:
    return pool_studies(answers, steps or ("BN",))


def test_a_step_named_in_every_file_is_judged_alone(answers: list[StudyAnswers]) -> None:
    """Its p is not adjusted; the gain is found."""
    found = pooled(answers)
    (step,) = found.steps

    assert found.is_declared
    assert step.pooled is not None
    assert step.judged.verdict == "better"
    assert step.judged.p_adjusted == step.pooled.estimate.p
    assert step.pooled.estimate.lo <= 0.1 <= step.pooled.estimate.hi
    assert sum(row.weight or 0 for row in step.answers) == pytest.approx(1)


def test_a_step_that_one_file_does_not_name_pays_for_all_shared_steps(answers: list[StudyAnswers]) -> None:
    """Whoever picks the step after reading the reports had all of them to choose from."""
    found = pooled([answers[0]._replace(declared=""), *answers[1:]])
    (step,) = found.steps

    assert not found.is_declared
    assert step.pooled is not None
    assert step.judged.p_adjusted == pytest.approx(found.shared * step.pooled.estimate.p)
    assert found.shared == len(answers[0].effects) > 1


def test_all_pools_every_shared_step_in_the_order_of_the_first(answers: list[StudyAnswers]) -> None:
    """`--pool all`."""
    assert [step.name for step in pooled(answers, "all").steps] == list(answers[0].effects)


@pytest.mark.parametrize(("n", "has"), [(2, ""), (3, "interval"), (4, "interval"), (5, "verdict")])
def test_an_interval_takes_three_data_sets_and_a_verdict_five(answers: list[StudyAnswers], n: int, has: str) -> None:
    """Fewer are listed, and the page says what is missing."""
    found = pooled(answers[:n])
    (step,) = found.steps
    (sentence,) = pooled_sentences(found)

    assert (step.pooled is not None) is (has != "")
    assert (step.judged.verdict != "not_assessable") is (has == "verdict")
    assert ("only listed" in sentence) is (has == "")
    assert ("A verdict needs 5 data sets" in sentence) is (has == "interval")


def test_a_study_with_runs_to_come_is_listed_and_left_out(answers: list[StudyAnswers], tmp_path: Path) -> None:
    """The mean is of the others, and the page names the study and says why."""
    late = answers_of(tmp_path, "late", declared="BN", effect=40.0, results={("BN", 2): None})
    found = pooled([*answers[:4], late])
    (step,) = found.steps
    page = markdown_page(pooled_page(found))

    assert [row.study for row in step.answers if row.weight is None] == ["late"]
    assert step.judged.reason == TOO_FEW_SETS
    assert step.pooled == pooled(answers[:4]).steps[0].pooled
    assert "late is listed, not pooled, for BN: runs of this look are still missing" in page


@pytest.mark.parametrize(("replicates", "left_out"), [(3, ["own"]), (5, [])])
def test_a_data_set_whose_error_is_poorly_known_is_listed_and_left_out(
    answers: list[StudyAnswers], tmp_path: Path, replicates: int, left_out: list[str]
) -> None:
    """Below 4 degrees of freedom: with four others there is no verdict, and the page says why."""
    evidence = {"replicates": [replicates]}
    one = answers_of(tmp_path, "own", declared="BN", evidence=evidence, chain={"BN": {"gain": 1.0}}, scored=False)
    found = pooled([*answers[:4], one])
    (step,) = found.steps
    estimate = step.answers[-1].effect.estimate

    assert estimate is not None
    assert estimate.df == replicates - 1
    assert [row.study for row in step.answers if row.weight is None] == left_out
    assert step.judged.reason == (TOO_FEW_SETS if left_out else "")
    assert (step.pooled == pooled(answers[:4]).steps[0].pooled) is bool(left_out)
    assert ("own is listed, not pooled, for BN: too few rep" in markdown_page(pooled_page(found))) is bool(left_out)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"digests": frozenset(["digest of pets"])}, "on the same data"),
        ({"study": "pets"}, "named twice"),
        ({"effects": {}}, "there is no step 'BN' in cars"),
    ],
)
def test_what_is_no_data_set_of_its_own_with_this_step_is_refused(
    answers: list[StudyAnswers], change: dict[str, Any], says: str
) -> None:
    """One data set counts once, and a step has to be there to be pooled."""
    with pytest.raises(StudyError, match=says):
        pooled([answers[0], answers[1]._replace(**change), *answers[2:]])


def test_differences_in_other_metrics_are_refused(answers: list[StudyAnswers], tmp_path: Path) -> None:
    """Points of accuracy and of loss have no mean."""
    other = answers_of(tmp_path, "other", evidence={"metric": "loss", "negligible": 0.01, "worthwhile": 0.1})

    with pytest.raises(StudyError, match="judged by accuracy and 'other' is judged by loss"):
        pooled([*answers, other])


def test_other_thresholds_take_away_the_words_that_rest_on_them(answers: list[StudyAnswers]) -> None:
    """A difference is still one; and it is said."""
    found = pooled([answers[0]._replace(thresholds=(2.0, 5.0)), *answers[1:]])

    assert (found.negligible, found.worthwhile) == (None, None)
    assert found.steps[0].judged.verdict == "better"
    assert "different thresholds" in markdown_page(pooled_page(found))


def test_a_change_that_is_another_one_elsewhere_is_told(answers: list[StudyAnswers]) -> None:
    """One name for two changes is a mean of two questions; so are data nobody can tell apart."""
    other = answers[0]._replace(changes={"BN": {"gain": 1.0}}, digests=frozenset())
    page = markdown_page(pooled_page(pooled([other, *answers[1:]])))

    assert "BN is not the same change in all studies" in page
    assert "The trainer of pets gives no digest" in page
    assert "not the same change" not in markdown_page(pooled_page(pooled(answers)))


def test_no_more_than_a_hundred_points_are_predicted(tmp_path: Path) -> None:
    """Three data sets that differ by 60 points: neither the mean nor one more of them goes beyond what is possible."""
    apart = [answers_of(tmp_path, name, effect=e) for name, e in zip(SETS[:3], (-30.0, 5.0, 30.0), strict=True)]
    mean = pooled_json(pooled(apart))["steps"][0]["pooled"]

    assert (mean["lo_next"], mean["hi_next"]) == (-100.0, 100.0)
    assert -100 <= mean["lo"] < mean["hi"] <= 100


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_draws_the_data_sets_and_a_diamond(answers: list[StudyAnswers], language: Language) -> None:
    """In both languages, and the words explain the diamond only where there is one."""
    words = words_of(language)
    full, few = (html_page(pooled_page(pooled(answers[:n]), words)) for n in (5, 2))

    assert all(name in full for name in SETS)
    assert 'preserveAspectRatio="none"><path d="M0 50L' in full
    assert words("pool.caption_mean") in full
    assert words("pool.caption_mean") not in few
    assert 'preserveAspectRatio="none"><path d="M0 50L' not in few


def test_the_json_holds_what_the_mean_was_made_of(answers: list[StudyAnswers]) -> None:
    """Differences with errors and weights, in points: the mean can be computed again."""
    told = json.loads(json.dumps(pooled_json(pooled(answers))))
    (step,) = told["steps"]

    mean = sum(row["weight"] * row["difference"] for row in step["data_sets"])
    assert mean == pytest.approx(step["pooled"]["difference"])
    assert step["pooled"]["verdict"] == "better"
    assert told["declared"] is True


def test_a_step_to_pool_must_be_one_of_the_study() -> None:
    """Refused where it stands, with the near match."""
    with pytest.raises(StudyError, match=r"there is no step 'Dropot'") as refused:
        a_study(evidence={"pool": "Dropot"})
    assert "Did you mean 'Dropout'?" in (refused.value.hint or "")


def test_the_command_lists_pools_and_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies without a run are listed; three without --pool are told of it."""
    monkeypatch.chdir(tmp_path)
    for number in (1, 2, 3):
        study = {
            "study": f"set{number}",
            "trainer": "ablate.toy:train",
            "base": {"images": 300 + number},
            "chain": {"BN": {"gain": 10.0}},
            "evidence": {"test": {"folds": 3}, "replicates": [3]},
        }
        Path(f"set{number}.yaml").write_text(json.dumps(study), encoding="utf-8")
    files = [f"set{number}.yaml" for number in (1, 2, 3)]
    runner = CliRunner()
    listed = runner.invoke(app, ["report", *files, "--pool", "BN"])
    told = json.loads(runner.invoke(app, ["report", *files, "--pool", "BN", "--json"]).stdout)
    refused = runner.invoke(app, ["report", *files])

    chinese = runner.invoke(app, ["report", *files, "--pool", "BN", "--lang", "zh"])

    assert listed.exit_code == 0
    assert "报告: " in chinese.output
    assert "no mean is taken" in listed.output
    assert "set3" in (tmp_path / "reports" / "pooled--BN--set1--set2--set3" / "report.md").read_text(encoding="utf-8")
    assert [row["left_out"] != "" for row in told["steps"][0]["data_sets"]] == [True] * 3
    assert refused.exit_code == 2
    assert "--pool STEP" in refused.output
