"""Tables for people and sheets for programs."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.cli.show import say_table
from ablate.records import Cost
from ablate.report.facts.exploratory import Exploratory, OptimismRow
from ablate.report.tables.costs import confounds_table, costs_table, front, optimism_table, provenance_table
from ablate.report.tables.details import comparisons_table, epochs_table, failures_table, variants_table
from ablate.report.tables.sheets import csv_text, sheets
from ablate.report.tables.table import NAME_WIDTH, Table, steps_tables, terminal_steps
from ablate.report.wording.escape import csv_cell
from ablate.report.wording.numbers import columns
from ablate.report.wording.sentences import p_words
from tests.builders import a_failed, a_study, findings_of


def column(table: Table, name: str) -> list[str]:
    """The cells under a heading."""
    return [row[table.columns.index(name)] for row in table.rows]


def test_the_chain_has_a_line_a_step_below_its_baseline(tmp_path: Path) -> None:
    """Accuracy, difference, drawing, n, verdict and price."""
    (table,) = steps_tables(findings_of(a_study(), tmp_path))

    assert column(table, "Step") == ["baseline", "BN", "Dropout", "both changes together"]
    assert column(table, "n") == ["3", "3", "3", "3"]
    assert column(table, "Verdict") == ["", "better", "undecided", "better"]
    assert column(table, "Difference (points)")[:2] == ["", "+9.8 [5.1, 14.5]"]
    assert column(table, "Time per run") == ["2.0 s", "+0.0 s", "+0.0 s", "+0.0 s"]
    assert {len(cell) for cell in column(table, table.columns[3])} == {0, 25}
    assert all(len(row) == len(table.columns) == len(table.kinds) for row in table.rows)


def test_leaving_out_shows_the_level_without_and_the_worth_of_the_change(tmp_path: Path) -> None:
    """What falls when it is left out is what it is worth."""
    levels = {"all factors": 80, "without BN": 70, "without Dropout": 80}
    (table,) = steps_tables(findings_of(a_study(design="leave_one_out"), tmp_path, levels=levels))

    assert column(table, "Change") == ["all factors", "without BN", "without Dropout"]
    assert column(table, "Lost without it (points)")[1].startswith("+10.")


def test_another_design_shows_its_own_name_beside_the_one_the_runs_have(tmp_path: Path) -> None:
    """The last variant of a chain is all factors of the design that leaves them out one by one."""
    findings = findings_of(replace(a_study(), design="leave_one_out"), tmp_path)
    (table,) = steps_tables(findings)

    assert column(table, "Change") == ["all factors (Dropout)", "without BN", "without Dropout"]


def test_a_factorial_has_no_levels_of_averages(tmp_path: Path) -> None:
    """An average over variants is no variant."""
    main, pairs = steps_tables(findings_of(a_study(design="factorial"), tmp_path))

    assert "Accuracy (%)" not in main.columns
    assert column(pairs, "Change") == ["BN × Dropout"]
    assert "Time per run" not in pairs.columns


def test_questions_outside_the_design_name_what_they_compare_with(tmp_path: Path) -> None:
    """Their reference is not the line above."""
    study = a_study(compare={"deep": {"with": "BN", "set": {"gain": 12.0}}})
    _, table = steps_tables(findings_of(study, tmp_path))

    assert column(table, "Change") == ["deep, against BN"]


def test_published_figures_have_a_column_and_a_footnote(tmp_path: Path) -> None:
    """Beside ours, with how they were measured."""
    published = {"protocol": "best epoch on test", "accuracy": {"baseline": "149/360"}}
    (table,) = steps_tables(findings_of(a_study(published=published), tmp_path))

    assert column(table, "Published*") == ["41.4 (360 images)", "-", "-", "-"]
    assert table.note.endswith("*Published: best epoch on test.")


def test_costs_that_nobody_reported_have_no_column(tmp_path: Path) -> None:
    """A column of dashes tells nothing."""
    findings = findings_of(a_study(), tmp_path, cost=Cost())

    assert "Parameters" not in steps_tables(findings)[0].columns
    assert costs_table(findings).columns == ("Variant", "Time per run", "n")


@pytest.mark.parametrize("design", ["chain", "one_at_a_time", "leave_one_out", "factorial"])
def test_the_terminal_table_fits_a_hundred_columns(design: str, tmp_path: Path) -> None:
    """As rich prints it: three columns between two."""
    long = {
        "a change with a very long name, number 1": {"gain": 10.0},
        "漢字の名前はとても長いことがある": {"noise": 1.5},
    }
    table = terminal_steps(findings_of(a_study(design=design, factors=long), tmp_path, effect=10.0))
    widths = [max(columns(cell) for cell in column) for column in zip(table.columns, *table.rows, strict=True)]
    widths[0] = min(widths[0], NAME_WIDTH)

    assert sum(widths) + 3 * (len(widths) - 1) + 2 <= 100


def test_a_long_name_is_broken_between_words_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the table that is printed: no cell holds a line feed, which would be written out as foreign ones are."""
    factors = {"a change with a long name": {"gain": 10.0}, "B": {"noise": 1.5}}
    table = terminal_steps(findings_of(a_study(design="chain", factors=factors), tmp_path, effect=10.0))
    say_table(list(table.columns), [list(row) for row in table.rows], first=NAME_WIDTH)
    printed = capsys.readouterr().out

    assert "\\n" not in printed
    names = [line[: NAME_WIDTH + 1].strip() for line in printed.splitlines()]
    assert ("a change with a", "long name") in itertools.pairwise(names)


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

    assert column(table, "Comparison") == ["BN against baseline", "Dropout against BN", "Dropout against baseline"]
    assert column(table, "Family") == ["chain (2)", "chain (2)", "total (1)"]
    assert column(table, "p, adjusted")[0] == "<0.001"
    assert (p_words(None), p_words(0.0123)) == ("-", "0.012")


def test_what_a_source_would_claim_stands_beside_what_is_left_of_it(tmp_path: Path) -> None:
    """Selected on test, so with its optimism, and apart from every verdict."""
    row = OptimismRow("BN", 74.0, 71.5, 2.5, 1.0, 4.0, 3, 40)
    table = optimism_table(
        replace(
            findings_of(a_study(), tmp_path),
            exploratory=Exploratory(optimism=(row,)),
        )
    )

    assert table.rows == (("BN", "74.0", "71.5", "+2.5 [1.0, 4.0]", "40", "3"),)
    assert "No verdict uses" in table.note


def test_what_else_a_step_changes_is_told_as_a_share(tmp_path: Path) -> None:
    """Twice the parameters are +100 %."""
    findings = findings_of(a_study(), tmp_path)
    wider = replace(findings.variants[1], parameters=2000)
    table = confounds_table(replace(findings, variants=(findings.variants[0], wider, findings.variants[2])))

    assert column(table, "Parameters") == ["+100 %", "-50 %"]
    assert column(table, "Training steps") == ["same", "same"]


def test_a_variant_that_another_beats_in_both_is_not_the_best_for_its_cost(tmp_path: Path) -> None:
    """Better and cheaper: on the front; worse and as dear: not."""
    findings = findings_of(a_study(), tmp_path)
    rows = [replace(row, parameters=n) for row, n in zip(findings.variants, (1000, 500, 2000), strict=True)]
    found = replace(findings, variants=tuple(rows))

    assert front(found, "parameters")[0] == "BN"
    assert "baseline" not in front(found, "parameters")
    assert front(findings, "parameters") == ()


def test_epochs_are_means_over_the_replicates_that_reached_them(tmp_path: Path) -> None:
    """Early stopping leaves fewer replicates in later epochs; n says so."""
    study = a_study()
    short = findings_of(study, tmp_path / "a", epochs=2).runs.histories
    findings = findings_of(study, tmp_path / "b", epochs=3)
    mixed = replace(findings, runs=replace(findings.runs, histories=(short[0], *findings.runs.histories[1:])))
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
    assert set(found) == {
        "effects.csv",
        "variants.csv",
        "runs.csv",
        "epochs.csv",
        "provenance.csv",
        "reruns.csv",
        "never-right.csv",
    }


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


def test_a_difference_with_its_interval_is_a_number_to_a_spreadsheet() -> None:
    """Nothing in it could be computed; anything else that begins with a sign is marked as text."""
    assert csv_cell("+17.6 [7.9, 27.4]") == "+17.6 [7.9, 27.4]"
    assert csv_cell("-0.2 [-1.1, 0.7]") == "-0.2 [-1.1, 0.7]"
    assert csv_cell("+1 [A1, 2]") == "'+1 [A1, 2]"
    assert csv_cell("-1-2") == "'-1-2"


def test_two_rates_differ_by_no_more_than_a_hundred_points(tmp_path: Path) -> None:
    """Two replicates of few images leave an interval that knows no bounds; what is shown stays within them."""
    findings = findings_of(a_study(evidence={"replicates": [2]}), tmp_path, images=6, noise=30.0)

    ends = [
        end
        for effect in findings.effects
        for end in (effect.measured.lo, effect.measured.hi, effect.measured.lo_all, effect.measured.hi_all)
    ]
    assert all(end is not None and -100.0 <= end <= 100.0 for end in ends)
    assert any(end in (-100.0, 100.0) for end in ends)
