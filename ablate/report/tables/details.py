"""The tables below the first screen: variants, comparisons in numbers, epochs, failures, commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from ablate.report.facts.effect import Between, EffectRow
from ablate.report.facts.findings import Findings
from ablate.report.facts.runs import RunRow
from ablate.report.facts.summaries import EpochMean, contribution_rows, epoch_means
from ablate.report.tables.table import Column, Kind, Table, level_words, mark_of, published_words, table_of, with_unit
from ablate.report.wording.escape import plain
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.no_worse import no_worse_words
from ablate.report.wording.numbers import interval, number, with_interval
from ablate.report.wording.robustness import again_words, opposite_words
from ablate.report.wording.sentences import metric_title, p_words, unit_words, verdict_words
from ablate.results.question import is_rate

MOST_EPOCH_ROWS = 400
"""More lines than this nobody reads; the CSV has them all."""


LAST_LINES = 3
"""Of a traceback: the call that failed, its code, the error."""


def variants_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """Every variant: what it changes, how good it is, on how many images."""
    rows, metric = findings.variants, findings.study.metric
    counts = [part for part in ("train", "val", "test", "unused") if any(part in row.counts for row in rows)]
    columns = [
        Column(say("column.variant"), "text", [row.name for row in rows]),
        Column(say("column.built_on"), "text", [row.reference or "" for row in rows]),
        Column(say("column.changes"), "code", [changes_words(row.changes) for row in rows]),
        Column(
            with_unit(metric_title(metric), metric.unit),
            "number",
            [level_words(row, findings) for row in rows],
        ),
        Column(
            say("column.n"),
            "number",
            [say("cell.of", n=row.n, total=findings.evidence.replicates) for row in rows],
        ),
        Column(
            with_unit(say("column.spread"), unit_words(metric, say)),
            "number",
            [number(row.spread, metric.decimals) for row in rows],
        ),
        *(
            Column(say(f"column.{part}"), "number", [count_words(row.counts.get(part)) for row in rows])
            for part in counts
        ),
        None
        if not any(row.published for row in rows)
        else Column(say("column.published"), "number", [published_words(row.published, findings, say) for row in rows]),
    ]
    note = say("note.variants")
    if counts:
        parts = say("join.comma").join(say(f"what.{part}") for part in counts).capitalize()
        note += say("join.sentence") + say("note.parts", parts=parts)
    return table_of(say("heading.variants"), columns, note, "variants")


def changes_words(changes: Mapping[str, Any]) -> str:
    """`model.dropout: {"features": 0.5}`, one after another."""
    return "; ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in changes.items())


def count_words(value: int | None) -> str:
    """`1,797`; `-` where nobody counted."""
    return "-" if value is None else f"{value:,}"


def comparisons_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """Every comparison in full: both intervals, p, the smallest difference to be seen."""
    effects = [*findings.effects, *([findings.total] if findings.total else [])]
    decimals = findings.study.metric.decimals
    unequal = len({effect.course.look for effect in effects}) > 1
    paired = any(effect.measured.by_replicate for effect in effects)
    counted = any(effect.same_images is not None for effect in effects)
    told_again = any(effect.repeat is not None for effect in effects)
    columns = [
        Column(say("column.comparison"), "text", [_comparison(effect, say) for effect in effects]),
        Column(
            say("column.family"),
            "text",
            [
                say("cell.family", family=say.by("family_name", e.compared.family), n=e.compared.family_size)
                for e in effects
            ],
        ),
        Column(
            with_unit(say("column.difference"), unit_words(findings.study.metric, say)),
            "number",
            [with_interval(e.measured.difference, e.measured.lo, e.measured.hi, decimals, sign="+") for e in effects],
        ),
        Column(
            with_unit(say("column.simultaneous"), unit_words(findings.study.metric, say)),
            "number",
            [interval(e.measured.lo_all, e.measured.hi_all, decimals) for e in effects],
        ),
        Column(say("column.p"), "number", [p_words(e.decision.p) for e in effects]),
        Column(say("column.p_adjusted"), "number", [p_words(e.decision.p_adjusted) for e in effects]),
        Column(
            with_unit(say("column.visible"), unit_words(findings.study.metric, say)),
            "number",
            [number(e.course.visible, decimals) for e in effects],
        ),
        Column(say("column.wins"), "number", [_wins(e, findings, say) for e in effects]) if paired else None,
        Column(say("column.look"), "number", [str(e.course.look) for e in effects]) if unequal else None,
        Column(say("column.n"), "number", [str(e.measured.n) for e in effects]),
        Column(say("column.test"), "number", [count_words(e.measured.images) for e in effects]),
        Column(say("column.verdict"), "verdict", [verdict_words(e, say) for e in effects]),
        *(_repeats(effects, say) if told_again else ()),
        *(_same_images(effects, say) if counted else ()),
        *(_no_worse_columns(effects, say) if findings.claims else ()),
    ]
    parts = [_adjusted(findings, say), say("note.wins") if paired else "", say("note.same_images") if counted else ""]
    parts += [say("note.again"), say("note.opposite")] if told_again else []
    if len({effect.measured.n for effect in effects}) > 1:
        parts.append(say("note.unequal" if findings.evidence.look == 1 else "note.unequal_looks"))
    note = say("join.sentence").join(filter(None, parts))
    table = table_of(say("heading.in_numbers"), columns, note, "comparisons")
    return table._replace(marks=tuple(map(mark_of, effects)))


def _repeats(effects: Sequence[EffectRow], say: Words) -> tuple[Column, Column]:
    """The chance of the same word in another study of this make, and of its opposite."""
    found = [effect.repeat for effect in effects]
    return (
        Column(say("column.again"), "text", [again_words(one, say) or "-" for one in found]),
        Column(say("column.opposite"), "text", [opposite_words(one, say) or "-" for one in found]),
    )


def _same_images(effects: Sequence[EffectRow], say: Words) -> tuple[Column, Column]:
    """p and the chance of no gain, were the images the same ones: `0.044 [4e-06, 0.139]`."""
    found = [effect.same_images for effect in effects]
    return (
        Column(say("column.p_same_images"), "number", [_between(same.p) if same else "-" for same in found]),
        Column(say("column.no_gain"), "number", [_between(same.no_gain) if same else "-" for same in found]),
    )


def _between(found: Between) -> str:
    return f"{_probability(found.independent)} [{_probability(found.least)}, {_probability(found.most)}]"


def _probability(value: float) -> str:
    """Three decimals; near 0 the power of ten, because `<` has no place beside a bracket."""
    return f"{value:.3f}" if value >= 0.001 or value == 0 else f"{value:.0e}"


def _no_worse_columns(effects: Sequence[EffectRow], say: Words) -> list[Column]:
    claims = [effect.no_worse for effect in effects]
    return [
        Column(say("column.no_worse"), "text", [no_worse_words(claim, say) for claim in claims]),
        Column(say("column.p_no_worse"), "number", [p_words(claim.p) if claim else "-" for claim in claims]),
        Column(say("column.p_inferior"), "number", [p_words(claim.p_inferior) if claim else "-" for claim in claims]),
    ]


def contributions_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """A line a factor: its worth whatever the order, in its place, from the other end."""
    rows, decimals = contribution_rows(findings.effects), findings.study.metric.decimals
    unit = unit_words(findings.study.metric, say)

    def differences(name: str) -> list[str]:
        found = [getattr(row, name) for row in rows]
        return [
            with_interval(e.measured.difference, e.measured.lo, e.measured.hi, decimals, sign="+") if e else "-"
            for e in found
        ]

    chains = any(row.forward for row in rows)
    columns = [
        Column(say("column.change"), "text", [row.factor for row in rows]),
        Column(with_unit(say("column.on_average"), unit), "number", differences("overall")),
        Column(with_unit(say("column.forward"), unit), "number", differences("forward")) if chains else None,
        Column(with_unit(say("column.backward"), unit), "number", differences("backward")) if chains else None,
        Column(say("column.depends"), "text", [say("cell.yes") if row.depends else "" for row in rows])
        if any(row.depends for row in rows)
        else None,
        Column(say("column.interacts"), "text", [say.listed(row.interacts_with) for row in rows])
        if any(row.interacts_with for row in rows)
        else None,
        Column(say("column.n"), "number", [str(row.overall.measured.n) for row in rows]),
        Column(say("column.verdict"), "verdict", [verdict_words(row.overall, say) for row in rows]),
    ]
    title = say("heading.contributions")
    table = table_of(title, columns, say("note.contributions"), "contributions")
    return table._replace(marks=tuple(mark_of(row.overall) for row in rows))


def _adjusted(findings: Findings, say: Words) -> str:
    evidence = findings.evidence
    if len(evidence.looks) == 1:
        return say("note.adjusted_one")
    return say("note.adjusted", look=evidence.look, share=f"{evidence.share:.0%}")


def _wins(effect: EffectRow, findings: Findings, say: Words) -> str:
    """`4 of 5`: a description of the matched replicates."""
    found = effect.measured.by_replicate
    if not found:
        return "-"
    wins = sum((value > 0) == (findings.study.metric.goal == "max") and value != 0 for value in found)
    return say("cell.of", n=wins, total=len(found))


def _comparison(effect: EffectRow, say: Words) -> str:
    pair = say("cell.against", variant=effect.compared.variant, reference=effect.compared.reference)
    return (
        pair
        if effect.compared.called == effect.compared.variant
        else say("cell.named", name=effect.compared.name, pair=pair)
    )


def epoch_metrics(findings: Findings) -> list[str]:
    """The per-epoch metrics worth a column: the study's metric and the loss, training and validation."""
    known = dict.fromkeys(name for history in findings.runs.histories for name in history.metrics)
    wanted = [
        f"{part}{name}"
        for name in dict.fromkeys([findings.study.metric.name, "loss"])
        for part in ("train/", "val/", "")
    ]
    return [name for name in wanted if name in known] or list(known)[:4]


def epochs_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """One line per variant and epoch: mean over the replicates, least and most in brackets."""
    names = epoch_metrics(findings)
    longest = max((history.epochs[-1] for history in findings.runs.histories if history.epochs), default=0)
    every = max(1, ceil(longest * len(findings.variants) / MOST_EPOCH_ROWS))
    rows = [row for variant in findings.variants for row in _epoch_rows(findings, variant.name, names, every)]
    note = say("note.epochs")
    if every > 1:
        note += say("join.sentence") + say("note.thinned", n=every)
    numeric: tuple[Kind, ...] = ("number",)
    kinds: tuple[Kind, ...] = ("text", *(numeric * (2 + len(names))))
    columns = [say("column.variant"), say("column.epoch"), say("column.n")]
    columns += [epoch_metric_words(name, say) for name in names]
    return Table(say("heading.epochs"), tuple(columns), tuple(rows), note, kinds, "epochs")


def _epoch_rows(findings: Findings, variant: str, names: Sequence[str], every: int) -> list[tuple[str, ...]]:
    means = {
        name: {found.epoch: found for found in epoch_means(findings.runs.histories, variant, name)} for name in names
    }
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


def epoch_metric_words(name: str, say: Words = ENGLISH) -> str:
    """`Validation accuracy (%)` from `val/accuracy`."""
    part, _, metric = name.rpartition("/")
    words = metric.replace("_", " ")
    key = {"train": "figure.training_metric", "val": "figure.validation_metric"}.get(part)
    words = say(key, metric=words) if key else f"{part} {words}".strip()
    return with_unit(words.capitalize(), "%" if is_rate(name) else "")


def failures_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """Every run without a result, with its reason, the last lines of its traceback, and where its log lies."""
    runs = [*findings.runs.failed, *findings.runs.missing]
    last = [last_lines(run) for run in runs]
    columns = [
        Column(say("column.variant"), "text", [run.variant for run in runs]),
        Column(say("column.replicate"), "number", [str(run.replicate) for run in runs]),
        Column(say("column.happened"), "text", [_happened(run, say) for run in runs]),
        Column(say("column.last_lines"), "code", last) if any(last) else None,
        Column(say("column.log"), "code", [f"{run.folder}/run.log" if run.folder else "" for run in runs]),
    ]
    return table_of(say("heading.failures"), columns, name="failures")


def _happened(run: RunRow, say: Words) -> str:
    if run.status == "missing" and not run.reason:
        return say("cell.not_run")
    return ": ".join(filter(None, [run.reason, run.message]))


def last_lines(run: RunRow) -> str:
    """The end of a failure's traceback on one line: where it was raised, and what was said there."""
    lines = [plain(line, width=160) for line in run.traceback.splitlines() if line.strip(" ^~\t")]
    return " ⏎ ".join(lines[-LAST_LINES:])


def reruns_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """The command that makes a line's missing runs, and takes the finished ones as they are."""
    columns = [
        Column(say("column.variant"), "text", list(findings.next_steps.reruns)),
        Column(say("column.command"), "code", list(findings.next_steps.reruns.values())),
    ]
    return table_of(say("heading.reruns"), columns, say("note.reruns"), "reruns")


def tuning_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """One line per variant: its search, its value on validation before and after, the setting chosen."""
    rows, decimals = findings.exploratory.tuning, findings.study.metric.decimals
    columns = [
        Column(say("column.variant"), "text", [row.variant for row in rows]),
        Column(say("column.trials"), "number", [f"{row.finished} of {row.trials}" for row in rows]),
        Column(say("column.untuned"), "number", [number(row.untuned, decimals) for row in rows]),
        Column(say("column.tuned"), "number", [number(row.value, decimals) for row in rows]),
        Column(say("column.chosen"), "code", [changes_words(row.point) for row in rows]),
    ]
    known = all(row.is_checked for row in rows)
    return table_of(say("heading.tuning"), columns, say("note.tuning" if known else "note.tuning_unchecked"))
