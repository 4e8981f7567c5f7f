"""The report as files: Markdown, HTML, figures and sheets in one folder, each whole or absent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ablate import files
from ablate.report.facts.findings import Findings
from ablate.report.figures.forest import forest_info
from ablate.report.page.blocks import Figure, Image, Page, Text
from ablate.report.page.html import html_page
from ablate.report.page.latex import latex_table
from ablate.report.page.markdown import markdown_page, markdown_table
from ablate.report.page.sections import page_of
from ablate.report.tables.first_screen import shown_steps
from ablate.report.tables.other_sets import set_sheets
from ablate.report.tables.sheets import csv_text, data_sheet, sheets
from ablate.report.tables.table import terminal_steps
from ablate.report.wording.escape import markdown_block
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import ENGLISH, Words

REPORT, HTML = "report.md", "report.html"
NOTE_DPI = 72
"""Dots an inch of an image in a tracker's note, which is shown dot by dot and cut where the note ends."""
_OURS = {
    "figures": re.compile(r"(forest|levels|curves-.*|roc|precision-recall|reliability)\.png"),
    "tables": re.compile(r".*\.(csv|tex)"),
}


def render_report(findings: Findings, folder: Path, say: Words = ENGLISH) -> Path:
    """Write report.md, report.html, figures/ and tables/ into the folder and return the path of report.md.

    Every file is put in place in one step, the report last; what an earlier report left there and this
    one does not have is removed. All paths inside are relative.
    """
    page = study_page(findings, say)
    for figure in draw_figures(page):
        files.write_bytes(folder / figure.path, figure.content)
    texts = report_texts(page, findings)
    for name, text in texts.items():
        files.write_text(folder / name, text)
    _remove_others(folder, {*texts, *(figure.path for figure in _figures(page))})
    return folder / REPORT


def write_page(page: Page, folder: Path, data: Page | None = None) -> Path:
    """Write a page that is no study's: Markdown, HTML, its figures and tables; the path of the Markdown.

    data: the page in English, for the tables as CSV.
    """
    for figure in draw_figures(page):
        files.write_bytes(folder / figure.path, figure.content)
    texts = report_texts(page, None, data)
    for name, text in texts.items():
        files.write_text(folder / name, text)
    _remove_others(folder, {*texts, *(figure.path for figure in _figures(page))})
    return folder / REPORT


def study_page(findings: Findings, say: Words = ENGLISH) -> Page:
    """The report of a study, with a warning where its figures show names that no font here has."""
    page = page_of(findings, say)
    told = undrawn(page)
    return replace(page, opening=(*page.opening, Text(told, "figures"))) if told else page


def undrawn(page: Page) -> str:
    """What the figures beside a page cannot show of their names, and the remedy; empty where they show all."""
    figures = _figures(page)
    if not figures:
        return ""
    from ablate.report.figures.fonts import missing_font, texts_in

    return missing_font((text for figure in figures for text in texts_in(figure.info)), page.words)


def report_texts(page: Page, findings: Findings | None, data: Page | None = None) -> Mapping[str, str]:
    """Every file of a report that is text: path from the report's folder -> content, the report itself last.

    data: the page in English, whose tables become CSV, where it has no findings to be made from.
    """
    texts = {f"tables/{table.name}.tex": latex_table(table) for table in page.tables() if table.name}
    if findings is not None:
        data = page if page.words.language == ENGLISH.language else page_of(findings, ENGLISH)
    texts |= {
        f"tables/{table.name}.csv": csv_text(data_sheet(table)) for table in (data or page).tables() if table.name
    }
    if findings is not None:
        texts |= {
            f"tables/{name}": csv_text(table) for name, table in {**sheets(findings), **set_sheets(findings)}.items()
        }
    return texts | {HTML: html_page(page), REPORT: markdown_page(page)}


def _remove_others(folder: Path, kept: set[str]) -> None:
    for name, ours in _OURS.items():
        for path in (folder / name).glob("*"):
            if ours.fullmatch(path.name) and f"{name}/{path.name}" not in kept:
                path.unlink()


def _figures(page: Page) -> Sequence[Figure]:
    return [block for block in page.blocks() if isinstance(block, Figure) and block.path]


def draw_figures(page: Page) -> tuple[Image, ...]:
    """Every figure that has a file beside the Markdown."""
    from ablate.report.figures.drawing import draw

    return tuple(Image(f.path, f.title, f.caption, draw(f.info)) for f in _figures(page))


def report_text(findings: Findings, say: Words = ENGLISH) -> str:
    """The report in Markdown."""
    return markdown_page(page_of(findings, say))


def description_of(findings: Findings, say: Words = ENGLISH) -> str:
    """The sentence, what a reader must know of the numbers, and the tables of the first screen in Markdown."""
    tables = [shown for _, shown in shown_steps(findings, say)] or [terminal_steps(findings, say)]
    cautions = "\n".join(f"- {markdown_block(line)}" for line in findings.notices.cautions)
    parts = [markdown_block(first_sentence(findings, say)), cautions, *map(markdown_table, tables)]
    return "\n\n".join(filter(None, parts))


def description_image(findings: Findings, say: Words = ENGLISH) -> bytes:
    """Every step with its interval, as small as a tracker's note has room for; empty where no step has one."""
    info = forest_info(findings, say)
    if info is None:
        return b""
    from ablate.report.figures.drawing import draw_forest, png_of

    return png_of(draw_forest, info, dpi=NOTE_DPI)
