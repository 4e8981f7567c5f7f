"""How a report shows what the stored answers know of single images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.report.facts.answers import AnswerFacts, ChangedImage, ChangedImages, Level, NeverRight, Slice, SliceColumn
from ablate.report.facts.exploratory import Exploratory
from ablate.report.facts.findings import Findings
from ablate.report.page.earlier_sheets import earlier_forms
from ablate.report.page.html import html_page
from ablate.report.page.render import report_text, report_texts
from ablate.report.page.sections import page_of
from ablate.report.wording.language import ENGLISH, words_of
from tests.builders import a_study, findings_of

PIXEL = b"\x89PNG small"
OWL = NeverRight("owls/7.png", "owl", 30, "cat", 29)
FIXED = ChangedImage("dogs/1.png", "dog", 5, 0, 5)
CAMERA = SliceColumn(
    name="camera",
    rows=(
        Slice("new", 300, {"baseline": Level(80.0, 74.0, 85.0)}),
        Slice("old", 7, {}, "images"),
        Slice("van", 60, {}, "groups"),
    ),
    whole=Slice("", 367, {"baseline": Level(81.0, 76.0, 85.5)}),
    unknown=3,
    is_cut=False,
    intervals=2,
)


def a_change(**values: object) -> ChangedImages:
    """Of 370 images, all tested five times, one is fixed."""
    known: dict[str, object] = {
        "name": "+ BN", "n_images": 370, "assessed": 370, "most_tests": 5, "fixed": (FIXED,), "broken": (),
        "net_fixed": 5, "net_broken": None, "fixed_by_chance": 0.04, "broken_by_chance": 0.0,
    }  # fmt: skip
    return ChangedImages(**(known | values))  # type: ignore[arg-type]


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    """With a list of each kind, and the images themselves."""
    facts = AnswerFacts(
        never_right=(OWL,), tested=370, runs=30, changes=(a_change(),), slices=(CAMERA,), passed_over=(("id", 370),)
    )
    images = {"owls/7.png": PIXEL, "dogs/1.png": PIXEL}
    return replace(findings_of(a_study(), tmp_path), exploratory=Exploratory(answers=facts, thumbnails=images))


def test_a_text_stands_beside_its_image_as_text(findings: Findings) -> None:
    """Whatever it holds; images without one have no empty line."""
    texts = {"owls/7.png": "<b>night</b> & day"}
    with_texts = replace(findings, exploratory=replace(findings.exploratory, texts=texts))

    page = html_page(page_of(with_texts, ENGLISH))

    assert page.count('<q dir="auto">&lt;b&gt;night&lt;/b&gt; &amp; day</q>') == 1
    assert page.count("<q ") == 1


def with_changes(findings: Findings, *changes: ChangedImages) -> Findings:
    """The same with other comparisons."""
    facts = findings.exploratory.answers
    assert facts is not None
    return replace(findings, exploratory=Exploratory(answers=replace(facts, changes=changes)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_list_has_a_section_that_says_it_is_exploratory(findings: Findings, language: str) -> None:
    """In both languages, and every text is filled in."""
    page = page_of(findings, words_of(language))  # type: ignore[arg-type]
    titles = {section.anchor: section.title for section in page.sections}

    for anchor in ("never-right", "changed-images", "slices"):
        assert ("exploratory" if language == "en" else "探索性") in titles[anchor]
    assert "{" not in "".join(block.text for block in page.blocks() if hasattr(block, "text"))


def test_images_stand_beside_what_is_said_of_them(findings: Findings) -> None:
    """With the class that most runs say; no line is left empty."""
    html = html_page(page_of(findings, ENGLISH))

    assert "Most runs say: cat (29 of 30 runs)</span>" in html
    assert "Right before: 0 of 5<br>Right after: 5 of 5" in html


def test_small_parts_are_named_with_their_number_and_have_no_row(findings: Findings) -> None:
    """Nor are parts ranked: they stand in the order of their values."""
    text = report_text(findings)

    assert "Too few test images for a level, below 20: old (n = 7)." in text
    assert "Too few groups of images for a level, below 5: van (n = 60)." in text
    assert "| all of these | 367 | 81.0 [76.0, 85.5] |" in text
    assert "| old |" not in text
    assert "Nothing is said of 3 images." in text
    assert "id (370 values)" in text


def test_with_too_few_tests_a_comparison_is_not_assessable(findings: Findings) -> None:
    """One in the table, all in a sentence; with the number of tests there are."""
    change = a_change(name="Dropout", assessed=0, most_tests=3, fixed=(), net_fixed=None, fixed_by_chance=0.0)
    alone, beside = (report_text(with_changes(findings, *found)) for found in ([change], [a_change(), change]))

    assert "five tests (3 tests at most)" in alone
    assert "| Dropout | not assessable: 3 tests, below 5 |" in beside


def test_long_lists_are_cut_on_the_page_and_whole_in_the_table(findings: Findings) -> None:
    """The page says where the rest is."""
    many = tuple(FIXED._replace(id=f"dogs/{i:02d}.png") for i in range(30))
    shown = with_changes(findings, a_change(name="BN", fixed=many))
    texts = report_texts(page_of(shown, ENGLISH), shown)

    assert "dogs/11.png" in texts["report.md"]
    assert "dogs/12.png" not in texts["report.md"]
    assert "tables/changed-images.csv has all of them" in texts["report.md"]
    assert texts["tables/changed-images.csv"].splitlines()[-1] == "BN,fixed,dogs/29.png,dog,5,0,5"


def test_no_press_on_a_heading_ranks_the_parts(findings: Findings) -> None:
    """The page's script passes over tables that keep their order."""
    html = html_page(page_of(findings, ENGLISH))

    assert html.count('<table class="in-order"') == 1
    assert 'table.matches(".matrix, .in-order")' in html


def test_the_tables_hold_everything(findings: Findings) -> None:
    """One value a cell."""
    texts = report_texts(page_of(findings, ENGLISH), findings)

    assert texts["tables/never-right.csv"].splitlines() == [
        "image,class,said,said_by_runs,runs",
        "owls/7.png,owl,cat,29,30",
    ]
    assert texts["tables/slices.csv"].splitlines()[1:3] == [
        "camera,,367,baseline,81,76,85.5,",
        "camera,new,300,baseline,80,74,85,",
    ]


def test_a_report_of_a_version_without_the_lists_still_agrees(findings: Findings) -> None:
    """One of the earlier forms has none of them."""
    forms = [form.exploratory.answers for form in earlier_forms(findings)]

    assert forms[0] is not None
    assert forms[1] is None
