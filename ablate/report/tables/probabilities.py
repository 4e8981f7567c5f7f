"""The table beside the curves of the predicted probabilities."""

from __future__ import annotations

from collections.abc import Sequence

from ablate.report.facts.findings import Findings
from ablate.report.tables.table import Column, Table, table_of
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import with_interval
from ablate.stats.curves import BINS, Band


def probabilities_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """A line a variant: the areas below its curves and its expected calibration error, over its replicates."""
    facts = findings.exploratory.curves
    rows = facts.rows if facts is not None else ()
    ranked = any(row.area is not None for row in rows)
    columns = [
        Column(say("column.variant"), "text", [row.variant for row in rows]),
        Column(say("column.n"), "number", [str(row.n) for row in rows]),
        Column(say("column.area"), "number", _cells([row.area for row in rows])) if ranked else None,
        Column(say("column.average_precision"), "number", _cells([row.average_precision for row in rows]))
        if ranked
        else None,
        Column(say("column.calibration_error"), "number", _cells([row.calibration_error for row in rows])),
    ]
    note = say("note.probabilities", bins=BINS)
    if facts is not None and facts.ranked == "none":
        note += say("join.sentence") + say("note.not_ranked")
    return table_of(say("heading.probabilities"), columns, note, "probabilities")


def _cells(bands: Sequence[Band | None]) -> list[str]:
    return [
        with_interval(*(None,) * 3, 3) if b is None else with_interval(b.mean[0], b.lo[0], b.hi[0], 3) for b in bands
    ]
