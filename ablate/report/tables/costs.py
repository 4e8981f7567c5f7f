"""Tables of what a study took and where it comes from: costs, confounds, reads of the test images, provenance."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings, VariantRow
from ablate.report.facts.provenance import Provenance
from ablate.report.tables.details import count_words
from ablate.report.tables.table import Column, Table, table_of, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import compact, duration, number, with_interval
from ablate.report.wording.sentences import unit_words


def costs_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """What one run of each variant takes, and which variants no other beats in both quality and cost."""
    rows = findings.variants
    columns: list[Column | None] = [Column(say("column.variant"), "text", [row.name for row in rows])]
    for name, cells in (
        ("parameters", [count_words(row.parameters) for row in rows]),
        ("flops", [compact(row.flops) for row in rows]),
        ("steps", [number(row.steps, 0) for row in rows]),
        ("images_seen", [number(row.images_seen, 0) for row in rows]),
        ("memory", [f"{compact(row.peak_bytes)}B" if row.peak_bytes else "-" for row in rows]),
        ("time", [duration(row.seconds) for row in rows]),
    ):
        columns.append(Column(say(f"column.{name}"), "number", cells) if set(cells) != {"-"} else None)
    columns.append(Column(say("column.n"), "number", [str(row.n) for row in rows]))
    note = say("note.costs")
    best = {what: front(findings, what) for what in ("parameters", "seconds")}
    if len(rows) > 1 and any(best.values()):
        named = {"parameters": say("what.parameters"), "seconds": say("what.time")}
        cells = [
            say("join.comma").join(named[what] for what, names in best.items() if row.name in names) for row in rows
        ]
        columns.append(Column(say("column.front"), "text", cells))
        costs = say("what.or").join(named[what] for what, names in best.items() if names)
        note += say("join.sentence") + say("note.front", costs=costs)
    return table_of(say("heading.costs"), columns, note, "costs")


def front(findings: Findings, cost: str) -> tuple[str, ...]:
    """The variants that no other equals or beats in both the metric and a cost, being better in one.

    cost: `parameters` or `seconds`. Empty where the cost is unknown or the same for all.
    """
    sign = 1 if findings.study.metric.goal == "max" else -1
    known = [
        (row.name, sign * row.mean, getattr(row, cost))
        for row in findings.variants
        if row.mean is not None and getattr(row, cost) is not None
    ]
    if len({price for _, _, price in known}) < 2:
        return ()
    return tuple(
        name
        for name, good, price in known
        if not any(g >= good and p <= price and (g, p) != (good, price) for _, g, p in known)
    )


def confounds_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """What else each change changes, as a share of the variant it is compared with."""
    effects = [effect for effect in findings.effects if effect.compared.is_pair]
    pairs = [
        (findings.variant(effect.compared.variant), findings.variant(effect.compared.reference)) for effect in effects
    ]
    columns: list[Column | None] = [
        Column(say("column.comparison"), "text", [_pair_name(effect, say) for effect in effects])
    ]
    for name, of in (
        ("parameters", lambda row: row.parameters),
        ("flops", lambda row: row.flops),
        ("steps", lambda row: row.steps),
        ("images_seen", lambda row: row.images_seen),
        ("step_seconds", _step_seconds),
    ):
        cells = [_share(of(a), of(b), say) if a and b else "-" for a, b in pairs]
        columns.append(Column(say(f"column.{name}"), "number", cells) if set(cells) - {"-"} else None)
    return table_of(say("heading.confounds"), columns, say("note.confounds"), "confounds")


def _pair_name(effect: EffectRow, say: Words) -> str:
    return say("cell.against", variant=effect.compared.variant, reference=effect.compared.reference)


def _step_seconds(row: VariantRow) -> float | None:
    return row.seconds / row.steps if row.seconds and row.steps else None


def _share(value: float | None, reference: float | None, say: Words) -> str:
    if value is None or not reference:
        return "-"
    share = value / reference - 1
    if value == reference:
        return say("cell.same")
    return f"{100 * share:+.2g} %" if abs(share) < 0.1 else f"{100 * share:+,.0f} %"


def reads_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """How often the test images were read, and what for."""
    facts = findings.exploratory.images
    if facts is None:
        return table_of(say("heading.reads"), [])
    evidence = findings.evidence
    own = "verdict" if evidence.weights is not None and evidence.parts_known else "stored"
    reads = {say(f"purpose.{own}"): facts.reads}
    if findings.exploratory.watched_reads is not None:
        reads[say("purpose.watched")] = findings.exploratory.watched_reads
    reads |= {
        say("purpose.other_set", name=one.facts.name): one.facts.reads for one in findings.other_sets if one.findings
    }
    columns = [
        Column(say("column.purpose"), "text", list(reads)),
        *(
            Column(say(f"column.{name}"), "number", [count_words(row[i]) for row in reads.values()])
            for i, name in enumerate(("images", "reads", "most"))
        ),
    ]
    return table_of(say("heading.reads"), columns, say("note.reads"), "test-reads")


def optimism_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """What picking the best epoch on test would claim of each variant, beside what is left of it on other images."""
    rows, metric = findings.exploratory.optimism, findings.study.metric
    decimals, unit = metric.decimals, unit_words(metric, say)
    columns = [
        Column(say("column.variant"), "text", [row.variant for row in rows]),
        Column(
            with_unit(say("column.as_source"), metric.unit), "number", [number(row.as_source, decimals) for row in rows]
        ),
        Column(with_unit(say("column.honest"), metric.unit), "number", [number(row.honest, decimals) for row in rows]),
        Column(
            with_unit(say("column.optimism"), unit),
            "number",
            [with_interval(row.optimism, row.lo, row.hi, decimals, sign="+") for row in rows],
        ),
        Column(say("column.epoch"), "number", [str(row.n_epochs) for row in rows]),
        Column(say("column.n"), "number", [str(row.n_replicates) for row in rows]),
    ]
    return table_of(say("heading.optimism"), columns, say("note.optimism"), "optimism")


def provenance_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """What ran where: runs made alike share a line."""
    groups = findings.provenance.groups
    columns = [
        Column(say("column.runs"), "text", [_runs_words(group, findings, say) for group in groups]),
        Column(say("column.when"), "text", [_when(group, say) for group in groups]),
        Column(say("column.device"), "text", [group.stamp.device for group in groups]),
        Column(say("column.system"), "text", [group.stamp.platform for group in groups]),
        Column(say("column.versions"), "text", [_pairs(group.stamp.versions, say) for group in groups]),
        Column(say("column.numerics"), "text", [_pairs(group.numerics, say) for group in groups]),
        Column(say("column.commit"), "code", [_commit(group.stamp.git_commit) for group in groups]),
        Column(say("column.code"), "code", [group.stamp.source_digest[:12] for group in groups]),
        Column(say("column.data"), "code", [group.stamp.data_digest[:12] for group in groups]),
    ]
    return table_of(say("heading.provenance"), columns, say("note.provenance"), "provenance")


def _runs_words(group: Provenance, findings: Findings, say: Words) -> str:
    total = sum(group.runs.values())
    if total == len(findings.runs.rows):
        return say("cell.and_all", n=total)
    names = say.listed([f"{name} ({runs})" for name, runs in group.runs.items()], at_most=8)
    return say("cell.some", n=total, names=names)


def _when(group: Provenance, say: Words) -> str:
    if group.first is None or group.last is None:
        return ""
    first, last = (time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) for at in (group.first, group.last))
    return first if first == last else say("cell.range", first=first, last=last)


def _pairs(values: Mapping[str, Any], say: Words) -> str:
    pairs: Sequence[str] = [
        f"{name.replace('_', ' ')} {json.dumps(value).strip(chr(34))}" for name, value in values.items()
    ]
    return say("join.comma").join(pairs)


def _commit(commit: str) -> str:
    return commit[:12] + ("+changes" if commit.endswith("+changes") else "")
