"""Two studies beside each other: the configurations both have, and what else tells them apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ablate.records import Cell, Contrast, Finished, Variant
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import Findings
from ablate.report.gather.rows import effect_rows
from ablate.report.page.blocks import Block, Page, Sheet, Text, section
from ablate.report.tables.table import Column, Table, level_words, mark_of, table_of, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import with_interval
from ablate.report.wording.sentences import metric_title, unit_words, verdict_words
from ablate.results.question import question_of
from ablate.splits.rules import Replicate
from ablate.stats.effects import OTHER_TESTS, estimate_effects
from ablate.stats.method import METHOD
from ablate.study.plan import Plan
from ablate.study.study import Study
from ablate.trainer import shown_path


class Side(NamedTuple):
    """One of the two studies, with what its runs say."""

    study: Study
    plan: Plan
    cells: Sequence[Cell]
    findings: Findings


class Shared(NamedTuple):
    """A configuration that both studies have. effect: second less first; None where it cannot be compared.

    why: `same_runs`, `same_images` or `different`: what the two have in common, a key of the words' `compare`.
    """

    first: str
    second: str
    effect: EffectRow | None
    why: str


class ComparedStudies(NamedTuple):
    """Two studies compared. only: (variant, its study) of the rest. protocol: (what, in the first, in the second)."""

    a: Side
    b: Side
    shared: tuple[Shared, ...]
    only: tuple[tuple[str, str], ...]
    protocol: tuple[tuple[str, str, str], ...]


def compare_studies(a: Side, b: Side, say: Words = ENGLISH) -> ComparedStudies:
    """Match the variants by configuration and compare what was tested on the same images; no verdict elsewhere."""
    pairs = [
        (one, other)
        for one in a.plan.variants
        for other in b.plan.variants
        if a.plan.trainer == b.plan.trainer and one.identity == other.identity
    ]
    kinds = [_in_common(a, b, one, other) for one, other in pairs]
    effects = _effects(a, b, [pair for pair, kind in zip(pairs, kinds, strict=True) if kind == "same_images"])
    found = iter(effects)
    shared = tuple(
        Shared(one.name, other.name, next(found) if kind == "same_images" else None, kind)
        for (one, other), kind in zip(pairs, kinds, strict=True)
    )
    matched = {one.name for one, _ in pairs}, {other.name for _, other in pairs}
    only = [
        (variant.name, side.study.name)
        for side, names in zip((a, b), matched, strict=True)
        for variant in side.plan.variants
        if variant.name not in names
    ]
    return ComparedStudies(a, b, shared, tuple(only), tuple(_protocol(a, b, say)))


def _finished(side: Side, variant: str) -> dict[int, Finished]:
    found = _finished_cells(side, variant)
    return {r: cell.result for r, cell in found.items() if isinstance(cell.result, Finished)}


def _finished_cells(side: Side, variant: str) -> dict[int, Cell]:
    mine = [cell for cell in side.cells if cell.variant == variant]
    return {cell.replicate.index: cell for cell in mine if isinstance(cell.result, Finished)}


def _in_common(a: Side, b: Side, one: Variant, other: Variant) -> str:
    first, second = _finished(a, one.name), _finished(b, other.name)
    common = sorted(set(first) & set(second))
    same_metric = a.findings.study.metric == b.findings.study.metric
    if common and all(first[r].folder == second[r].folder for r in common):
        return "same_runs"
    digests = [(first[r].test_digest, second[r].test_digest) for r in common]
    if common and same_metric and all(x == y and x for x, y in digests):
        return "same_images"
    return "different"


def _effects(a: Side, b: Side, pairs: Sequence[tuple[Variant, Variant]]) -> Sequence[EffectRow]:
    """Every pair as one contrast of one family, over the replicates that both have."""
    if not pairs:
        return ()
    cells: list[Cell] = []
    contrasts = []
    for number, (one, other) in enumerate(pairs):
        first, second = _finished_cells(a, one.name), _finished_cells(b, other.name)
        names = (f"first {number}", f"second {number}")
        for r in sorted(set(first) & set(second)):
            cells += [
                replace(cell, variant=name, replicate=Replicate(index=r))
                for name, cell in zip(names, (first[r], second[r]), strict=True)
            ]
        contrasts.append(
            Contrast(
                name=one.name,
                variant=names[1],
                reference=names[0],
                weights={names[1]: 1.0, names[0]: -1.0},
                family="studies",
            )
        )
    most = max(cell.replicate.index for cell in cells) + 1
    question = replace(question_of(a.study, a.plan), looks=(most,), shares=(), tolerable=None)
    judged = estimate_effects(cells, contrasts, question, look=1)
    rows = [replace(row, name=name, counts={}) for row, name in _rows_for(a, b, pairs)]
    return effect_rows(judged, rows, a.findings.study.metric, (most,))


def _rows_for(a: Side, b: Side, pairs: Sequence[tuple[Variant, Variant]]) -> list[tuple[Any, str]]:
    found = []
    for number, (one, other) in enumerate(pairs):
        found.append((a.findings.variant(one.name), f"first {number}"))
        found.append((b.findings.variant(other.name), f"second {number}"))
    return found


def _protocol(a: Side, b: Side, say: Words) -> list[tuple[str, str, str]]:
    rows = [(say(f"compare.{what}"), *values) for what, values in _values(a, b, say).items()]
    return [row for row in rows if row[1] != row[2]]


def _values(a: Side, b: Side, say: Words) -> Mapping[str, tuple[str, str]]:
    def both(of: Any) -> tuple[str, str]:
        return _text(of(a)), _text(of(b))

    return {
        "trainer": both(lambda side: shown_path(side.plan.trainer)),
        "metric": both(lambda side: side.findings.study.metric.name),
        "test": both(lambda side: side.plan.protocol.identity()["test"]),
        "groups": both(lambda side: _groups(side) or say("compare.ungrouped")),
        "split_seed": both(lambda side: _of_data(side).get("seed", "")),
        "val": both(lambda side: side.plan.protocol.val),
        "weights": both(lambda side: side.plan.protocol.weights),
        "looks": both(lambda side: list(side.plan.looks)),
        "thresholds": both(lambda side: [side.findings.evidence.negligible, side.findings.evidence.worthwhile]),
        "code": both(
            lambda side: sorted({group.stamp.source_digest[:12] for group in side.findings.provenance.groups})
        ),
        "data": both(lambda side: sorted({group.stamp.data_digest[:12] for group in side.findings.provenance.groups})),
        "versions": both(
            lambda side: sorted({_text(group.stamp.versions) for group in side.findings.provenance.groups})
        ),
        "device": both(lambda side: sorted({group.stamp.device for group in side.findings.provenance.groups})),
    }


def _of_data(side: Side) -> Mapping[str, Any]:
    """The `data` block of the baseline, as the built-in trainer has it."""
    block = side.plan.variants[0].config.get("data")
    return block if isinstance(block, Mapping) else {}


def _groups(side: Side) -> str:
    """What says which images belong together: a pattern, or a column of the table; empty where nothing does."""
    data = _of_data(side)
    source = data.get("source")
    column = source.get("group") if isinstance(source, Mapping) else None
    return str(data.get("groups") or column or "")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    return json.dumps(value, ensure_ascii=False)


def shared_table(found: ComparedStudies, say: Words = ENGLISH) -> Table:
    """A line a configuration that both have: its two levels, and the difference where one may be taken."""
    a, b = found.a.findings, found.b.findings
    rows, metric = found.shared, a.study.metric
    effects = [row.effect for row in rows]
    names = [row.first if row.first == row.second else f"{row.first} / {row.second}" for row in rows]
    level = with_unit(metric_title(metric), metric.unit)
    columns = [
        Column(say("column.variant"), "text", names),
        Column(f"{a.study.name}: {level}", "number", [level_words(a.variant(row.first), a) for row in rows]),
        Column(f"{b.study.name}: {level}", "number", [level_words(b.variant(row.second), b) for row in rows]),
        Column(
            with_unit(say("column.difference"), unit_words(metric, say)),
            "number",
            [
                with_interval(e.measured.difference, e.measured.lo, e.measured.hi, metric.decimals, sign="+")
                if e
                else "-"
                for e in effects
            ],
        ),
        Column(say("column.n"), "number", [str(e.measured.n) if e else "-" for e in effects]),
        Column(say("compare.common"), "text", [say(f"compare.{row.why}") for row in rows]),
        Column(say("column.verdict"), "verdict", [_verdict(row, say) for row in rows]),
    ]
    note = say("compare.note", a=a.study.name, b=b.study.name)
    table = table_of(say("compare.shared"), columns, note, "shared")
    return table._replace(marks=tuple(map(mark_of, effects)))


def _verdict(row: Shared, say: Words) -> str:
    if row.effect is not None:
        return verdict_words(row.effect, say)
    if row.why == "same_runs":
        return ""
    word = say("verdict.not_assessable")
    return say("verdict.with_reason", word=word, reason=say.by("short_reason", OTHER_TESTS))


def compared_page(found: ComparedStudies, say: Words = ENGLISH) -> Page:
    """The comparison as a page of its own."""
    a, b = found.a.study.name, found.b.study.name
    shared = shared_table(found, say)
    only = table_of(
        say("compare.only"),
        [
            Column(say("column.variant"), "text", [name for name, _ in found.only]),
            Column(say("compare.study"), "text", [study for _, study in found.only]),
        ],
        name="only",
    )
    what, first, second = zip(*found.protocol, strict=True) if found.protocol else ((), (), ())
    protocol = table_of(
        say("compare.protocol"),
        [Column(say("compare.what"), "text", what), Column(a, "text", first), Column(b, "text", second)],
        name="protocol",
    )
    opening: list[Block] = [Text(compared_sentence(found, say), "lead")]
    if shared.rows:
        opening += [Text(shared.title, "heading"), Sheet(shared), Text(shared.note, "note")]
    if not protocol.rows:
        opening.append(Text(say("compare.no_difference")))
    sections = [
        section(say("compare.protocol"), "protocol", [Sheet(protocol)]),
        section(say("compare.only"), "only", [Sheet(only)]),
    ]
    return Page(
        title=say("compare.title", a=a, b=b),
        words=say,
        opening=tuple(opening),
        sections=tuple(part for part in sections if part is not None),
        footer=say("heading.sheets"),
        method=METHOD,
    )


def compared_sentence(found: ComparedStudies, say: Words = ENGLISH) -> str:
    """How much the two have in common, and how much of it can be judged."""
    if not found.shared:
        return say("compare.sentence_none")
    judged = sum(row.effect is not None and row.effect.decision.verdict != "not_assessable" for row in found.shared)
    same = sum(row.why == "same_runs" for row in found.shared)
    if judged:
        parts = [say("compare.judged_some", n=judged)]
    elif same == len(found.shared):
        parts = [say("compare.all_same")]
    else:
        parts = [say("compare.levels_only")]
    if 0 < same < len(found.shared):
        parts.append(say("compare.same_count", n=same))
    total = len(found.shared) + len(found.only)
    clauses = say("join.clause").join(parts)
    return say("compare.sentence", shared=len(found.shared), total=total, judged=clauses)


def compared_json(found: ComparedStudies) -> dict[str, Any]:
    """The comparison as plain data."""
    return {
        "studies": [found.a.study.name, found.b.study.name],
        "shared": [
            {
                "variants": [row.first, row.second],
                "common": row.why,
                "difference": row.effect.measured.difference if row.effect else None,
                "lo": row.effect.measured.lo if row.effect else None,
                "hi": row.effect.measured.hi if row.effect else None,
                "p": row.effect.decision.p if row.effect else None,
                "p_adjusted": row.effect.decision.p_adjusted if row.effect else None,
                "n": row.effect.measured.n if row.effect else 0,
                "verdict": row.effect.decision.verdict if row.effect else "not_assessable",
            }
            for row in found.shared
        ],
        "only": [{"variant": name, "study": study} for name, study in found.only],
        "protocol": [{"what": what, "values": [first, second]} for what, first, second in found.protocol],
    }
