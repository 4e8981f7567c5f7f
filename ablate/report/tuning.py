"""The table of a tuned study: what each variant was given, so that nobody has to ask."""

from __future__ import annotations

from ablate.report.details import changes_words
from ablate.report.facts.findings import Findings
from ablate.report.language import ENGLISH, Words
from ablate.report.numbers import number
from ablate.report.tables import Column, Table, table_of


def tuning_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """A line a variant: its search, its value on validation before and after, the setting chosen."""
    rows, decimals = findings.tuning, findings.metric.decimals
    columns = [
        Column(say("column.variant"), "text", [row.variant for row in rows]),
        Column(say("column.trials"), "number", [f"{row.finished} of {row.trials}" for row in rows]),
        Column(say("column.untuned"), "number", [number(row.untuned, decimals) for row in rows]),
        Column(say("column.tuned"), "number", [number(row.value, decimals) for row in rows]),
        Column(say("column.chosen"), "code", [changes_words(row.point) for row in rows]),
    ]
    known = all(row.is_checked for row in rows)
    return table_of(say("heading.tuning"), columns, say("note.tuning" if known else "note.tuning_unchecked"))
