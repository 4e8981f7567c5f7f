"""The report as files: whole, safe, and right in every situation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ablate.report.facts.findings import Findings
from ablate.report.page.render import description_of, render_report, report_text
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.escape import code_block, code_span, markdown, markdown_block, plain
from tests.builders import a_failed, a_study, findings_of
from tests.golden.regenerate import REPORT, toy_report

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}
HOSTILE = (
    "a|b `c` <script>alert(1)<∕script>",
    "$x_1$ | [link](javascript:alert) *b* _i_",
    "=cmd|' ∕C calc'!A0",
    "- item # heading &amp; ~~gone~~ ![x](y)",
    "漢字テスト 🎉" + " very long" * 6,
)
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})


LOSS = {"metric": "loss", "negligible": 0.01, "worthwhile": 0.05}
RUNS = [(variant, r) for variant in ("baseline", "BN", "Dropout") for r in range(3)]


class Situation(NamedTuple):
    """A state a report meets, and something that its report must say."""

    said: str
    study: Mapping[str, Any] = {}
    cells: Mapping[str, Any] = {}
    failed: Sequence[tuple[str, int]] = ()

    def findings(self, work: Path) -> Findings:
        """What there is to say."""
        results = {run: a_failed(work / "failed") for run in self.failed}
        cells = {"results": results, **self.cells}
        return findings_of(a_study(**self.study), work, **cells)


SITUATIONS = {
    "chain": Situation("One of two changes helps: BN gains 9.8 points; Dropout is undecided."),
    "one at a time": Situation("All three changes help", {"design": "one_at_a_time", "factors": THREE}),
    "leave one out": Situation("three changes is shown to help", {"design": "leave_one_out", "factors": THREE}),
    "factorial": Situation("On average over the other changes", {"design": "factorial", "factors": THREE}),
    "compare only": Situation("deep gains", {"design": None, "compare": {"deep": {"set": {"gain": 5.0}}}}),
    "search only": Situation(
        "nothing to compare baseline", {"design": None, "search": {"space": {"gain": [1.0, 2.0]}}}
    ),
    "one replicate": Situation("there is a single run of each variant", {"evidence": {"replicates": [1]}}),
    "one number each": Situation("a single run", {"evidence": {"replicates": [1]}}, {"scored": False}),
    "all failed": Situation("All 9 runs failed", failed=RUNS),
    "some failed": Situation("(1 of 9 runs failed.)", failed=[("BN", 1)]),
    "nothing finished": Situation("Nothing has finished yet: 9 runs", cells={"results": dict.fromkeys(RUNS)}),
    "some missing": Situation("1 of 9 runs has not been made yet", cells={"results": {("Dropout", 2): None}}),
    "plain numbers": Situation("one number; variants are paired by replicate", cells={"scored": False}),
    "fixed test part": Situation("the same fixed part, 20% of all images", {"evidence": {"test": {"share": 0.2}}}),
    "validation": Situation("(1 image kept out of training", {"evidence": {"val": 1}}),
    "official test part": Situation("the data set's own test part", {"evidence": {"test": "official"}}),
    "less is better": Situation("BN lowers loss by", {"evidence": LOSS}),
    "second look": Situation("This is look 2; it may spend 67%", {"evidence": {"replicates": [3, 6]}}, {"look": 2}),
    "no epochs": Situation("One of two changes helps", cells={"epochs": 0}),
}


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_every_situation_has_a_report_that_says_the_right_thing(situation: Situation, tmp_path: Path) -> None:
    """Whatever became of the runs, the report reads well and the JSON keeps its schema."""
    findings = situation.findings(tmp_path)
    text = report_text(findings)

    assert situation.said in text
    assert not re.search(r"\bNone\b(?! of)|\bnan\b|\binf\b|\b1 (replicates|runs|images|variants)\b", text)
    jsonschema.validate(summary_json(findings, "report.md"), run_schema())
    assert description_of(findings)


def run_schema() -> Any:
    """The packaged schema of what `run --json` prints."""
    return json.loads((resources.files("ablate.report") / "schemas" / "run.schema.json").read_text(encoding="utf-8"))


def test_the_schemas_are_schemas() -> None:
    """Draft 2020-12, closed to unknown keys."""
    for name in ("run", "plan"):
        text = (resources.files("ablate.report") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
        assert json.loads(text)["additionalProperties"] is False


def test_the_summary_is_in_percent_and_points(tmp_path: Path) -> None:
    """And names where the report lies."""
    summary = summary_json(SITUATIONS["chain"].findings(tmp_path), tmp_path / "report.md")
    bn, effect = summary["variants"][1], summary["effects"][0]

    assert bn["lo"] < 70 < bn["hi"]
    assert effect["lo"] < 10 < effect["hi"]
    assert effect["verdict_text"].startswith("better: +9.8 [")
    assert summary["report"] == str(tmp_path / "report.md")


def test_a_number_that_is_not_finite_is_null(tmp_path: Path) -> None:
    """One plain number a variant has no interval, and JSON has no infinity."""
    summary = summary_json(SITUATIONS["one number each"].findings(tmp_path))

    assert (summary["effects"][0]["lo"], summary["variants"][0]["hi"]) == (None, None)
    json.dumps(summary, allow_nan=False)


def test_failures_are_in_the_summary_with_their_reason(tmp_path: Path) -> None:
    """A machine learns what a person learns."""
    summary = summary_json(SITUATIONS["some failed"].findings(tmp_path))

    assert summary["failed"] == [
        {"variant": "BN", "replicate": 1, "reason": "error: ValueError: the toy was asked to fail"}
    ]


def test_the_folder_holds_report_figures_and_sheets(tmp_path: Path) -> None:
    """Every image and path in the report exists, and none leads out of its folder."""
    report = render_report(SITUATIONS["chain"].findings(tmp_path), tmp_path / "reports" / "toy")
    text = report.read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)]+)\)", text)

    assert report == tmp_path / "reports" / "toy" / "report.md"
    assert linked
    assert all((report.parent / path).is_file() for path in linked)
    assert str(tmp_path) not in text
    assert {"effects.csv", "steps-chain.csv", "steps-chain.tex"} <= {
        p.name for p in (report.parent / "tables").iterdir()
    }
    assert not [path for path in report.parent.rglob("*") if "tmp" in path.name]


def test_what_an_earlier_report_drew_and_this_one_does_not_is_removed(tmp_path: Path) -> None:
    """A figure of runs that are gone would be read as if it were new; files of others stay."""
    render_report(SITUATIONS["chain"].findings(tmp_path / "a"), tmp_path / "out")
    (tmp_path / "out" / "trials.csv").write_text("theirs", encoding="utf-8")
    render_report(SITUATIONS["nothing finished"].findings(tmp_path / "b"), tmp_path / "out")

    assert list((tmp_path / "out" / "figures").iterdir()) == []
    assert (tmp_path / "out" / "trials.csv").exists()


def test_the_report_of_the_toy_is_as_reviewed(tmp_path: Path) -> None:
    """`make golden` writes it again; the difference is reviewed like code."""
    assert toy_report(tmp_path) == REPORT.read_text(encoding="utf-8")


# --- escaping ---------------------------------------------------------------------------------


def test_hostile_names_and_messages_change_nothing_but_text(tmp_path: Path) -> None:
    """No tag, no link, no heading, no broken table comes from a name."""
    message = "Error | `x` <img src=x onerror=alert(1)>\n# heading\n\x1b[31m\x00 [a](b) \u202egnp"
    failed = a_failed(tmp_path / "failed", message=message)
    factors = {name: {"gain": float(i)} for i, name in enumerate(HOSTILE, 1)}
    study = a_study(factors=factors, question="<i>why</i> | `so`?")
    findings = findings_of(study, tmp_path, results={(HOSTILE[0], 1): failed})
    text = report_text(findings)
    html = MARKDOWN.render(text)
    tags = set(re.findall(r"<(\w+)", html))

    assert tags.isdisjoint({"script", "i", "a", "s", "del"})
    assert all(source.startswith("figures/") for source in re.findall(r"<img[^>]* src=\"([^\"]*)\"", html))
    assert html.count("<h1") == 1
    assert "href" not in html
    assert cells_by_row(text) <= {1}
    for name in HOSTILE:
        assert plain(name) in unescape(html)


def cells_by_row(text: str) -> set[int]:
    """In how many widths the rows of each table come; one, where no cell breaks its table."""
    widths = []
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        if rows:
            widths.append(len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}))
    return set(widths)


@given(st.text(max_size=60))
def test_markdown_shows_any_text_as_itself(text: str) -> None:
    """In a paragraph and in a table's cell, whatever the characters."""
    paragraph = MARKDOWN.render(markdown_block(text))
    table = MARKDOWN.render(f"| a | b |\n| --- | --- |\n| x{markdown(text)} | {code_span('y' + text)} |")

    assert unescape(re.sub(r"</?p>", "", paragraph)).strip() == plain(text)
    assert re.findall(r"<td>(.*?)</td>", table) != []
    first, second = (unescape(cell) for cell in re.findall(r"<td>(.*?)</td>", table, flags=re.DOTALL))
    assert first == f"x{plain(text)}"
    assert second.removeprefix("<code>").removesuffix("</code>") == plain("y" + text)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=3))
def test_a_block_of_commands_ends_where_it_should(lines: list[str]) -> None:
    """No run of backticks inside closes it."""
    tokens = MARKDOWN.parse(code_block(lines, "sh"))

    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content.splitlines() == [plain(line, spaces=True) for line in lines]


def test_control_characters_and_direction_marks_are_dropped() -> None:
    """A message cannot rewrite the line it stands in."""
    assert plain("a\x1b[31m\u202eb\n\tc\x00") == "a[31mb c"
    assert plain("👩‍🚀 ok") == "👩‍🚀 ok"
    assert plain("x" * 400, width=300).endswith("…")
