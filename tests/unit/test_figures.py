"""Figures as numbers and as artists; never as pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.report.facts.findings import Findings
from ablate.report.figures.drawing import draw_curves, draw_forest, draw_levels, label, png_of
from ablate.report.figures.fonts import drawable
from ablate.report.figures.forest import ForestInfo, forest_caption, forest_info
from ablate.report.figures.numbers import (
    MOST_PANELS,
    CurvesInfo,
    LevelsInfo,
    curves_caption,
    curves_info,
    levels_caption,
    levels_info,
)
from tests.builders import a_failed, a_study, findings_of

HOSTILE = "$x_1$ costs $5 | `a` <b> 漢字 🎉" + " long" * 9


def forest(findings: Findings) -> ForestInfo:
    """The forest plot's numbers, which are there."""
    info = forest_info(findings)
    assert info is not None
    return info


def curves(findings: Findings, metric: str = "accuracy") -> CurvesInfo:
    """The curves' numbers, which are there."""
    info = curves_info(findings, metric)
    assert info is not None
    return info


def levels(findings: Findings) -> LevelsInfo:
    """The levels' numbers, which are there."""
    info = levels_info(findings)
    assert info is not None
    return info


def test_the_forest_holds_every_comparison_of_every_family(tmp_path: Path) -> None:
    """One axis for all, wide enough for every interval and the negligible band."""
    findings = findings_of(a_study(design="factorial"), tmp_path, levels={"BN & Dropout": 71, "only Dropout": 61})
    info = forest(findings)

    assert [[row.label for row in group.rows] for group in info.groups] == [["BN", "Dropout"], ["BN × Dropout"]]
    assert info.negligible == 1.0
    for row in (row for group in info.groups for row in group.rows):
        assert row.lo_all is not None
        assert row.hi_all is not None
        assert info.axis.lo <= row.lo_all < row.hi_all <= info.axis.hi


def test_the_family_interval_is_the_wider_one(tmp_path: Path) -> None:
    """It holds for all comparisons at once."""
    for row in forest(findings_of(a_study(), tmp_path)).groups[0].rows:
        assert row.lo_all < row.lo < row.difference < row.hi < row.hi_all  # type: ignore[operator]


ONE = {"BN": {"gain": 10.0}}
SINGLE_STEP = "single-step interval; the verdict may be stronger."


def test_the_thin_lines_are_named_where_they_are_drawn(tmp_path: Path) -> None:
    """In the caption and in the figure: they prove less than the verdict says."""
    findings = findings_of(a_study(), tmp_path)
    info = forest(findings)
    (axes,) = draw_forest(info).axes

    assert SINGLE_STEP in forest_caption(info, findings)
    assert SINGLE_STEP in axes.get_xlabel()


def test_one_comparison_at_one_look_has_no_thin_line_and_no_word_of_one(tmp_path: Path) -> None:
    """Its single-step interval is the plain one."""
    findings = findings_of(a_study(factors=ONE), tmp_path)
    info = forest(findings)
    (row,) = info.groups[0].rows

    assert (row.lo_all, row.hi_all) == (row.lo, row.hi)
    assert SINGLE_STEP not in forest_caption(info, findings) + draw_forest(info).axes[0].get_xlabel()


def test_a_comparison_judged_alone_has_a_longer_thin_line_only_with_a_word(tmp_path: Path) -> None:
    """Where several looks are planned its interval allows for them, and the caption says so."""
    study = a_study(factors=ONE, evidence={"replicates": [3, 6]})
    findings = findings_of(study, tmp_path)
    info = forest(findings)
    (row,) = info.groups[0].rows

    assert row.lo_all is not None
    assert row.lo is not None
    assert row.lo_all < row.lo
    assert "a comparison that is judged alone" in forest_caption(info, findings)


def test_the_forest_draws_a_dot_two_intervals_and_a_word_a_line(tmp_path: Path) -> None:
    """And the zero line, the band, and the replicates."""
    info = forest(findings_of(a_study(), tmp_path))
    (axes,) = draw_forest(info).axes
    texts = [text.get_text() for text in axes.texts]

    assert {"BN", "Dropout", "better", "undecided", "+9.8 [5.1, 14.5]"} <= set(texts)
    assert axes.get_xlabel().startswith("Difference in accuracy (points)\n")
    assert axes.get_xlim() == tuple(info.axis)
    assert sum(line.get_linewidth() == 4.5 for line in axes.lines) == 3  # and of all changes together
    assert sum(line.get_linewidth() == 1.2 for line in axes.lines) == 3
    assert [len(line.get_xdata()) for line in axes.lines if line.get_markersize() == 2.5] == [3, 3, 3]


def test_a_comparison_without_an_answer_keeps_its_line(tmp_path: Path) -> None:
    """It is listed with its word and without ink."""
    failed = {("Dropout", r): a_failed(tmp_path / f"{r}") for r in range(3)}
    info = forest(findings_of(a_study(), tmp_path, results=failed))
    (axes,) = draw_forest(info).axes

    assert info.groups[0].rows[1].difference is None
    assert "not assessable" in [text.get_text() for text in axes.texts]


def test_the_caption_says_which_way_is_better(tmp_path: Path) -> None:
    """Left, for a loss."""
    study = a_study(evidence={"metric": "loss", "negligible": 0.01, "worthwhile": 0.05})
    more, less = findings_of(a_study(), tmp_path / "a"), findings_of(study, tmp_path / "b")

    assert "better lies to the right." in forest_caption(forest(more), more)
    assert "better lies to the left." in forest_caption(forest(less), less)


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    """No result, no figure."""
    keys = [(v, r) for v in ("baseline", "BN", "Dropout") for r in range(3)]
    findings = findings_of(a_study(), tmp_path, results=dict.fromkeys(keys))

    assert (forest_info(findings), levels_info(findings), curves_info(findings, "accuracy")) == (None, None, None)


def test_levels_stand_beside_published_figures(tmp_path: Path) -> None:
    """Both within the limits."""
    study = a_study(published={"protocol": "as printed", "accuracy": {"baseline": "149/360"}})
    info = levels(findings_of(study, tmp_path))

    assert [row.published for row in info.rows] == [pytest.approx(41.39, abs=0.01), None, None]
    assert info.limits[0] < 41.39 < 75 < info.limits[1]
    assert "Diamonds are the published figures." in levels_caption(info)
    (axes,) = draw_levels(info).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["baseline  (n=3)", "BN  (n=3)", "Dropout  (n=3)"]


def test_curves_have_a_panel_a_variant_on_shared_axes(tmp_path: Path) -> None:
    """Mean and band of training and validation, beside the variant it is built on."""
    info = curves(findings_of(a_study(), tmp_path))
    bn = info.panels[1]

    assert [panel.title for panel in info.panels] == ["baseline", "BN", "Dropout"]
    assert [line.part for line in bn.lines] == ["training", "validation"]
    assert bn.before == info.panels[0].lines[1]
    assert info.panels[0].before is None
    for line in bn.lines:
        assert all(lo <= mean <= hi for lo, mean, hi in zip(line.lo, line.mean, line.hi, strict=True))

    axes = draw_curves(info).axes
    assert [panel.get_title(loc="left") for panel in axes] == ["baseline  (n=3)", "BN  (n=3)", "Dropout  (n=3)"]
    assert len({panel.get_ylim() for panel in axes}) == 1
    assert (len(axes[0].lines), len(axes[1].lines), len(axes[1].collections)) == (2, 3, 2)


def test_axes_are_named_where_a_column_ends_and_a_row_begins(tmp_path: Path) -> None:
    """Four panels in rows of three: each column's last panel names the epochs, and the empty places are hidden."""
    info = curves(findings_of(a_study(), tmp_path))
    axes = draw_curves(info._replace(panels=(*info.panels, info.panels[0]))).axes

    assert [panel.get_visible() for panel in axes] == [True] * 4 + [False] * 2
    assert [panel.get_xlabel() for panel in axes] == ["", "Epoch", "Epoch", "Epoch", "", ""]
    assert [panel.get_ylabel() for panel in axes] == [info.label, "", "", info.label, "", ""]


def test_the_caption_of_the_curves_says_what_the_band_is(tmp_path: Path) -> None:
    """Least to most over the replicates, or single runs."""
    several = curves(findings_of(a_study(), tmp_path / "a"))
    single = curves(findings_of(a_study(evidence={"replicates": [1]}), tmp_path / "b", validated=False))

    assert "bands span minimum to maximum" in curves_caption(several)
    assert curves_caption(single).startswith("Lines are single runs.")
    assert "No images were kept for validation." in curves_caption(single)


def test_a_loss_over_many_sizes_is_drawn_on_a_logarithmic_axis(tmp_path: Path) -> None:
    """A linear one would show the first epochs only."""
    short = curves(findings_of(a_study(), tmp_path / "a"), "loss")
    long = curves(findings_of(a_study(), tmp_path / "b", epochs=12), "loss")

    assert (short.log, long.log) == (False, True)
    assert draw_curves(long).axes[0].get_yscale() == "log"


def test_one_epoch_is_a_dot(tmp_path: Path) -> None:
    """A line needs two points."""
    info = curves(findings_of(a_study(), tmp_path, epochs=1))
    axes = draw_curves(info).axes[0]

    assert info.epochs == (1, 1)
    assert axes.get_xlim() == (0.5, 1.5)
    assert axes.lines[0].get_marker() == "."


def test_more_variants_than_fit_are_counted_not_drawn(tmp_path: Path) -> None:
    """The caption says how many are in the tables only."""
    factors = {f"change {i}": {"gain": float(i)} for i in range(1, MOST_PANELS + 3)}
    study = a_study(design="one_at_a_time", factors=factors, evidence={"replicates": [1]})
    info = curves(findings_of(study, tmp_path))

    assert (len(info.panels), info.left_out) == (MOST_PANELS, 3)
    assert curves_caption(info).endswith("3 further variants are in the tables only.")


def test_hostile_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    """Dollars are no formula, and a character without a font is a box, not a warning."""
    findings = findings_of(a_study(factors={HOSTILE: {"gain": 10.0}}), tmp_path)
    images = [
        png_of(draw_forest, forest(findings)),
        png_of(draw_levels, levels(findings)),
        png_of(draw_curves, curves(findings)),
    ]

    assert all(content.startswith(b"\x89PNG") for content in images)

    (axes,) = draw_forest(forest(findings)).axes
    shown = next(text for text in axes.texts if text.get_text().startswith("$x_1$"))
    assert not shown.get_parse_math()
    assert "…" in shown.get_text()


def test_a_label_fits_its_space() -> None:
    """Measured in the font, so that capital Ws do not run out of the figure."""
    assert label("baseline", 2.0) == "baseline"
    assert len(label("W" * 80, 1.0)) < len(label("l" * 80, 1.0)) < 80
    assert label("abc", 0.01) == "abc"


def test_characters_without_a_font_become_boxes() -> None:
    """A private-use character has none."""
    assert drawable("a\ue000b") == "a□b"
