"""What the first screen says by itself: thresholds, the interval that decides, what a line holds, what may be cited."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.report.facts.findings import Findings
from ablate.report.facts.groups import GroupFacts
from ablate.report.figures.forest import forest_caption, forest_info
from ablate.report.figures.numbers import stack_dots
from ablate.report.figures.svg import APART, draw_interval
from ablate.report.gather.data_name import data_name
from ablate.report.page.blocks import Claim, Legend, Page
from ablate.report.page.first_screen import legend, read_on_terminal
from ablate.report.page.html import html_page
from ablate.report.page.sections import CONTENTS, page_of
from ablate.report.share.methods import Scoring, methods_text
from ablate.report.tables.first_screen import shown_on_terminal, shown_steps
from ablate.report.tables.table import Band, Mark, bands_of
from ablate.report.wording.evidence import basis_line
from ablate.report.wording.first_screen import basis_words, deciding_words, longer_words, rounding_words, steps_ratio
from ablate.report.wording.language import Language, words_of
from ablate.report.wording.numbers import Axis
from ablate.scoring.unit import Unit
from tests.builders import a_study, findings_of


def longer(findings: Findings, times: float) -> Findings:
    """The same findings, the first step of which takes so many times the training steps."""
    first, second, *others = findings.variants
    longer_one = replace(second, steps=times * (first.steps or 0.0))
    return replace(findings, variants=(first, longer_one, *others))


def marks(found: Legend) -> set[str]:
    """The parts of a drawing that a legend names."""
    return {key.mark for key in found.drawn} & {"point", "thick", "thin", "dots", "none", "small", "arrow"}


def test_a_line_of_a_chain_is_named_as_what_it_adds(tmp_path: Path) -> None:
    """No network is called `weight decay`: its accuracy is of everything up to it; the file keeps the plain name."""
    ((kept, shown),) = shown_steps(findings_of(a_study(), tmp_path))

    assert [row[0] for row in shown.rows] == ["baseline", "+ BN", "+ Dropout", "both changes together"]
    assert shown.columns[1:3] == ("Accuracy (%), all so far", "Gained here (points)")
    assert [row[0] for row in kept.rows] == ["baseline", "BN", "Dropout", "both changes together"]
    assert kept.columns[1:3] == ("Accuracy (%)", "Difference (points)")


def test_changes_that_do_not_build_on_each_other_keep_their_names(tmp_path: Path) -> None:
    """One at a time nothing is added up."""
    ((_, shown),) = shown_steps(findings_of(a_study(design="one_at_a_time"), tmp_path))

    assert [row[0] for row in shown.rows] == ["baseline", "only BN", "only Dropout"]


def test_both_thresholds_are_drawn_and_said(tmp_path: Path) -> None:
    """As bands where the gain lies, and as numbers in the legend."""
    findings = findings_of(a_study(), tmp_path)
    html = html_page(page_of(findings))

    assert bands_of(findings) == (Band(0.0, 3.0, "small"), Band(-1.0, 1.0, "none"))
    assert html.count('<rect class="band small"') >= len(findings.effects)
    assert "a difference below 1.0 points counts as none" in html
    assert "a gain below 3.0 points is not worth having" in html
    less = replace(findings, study=replace(findings.study, metric=replace(findings.study.metric, goal="min")))
    assert Band(-3.0, 0.0, "small") in bands_of(less)


def test_the_legend_names_only_marks_that_are_drawn(tmp_path: Path) -> None:
    """No dots without replicates, no thin line where it is as long as the thick one, no arrow within the axis."""
    findings = findings_of(a_study(), tmp_path)
    assert marks(legend(findings)) == {"point", "thick", "thin", "dots", "none", "small"}

    effect = findings.effects[0]
    alone = replace(
        effect,
        measured=replace(effect.measured, lo_all=effect.measured.lo, hi_all=effect.measured.hi, by_replicate=(1.0,)),
    )
    bare = replace(findings, effects=(alone,), total=None)
    assert marks(legend(bare)) == {"point", "thick", "none", "small"}


def test_the_caption_of_the_forest_names_only_what_is_drawn(tmp_path: Path) -> None:
    """Dots where there are several replicates, bands where somebody has stated a size."""
    findings = findings_of(a_study(), tmp_path)
    single = findings_of(a_study(evidence={"replicates": [1]}), tmp_path / "single")
    captions = {}
    for name, found in (("several", findings), ("single", single)):
        info = forest_info(found)
        assert info is not None
        captions[name] = forest_caption(info, found)

    assert "Small dots" in captions["several"]
    assert "Small dots" not in captions["single"]
    assert "below 3.0" in captions["single"]


def test_which_interval_decides_is_said_and_where_the_verdict_says_more(tmp_path: Path) -> None:
    """Holm's method decides more than the interval for all at once: those verdicts are named."""
    findings = findings_of(a_study(evidence={"replicates": [3, 6]}), tmp_path)
    effect = findings.effects[0]
    wide = replace(effect, measured=replace(effect.measured, lo_all=-0.1, hi_all=20.0))
    decided = replace(findings, effects=(wide, *findings.effects[1:]))

    assert deciding_words(findings) == "95% interval for the two comparisons and the planned looks: it decides"
    assert "BN" in deciding_words(decided)


def test_what_is_tested_and_redrawn_stands_above_the_numbers(tmp_path: Path) -> None:
    """How many test images, what a replicate draws anew, what the intervals hold for."""
    told = basis_words(findings_of(a_study(), tmp_path))
    fixed = basis_words(findings_of(a_study(evidence={"test": {"share": 0.2}}), tmp_path / "fixed"))

    assert told.startswith("Tested on 600 test images. 3 replicates; each trains every line once, on newly drawn")
    assert told.endswith("not other data sets.")
    assert "the test images stay" in fixed
    assert data_name({"data": {"source": {"name": "digits"}}}) == "digits"
    assert data_name({"data": {"source": {"name": "image_folder", "root": "data/faces"}}}) == "faces"
    assert data_name({"skill": 60.0}) == ""


def test_nothing_is_said_to_be_drawn_anew_where_nothing_is_left_to_draw(tmp_path: Path) -> None:
    """All images but a fixed test part are trained on: replicates differ by their seeds alone."""
    findings = findings_of(a_study(evidence={"test": "official"}), tmp_path)

    def told(unused: int, val: float | None = None) -> str:
        rows = [replace(row, counts={"train": 480, "val": 0, "test": 120, "unused": 0}) for row in findings.variants]
        rows[-1] = replace(rows[-1], counts={**rows[-1].counts, "unused": unused})
        return basis_words(replace(findings, variants=tuple(rows), evidence=replace(findings.evidence, val=val)))

    assert "on the same training and test images with new random seeds" in told(unused=0)
    assert "newly drawn" not in told(unused=0)
    assert "newly drawn training images" in told(unused=100)
    assert "newly drawn training images" in told(unused=0, val=0.1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_intervals_of_single_runs_are_not_said_to_cover_new_runs(language: Language, tmp_path: Path) -> None:
    """One replicate tells nothing of how runs vary: for images and groups of them, on the screen and in the basis."""
    say = words_of(language)
    single = findings_of(a_study(evidence={"replicates": [1]}), tmp_path)
    groups = GroupFacts("groups", 40, 38.0, 0.05, 1.5)
    grouped = replace(single, evidence=replace(single.evidence, groups=groups))

    for findings in (single, grouped):
        told = (basis_words(findings, say), basis_line(findings, say))
        for text in told:
            assert ("these trained networks" if language == "en" else "这些已训练网络") in text
            assert not re.search("and new runs|和新的运行", text)
    methods = methods_text(single, Scoring(is_binary=True, is_weighed=False, is_own=False), say)
    assert say("methods.images_once") in methods.replace("（Owen 2007）", "").replace(" (Owen 2007)", "")


def test_groups_and_units_of_test_images_are_counted_as_such(tmp_path: Path) -> None:
    """A thousand scans of forty patients are forty patients, by name where they are what is scored."""
    findings = findings_of(a_study(), tmp_path)
    groups = GroupFacts("groups", 40, 38.0, 0.05, 1.5)
    grouped = replace(findings, evidence=replace(findings.evidence, groups=groups))
    scored = replace(findings, evidence=replace(findings.evidence, images=40, unit=Unit("patient", "mean")))

    assert "600 test images in 40 groups" in basis_words(grouped)
    assert "new groups of images" in basis_words(grouped)
    assert "40 units (patient)" in basis_words(scored)


def test_a_step_that_trained_longer_is_marked_at_its_verdict(tmp_path: Path) -> None:
    """With the control to run; equal training is not marked."""
    findings = longer(findings_of(a_study(), tmp_path), 2.2)
    ((_, shown),) = shown_steps(findings)

    assert shown.asides[1] == ("† 2.2× the training steps",)
    assert "BN and Dropout: the amount of training changed as well" in longer_words(findings)
    assert "control: steps" in longer_words(findings)
    unable = replace(findings, study=replace(findings.study, counts_epochs=False))
    assert "under “compare:”" in longer_words(unable)
    assert shown_on_terminal(findings).rows[1][-1] == "better †"
    assert longer_words(longer(findings, 1.0)) == ""


def test_a_change_of_epochs_alone_is_no_step_that_also_trained_longer(tmp_path: Path) -> None:
    """There the longer training is what is asked about."""
    findings = longer(findings_of(a_study(), tmp_path), 2.0)
    first, second, *others = findings.variants
    asked = replace(findings, variants=(first, replace(second, changes={"epochs": 8}), *others))

    assert steps_ratio(findings.effects[0], findings) == 2.0
    assert steps_ratio(asked.effects[0], asked) is None


def test_the_total_says_that_it_is_judged_apart(tmp_path: Path) -> None:
    """It is a family of one."""
    ((_, shown),) = shown_steps(findings_of(a_study(), tmp_path))

    assert shown.asides[-1] == ("judged apart from the steps",)


def test_the_sentence_to_cite_has_both_intervals_and_n(tmp_path: Path) -> None:
    """Those of the other lines are folded below it."""
    page = page_of(findings_of(a_study(), tmp_path))
    (claim,) = [block for block in page.opening if isinstance(block, Claim)]

    assert claim.cited
    assert re.search(r"With 3 replicates and 600 test images, BN raised .* \(95% interval .*; .* allowing for the two",
                     claim.sentence)  # fmt: skip
    assert "on top of everything up to BN" in html_page(page)


def test_rounded_numbers_that_do_not_add_up_are_explained(tmp_path: Path) -> None:
    """94.2 less 88.8 is not 5.5."""
    findings = findings_of(a_study(), tmp_path)
    first, second, *others = findings.variants
    effect = findings.effects[0]

    def with_numbers(low: float, high: float) -> Findings:
        rows = (replace(first, mean=low), replace(second, mean=high), *others)
        shown = replace(effect, measured=replace(effect.measured, difference=high - low))
        return replace(findings, variants=rows, effects=(shown,), total=None)

    assert "before rounding" in rounding_words(with_numbers(88.76, 94.24))
    assert rounding_words(with_numbers(88.8, 94.2)) == ""


@given(st.lists(st.floats(0, 100), max_size=30))
def test_as_many_dots_are_seen_as_there_are(places: list[float]) -> None:
    """Dots that would touch stand below one another."""
    found = stack_dots(places, apart=APART)

    assert sorted(x for x, _ in found) == sorted(places)
    for (a, level), (b, other) in itertools.combinations(found, 2):
        assert level != other or abs(a - b) >= APART


def test_equal_dots_make_the_drawing_taller() -> None:
    """Three dots in one place are three circles at three heights."""
    drawn = draw_interval(Mark("better", 1.0, 0.5, 1.5, 0.4, 1.6, (1.0, 1.0, 1.0)), Axis(0.0, 2.0))

    assert len(set(re.findall(r'class="dot" cx="[^"]*" cy="([^"]*)"', drawn))) == 3
    assert "style=" in drawn


def test_every_section_is_in_one_group_of_the_contents(tmp_path: Path) -> None:
    """Also a section that no group knows: it goes with the last."""
    page = page_of(findings_of(a_study(), tmp_path))
    anchors = [section.anchor for _, sections in page.grouped() for section in sections]
    unknown = replace(page, sections=(*page.sections, page.sections[0]._replace(anchor="new")))

    assert sorted(anchors) == sorted(section.anchor for section in page.sections)
    assert [title for title, _ in page.grouped()] == ["Answers", "Training", "Images", "Record"][: len(page.grouped())]
    assert [section.anchor for section in unknown.grouped()[-1][1]][-1] == "new"
    numbered = replace(page, sections=(*page.sections, page.sections[0]._replace(anchor="set-2")))
    assert [section.anchor for section in numbered.grouped()[0][1]][-1] == "set-2"
    assert len({anchor for group in CONTENTS.values() for anchor in group}) == sum(map(len, CONTENTS.values()))


def test_a_page_without_groups_lists_its_sections(tmp_path: Path) -> None:
    """Such as the page of a single run."""
    page = page_of(findings_of(a_study(), tmp_path))
    bare = Page(title="x", words=page.words, opening=(), sections=page.sections)

    assert bare.grouped() == [("", list(page.sections))]


def test_the_terminal_says_the_same(tmp_path: Path) -> None:
    """Thresholds, what decides, what no worthwhile gain is not, and the sentence to cite; in Chinese as well."""
    lines = read_on_terminal(findings_of(a_study(), tmp_path))

    assert any("below 1.0 points" in line and "below 3.0 points" in line for line in lines)
    assert lines[-1].startswith("One may write: With 3 replicates")
    chinese = read_on_terminal(findings_of(a_study(), tmp_path / "zh"), words_of("zh"))
    assert len(chinese) == len(lines)
