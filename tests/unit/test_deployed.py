"""The page of measured files and the model card: every figure of the result, in words that promise no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ablate.deploy.records import Claim
from ablate.report.facts.deployed import CardFacts
from ablate.report.page.deployed import deployed_page, leads
from ablate.report.page.html import html_page
from ablate.report.page.markdown import markdown_page
from ablate.report.page.model_card import model_card
from ablate.report.tables.deployed import answers_table, costs_table, split_table, summary_table
from ablate.report.wording.language import LANGUAGES, Language, words_of
from tests.deploy_builders import HOW, MACHINE, a_deployment, a_row

RESULT = a_deployment()
INT8 = RESULT.rows[2]
FACTS = CardFacts(data="folder of pets", digest="f" * 64, fit=4000, val=500, test=900, verdicts=("BN helps.",))


def test_original_optimised_and_change_stand_side_by_side() -> None:
    """As the source's table has it, each figure measured: accuracy in points, what was counted in percent."""
    assert summary_table(RESULT, INT8).rows == (
        ("Accuracy (%)", "74.6", "74.0", "-0.6 points"),
        ("Latency at one image (ms)", "120", "37.5", "-69 %"),
        ("Size (MB)", "18.0", "4.50", "-75 %"),
        ("Memory (MB)", "210", "210", "+0 %"),
    )
    assert ("Parameters", "4.50 M", "4.50 M", "+0 %") in summary_table(RESULT, RESULT.rows[1]).rows


def test_each_row_has_its_claim_beside_its_difference() -> None:
    """The first is what the others are held against."""
    lines = answers_table(RESULT).rows

    assert lines[0][3:] == ("74.6", "-", "reference", "0.0", "0")
    assert lines[2][1:] == ("onnxruntime", "int8", "74.0", "-0.6 [-0.9, -0.3]", "non-inferior", "1.2", "0.31")
    assert lines[3][5] == "inferior"


def test_a_claim_that_cannot_be_assessed_says_why() -> None:
    """A word without its reason would look like a result."""
    claim = Claim(word="not_assessable", reason="too few groups of images")
    found = replace(RESULT, rows=(RESULT.rows[0], replace(INT8, claim=claim)))

    assert answers_table(found).rows[1][4:6] == ("-", "not assessable: too few groups of images")


def test_a_ratio_stands_beside_the_times() -> None:
    """Absolute times are of one machine; columns of which nothing is known are left out."""
    table = costs_table(RESULT)
    line = dict(zip(table.columns, table.rows[2], strict=True))

    assert (line["p50, 1 image"], line["p95, 1 image"], line["Ratio"]) == ("37.5", "45.0", "3.20x")
    assert (line["p50, 32 images"], line["Images/s"], line["Parameters"]) == ("750", "43", "-")
    assert "1 thread" in table.note

    untimed = costs_table(replace(RESULT, rows=(a_row("a"), a_row("b"))))
    assert untimed.columns == ("Row", "Size (MB)", "Load (s)", "Memory (MB)")


def test_the_speed_up_is_split_so_that_int8_is_not_credited_with_the_engine() -> None:
    """A dash where no row shows a change alone."""
    table = split_table(RESULT)

    assert table is not None
    assert table.rows[1:] == (
        ("INT8", "3.20x", "1.00x", "2.00x", "1.60x"),
        ("pruned | 30 %", "4.00x", "-", "-", "-"),
    )
    assert split_table(replace(RESULT, rows=RESULT.rows[:1])) is None


def test_the_sentence_to_take_home_names_claim_speed_and_size() -> None:
    """And what the budget chose, or that no row keeps to it."""
    (told,) = leads(RESULT, INT8)
    assert told == (
        "INT8: 74.0 % where the original has 74.6 % (non-inferior); 3.2 times as fast, at 25 % of its size."
    )
    chosen = leads(replace(RESULT, budget="latency <= 40 ms", choice="INT8"), INT8)
    assert chosen[0] == "Budget latency <= 40 ms: of the rows that keep to it, INT8 is the most accurate."
    assert chosen[1] == told
    none = leads(replace(RESULT, budget="latency <= 1 ms"), None)
    assert none == ["Budget latency <= 1 ms: no row keeps to it."]


def test_a_row_that_lost_too_much_is_never_praised_alone() -> None:
    """Where none is shown to be no worse, that comes first."""
    told = leads(RESULT, RESULT.rows[3])

    assert told[0] == "No row is shown to be no worse than the original."
    assert "inferior" in told[1]
    assert leads(RESULT, None) == told[:1]
    assert leads(RESULT, RESULT.rows[0]) == told[:1]
    assert leads(replace(RESULT, rows=RESULT.rows[:1]), None) == ["There is one row, and nothing to hold against it."]


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(121.0, "as fast"), (300.0, "2.5 times as slow"), (None, "not timed")],
)
def test_what_is_not_faster_is_not_called_so(milliseconds: float | None, words: str) -> None:
    """Slower is said as plainly as faster."""
    row = a_row("INT8", milliseconds, claim=INT8.claim, bytes=18_000_000)

    assert leads(RESULT, row)[0].endswith(f"(non-inferior); {words}.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_names_the_machine_beside_the_times(language: Language) -> None:
    """CPU, instruction sets, threads, calls and load; the claim's population; what was done to each file."""
    say = words_of(language)
    page = deployed_page(RESULT, "pets/BN", INT8, say, cards=[("INT8", "cards/INT8.md")])
    text, html = markdown_page(page), html_page(page)

    for found in (
        "AMD EPYC 9654",
        "avx512-vnni",
        "240",
        "onnxruntime 1.32.0",
        "37.5",
        "3.20x",
        "calibrated on 300",
        "cards/INT8.md",
    ):
        assert found in text.replace("\\", "")
        assert found in html
    assert ("new runs" in text, "以及新的运行" in text) == (language == "en", language == "zh")
    assert "pruned &#124; 30 %" in text


def test_what_nobody_knows_of_a_machine_is_called_unknown() -> None:
    """One file is no evidence about other runs; without times nothing is said of the machine."""
    machine = replace(MACHINE, instruction_sets=None, load=None)
    one = replace(RESULT, machine=machine, replicates=1, rows=tuple(replace(row, claim=None) for row in RESULT.rows))
    text = markdown_page(deployed_page(one, "pets/BN", INT8))

    assert "instruction sets unknown" in text
    assert "not about what another run would give" in text
    assert "Load of the machine" not in text
    bare = replace(RESULT, machine=replace(MACHINE, instruction_sets=()), notes=("a note",))
    assert "none of AVX2" in markdown_page(deployed_page(bare, "x", None))
    untimed = replace(RESULT, rows=(a_row("a"), a_row("b")))
    assert "AMD" not in markdown_page(deployed_page(untimed, "x", None))


def test_a_card_says_data_use_figures_limits_and_that_no_licence_is_known() -> None:
    """In this order; names are shown as they are and cannot become markup."""
    card = model_card(INT8, RESULT, HOW, FACTS, {"/files/INT8.onnx": "ab" * 32})
    headings = [line for line in card.splitlines() if line.startswith("#")]

    assert headings == [
        "# pets/BN: INT8",
        *(f"## {name}" for name in ("Files", "Use", "Data", "How it was made", "Measured", "In its study")),
        "## Limits",
        "## Licence",
    ]
    for found in (
        "`files/INT8.onnx`, 4.50 MB; SHA-256 `abab",
        "`ablate predict --engine onnxruntime INT8.onnx IMAGE...`",
        "Classes, in the order of the logits: cat, d_o_g.",
        "3 x 224 x 224",
        "less 0.485, 0.456, 0.406",
        "Trained on 4,000 images, chosen on 500, tested on 900 others of folder of pets (digest ffffffffffff)",
        "calibrated on training images alone",
        "- original: as it was\n- ONNX: exported by torch.onnx\n- INT8: quantised after training",
        "Accuracy: 74.0 % (74.2, 73.8).",
        "Against original: -0.6 points; no worse by 1.0 points: **non-inferior**.",
        "3.20 times as fast as original",
        "avx512-vnni",
        "BN helps.",
        "thresholds set on the original",
        "Not known to ablate",
    ):
        assert found in card


def test_a_card_of_a_strangers_file_claims_nothing_it_cannot_know() -> None:
    """No study, no data, no preprocessing; the first row has no claim, and fp32 was not calibrated."""
    card = model_card(RESULT.rows[0], RESULT, None, CardFacts(first_weights="a *zoo*"), {})

    assert "# pets: original" in card
    assert "not known here" in card
    assert "held against" in card
    assert "## Use" not in card
    assert "calibrated" not in card
    assert "began with (a \\*zoo\\*)" in card


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_card_can_be_had_in_every_language(language: Language) -> None:
    """Figures and names are the same."""
    how = replace(HOW, multi_label=True, mean=None, std=None, replicate=None)
    card = model_card(INT8, RESULT, how, FACTS, {}, words_of(language))

    for found in ("cat, d_o_g", "74.0", "37.5", "-0.6"):
        assert found in card
    assert "Licence" in card or "许可" in card
    untimed = model_card(a_row("x"), replace(RESULT, rows=(a_row("x"),)), how, FACTS, {}, words_of(language))
    assert "p95" not in untimed
