"""The tables below the first screen: variants, comparisons in numbers, costs, epochs, origin, failures."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from ablate.report.facts import EffectRow, Findings, Provenance
from ablate.report.history import EpochMean, epoch_means
from ablate.report.numbers import compact, duration, interval, listed, number, with_interval
from ablate.report.questions import is_rate
from ablate.report.tables import Column, Kind, Table, level_words, published_words, table_of
from ablate.report.words import metric_words, unit_words, verdict_words

MOST_EPOCH_ROWS = 400
"""More lines than this nobody reads; the CSV has them all."""


def variants_table(findings: Findings) -> Table:
    """Every variant: what it changes, how good it is, on how many images."""
    rows, metric = findings.variants, findings.metric
    counts = [part for part in ("train", "val", "test", "unused") if any(part in row.counts for row in rows)]
    level = f"{metric_words(metric).capitalize()}{f' ({metric.unit})' if metric.unit else ''}"
    unit = f" ({unit_words(metric).strip()})" if unit_words(metric) else ""
    columns = [
        Column("Variant", "text", [row.name for row in rows]),
        Column("Built on", "text", [row.reference or "" for row in rows]),
        Column("Changes", "code", [changes_words(row.changes) for row in rows]),
        Column(level, "number", [level_words(row, findings) for row in rows]),
        Column("n", "number", [f"{row.n} of {findings.evidence.replicates}" for row in rows]),
        Column(f"Spread{unit}", "number", [number(row.spread, metric.decimals) for row in rows]),
        *(
            Column(f"{part.capitalize()} images", "number", [_count(row.counts.get(part)) for row in rows])
            for part in counts
        ),
        None
        if not any(row.published for row in rows)
        else Column("Published*", "number", [published_words(row.published, findings) for row in rows]),
    ]
    note = "Brackets are 95% intervals, n counts finished runs; spread is the standard deviation over them."
    if counts:
        note += f" {', '.join(counts).capitalize()}: images in the first replicate."
    return table_of("Variants", columns, note)


def changes_words(changes: Mapping[str, Any]) -> str:
    """`model.dropout: {"features": 0.5}`, one after another."""
    return "; ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in changes.items())


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def comparisons_table(findings: Findings) -> Table:
    """Every comparison in full: both intervals, p, the smallest difference to be seen."""
    effects, decimals = findings.effects, findings.metric.decimals
    columns = [
        Column("Comparison", "text", [_comparison(effect) for effect in effects]),
        Column("Family", "text", [f"{e.family} ({e.family_size})" for e in effects]),
        Column(
            f"Difference{f' ({unit_words(findings.metric).strip()})' if unit_words(findings.metric) else ''}",
            "number",
            [with_interval(e.difference, e.lo, e.hi, decimals, sign="+") for e in effects],
        ),
        Column("Interval for the whole family", "number", [interval(e.lo_all, e.hi_all, decimals) for e in effects]),
        Column("p", "number", [p_words(e.p) for e in effects]),
        Column("p, adjusted", "number", [p_words(e.p_adjusted) for e in effects]),
        Column("Smallest visible", "number", [number(e.visible, decimals) for e in effects]),
        Column("n", "number", [str(e.n) for e in effects]),
        Column("Test images", "number", [_count(e.images) for e in effects]),
        Column("Verdict", "text", [verdict_words(e) for e in effects]),
    ]
    return table_of("All comparisons in numbers", columns)


def _comparison(effect: EffectRow) -> str:
    pair = f"{effect.variant} against {effect.reference}"
    return pair if effect.name == effect.variant else f"{effect.name}: {pair}"


def p_words(p: float | None) -> str:
    """Three decimals, and `<0.001` below them."""
    if p is None:
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def costs_table(findings: Findings) -> Table:
    """What one run of each variant takes."""
    rows = findings.variants
    columns: list[Column | None] = [Column("Variant", "text", [row.name for row in rows])]
    for name, cells in (
        ("Parameters", [_count(row.parameters) for row in rows]),
        ("FLOPs an image", [compact(row.flops) for row in rows]),
        ("Training steps", [number(row.steps, 0) for row in rows]),
        ("Images seen", [number(row.images_seen, 0) for row in rows]),
        ("Peak memory", [f"{compact(row.peak_bytes)}B" if row.peak_bytes else "-" for row in rows]),
        ("Time a run", [duration(row.seconds) for row in rows]),
    ):
        columns.append(Column(name, "number", cells) if set(cells) != {"-"} else None)
    columns.append(Column("n", "number", [str(row.n) for row in rows]))
    note = "Means over the finished runs (n). Times are of runs that shared the machine with others."
    return table_of("Costs", columns, note)


def epoch_metrics(findings: Findings) -> list[str]:
    """The per-epoch metrics worth a column: the study's metric and the loss, training and validation."""
    known = dict.fromkeys(name for history in findings.histories for name in history.metrics)
    wanted = [
        f"{part}{name}" for name in dict.fromkeys([findings.metric.name, "loss"]) for part in ("train/", "val/", "")
    ]
    return [name for name in wanted if name in known] or list(known)[:4]


def epochs_table(findings: Findings) -> Table:
    """A line a variant and epoch: mean over the replicates, least and most in brackets."""
    names = epoch_metrics(findings)
    longest = max((history.epochs[-1] for history in findings.histories if history.epochs), default=0)
    every = max(1, ceil(longest * len(findings.variants) / MOST_EPOCH_ROWS))
    rows = [row for variant in findings.variants for row in _epoch_rows(findings, variant.name, names, every)]
    note = "Means over n replicates; brackets are the least and the most of them."
    if every > 1:
        note += f" One epoch in {every} is shown, the first and the last; tables/epochs.csv has all."
    kinds: list[Kind] = ["text", "number", "number"]
    kinds += ["number" for _ in names]
    columns = ("Variant", "Epoch", "n", *(epoch_metric_words(name) for name in names))
    return Table("Epochs", columns, tuple(rows), note, tuple(kinds))


def _epoch_rows(findings: Findings, variant: str, names: Sequence[str], every: int) -> list[tuple[str, ...]]:
    means = {name: {found.epoch: found for found in epoch_means(findings.histories, variant, name)} for name in names}
    epochs = sorted({epoch for found in means.values() for epoch in found})
    rows = []
    for epoch in epochs:
        if epoch in (epochs[0], epochs[-1]) or epoch % every == 0:
            here = [means[name].get(epoch) for name in names]
            cells = [_epoch_cell(found, name) for found, name in zip(here, names, strict=True)]
            rows.append((variant, str(epoch), str(max(found.n for found in here if found)), *cells))
    return rows


def _epoch_cell(found: EpochMean | None, name: str) -> str:
    return with_interval(found.mean, found.lo, found.hi, 1 if is_rate(name) else 3) if found else "-"


def epoch_metric_words(name: str) -> str:
    """`Validation accuracy (%)` from `val/accuracy`."""
    part, _, metric = name.rpartition("/")
    words = {"train": "training", "val": "validation"}.get(part, part)
    unit = " (%)" if is_rate(name) else ""
    return f"{words} {metric.replace('_', ' ')}{unit}".strip().capitalize()


def provenance_table(findings: Findings) -> Table:
    """What ran where: runs made alike share a line."""
    groups = findings.provenance
    columns = [
        Column("Runs", "text", [_runs_words(group, findings) for group in groups]),
        Column("When (UTC)", "text", [_when(group) for group in groups]),
        Column("Device", "text", [group.stamp.device for group in groups]),
        Column("System", "text", [group.stamp.platform for group in groups]),
        Column("Versions", "text", [_pairs(group.stamp.versions) for group in groups]),
        Column("Numeric settings", "text", [_pairs(group.numerics) for group in groups]),
        Column("Git commit", "code", [_commit(group.stamp.git_commit) for group in groups]),
        Column("Trainer's code", "code", [group.stamp.source_digest[:12] for group in groups]),
        Column("Data", "code", [group.stamp.data_digest[:12] for group in groups]),
    ]
    return table_of("What ran where", columns, "Code and data by the first digits of their digests.")


def _runs_words(group: Provenance, findings: Findings) -> str:
    total = sum(group.runs.values())
    if total == len(findings.runs):
        return f"all {total}"
    return f"{total}: {listed([f'{name} ({runs})' for name, runs in group.runs.items()], at_most=8)}"


def _when(group: Provenance) -> str:
    if group.first is None or group.last is None:
        return ""
    first, last = (time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) for at in (group.first, group.last))
    return first if first == last else f"{first} to {last}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {json.dumps(value).strip(chr(34))}" for name, value in values.items())


def _commit(commit: str) -> str:
    return commit[:12] + ("+changes" if commit.endswith("+changes") else "")


def failures_table(findings: Findings) -> Table:
    """Every run without a result, with its reason and where its log lies."""
    runs = [*findings.failed, *findings.missing]
    columns = [
        Column("Variant", "text", [run.variant for run in runs]),
        Column("Replicate", "number", [str(run.replicate) for run in runs]),
        Column("What happened", "text", [": ".join(filter(None, [run.reason, run.message])) for run in runs]),
        Column("Log", "code", [f"{run.folder}/run.log" if run.folder else "" for run in runs]),
    ]
    return table_of("Runs without a result", columns)


def reruns_table(findings: Findings) -> Table:
    """The command that makes a line's missing runs, and takes the finished ones as they are."""
    columns = [
        Column("Variant", "text", list(findings.reruns)),
        Column("Command", "code", list(findings.reruns.values())),
    ]
    return table_of("How to rerun each line", columns)
