"""Published counts, were the test images the same ones: in the terminal, on the page, in tables and as JSON."""

from __future__ import annotations

import csv
import io
import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.report.facts.findings import Findings
from ablate.report.page.render import render_report
from ablate.report.page.summary_json import summary_json
from ablate.report.tables.details import comparisons_table
from ablate.report.tables.sheets import csv_text, data_sheet, sheets
from ablate.report.wording.language import words_of
from ablate.workflows.judge import Request, judge_results

STUDY = Path(__file__).parents[2] / "studies" / "hollywood.yaml"


@pytest.fixture(scope="module")
def findings() -> Findings:
    """The shipped study's published counts."""
    return judge_results(Request(source=str(STUDY)))


def judged(folder: Path, table: str, **more: object) -> Findings:
    """The findings on a table."""
    path = folder / "results.csv"
    path.write_text(table, encoding="utf-8")
    return judge_results(Request(source=str(path), **more))  # type: ignore[arg-type]  # as the keywords say


def test_what_holds_for_every_agreement_is_said_in_one_sentence(findings: Findings) -> None:
    """By hand: even where the closest agreement makes p least, BN has .082 alone, the 90 % split .42."""
    (sentence,) = [line for line in findings.notices.cautions if "right on the same images" in line]

    assert "nothing is established for BN and 90% split;" in sentence
    assert (
        "it depends on that for Dropout, one-layer head, one-layer head, weight decay and frozen fine-tune" in sentence
    )
    assert "about these networks, not the methods" in sentence


def test_a_large_step_is_established_for_every_agreement(tmp_path: Path) -> None:
    """92 against 60 of 100: at most 2 * Phi(-.32 / sqrt((.48 - .32^2) / 100)), far below 5 %."""
    found = judged(tmp_path, "variant,correct,n\na,60,100\nb,92,100\n")

    assert any("a difference is established for b" in line for line in found.notices.cautions)
    assert found.effects[0].decision.verdict == "not_assessable"  # of the methods, from a single run each


def test_a_smaller_error_is_a_gain(tmp_path: Path) -> None:
    """The chance of no gain lies on the other side where less is better."""
    table = "variant,correct,n\na,60,100\nb,75,100\n"
    more, less = (judged(tmp_path, table, goal=goal).effects[0].same_images for goal in ("max", "min"))

    assert more is not None
    assert less is not None
    assert more.p == less.p
    assert less.no_gain.independent == pytest.approx(1 - more.no_gain.independent)
    assert less.no_gain.least == pytest.approx(1 - more.no_gain.most)


@pytest.mark.parametrize(
    "table",
    [
        "variant,accuracy (mean ± std),runs,n\na,0.80 ± 0.01,5,1000\nb,0.83 ± 0.01,5,1000\n",
        "variant,seed,accuracy\na,0,0.80\na,1,0.81\nb,0,0.83\nb,1,0.84\n",
    ],
    ids=["mean and spread", "one row per run"],
)
def test_a_spread_over_seeds_is_no_error_of_the_images(table: str, tmp_path: Path) -> None:
    """It is judged over runs, whatever the number of images; nothing is said of two networks on the same images."""
    found = judged(tmp_path, table)

    assert [effect.same_images for effect in found.effects] == [None]
    assert found.effects[0].measured.n > 1
    assert not any("same images is not known" in line for line in found.notices.cautions)
    assert summary_json(found)["effects"][0]["same_images"] is None
    assert not any("same images" in name for name in comparisons_table(found).columns)


def test_known_keys_and_columns_stay_before_the_new_ones(findings: Findings) -> None:
    """In JSON, which its schema describes, and in effects.csv."""
    effect = summary_json(findings)["effects"][3]
    schema = json.loads((resources.files("ablate.report") / "schemas" / "run.schema.json").read_text(encoding="utf-8"))
    rows = list(csv.reader(io.StringIO(csv_text(sheets(findings)["effects.csv"]))))

    jsonschema.validate(summary_json(findings), schema)
    first = rows[0].index("p_same_images_least")
    ends = [f"{name}_same_images_{end}" for name in ("p", "no_gain") for end in ("least", "independent", "most")]

    assert list(effect).index("same_images") > list(effect).index("next_look")
    assert effect["same_images"]["p"]["most"] == pytest.approx(0.1386, abs=5e-4)
    assert rows[0][first : first + 6] == ends
    assert first > rows[0].index("factors")
    assert float(rows[4][first + 2]) == pytest.approx(effect["same_images"]["p"]["most"])


def test_page_tables_and_terminal_show_it(findings: Findings, tmp_path: Path) -> None:
    """As data each end is a column; the note says what it is, in either language."""
    table = comparisons_table(findings)
    data = data_sheet(table)
    chinese = comparisons_table(findings, words_of("zh"))
    shown = CliRunner().invoke(app, ["judge", str(STUDY)], env={"COLUMNS": "200"}).stdout
    page = render_report(findings, tmp_path).read_text(encoding="utf-8")

    assert "0.043 [4e-06, 0.139]" in table.rows[3]
    assert [name for name in data.columns if name.startswith("p, same")] == [
        "p, same images", "p, same images, low", "p, same images, high",
    ]  # fmt: skip
    assert "flat prior" in table.note
    assert "平坦先验" in chinese.note
    assert "0.043 [4e-06, 0.139]" in shown
    assert "P(no gain)" in page
