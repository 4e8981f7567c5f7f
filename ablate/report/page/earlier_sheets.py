"""Reports in the forms of earlier versions, to verify those that they wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ablate.report.facts.findings import Findings
from ablate.report.facts.summaries import epoch_means
from ablate.report.page.blocks import Page
from ablate.report.tables.costs import provenance_table
from ablate.report.tables.details import reruns_table
from ablate.report.tables.sheets import (
    EFFECT_COLUMNS,
    VARIANT_COLUMNS,
    cells_of_variant,
    csv_text,
    fields_of_row,
    kept_heading,
    make_sheet,
)
from ablate.report.tables.table import Table

_LATER = ("wins", "relative")
_EFFECT_COLUMNS = {
    **{heading: path for heading, path in EFFECT_COLUMNS.items() if heading not in _LATER},
    "next_look": "course.next_look",
    **{heading: EFFECT_COLUMNS[heading] for heading in _LATER},
    "factors": "compared.factors",
}


def earlier_texts(page: Page, findings: Findings) -> Mapping[str, str]:
    """Path from the report's folder -> the CSV as version 0.1.0 wrote it."""
    texts = {f"tables/{table.name}.csv": csv_text(shown_sheet(table)) for table in page.tables() if table.name}
    return texts | {f"tables/{name}": csv_text(table) for name, table in earlier_sheets(findings).items()}


def earlier_forms(findings: Findings) -> Iterator[Findings]:
    """As they are told now; before they told what the answers know of single images; before they said how far
    their words carry; before they had curves of probabilities; and before they said whether changes are no worse."""
    yield findings
    if findings.exploratory.answers is not None:
        findings = without_answers(findings)
        yield findings
    findings = without_robustness(findings)
    yield findings
    if findings.exploratory.curves is not None:
        findings = replace(findings, exploratory=replace(findings.exploratory, curves=None))
        yield findings
    if findings.claims:
        yield without_claims(findings)


def without_answers(findings: Findings) -> Findings:
    """As it was told before reports said what the answers know of single images."""
    return replace(findings, exploratory=replace(findings.exploratory, answers=None))


def without_robustness(findings: Findings) -> Findings:
    """As it was told before reports said how far their words carry."""
    total = findings.total and replace(findings.total, repeat=None)
    effects = tuple(replace(effect, repeat=None) for effect in findings.effects)
    return replace(findings, effects=effects, total=total, robustness=None)


def without_claims(findings: Findings) -> Findings:
    """As it was told before reports said whether changes are no worse."""
    total = findings.total and replace(findings.total, no_worse=None)
    return replace(findings, effects=tuple(replace(effect, no_worse=None) for effect in findings.effects), total=total)


def earlier_sheets(findings: Findings) -> Mapping[str, Table]:
    """File name -> sheet. Rates are in percent, as everywhere in a report."""
    found = {
        "effects.csv": make_sheet(
            "effects", [*_EFFECT_COLUMNS], [fields_of_row(row, _EFFECT_COLUMNS.values()) for row in findings.effects]
        ),
        "variants.csv": make_sheet("variants", VARIANT_COLUMNS, [*map(cells_of_variant, findings.variants)]),
        "runs.csv": _runs(findings),
        "epochs.csv": _epochs(findings),
        "provenance.csv": provenance_table(findings),
        "reruns.csv": reruns_table(findings),
    }
    return {name: table for name, table in found.items() if table.rows}


def shown_sheet(table: Table) -> Table:
    """A table of the report as it is shown, without what is drawn, and with nothing where nothing is known."""
    kept = [i for i, kind in enumerate(table.kinds) if kind != "bar"]
    return Table(
        table.title,
        tuple(kept_heading(table.columns[i]) for i in kept),
        tuple(tuple("" if row[i] == "-" else row[i] for i in kept) for row in table.rows),
    )


def _runs(findings: Findings) -> Table:
    metrics = list(dict.fromkeys(name for run in findings.runs.rows for name in run.metrics))
    columns = ["variant", "replicate", "status", "reason", "message", "epoch", "seconds"]
    rows = [
        [*fields_of_row(run, columns), *(run.metrics.get(name) for name in metrics), run.folder]
        for run in findings.runs.rows
    ]
    return make_sheet("runs", [*columns, *metrics, "folder"], rows)


def _epochs(findings: Findings) -> Table:
    metrics = list(dict.fromkeys(name for history in findings.runs.histories for name in history.metrics))
    columns = ["variant", "epoch", "n", *(f"{name} {what}" for name in metrics for what in ("mean", "least", "most"))]
    rows = []
    for variant in findings.variants:
        means = {
            name: {m.epoch: m for m in epoch_means(findings.runs.histories, variant.name, name)} for name in metrics
        }
        for epoch in sorted({epoch for found in means.values() for epoch in found}):
            here = [means[name].get(epoch) for name in metrics]
            numbers = [value for m in here for value in ((m.mean, m.lo, m.hi) if m else (None, None, None))]
            rows.append([variant.name, epoch, max(m.n for m in here if m), *numbers])
    return make_sheet("epochs", columns, rows)
