"""The tables of the first screen as pages and terminals show them: what their files hold, said for readers."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.findings import Findings
from ablate.report.tables.table import StepLine, Table, step_lines, steps_tables, terminal_steps, with_unit
from ablate.report.wording.first_screen import aside_words, steps_ratio
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import metric_title, unit_words

CHAINS = ("chain", "reverse chain")
"""Families in which each line builds on those above it."""


def shown_steps(findings: Findings, say: Words = ENGLISH) -> list[tuple[Table, Table]]:
    """Each family's table as its files hold it, and as a page shows it."""
    tables = steps_tables(findings, say)
    return [
        (table, _shown(table, findings, family, say)) for table, family in zip(tables, findings.families, strict=True)
    ]


def _shown(table: Table, findings: Findings, family: str, say: Words) -> Table:
    lines, metric = step_lines(findings, family, say), findings.study.metric
    named, points = with_unit(metric_title(metric), metric.unit), unit_words(metric, say)
    headings = {say("column.again"): say("screen.again")}
    if family in CHAINS:
        headings |= {
            named: say("screen.level", metric=named),
            with_unit(say("column.difference"), points): with_unit(say("screen.difference"), points),
        }
    kept = [i for i, name in enumerate(table.columns) if name != say("column.no_worse")]
    names = step_names(lines, family, say)
    return table._replace(
        columns=tuple(headings.get(table.columns[i], table.columns[i]) for i in kept),
        kinds=tuple(table.kinds[i] for i in kept),
        rows=tuple(
            (name, *(row[i] for i in kept[1:])) for name, row in zip(names, table.rows, strict=True)
        ),
        asides=tuple(aside_words(line.effect, findings, say) if line.effect else () for line in lines),
    )  # fmt: skip


def step_names(lines: Sequence[StepLine], family: str, say: Words) -> list[str]:
    """`+ BN` in a chain: what the line adds to those above it, and no network of that name."""
    if family not in CHAINS:
        return [line.name for line in lines]
    return [
        say("screen.added", name=line.name)
        if line.effect is not None and line.effect.compared.family == family
        else line.name
        for line in lines
    ]  # fmt: skip


def shown_on_terminal(findings: Findings, say: Words = ENGLISH) -> Table:
    """The table of a terminal, with the steps of a chain named as what they add."""
    table = terminal_steps(findings, say)
    names = [
        name for family in findings.families for name in step_names(step_lines(findings, family, say), family, say)
    ]
    if not names:
        return table
    lines = [line for family in findings.families for line in step_lines(findings, family, say)]
    marks = [
        say("screen.marked") if line.effect and steps_ratio(line.effect, findings) is not None else "" for line in lines
    ]
    rows = [(name, *row[1:-1], row[-1] + mark) for name, row, mark in zip(names, table.rows, marks, strict=True)]
    return table._replace(rows=tuple(rows))
