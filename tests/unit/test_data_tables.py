"""Every CSV beside a report is data: pandas reads it back without any help."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from ablate.report.gather.assemble import Findings
from ablate.report.page.blocks import Page
from ablate.report.page.render import report_texts, study_page
from ablate.report.page.verify import differences
from ablate.report.tables.sheets import data_sheet
from ablate.report.tables.table import Table
from ablate.report.wording.language import words_of
from tests.builders import a_study, findings_of

FACTORS = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}
VERDICTS = {"better", "worse", "same", "no_worthwhile_gain", "undecided", "not_assessable"}


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    """A study with a look to come, costs, epochs and a total."""
    return findings_of(a_study(factors=FACTORS, evidence={"replicates": [3, 6]}), tmp_path)


def tables_in(page: Page, findings: Findings) -> dict[str, pd.DataFrame]:
    """Every CSV of a report, as pandas reads it."""
    texts = report_texts(page, findings)
    return {Path(name).name: pd.read_csv(io.StringIO(text)) for name, text in texts.items() if name.endswith(".csv")}


def test_numbers_are_numbers_and_nothing_is_python(findings: Findings) -> None:
    """No representation of an object, no list in brackets, no apostrophe, no unit behind a number."""
    for name, table in tables_in(study_page(findings), findings).items():
        for heading in table.columns:
            if heading in ("changes", "Command", "command", "verdict_text"):
                continue
            for value in table[heading]:
                text = str(value)
                assert not re.match(r"'[-+]?\d", text), (name, heading, text)
                assert not re.search(r"\w+\(\w+=|^\(.*,\)$|^\[.*\]$", text), (name, heading, text)
                assert not re.fullmatch(r"[-+]?[\d,.]+ ?(s|min|h|k|M|G|%|kB|MB)", text), (name, heading, text)


def test_effects_have_their_unit_in_the_heading(findings: Findings) -> None:
    """Points of a rate, seconds; the bare headings of before are still there."""
    effects = tables_in(study_page(findings), findings)["effects.csv"]

    for heading in ("difference (points)", "lo (points)", "hi_all (points)", "extra_seconds (s)", "difference", "lo"):
        assert pd.api.types.is_numeric_dtype(effects[heading]), heading
    assert list(effects["difference"]) == list(effects["difference (points)"])
    assert set(effects["verdict"]) <= VERDICTS
    assert {"next_replicates", "next_runs", "next_seconds (s)", "factors"} <= set(effects.columns)
    assert set(effects["factors"]) == set(FACTORS)


def test_runs_variants_and_epochs_name_percent(findings: Findings) -> None:
    """And a loss has its own unit."""
    found = tables_in(study_page(findings), findings)

    assert {"accuracy (%)", "loss", "seconds (s)"} <= set(found["runs.csv"].columns)
    assert {"mean (%)", "lo (%)", "spread (points)"} <= set(found["variants.csv"].columns) | {"spread (points)"}
    assert "val/accuracy mean (%)" in found["epochs.csv"].columns


def test_times_are_iso(findings: Findings) -> None:
    """One time a cell, in UTC."""
    table = tables_in(study_page(findings), findings)["provenance.csv"]

    for heading in ("first (UTC)", "last (UTC)"):
        assert pd.to_datetime(table[heading]).dt.tz is not None
    assert set(table["variant"]) == {"baseline", *FACTORS}
    assert "python" in table.columns


def test_a_table_of_the_report_is_taken_apart(findings: Findings) -> None:
    """An interval is three columns, a verdict its key, a price a number."""
    steps = tables_in(study_page(findings), findings)["steps-chain.csv"]

    assert pd.api.types.is_numeric_dtype(steps["Difference, low (points)"])
    assert pd.api.types.is_numeric_dtype(steps["Accuracy, high (%)"])
    assert set(steps["Verdict"].dropna()) <= VERDICTS


def test_every_interval_and_size_of_a_comparison_names_its_unit(findings: Findings) -> None:
    """Not the difference alone."""
    comparisons = tables_in(study_page(findings), findings)["comparisons.csv"]

    for heading in ("Interval for the whole family, low (points)", "Smallest visible (points)"):
        assert pd.api.types.is_numeric_dtype(comparisons[heading]), heading


def test_a_p_below_what_is_shown_is_a_number_all_the_same(findings: Findings) -> None:
    """`<0.001` on the page is 0.000 in the table, rounded like its neighbours; effects.csv has every digit."""
    tables = tables_in(study_page(findings), findings)

    assert tables["effects.csv"]["p"].min() < 0.001
    for heading in ("p", "p, adjusted"):
        assert pd.api.types.is_numeric_dtype(tables["comparisons.csv"][heading]), heading


def test_every_language_has_the_same_tables(findings: Findings) -> None:
    """Headings, verdicts and notes in them are English, whatever the report is."""
    english = report_texts(study_page(findings), findings)
    chinese = report_texts(study_page(findings, words_of("zh")), findings)
    names = {name for name in english if name.endswith(".csv")}

    assert {name: chinese[name] for name in names} == {name: english[name] for name in names}
    assert {name for name in chinese if name.endswith(".csv")} == names


def test_quantities_become_numbers_in_one_unit() -> None:
    """Whatever they were shortened to."""
    table = Table(
        "", ("Time", "Memory", "Parameters", "Change", "Wins", "Band", "p"),
        (("2.0 s", "512 MB", "57.5 k", "+12 %", "3 of 5", "[-1.0, 2.0]", "<0.001"),
         ("3.0 min", "1.5 GB", "+224", "same", "1,000 of 2,000", "-", "0.020")),
        kinds=("number",) * 7,
    )  # fmt: skip
    found = data_sheet(table)

    assert found.columns == ("Time (s)", "Memory (bytes)", "Parameters", "Change (%)", "Wins", "Wins, of",
                             "Band, low", "Band, high", "p")  # fmt: skip
    assert found.rows[0] == ("2.0", "5.12e+08", "57500", "12", "3", "5", "-1.0", "2.0", "0.000")
    assert found.rows[1] == ("180", "1.5e+09", "224", "0", "1000", "2000", "", "", "0.020")


def test_columns_keep_the_headings_they_had_first() -> None:
    """Programs read a column by its name; what the report calls it may be said better."""
    table = Table("", ("FLOPs per image", "Time per run"), (("2.0 k", "2.0 s"),), kinds=("number",) * 2)

    assert data_sheet(table).columns == ("FLOPs an image", "Time a run (s)")


def test_a_report_in_the_earlier_form_is_verified_in_it(findings: Findings, tmp_path: Path) -> None:
    """Only what is another number is a difference."""
    from ablate.report.page.earlier_sheets import earlier_texts

    page = study_page(findings)
    texts, earlier = report_texts(page, findings), earlier_texts(page, findings)
    (tmp_path / "tables").mkdir()
    for name, text in (texts | earlier).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    written = tmp_path / "tables" / "effects.csv"

    assert differences(tmp_path, texts, earlier) == []
    written.write_text(written.read_text(encoding="utf-8").replace("BN,baseline", "BN,baseline 7"), encoding="utf-8")
    assert [found.file for found in differences(tmp_path, texts, earlier)] == ["tables/effects.csv"]
