"""Numbers, bars, sentences and tables as people read them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.records import Cost
from ablate.report.details import (
    comparisons_table,
    costs_table,
    epochs_table,
    failures_table,
    p_words,
    provenance_table,
    variants_table,
)
from ablate.report.escape import csv_cell
from ablate.report.evidence import evidence_lines, settling_lines, warnings
from ablate.report.numbers import (
    Axis,
    bar,
    columns,
    common_axis,
    compact,
    counted,
    duration,
    listed,
    number,
    shortened,
    with_interval,
)
from ablate.report.sheets import csv_text, sheets
from ablate.report.tables import Table, steps_tables, terminal_steps
from ablate.report.words import first_sentence, may_not_write, may_write
from ablate.survey import Origin
from tests.builders import a_failed, a_study, findings_of

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}
FINITE = st.floats(-1e6, 1e6, allow_nan=False)


def column(table: Table, name: str) -> list[str]:
    """The cells under a heading."""
    return [row[table.columns.index(name)] for row in table.rows]


# --- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (512, "512"), (24170, "24.2 k"), (999_600, "1.00 M"), (138_357_544, "138 M"), (-33536, "-33.5 k")],
)
def test_counts_are_short(value: int, shown: str) -> None:
    """Three digits and a unit."""
    assert compact(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.26, "0.3 s"), (27.7, "28 s"), (119, "119 s"), (192, "3.2 min"), (7560, "2.1 h"), (-0.5, "-0.5 s"), (None, "-")],
)
def test_times_are_short(seconds: float | None, shown: str) -> None:
    """Two digits and a unit."""
    assert duration(seconds) == shown


def test_one_of_a_thing_is_singular() -> None:
    """`1 replicate`, `3 replicates`, `1,797 images`."""
    assert [counted(n, "replicate") for n in (0, 1, 2)] == ["0 replicates", "1 replicate", "2 replicates"]
    assert counted(1797, "image") == "1,797 images"


def test_a_number_is_never_minus_nothing() -> None:
    """-0.04 rounds to 0.0."""
    assert number(-0.04, 1) == "0.0"
    assert with_interval(-0.04, -1.04, 0.96, 1, sign="+") == "+0.0 [-1.0, 1.0]"


def test_a_number_without_interval_says_so() -> None:
    """A bare mean looks surer than it is."""
    assert with_interval(70.0, None, None, 1) == "70.0 (no interval)"


def test_long_lists_of_names_are_cut() -> None:
    """Nobody reads twenty names in a sentence."""
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([str(i) for i in range(9)]) == "0, 1, 2, 3 and 5 others"


@given(st.text(min_size=1, max_size=120), st.integers(3, 60))
def test_a_shortened_name_fits(name: str, width: int) -> None:
    """Whatever the script, a name takes no more columns than it is given."""
    assert columns(shortened(name, width)) <= max(width, 0) or columns(name) <= width


def test_a_shortened_name_keeps_both_ends() -> None:
    """Names often differ at their end only."""
    assert shortened("a long name of a change, variant 12", 20) == "a long name o…ant 12"


# --- bars -------------------------------------------------------------------------------------


def test_the_bar_draws_interval_estimate_and_zero() -> None:
    """One character a step, on an axis that all bars share."""
    axis = Axis(-2.0, 8.0)

    assert bar(5.0, 3.0, 7.0, axis, width=11) == "··┊··├─●─┤·"
    assert bar(0.0, -1.0, 1.0, axis, width=11) == "·├●┤·······"
    assert bar(2.0, -1.0, 4.0, axis, width=11) == "·├┼─●─┤····"


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow() -> None:
    """It goes on, and the drawing says so."""
    axis = Axis(-2.0, 8.0)

    assert bar(1.0, None, None, axis, width=11) == "◂─┼●──────▸"
    assert bar(1.0, -40.0, 4.0, axis, width=11) == "◂─┼●──┤····"


def test_nothing_known_draws_nothing() -> None:
    """The zero line alone."""
    assert bar(None, None, None, Axis(-1.0, 1.0), width=5) == "··┊··"


@given(point=FINITE, ends=st.tuples(FINITE, FINITE), axis_ends=st.tuples(FINITE, FINITE))
def test_every_bar_has_the_same_width_and_one_estimate(
    point: float, ends: tuple[float, float], axis_ends: tuple[float, float]
) -> None:
    """Bars line up in a column whatever they show."""
    drawn = bar(point, min(ends), max(ends), common_axis([point], axis_ends), width=25)

    assert (len(drawn), drawn.count("●")) == (25, 1)


@given(st.lists(FINITE, max_size=8), st.lists(FINITE, max_size=8))
def test_the_axis_holds_zero_and_every_estimate(points: list[float], ends: list[float]) -> None:
    """An interval may be cut off, an estimate never."""
    axis = common_axis(points, ends)

    assert axis.lo < axis.hi
    assert all(axis.lo <= value <= axis.hi or value == pytest.approx(0, abs=1e-9) for value in [0.0, *points])


def test_one_endless_interval_does_not_squash_the_others() -> None:
    """Two runs can give an interval a hundred times as wide as the rest."""
    axis = common_axis([1.0, 2.0, 3.0], [0.5, 1.5, 1.5, 2.5, -300.0, 300.0])

    assert axis.hi <= 20


# --- sentences --------------------------------------------------------------------------------


def test_the_first_sentence_counts_and_names_what_helps(tmp_path: Path) -> None:
    """A student learns how many changes help, by how much, and what is open."""
    findings = findings_of(a_study(factors=THREE), tmp_path, levels={"BN": 70, "Dropout": 70, "GAP head": 82})

    assert first_sentence(findings) == (
        "Two of three changes help: GAP head gains 12.2 points, BN 9.8; Dropout is undecided."
    )


def test_losses_are_losses(tmp_path: Path) -> None:
    """A change that hurts is not among those that help."""
    findings = findings_of(a_study(design="one_at_a_time"), tmp_path, levels={"only BN": 45, "only Dropout": 60})

    assert first_sentence(findings).startswith("Neither of two changes is shown to help: BN loses ")


def test_one_change_alone_needs_no_count(tmp_path: Path) -> None:
    """`BN gains 9.8 points.`"""
    findings = findings_of(a_study(factors={"BN": {"gain": 10.0}}), tmp_path)

    assert first_sentence(findings) == "BN gains 9.8 points."


def test_a_metric_to_be_lowered_is_lowered(tmp_path: Path) -> None:
    """Loss does not gain points."""
    study = a_study(evidence={"metric": "loss", "negligible": 0.01, "worthwhile": 0.05})
    sentence = first_sentence(findings_of(study, tmp_path))

    assert "BN lowers loss by 0.19" in sentence
    assert "point" not in sentence


def test_failures_and_missing_runs_are_in_the_first_sentence(tmp_path: Path) -> None:
    """Nobody should have to scroll to learn that runs are missing."""
    results = {("BN", 1): a_failed(tmp_path / "failed"), ("Dropout", 2): None}
    sentence = first_sentence(findings_of(a_study(), tmp_path, results=results))

    assert sentence.endswith("(1 of 9 runs failed; 1 of 9 runs has not been made yet.)")


def test_without_any_result_the_sentence_says_why(tmp_path: Path) -> None:
    """Nothing finished, everything failed, nothing to compare: three different things."""
    keys = [(v, r) for v in ("baseline", "BN", "Dropout") for r in range(3)]
    nothing = findings_of(a_study(), tmp_path, results=dict.fromkeys(keys))
    failed = findings_of(a_study(), tmp_path, results={key: a_failed(tmp_path / "failed") for key in keys})
    search = a_study(design=None, search={"space": {"gain": [1.0, 2.0]}})

    assert first_sentence(nothing) == "Nothing has finished yet: 9 runs to be made."
    assert first_sentence(failed) == "All 9 runs failed: there is nothing to compare."
    assert first_sentence(findings_of(search, tmp_path)).startswith(
        "There is nothing to compare baseline with: accuracy 60."
    )


def test_a_sentence_one_may_write_carries_its_evidence(tmp_path: Path) -> None:
    """Replicates, images, interval, and what it was adjusted for."""
    sentence = may_write(findings_of(a_study(), tmp_path))

    assert sentence.startswith(
        "With 3 replicates and 600 test images, BN raised accuracy by 9.8 points against the base"
    )
    assert sentence.endswith("(95% interval 5.1 to 14.5; shown after adjusting for two comparisons).")


def test_a_sentence_one_may_not_write_is_the_tempting_one(tmp_path: Path) -> None:
    """The largest difference that is not shown, with its interval."""
    levels = {"BN": 70, "Dropout": 71.5, "GAP head": 71.5}
    refused = may_not_write(findings_of(a_study(factors=THREE), tmp_path, levels=levels))

    assert refused is not None
    assert refused.sentence.startswith("Dropout gains ")
    assert "Its interval runs from -" in refused.why


def test_nothing_may_be_written_before_anything_is_judged(tmp_path: Path) -> None:
    """One run each carries no claim, and the tempting one is named."""
    findings = findings_of(a_study(evidence={"replicates": [1]}), tmp_path)
    refused = may_not_write(findings)

    assert may_write(findings) == ""
    assert refused is not None
    assert refused.why == "The comparison is not assessable: single run."


def test_the_evidence_says_what_it_is(tmp_path: Path) -> None:
    """Replicates, test images, looks, thresholds, choice, noise, basis."""
    study = a_study(evidence={"replicates": [3, 6], "val": 0.1, "weights": "best"})
    text = "\n".join(evidence_lines(findings_of(study, tmp_path)))

    for part in (
        "3 variants, 3 replicates of each: 9 of 9 runs finished, none failed.",
        "cut into 3 folds",
        "600 distinct test images",
        "after 3 and 6 replicates. This is look 1; it may spend 33%",
        "below 3.0 points is not worth having",
        "best accuracy on validation are tested (10% of all images kept out of training",
        "Replicates of one variant differ by ",
        "computed image by image",
        "two (chain)",
    ):
        assert part in text


def test_plain_numbers_are_said_to_be_plain_numbers(tmp_path: Path) -> None:
    """A reader must know that nothing is claimed about new images."""
    study = a_study(evidence={"test": {"share": 0.2}})
    text = "\n".join(evidence_lines(findings_of(study, tmp_path, scored=False)))

    assert "each run counts as one number; the intervals hold for this test set, not for new images" in text


def test_warnings_stand_for_what_is_wrong_with_the_runs(tmp_path: Path) -> None:
    """Failed, missing and stale runs are said at the top."""
    failed = a_failed(tmp_path / "failed", reason="oom")
    results = {("BN", 1): failed, ("Dropout", 2): None}
    lines = warnings(findings_of(a_study(), tmp_path, results=results, origin=Origin(source_digest="new")))

    assert lines[0].startswith("1 run failed: BN (replicate 1, oom).")
    assert lines[1].startswith("1 run of this look has not been made yet")
    assert lines[2].endswith("were made before the trainer's code changed.")
    assert warnings(findings_of(a_study(), tmp_path)) == []


def test_what_would_settle_it_has_its_price(tmp_path: Path) -> None:
    """Replicates, runs and time."""
    study = a_study(evidence={"replicates": [3, 6]})
    lines = settling_lines(findings_of(study, tmp_path))

    assert lines[0].startswith("Dropout: at least ")
    assert lines[-1] == "The next planned look is after 6 replicates: 6 runs, about 12 s one after another."


# --- tables -----------------------------------------------------------------------------------


def test_the_chain_has_a_line_a_step_below_its_baseline(tmp_path: Path) -> None:
    """Accuracy, difference, drawing, n, verdict and price."""
    (table,) = steps_tables(findings_of(a_study(), tmp_path))

    assert column(table, "Step") == ["baseline", "BN", "Dropout"]
    assert column(table, "n") == ["3", "3", "3"]
    assert column(table, "Verdict") == ["", "better", "undecided"]
    assert column(table, "Difference (points)")[:2] == ["", "+9.8 [5.1, 14.5]"]
    assert column(table, "Time a run") == ["2.0 s", "+0.0 s", "+0.0 s"]
    assert {len(cell) for cell in column(table, table.columns[3])} == {0, 25}
    assert all(len(row) == len(table.columns) == len(table.kinds) for row in table.rows)


def test_leaving_out_shows_the_level_without_and_the_worth_of_the_change(tmp_path: Path) -> None:
    """What falls when it is left out is what it is worth."""
    levels = {"all factors": 80, "without BN": 70, "without Dropout": 80}
    (table,) = steps_tables(findings_of(a_study(design="leave_one_out"), tmp_path, levels=levels))

    assert column(table, "Change") == ["all factors", "without BN", "without Dropout"]
    assert column(table, "Worth of the change (points)")[1].startswith("+10.")


def test_a_factorial_has_no_levels_of_averages(tmp_path: Path) -> None:
    """An average over variants is no variant."""
    main, pairs = steps_tables(findings_of(a_study(design="factorial"), tmp_path))

    assert "Accuracy (%)" not in main.columns
    assert column(pairs, "Change") == ["BN × Dropout"]
    assert "Time a run" not in pairs.columns


def test_questions_outside_the_design_name_what_they_compare_with(tmp_path: Path) -> None:
    """Their reference is not the line above."""
    study = a_study(compare={"deep": {"with": "BN", "set": {"gain": 12.0}}})
    _, table = steps_tables(findings_of(study, tmp_path))

    assert column(table, "Change") == ["deep, against BN"]


def test_published_figures_have_a_column_and_a_footnote(tmp_path: Path) -> None:
    """Beside ours, with how they were measured."""
    published = {"protocol": "best epoch on test", "accuracy": {"baseline": "149/360"}}
    (table,) = steps_tables(findings_of(a_study(published=published), tmp_path))

    assert column(table, "Published*") == ["41.4 of 360", "-", "-"]
    assert table.note.endswith("*Published: best epoch on test.")


def test_costs_that_nobody_reported_have_no_column(tmp_path: Path) -> None:
    """A column of dashes tells nothing."""
    findings = findings_of(a_study(), tmp_path, cost=Cost())

    assert "Parameters" not in steps_tables(findings)[0].columns
    assert costs_table(findings).columns == ("Variant", "Time a run", "n")


@pytest.mark.parametrize("design", ["chain", "one_at_a_time", "leave_one_out", "factorial"])
def test_the_terminal_table_fits_a_hundred_columns(design: str, tmp_path: Path) -> None:
    """As rich prints it: three columns between two."""
    long = {
        "a change with a very long name, number 1": {"gain": 10.0},
        "漢字の名前はとても長いことがある": {"noise": 1.5},
    }
    table = terminal_steps(findings_of(a_study(design=design, factors=long), tmp_path, effect=10.0))
    cells = [table.columns, *table.rows]
    widths = [max(columns(row[i]) for row in cells) for i in range(len(table.columns))]

    assert sum(widths) + 3 * (len(widths) - 1) + 2 <= 100


def test_the_terminal_table_shows_levels_where_nothing_is_compared(tmp_path: Path) -> None:
    """A search has one variant."""
    study = a_study(design=None, search={"space": {"gain": [1.0, 2.0]}})

    assert [row[0] for row in terminal_steps(findings_of(study, tmp_path)).rows] == ["baseline"]


def test_every_variant_says_how_many_of_its_runs_finished(tmp_path: Path) -> None:
    """`2 of 3`, with the standard deviation over them."""
    findings = findings_of(a_study(), tmp_path, results={("BN", 1): a_failed(tmp_path / "failed")})

    assert column(variants_table(findings), "n") == ["3 of 3", "2 of 3", "3 of 3"]


def test_comparisons_in_numbers_have_both_intervals_and_both_p(tmp_path: Path) -> None:
    """What the words stand for."""
    table = comparisons_table(findings_of(a_study(), tmp_path))

    assert column(table, "Comparison") == ["BN against baseline", "Dropout against BN"]
    assert column(table, "Family") == ["chain (2)", "chain (2)"]
    assert column(table, "p, adjusted")[0] == "<0.001"
    assert (p_words(None), p_words(0.0123)) == ("-", "0.012")


def test_epochs_are_means_over_the_replicates_that_reached_them(tmp_path: Path) -> None:
    """Early stopping leaves fewer replicates in later epochs; n says so."""
    study = a_study()
    short = findings_of(study, tmp_path / "a", epochs=2).histories
    findings = findings_of(study, tmp_path / "b", epochs=3)
    mixed = replace(findings, histories=(short[0], *findings.histories[1:]))
    table = epochs_table(mixed)
    baseline = [row[:3] for row in table.rows if row[0] == "baseline"]

    assert baseline == [("baseline", "1", "3"), ("baseline", "2", "3"), ("baseline", "3", "2")]
    assert table.columns[3:] == (
        "Training accuracy (%)",
        "Validation accuracy (%)",
        "Training loss",
        "Validation loss",
    )


def test_a_very_long_table_of_epochs_is_thinned(tmp_path: Path) -> None:
    """First, last and every so many between them; the sheet has all."""
    findings = findings_of(a_study(), tmp_path, epochs=300)
    table = epochs_table(findings)

    assert len(table.rows) <= 410
    assert [row[1] for row in table.rows if row[0] == "BN"][:3] == ["1", "3", "6"]
    assert "One epoch in 3 is shown" in table.note
    assert len(sheets(findings)["epochs.csv"].rows) == 900


def test_runs_made_alike_share_a_line(tmp_path: Path) -> None:
    """`all 9`, with versions, commit and digests."""
    (row,) = provenance_table(findings_of(a_study(), tmp_path)).rows

    assert row[0] == "all 9"
    assert row[1] == "2025-06-15 15:06"
    assert "python 3.11.7" in row[4]


def test_a_run_without_a_result_has_its_reason_and_its_log(tmp_path: Path) -> None:
    """Where to look next."""
    failed = a_failed(tmp_path / "run" / "001", reason="oom", message="out of memory")
    table = failures_table(findings_of(a_study(), tmp_path, results={("BN", 1): failed, ("Dropout", 0): None}))

    assert table.rows[0] == ("BN", "1", "oom: out of memory", "run/001/run.log")
    assert table.rows[1] == ("Dropout", "0", "not run yet", "")


# --- sheets -----------------------------------------------------------------------------------


def test_sheets_hold_one_number_a_cell(tmp_path: Path) -> None:
    """Other programs read them without taking intervals apart."""
    found = sheets(findings_of(a_study(), tmp_path))
    rows = list(csv.DictReader(io.StringIO(csv_text(found["effects.csv"]))))

    assert [row["name"] for row in rows] == ["BN", "Dropout"]
    assert 5 < float(rows[0]["lo"]) < float(rows[0]["difference"]) < float(rows[0]["hi"]) < 15
    assert set(found) == {"effects.csv", "variants.csv", "runs.csv", "epochs.csv", "provenance.csv", "reruns.csv"}


def test_a_spreadsheet_never_sees_a_formula_and_keeps_its_numbers(tmp_path: Path) -> None:
    """Names may begin with anything; negative numbers stay numbers."""
    study = a_study(factors={"=1+1": {"gain": -10.0}, "@cmd": {"noise": 1.5}})
    text = csv_text(sheets(findings_of(study, tmp_path, effect=-10.0))["effects.csv"])
    row = next(csv.DictReader(io.StringIO(text)))

    assert row["name"] == "'=1+1"
    assert float(row["difference"]) < 0


@given(st.text())
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    """Whatever a message holds."""
    cell = csv_cell(text)

    assert "\n" not in cell
    assert "\r" not in cell
    if cell.startswith(("=", "+", "-", "@")):
        float(cell)
