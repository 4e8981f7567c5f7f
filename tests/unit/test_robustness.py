"""How far words carry: wrong words of all kinds together, other thresholds, earlier verdicts on the same images."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.files import write_json
from ablate.records import Cell
from ablate.report.facts.findings import Findings
from ablate.report.facts.robustness import EarlierUse
from ablate.report.page.earlier_sheets import without_robustness
from ablate.report.page.markdown import markdown_page
from ablate.report.page.sections import page_of
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.language import words_of
from ablate.report.wording.robustness import again_words, robustness_lines, uses_lines
from ablate.results.declared_looks import FILE as DECLARED
from ablate.results.uses import FILE, Use, earlier_uses, remember_uses
from ablate.store.data_identity import DataIdentity
from ablate.store.run_names import write_names
from ablate.store.work_folder import SPEC, Store
from tests.builders import STAMP, a_finished, a_plan, a_study, cells_with, findings_of


def robust(findings: Findings) -> Any:
    """How far the words carry, which is known."""
    assert findings.robustness is not None
    return findings.robustness


def test_three_kinds_of_claim_may_err_by_three_times_five_percent(tmp_path: Path) -> None:
    """One for the chain, and three more for all changes together, which are judged alone."""
    findings = findings_of(a_study(), tmp_path)
    one, together = (
        robustness_lines(f)[0] for f in (findings_of(a_study(factors={"BN": {"gain": 10.0}}), tmp_path), findings)
    )

    assert one.startswith("The family makes three kinds of claim")
    assert "at most 15% of studies" in one
    assert (robust(findings).kinds, robust(findings).families) == (3, 2)
    assert "at most 30% of studies" in together


def test_a_metric_without_thresholds_makes_fewer_kinds_of_claim(tmp_path: Path) -> None:
    """Only that there is a difference; nothing hangs on thresholds nobody has stated."""
    study = a_study(evidence={"metric": "loss"})
    found = robust(findings_of(study, tmp_path, scored=False))

    assert (found.kinds, found.thresholds) == (1, ())


def test_words_that_hang_on_the_thresholds_are_named(tmp_path: Path) -> None:
    """A change of two points brings no worthwhile gain of six, and may bring one of one and a half."""
    findings = findings_of(a_study(), tmp_path, levels={"BN": 60.0, "Dropout": 60.0}, noise=0.0, images=6000)
    half, double = robust(findings).thresholds
    lines = robustness_lines(findings)

    assert (half.negligible, half.worthwhile, double.negligible, double.worthwhile) == (0.5, 1.5, 2.0, 6.0)
    assert half.flips or double.flips
    named = half if half.flips else double
    flip = named.flips[0]
    assert flip.now != flip.then
    assert any(f"{flip.name} would be " in line for line in lines)
    assert any("0.5 points and 1.5 points" in line for line in lines)


def test_where_no_word_hangs_on_them_that_is_said(tmp_path: Path) -> None:
    """A large gain is one by any of these thresholds."""
    study = a_study(factors={"BN": {"gain": 10.0}})
    lines = robustness_lines(findings_of(study, tmp_path, levels={"BN": 90.0}))

    assert [line.endswith("no word would change.") for line in lines] == [False, True, True]


def test_before_anything_is_judged_nothing_is_said(tmp_path: Path) -> None:
    """Single runs carry no word."""
    assert findings_of(a_study(evidence={"replicates": [1]}), tmp_path).robustness is None


@pytest.mark.parametrize(
    ("same", "words"),
    [((0.52, 0.78), "50 to 80"), ((0.79, 0.81), "80"), ((0.01, 0.12), "<5 to 10"), ((0.98, 1.0), ">95")],
)
def test_chances_are_told_in_steps_of_five(same: tuple[float, float], words: str, tmp_path: Path) -> None:
    """They are known no better."""
    (effect, *_) = findings_of(a_study(), tmp_path).effects
    assert effect.repeat is not None

    assert again_words(effect.repeat._replace(same=same)) == words
    assert again_words(None) == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_has_its_chance_beside_it(language: Any, tmp_path: Path) -> None:
    """In the table of steps, in the numbers, and in --json; a report of before is told without."""
    findings, say = findings_of(a_study(), tmp_path), words_of(language)
    page = markdown_page(page_of(findings, say))
    told = summary_json(findings)["effects"][0]["repeat"]
    headings = {say("screen.again"), say("column.again")}  # of the steps and of the numbers

    assert sum(page.count(f"| {heading} |") for heading in headings) == 2
    assert say("note.again") in page
    assert 0 <= told["same"][0] <= told["same"][1] <= 1
    former = markdown_page(page_of(without_robustness(findings), say))
    assert not any(heading in former for heading in headings)
    assert robustness_lines(without_robustness(findings), say) == []


def test_families_that_follow_others_on_the_same_images_are_counted_on(tmp_path: Path) -> None:
    """The first of this study is the fourth; a study that is the first says nothing."""
    findings = findings_of(a_study(), tmp_path)
    later = replace(
        findings, robustness=replace(robust(findings), earlier=(EarlierUse("one", 2), EarlierUse("two", 1)))
    )

    assert uses_lines(findings) == []
    (line,) = uses_lines(later)
    assert line.startswith("Verdicts on the same test images were shown before, in one and two: these families")
    assert "numbers 4 to 5 on them" in line
    assert line in robustness_lines(later)
    assert summary_json(later)["robustness"]["number"] == 4


# --- what a work folder remembers -------------------------------------------------------------


def a_store(work: Path) -> tuple[Store, list[Cell]]:
    """A work folder in which the toy has finished."""
    return Store(work), cells_with(a_plan(), work)


def another(store: Store, name: str, *, digest: str = "test 0", declared: bool = True, at: int = 1) -> Path:
    """Another study whose first replicate was tested on some images, and which has shown verdicts, or not."""
    fingerprint = f"{at:064x}"
    a_finished(store.root / "runs" / fingerprint / "001", scores={"a": 1.0}, test_digest=digest)
    write_names(store.study(name), name, f"{name}.yaml", {"baseline": {"0": fingerprint}})
    if declared:
        write_json(store.study(name) / DECLARED, {"looks": [3], "shares": [1.0]})
        os.utime(store.study(name) / DECLARED, (at, at))
    return store.study(name)


def test_other_studies_on_the_same_images_are_found(tmp_path: Path) -> None:
    """Those that showed verdicts, and on these images; how many families they judged stands in their reports."""
    store, cells = a_store(tmp_path)
    folder = another(store, "one", at=1)
    families = [{"family": name, "verdict": word} for name, word in (("chain", "same"), ("compare", "better"))]
    families.append({"family": "single", "verdict": "not_assessable"})
    (folder / "report.json").write_text(json.dumps({"effects": families}))
    another(store, "elsewhere", digest="other images", at=2)
    another(store, "unseen", declared=False, at=3)
    another(store, "unread", at=4)

    assert earlier_uses(store, "toy", cells) == (Use("one", 2), Use("unread", 1))


def test_a_study_of_equal_settings_on_other_images_is_none(tmp_path: Path) -> None:
    """Both have runs of the same fingerprint, one attempt each: what counts is which images the other's own saw."""
    store, cells = a_store(tmp_path)
    fingerprint = f"{1:064x}"
    for number, (root, data, test) in enumerate(
        (("d0", "data 0", "other images"), ("d0", "data 1", "test 0"), ("d1", "data 2", "test 0")), start=1
    ):
        attempt = store.root / "runs" / fingerprint / f"{number:03d}"
        a_finished(attempt, scores={"a": 1.0}, test_digest=test, stamp=replace(STAMP, data_digest=data))
        write_json(attempt / SPEC, {"spec": {"config": {"data": {"source": {"root": root}}}}})
    for at, (name, digest) in enumerate((("p0", "data 0"), ("p1", "data 2")), start=1):
        source = DataIdentity(places={"data.source.root": "d0"}, digest=digest)
        folder = store.study(name)
        write_names(folder, name, f"{name}.yaml", {"baseline": {"0": fingerprint}}, {"baseline": source})
        write_json(folder / DECLARED, {"looks": [3], "shares": [1.0]})
        os.utime(folder / DECLARED, (at, at))

    assert earlier_uses(store, "toy", cells) == (Use("p1", 1),)


def test_what_came_first_stays_so(tmp_path: Path) -> None:
    """Once noted, later studies change nothing; and a study that looked before this one was noted counts them not."""
    store, cells = a_store(tmp_path)
    another(store, "one", at=1)
    write_json(store.study("toy") / DECLARED, {"looks": [3], "shares": [1.0]})
    os.utime(store.study("toy") / DECLARED, (5, 5))
    another(store, "later", at=9)
    found = earlier_uses(store, "toy", cells)
    remember_uses(store.study("toy"), 2, found)
    another(store, "two", at=2)
    remember_uses(store.study("toy"), 7, ())

    assert found == (Use("one", 1),)
    assert earlier_uses(store, "toy", cells) == found
    assert json.loads((store.study("toy") / FILE).read_text())["families"] == 2


def test_a_study_noted_by_this_version_says_its_families_itself(tmp_path: Path) -> None:
    """Such as a confirmation, which declares no looks."""
    store, cells = a_store(tmp_path)
    remember_uses(another(store, "search-confirm", declared=False), 3, ())

    assert earlier_uses(store, "toy", cells) == (Use("search-confirm", 3),)


@pytest.mark.parametrize("noted", [{}, {"before": 3}, {"before": [["one"], "x", ["two", 0], ["three", "4"]]}])
def test_a_note_that_says_nothing_is_read_as_nothing(noted: dict[str, Any], tmp_path: Path) -> None:
    """Whoever may write into the folder must not stop a report."""
    store, cells = a_store(tmp_path)
    write_json(store.study("toy") / FILE, noted)

    assert earlier_uses(store, "toy", cells) == ()


def test_studies_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    """Nothing has run under the name, its names are torn, or its runs are gone."""
    store, cells = a_store(tmp_path)
    for name, plan in (
        ("empty", None),
        ("torn", "{"),
        ("odd", '{"variants": 3}'),
        ("gone", '{"variants": {"a": {}}}'),
        ("mad", '{"variants": {"a": {"0": "b"}}, "data": 3}'),
    ):
        folder = store.study(name)
        write_json(folder / DECLARED, {"looks": [3], "shares": [1.0]})
        if plan is not None:
            (folder / "plan.json").write_text(plan)

    assert earlier_uses(store, "toy", cells) == ()
    assert earlier_uses(Store(tmp_path / "nowhere"), "toy", cells) == ()
    assert earlier_uses(store, "toy", []) == ()
