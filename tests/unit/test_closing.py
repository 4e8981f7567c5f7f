"""A study that is closed for time: its complete replicates are judged, with the whole error not yet spent."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.files import write_json
from ablate.records import Cell
from ablate.report.gather.assemble import Findings, make_findings
from ablate.report.page.html import html_page
from ablate.report.page.sections import page_of
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.evidence import evidence_lines, settling_lines, warnings
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import words_of
from ablate.results.closing import complete_replicates, cut_plan, whole_plan
from ablate.results.declared_looks import looks_before, remember_looks
from ablate.results.question import question_of
from ablate.splits.rules import Replicate
from ablate.stats.alpha_shares import look_shares, looks_at_close
from ablate.stats.effects import Effect, estimate_effects
from ablate.store.closing import FILE, Closing, closing_from, read_closing, write_closing
from ablate.study.plan import Plan, make_plan
from ablate.study.study import Study
from tests.builders import a_failed, a_study, cells_with

END = "2026-12-01T18:00:00+01:00"
THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}


def closed_at(plan: Plan, replicates: int) -> Closing:
    """The plan's end has come after so many complete replicates."""
    shares = look_shares(plan.looks, plan.shares)
    until = "2026-12-01T18:00+01:00"
    return Closing(until=until, end=END, closed=END, replicates=replicates, looks=plan.looks, shares=shares)


def stopped_in(plan: Plan, work: Path, complete: int, *, done: int = 1, look: int = 1, **drawn: Any) -> list[Cell]:
    """The cells of a plan of which so many replicates are complete, and of the next one the first `done` runs."""
    names = [variant.name for variant in plan.variants]
    last = {(name, complete): None for name in names[done:]}
    beyond = {(name, r): None for name in names for r in range(complete + 1, plan.looks[look - 1])}
    return cells_with(plan, work, look=look, results=last | beyond, **drawn)


def answers(study: Study, plan: Plan, cells: list[Cell]) -> dict[str, Effect]:
    """Contrast -> its answer at the plan's last look, from the cells up to there."""
    kept = [cell for cell in cells if cell.replicate.index < plan.looks[-1]]
    found = estimate_effects(kept, plan.contrasts, question_of(study, plan), look=len(plan.looks))
    return {effect.contrast.name: effect for effect in found}


def test_complete_replicates_are_judged_when_the_time_is_over(tmp_path: Path) -> None:
    """A study stopped with two of three replicates complete says nothing of most steps before, and of all after."""
    study = a_study(factors=THREE)
    plan = make_plan(study)
    cells = stopped_in(plan, tmp_path, 2, done=2)

    waiting = answers(study, plan, cells)
    closed = answers(study, cut_plan(plan, closed_at(plan, 2)), cells)

    assert [e.judged.verdict for e in waiting.values()].count("not_assessable") == 2
    assert closed["BN"].judged.verdict == "better"
    assert "not_assessable" not in {effect.judged.verdict for effect in closed.values()}
    assert {effect.estimate.n_replicates for effect in closed.values() if effect.estimate} == {2}


def test_the_close_spends_what_no_look_has_spent() -> None:
    """Before the first look that is all; at a look, that look's share and the rest."""
    looks, shares = (5, 10, 20), (0.2, 0.3, 0.5)

    assert looks_at_close(looks, shares, 3) == ((3,), (1.0,))
    assert looks_at_close(looks, shares, 7) == ((5, 7), (0.2, pytest.approx(0.8)))
    assert looks_at_close(looks, shares, 10) == ((5, 10), (0.2, pytest.approx(0.8)))
    assert looks_at_close(looks, shares, 19) == ((5, 10, 19), (0.2, 0.3, 0.5))


@given(looks=st.lists(st.integers(1, 60), min_size=1, max_size=5, unique=True).map(sorted), data=st.data())
def test_a_closed_study_spends_its_error_once(looks: list[int], data: st.DataObject) -> None:
    """Whenever its time is over; what earlier looks had is not touched."""
    shares, replicates = look_shares(looks), data.draw(st.integers(1, looks[-1]))
    kept, left = looks_at_close(looks, shares, replicates)

    assert sum(left) == pytest.approx(1)
    assert (kept[-1], len(kept)) == (replicates, len(left))
    assert left[:-1] == shares[: len(left) - 1]
    assert all(share > 0 for share in left)


def test_a_plan_that_is_cut_is_remembered_whole(tmp_path: Path) -> None:
    """The looks that were declared stay declared; closing them changes no plan."""
    plan = make_plan(a_study(evidence={"replicates": [5, 10, 20]}))
    cut = cut_plan(plan, closed_at(plan, 7))
    remember_looks(tmp_path, plan)

    assert (cut.looks, whole_plan(cut).looks, whole_plan(plan)) == ((5, 7), plan.looks, plan)
    assert list(whole_plan(cut).runs(3)) == list(plan.runs(3))
    assert cut_plan(plan, None) is plan
    assert cut_plan(plan, replace(closed_at(plan, 0), closed="")) is plan
    assert looks_before(tmp_path, cut) is None


def test_what_earlier_looks_settled_stays_settled(tmp_path: Path) -> None:
    """With its numbers; what they left open is judged on the complete replicates."""
    study = a_study(factors={"BN": {"gain": 1.0}, "Dropout": {"noise": 1.5}}, evidence={"replicates": [3, 12]})
    plan = make_plan(study)
    levels = {"baseline": 60.0, "BN": 63.0, "Dropout": 83.0}
    cells = cells_with(plan, tmp_path, look=2, levels=levels)
    cut = answers(study, cut_plan(plan, closed_at(plan, 4)), cells)
    first = {e.contrast.name: e for e in estimate_effects(cells, plan.contrasts, question_of(study, plan), look=1)}

    assert {name: effect.is_open for name, effect in first.items()} == {"BN": True, "Dropout": False}
    assert {name: effect.look for name, effect in cut.items()} == {"BN": 2, "Dropout": 1}
    assert cut["Dropout"] == first["Dropout"]


def grid(work: Path, *rows: str) -> list[Cell]:
    """One row a replicate, one letter a variant (a, b, ...): upper case where its run has ended."""
    cells = []
    for index, row in enumerate(rows):
        for letter in row:
            failed = a_failed(work / letter / str(index)) if letter.isupper() else None
            cells.append(Cell(variant=letter.lower(), replicate=Replicate(index=index), result=failed))
    return cells


@pytest.mark.parametrize(
    ("rows", "wanted", "complete"),
    [
        (("ABC", "ABC", "ABc", "abc"), ["abc", "abc"], 2),
        (("ABC", "AbC", "ABC", "abc"), ["abc", "abc"], 3),  # the missing run counts as one that failed
        (("ABc", "ABc", "abc", "abc"), ["abc", "abc"], 2),  # c was never begun, or left out by --only
        (("ABC", "ABC", "ABc", "Abc"), ["abc", "ab"], 3),  # c is settled since the look at two
        (("abc", "abc", "abc", "abc"), ["abc", "abc"], 0),
        (("ABC", "ABC", "abc", "abc"), ["abc", ""], 2),
    ],
)
def test_a_replicate_is_complete_when_all_it_asks_for_has_ended(
    tmp_path: Path, rows: tuple[str, ...], wanted: list[str], complete: int
) -> None:
    """Looks at two and four; failed runs have ended, too."""
    assert complete_replicates(grid(tmp_path, *rows), [2, 4], [set(names) for names in wanted]) == complete


def test_the_record_of_an_end_is_read_as_it_was_written(tmp_path: Path) -> None:
    """And where there is none, there is none."""
    closing = closed_at(make_plan(a_study()), 3)
    write_closing(tmp_path, closing)

    assert read_closing(tmp_path) == closing
    assert read_closing(tmp_path / "elsewhere") is None
    assert [closing_from(one) for one in (None, [], {}, {"until": "9h", "end": "soon"})] == [None] * 4
    assert closing_from({"until": "9h", "end": END, "closed": END, "replicates": 3}) is None


def test_a_record_that_another_version_wrote_still_closes_the_study(tmp_path: Path) -> None:
    """What is not known of it is passed over."""
    closing = closed_at(make_plan(a_study()), 3)
    write_json(tmp_path / FILE, asdict(closing) | {"more": [1]})

    assert read_closing(tmp_path) == closing


@pytest.mark.parametrize("content", ["", "{", "[]", '{"until": "9h", "end": "soon"}'])
def test_a_record_that_cannot_be_read_is_never_taken_for_none(tmp_path: Path, content: str) -> None:
    """A closed study would be open again, with all its error rate spent."""
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match="whether the study was closed is not known"):
        read_closing(tmp_path)


# --- what a report says of it ------------------------------------------------------------------


def closed_findings(work: Path, *, complete: int = 7, language: Any = "en", **stopped: Any) -> Findings:
    study = a_study(factors=THREE, evidence={"replicates": [5, 10]})
    plan = make_plan(study)
    cut = cut_plan(plan, closed_at(plan, complete))
    cells = [c for c in stopped_in(plan, work, complete, look=2, **stopped) if c.replicate.index < cut.looks[-1]]
    return make_findings(
        study, cut, cells, look=len(cut.looks), prepared={}, work=work, origin=None, say=words_of(language)
    )


def test_a_report_says_that_the_study_was_closed(tmp_path: Path) -> None:
    """When, after how many replicates, and for which part of the error; and that nothing more is trained."""
    findings = closed_findings(tmp_path)
    (closed,) = [line for line in warnings(findings) if line.startswith("Closed for time: ")]
    looks = next(line for line in evidence_lines(findings) if line.startswith("Looks at the results"))

    assert "2026-12-01 18:00 (+01:00), came after 7 replicates" in closed
    assert "67% of the allowed error" in closed
    assert "planned after 5 and 10" in closed
    assert "after 5 and 10 replicates. The study was closed for time after 7 replicates" in looks
    assert findings.next_steps.settling is None
    assert settling_lines(findings)[-1].startswith("The study was closed for time: nothing more is trained")
    assert "not been made yet" not in " ".join([*warnings(findings), first_sentence(findings)])


def test_a_page_and_the_json_say_it_too(tmp_path: Path) -> None:
    """In every language."""
    english, chinese = (
        html_page(page_of(closed_findings(tmp_path / language, language=language), words_of(language)))
        for language in ("en", "zh")
    )
    findings = closed_findings(tmp_path / "json")
    schema = json.loads((resources.files("ablate.report") / "schemas" / "run.schema.json").read_text(encoding="utf-8"))
    content = summary_json(findings, tmp_path / "report.md")
    jsonschema.validate(content, schema)

    assert "Closed for time" in english
    assert "因时间已到而结束" in chinese
    assert content["closed"] == {"end": END, "replicates": 7, "planned": [5, 10]}
    assert (content["look"], {effect["look"] for effect in content["effects"]} <= {1, 2}) == (2, True)


def test_runs_that_had_not_ended_count_as_missing(tmp_path: Path) -> None:
    """They are named as such, and nothing waits for them."""
    study = a_study(factors=THREE, evidence={"replicates": [5]})
    plan = make_plan(study)
    plan = cut_plan(plan, closed_at(plan, 4))
    cells = cells_with(plan, tmp_path, results={("GAP head", 1): None})
    findings = make_findings(study, plan, cells, look=1, prepared={}, work=tmp_path, origin=None)
    step = findings.effects[-1]

    assert (step.measured.n, step.decision.verdict != "not_assessable") == (3, True)
    assert "1 run had not ended when the study was closed; it counts as missing." in warnings(findings)
    assert "1 of 16 runs had not ended when the study was closed" in first_sentence(findings)
