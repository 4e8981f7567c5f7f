"""Findings as a notebook and a Python prompt show them: the sentence, the table of comparisons, what is not known."""

from __future__ import annotations

from ablate.report.facts.findings import Findings
from ablate.report.tables.first_screen import shown_on_terminal
from ablate.report.tables.table import Mark, Table
from ablate.report.wording.evidence import banners
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.no_worse import no_worse_lines
from ablate.safety.html_table import Cell, Interval, html_table
from ablate.safety.plain_text import plain


def findings_html(findings: Findings, say: Words = ENGLISH, *, more: str = "") -> str:
    """The first screen of the report; every text escaped, intervals drawn. more: a last line."""
    table = shown_on_terminal(findings, say)
    columns = [name if kind != "bar" else "" for name, kind in zip(table.columns, table.kinds, strict=True)]
    lines = [*banners(findings, say), first_sentence(findings, say)]
    below = [*no_worse_lines(findings, say), *findings.notices.cautions, *([more] if more else [])]
    return html_table(columns, _rows(table), title=findings.study.name, lines=lines) + html_table((), (), lines=below)


def _rows(table: Table) -> list[list[Cell]]:
    marks = table.marks or (None,) * len(table.rows)
    return [
        [_drawn(mark) if kind == "bar" else cell for cell, kind in zip(row, table.kinds, strict=True)]
        for row, mark in zip(table.rows, marks, strict=True)
    ]


def _drawn(mark: Mark | None) -> Cell:
    return "" if mark is None else Interval(mark.point, mark.lo, mark.hi, mark.verdict)


def findings_text(findings: Findings, say: Words = ENGLISH) -> str:
    """The same as text, in columns."""
    table = shown_on_terminal(findings, say)
    kept = [i for i, kind in enumerate(table.kinds) if kind != "bar"]
    rows = [[plain(row[i]) for i in kept] for row in (table.columns, *table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(kept))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    below = [f"- {plain(line)}" for line in (*no_worse_lines(findings, say), *findings.notices.cautions)]
    return "\n".join([plain(first_sentence(findings, say)), "", *lines, *([""] if below else []), *below])
