"""The report as one HTML file: everything of the Markdown, nothing from elsewhere, no name taken for code."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.report.facts.findings import Findings
from ablate.report.figures.numbers import ParetoInfo, ParetoPoint
from ablate.report.figures.svg import draw_interval, pareto, ticks
from ablate.report.page.blocks import Page, Section, Sheet, Text
from ablate.report.page.html import html_page
from ablate.report.page.latex import latex, latex_table
from ablate.report.page.markdown import markdown_page
from ablate.report.page.sections import page_of
from ablate.report.tables.sheets import csv_text
from ablate.report.tables.table import Mark, Table
from ablate.report.wording.escape import plain
from ablate.report.wording.language import ENGLISH
from ablate.report.wording.numbers import Axis
from ablate.report.wording.verdicts import VERDICTS
from tests.builders import a_failed, a_study, findings_of
from tests.unit.test_render import HOSTILE, SITUATIONS, Situation

VOID = {"meta", "img", "br", "rect", "line", "circle", "path", "polyline", "polygon"}


def test_a_command_is_printed_with_every_space_of_its_names(tmp_path: Path) -> None:
    """What is copied from a page or a sheet has to run."""
    findings = findings_of(a_study(factors={"two  spaces": {"gain": 10.0}}), tmp_path)
    page, command = page_of(findings), findings.next_steps.reruns["two  spaces"]

    assert '"two  spaces"' in command
    assert command in unescape(html_page(page))
    assert command in markdown_page(page)
    assert any("two  spaces" in csv_text(table) for table in page.tables())


class Outline(HTMLParser):
    """Tables with their cells, the tags that are open, addresses, and whatever could run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, Mapping[str, str]]] = []
        self.tables: list[list[list[str]]] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open[-4:]) and "table" in self.open:
            self.tables[-1][-1][-1] += data


def outline_of(html: str) -> Outline:
    """The page as a parser sees it."""
    outline = Outline()
    outline.feed(html.replace("/>", ">"))
    outline.close()
    return outline


def page_with(name: str) -> Page:
    """A page that says one name everywhere a name can stand."""
    table = Table(name, (name, "n"), ((name, "1"),), name, ("text", "number"), "t")
    blocks = (Text(name), Sheet(table, folded=name), Sheet(table, matrix=True))
    return Page(title=name, words=ENGLISH, opening=(Text(name, "lead"),), sections=(Section(name, "s", blocks),))


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_every_table_of_the_report_is_in_the_page(situation: Situation, tmp_path: Path) -> None:
    """Row by row and cell by cell; a drawn cell is drawn, a verdict keeps its word."""
    page = page_of(situation.findings(tmp_path), ENGLISH)
    outline = outline_of(html_page(page))
    tables = [block.on_page for block in page.blocks() if isinstance(block, Sheet) and block.table.rows]

    assert outline.wrong == []
    assert outline.open == []
    assert len(outline.tables) == len(tables)
    for table, shown in zip(tables, outline.tables, strict=True):
        kept = [i for i, kind in enumerate(table.kinds) if kind != "bar"]
        for row, cells in zip(table.rows, shown[1:], strict=True):
            for i in kept:
                assert plain(with_asides(table, row)[i]) == without_glyph(cells[i])


def with_asides(table: Table, row: tuple[str, ...]) -> list[str]:
    """The cells of a row, with what stands below its verdict."""
    aside = "".join(f" {words}" for words in table.asides[table.rows.index(row)]) if table.asides else ""
    return [cell + aside if kind == "verdict" else cell for cell, kind in zip(row, table.kinds, strict=True)]


def without_glyph(cell: str) -> str:
    """A cell's words."""
    line = plain(cell)
    return (
        line[1:].strip()
        if line[:1] in {shown.glyph for shown in VERDICTS.values()} and len(line) > 1 and line[1] == " "
        else line
    )


def test_the_page_loads_nothing_and_runs_its_own_script_alone(tmp_path: Path) -> None:
    """It opens from a disk without a network, and a policy in its head keeps it so."""
    html = html_page(page_of(whole(tmp_path), ENGLISH))
    outline = outline_of(html)

    assert {"link", "iframe", "object", "embed", "form", "base"}.isdisjoint(outline.tags)
    for tag, attributes in outline.attributes:
        for name in ("src", "href", "srcset", "xlink:href", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), tag
        assert not [name for name in attributes if name.startswith("on")]
    assert "@import" not in html
    assert "url(" not in html
    assert "http" not in html.replace("http-equiv", "")
    assert "default-src 'none'" in html


def whole(work: Path) -> Findings:
    """A study in which something failed."""
    failed = a_failed(work / "failed")
    return findings_of(a_study(), work, results={("BN", 1): failed})


def test_whoever_cannot_see_it_can_read_it(tmp_path: Path) -> None:
    """Language, headings for rows and columns, alternative texts, and no word by colour alone."""
    html = html_page(page_of(whole(tmp_path), ENGLISH))
    outline = outline_of(html)
    by_tag: dict[str, list[Mapping[str, str]]] = {}
    for tag, attributes in outline.attributes:
        by_tag.setdefault(tag, []).append(attributes)

    assert by_tag["html"][0]["lang"] == "en"
    assert all(attributes.get("scope") in ("row", "col") for attributes in by_tag["th"])
    assert all(attributes.get("alt") for attributes in by_tag.get("img", []))
    assert all(
        attributes.get("aria-hidden") == "true" or not attributes
        for attributes in by_tag["svg"]
        if "class" in attributes
    )
    assert all(attributes.get("aria-label") for attributes in by_tag["figure"] if "role" in attributes)
    assert len(by_tag["h1"]) == 1
    assert "▲</span> better" in html


def test_no_name_becomes_code(tmp_path: Path) -> None:
    """Neither in a heading nor in a cell, a drawing or an address."""
    factors = {name: {"gain": float(i)} for i, name in enumerate(HOSTILE, 1)}
    failed = a_failed(tmp_path / "failed", message="<img src=x onerror=alert(1)> \u202egnp")
    study = a_study(factors=factors, question="</style><script>alert(1)</script>")
    findings = findings_of(study, tmp_path, results={(HOSTILE[0], 1): failed})
    html = html_page(page_of(findings, ENGLISH))

    assert outline_of(html).tags.count("script") == 2  # the page's own, and its data
    assert "\u202e" not in html
    assert outline_of(html).wrong == []


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_shown_as_itself(name: str) -> None:
    """Whatever its characters, the page's tags are those of the page, and the text is there."""
    name = f"x{name}"
    outline = outline_of(html_page(page_with(name)))

    assert outline.wrong == []
    assert outline.tags == outline_of(html_page(page_with("x"))).tags
    assert [plain(row[0]) for row in outline.tables[0]] == [plain(name), plain(name)]


# --- LaTeX ------------------------------------------------------------------------------------


@given(st.text(max_size=40))
def test_latex_holds_no_command_that_is_not_ours(text: str) -> None:
    """After our own replacements are taken away nothing that TeX acts on is left."""
    left = re.sub(
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|string\"|textasciigrave"
        r"|textquotesingle)\{\}|\\[{}$&#%_]|\{[\[*,-]\}",
        " ",
        latex(text),
    )

    assert not set(left) & set("\\{}$&#%_~^<>|\"`'")
    assert "--" not in left
    assert ",," not in left
    assert not left.startswith(("[", "*"))
    assert "\n" not in left


def test_numbers_in_latex_have_a_real_minus() -> None:
    """A sign, not a hyphen; names keep their hyphens, and only what would join is kept apart."""
    rows = (("[a]--b, ,,c*", "-0.2 [-1.1, 0.7]"), ("x-1", "+3"))
    text = latex_table(Table("t", ("name", "size"), rows, kinds=("text", "number")))

    assert r"{[}a]-{-}b, ,{,}c* & $-$0.2 [$-$1.1, 0.7] \\" in text
    assert r"x-1 & +3 \\" in text


def test_a_latex_table_has_its_rules_and_its_rows(tmp_path: Path) -> None:
    """booktabs; what is drawn elsewhere is left out, and each row ends where it should."""
    table = next(page_of(whole(tmp_path), ENGLISH).tables())
    text = latex_table(table)

    assert re.findall(r"\\(toprule|midrule|bottomrule)", text) == ["toprule", "midrule", "bottomrule"]
    assert text.count(r" \\") == 1 + len(table.rows)
    assert r"\begin{tabular}{lrrrllrrr}" in text
    assert "●" not in text.split("% Brackets")[0]


# --- drawings ---------------------------------------------------------------------------------


def test_every_table_with_verdicts_becomes_cards_on_a_phone(tmp_path: Path) -> None:
    """Not the first alone: where nothing wraps, a verdict at the right edge is not seen."""
    page = html_page(page_of(whole(tmp_path), ENGLISH))
    tables = re.findall(r'<table class="([^"]*)"(.*?)</table>', page, re.DOTALL)
    held = {("cards" in words.split(), 'class="verdict' in rest) for words, rest in tables}

    assert held == {(True, True), (False, False)}


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    """Nothing is drawn outside, and that there is more is to be seen."""
    drawn = draw_interval(Mark("undecided", 0.5, None, 40.0, None, math.inf), Axis(-1.0, 2.0))
    assert 'data-mark="[0.5,null,40.0,null,null,[],-1.0,2.0,false]"' in drawn
    inside = draw_interval(Mark("better", 0.5, 0.1, 0.9, 0.0, 1.0, (0.4, 0.6)), Axis(-1.0, 2.0))

    assert drawn.count("<path") == 2
    assert inside.count("<path") == 0
    assert draw_interval(Mark("better", 0.5, 0.1, 0.9, -1.1, 2.0), Axis(-1.0, 2.0)).count("<path") == 1  # the thin one
    assert inside.count('class="dot"') == 2
    assert all(0 <= float(share) <= 100 for share in re.findall(r'="([-0-9.]+)%"', drawn + inside))


def test_ticks_are_round_and_within_the_axis() -> None:
    """Zero, where the axis holds it, is one of them."""
    found = ticks(-2.0, 12.0)

    assert [tick.label for tick in found] == ["0", "5", "10"]
    assert found[0].share == pytest.approx(100 * 2 / 14, abs=0.01)


def test_numbers_of_points_that_nearly_coincide_do_not_cover_each_other() -> None:
    """Two variants of equal cost and level are told apart by where their numbers stand."""
    points = [ParetoPoint(name, cost, mean, None, None, False, "") for name, cost, mean in
              [("a", 10.0, 90.0), ("b", 10.1, 90.1), ("c", 90.0, 95.0)]]  # fmt: skip
    drawn = pareto(ParetoInfo("", tuple(points), (0.0, 100.0), (80.0, 100.0), "", "", "", ("", "")))

    assert re.findall(r'dx="(\d+)"', drawn) == ["9", "21", "9"]
