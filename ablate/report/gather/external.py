"""From numbers that others made to everything a report can say of them, and what it cannot know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from ablate.metrics import is_share
from ablate.readers.tested import TestedRun
from ablate.records import Contrast
from ablate.report.facts.effect import EffectRow, NoWorseClaim
from ablate.report.facts.exploratory import Exploratory
from ablate.report.facts.findings import (
    DataFacts,
    Evidence,
    Findings,
    Noise,
    Notices,
    Published,
    StudyFacts,
    VariantRow,
)
from ablate.report.facts.next_steps import NextSteps
from ablate.report.facts.provenance import ProvenanceFacts
from ablate.report.facts.runs import RunFacts, RunRow
from ablate.report.gather.answers import answer_facts
from ablate.report.gather.cautions import other_tests, threshold_cautions
from ablate.report.gather.external_counts import SINGLE, judge_counts, over_agreements
from ablate.report.gather.external_images import answers_handed_in, arrange_handed_in, estimate_other_tests
from ablate.report.gather.groups import group_cautions, groups_handed_in
from ablate.report.gather.rows import deviation, effect_rows
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.sentences import p_words
from ablate.results.question import Metric
from ablate.stats.accuracy import (
    Accuracy,
    accuracy_of_numbers,
    accuracy_of_summary,
    mcnemar,
    variant_accuracy,
    wilson,
)
from ablate.stats.cells import Cells
from ablate.stats.effects import OTHER_TESTS, Effect
from ablate.stats.engine import estimate
from ablate.stats.replicate_level import Summary, estimate_replicates, estimate_summaries
from ablate.stats.student import Basis, unit_of_chance
from ablate.stats.verdict import judge_family

FAMILY, ASIDE = "published", "published, aside"


class ExternalResults(NamedTuple):
    """What somebody hands in. contrasts: the questions, in families. sizes: of families larger than what is there.

    told: what its origin says of itself. unknown: what cannot be known of it, in words. published: whether it
    is a source's published figures.
    """

    name: str
    question: str
    metric: Metric
    runs: tuple[TestedRun, ...]
    contrasts: tuple[Contrast, ...]
    sizes: Mapping[str, int] = {}
    told: str = ""
    unknown: tuple[str, ...] = ()
    published: bool = False


class JudgeOptions(NamedTuple):
    """How to judge: thresholds in shown units, None where nobody has stated any; paired: whether replicates belong
    together; unfit: thresholds that were stated and cannot be meant; no_worse: whether each variant is asked to be no
    worse, by the tolerable loss."""

    negligible: float | None
    worthwhile: float | None
    paired: bool = False
    unfit: tuple[float, ...] = ()
    tolerable: float | None = None
    no_worse: bool = False


def judge_tested(tested: ExternalResults, asked: JudgeOptions, say: Words = ENGLISH) -> Findings:
    """Verdicts and intervals from numbers alone; nothing is trained or read."""
    if asked.no_worse:
        contrasts = tuple(replace(contrast, ask="no_worse") for contrast in tested.contrasts)
        tested = tested._replace(contrasts=contrasts)
    variants = list(dict.fromkeys(run.variant for run in tested.runs))
    counts: dict[str, int] = {}
    for run in tested.runs:
        counts[run.variant] = counts.get(run.variant, 0) + run.runs
    most = max(counts.values())
    scored = all(run.images is not None for run in tested.runs)
    cells, different = arrange_handed_in(tested.runs, variants) if scored else (None, frozenset())
    rows = tuple(_variant_row(name, tested, cells, variants) for name in variants)
    basis: Basis | Literal["counts"] | None
    answered: list[Effect] = []
    if most == 1 and not scored:
        counted = judge_counts(tested.runs, tested.contrasts, tested.sizes, tested.metric)
        effects, basis = tuple(replace(effect, no_worse=_claim(asked)) for effect in counted), "counts"
    else:
        answered = _by_runs(tested, asked, variants, cells, different)
        effects = effect_rows(answered, rows, tested.metric, [most])
        basis = unit_of_chance([effect.estimate for effect in answered if effect.estimate is not None])
    evidence = replace(
        _evidence(asked, most, effects, basis), groups=groups_handed_in(answered, cells, variants, tested.metric.scale)
    )
    return Findings(
        study=_study(tested),
        evidence=evidence,
        variants=rows,
        effects=effects,
        total=None,
        runs=RunFacts(rows=tuple(_run_row(run, tested.metric) for run in tested.runs if run.runs == 1)),
        provenance=ProvenanceFacts(),
        data=DataFacts(),
        next_steps=NextSteps(),
        notices=Notices(
            cautions=(
                *threshold_cautions(evidence, tested.metric, effects, say),
                *_cannot_tell(tested, asked, effects, cells, variants, say),
                *other_tests(answered, say),
                *group_cautions(evidence.groups, say),
            )
        ),
        exploratory=Exploratory(
            answers=answer_facts(answers_handed_in(tested.runs), tested.contrasts, (), None, {}) if scored else None
        ),
    )


def _claim(asked: JudgeOptions) -> NoWorseClaim | None:
    """What can be said of single runs, where that is asked: they are no evidence of a claim."""
    if not asked.no_worse:
        return None
    return NoWorseClaim(
        word="not_assessable", asked=True, tolerable=asked.tolerable, p=None, p_inferior=None, reason=SINGLE
    )


def _study(tested: ExternalResults) -> StudyFacts:
    return StudyFacts(
        name=tested.name, question=tested.question, design=None, metric=tested.metric, published_note=tested.told
    )


def _evidence(
    asked: JudgeOptions, most: int, effects: Sequence[EffectRow], basis: Basis | Literal["counts"] | None
) -> Evidence:
    return Evidence(
        test=None,
        val=None,
        weights="last",
        looks=(most,),
        look=1,
        share=1.0,
        alpha=0.05,
        negligible=asked.negligible,
        worthwhile=asked.worthwhile,
        unfit=asked.unfit,
        basis=basis,
        images=max((effect.measured.images for effect in effects if effect.measured.images is not None), default=None),
        noise=Noise(runs=None, differences=None),
    )


def _variant_row(name: str, tested: ExternalResults, cells: Cells | None, variants: Sequence[str]) -> VariantRow:
    runs = [run for run in tested.runs if run.variant == name]
    level = _level(runs, cells, variants.index(name))
    reference = next((c.reference for c in tested.contrasts if c.variant == name), None)
    scale = tested.metric.scale
    values = [run.value * scale for run in runs]
    bounds = (level.mean, level.lo, level.hi) if level else (sum(run.value for run in runs) / len(runs), None, None)
    mean, lo, hi = (None if end is None or not np.isfinite(end) else end * scale for end in bounds)
    return VariantRow(
        name=name, reference=reference, changes={}, n=sum(run.runs for run in runs), mean=mean, lo=lo, hi=hi,
        spread=deviation(values) if runs[0].deviation is None else runs[0].deviation * scale,
        parameters=None, flops=None, steps=None, images_seen=None, peak_bytes=None, seconds=None, counts={},
        published=Published(value=values[0], images=runs[0].n) if tested.published else None,
    )  # fmt: skip


def _level(runs: Sequence[TestedRun], cells: Cells | None, position: int) -> Accuracy | None:
    if cells is not None and any(row is not None for row in cells.scores[position]):
        return variant_accuracy(cells, position)
    (first, *others) = runs
    if not others and first.correct is not None and first.n is not None:
        lo, hi = wilson(first.correct, first.n)
        return Accuracy(first.value, lo, hi, 1, first.n, float(first.n))
    if first.deviation is not None:
        return accuracy_of_summary(_summary(first))
    return accuracy_of_numbers([run.value for run in runs])


def _summary(run: TestedRun) -> Summary:
    return Summary(run.value, run.deviation, run.runs)


def _run_row(run: TestedRun, metric: Metric) -> RunRow:
    return RunRow(
        variant=run.variant, replicate=run.replicate, status="finished", reason="", message="",
        metrics={metric.name: run.value * metric.scale}, epoch=None, seconds=None, folder="",
    )  # fmt: skip


def _by_runs(
    tested: ExternalResults,
    asked: JudgeOptions,
    variants: Sequence[str],
    cells: Cells | None,
    different: frozenset[str],
) -> list[Effect]:
    scale = tested.metric.scale
    effects: list[Effect] = []
    for family in dict.fromkeys(contrast.family for contrast in tested.contrasts):
        contrasts = [contrast for contrast in tested.contrasts if contrast.family == family]
        weights = np.array([[contrast.weights.get(name, 0.0) for name in variants] for contrast in contrasts])
        if cells is not None:
            found = tuple(
                estimate_other_tests(tested.runs, contrast, cells)
                if one is None and different & set(contrast.weights)
                else one
                for one, contrast in zip(estimate(cells, weights), contrasts, strict=True)
            )
        elif any(run.runs > 1 for run in tested.runs):
            by_name = {run.variant: run for run in tested.runs}
            found = estimate_summaries([_summary(by_name[name]) for name in variants], weights)
        else:
            found = estimate_replicates(
                _numbers(tested.runs, variants), weights, pairing="paired" if asked.paired else "unpaired"
            )
        reasons = {i: OTHER_TESTS for i, contrast in enumerate(contrasts) if different & set(contrast.weights)}
        judged = judge_family(
            found,
            negligible=None if asked.negligible is None else asked.negligible / scale,
            worthwhile=None if asked.worthwhile is None else asked.worthwhile / scale,
            tolerable=None if asked.tolerable is None else asked.tolerable / scale,
            goal=tested.metric.goal,
            reasons=reasons,
        )
        effects += [Effect(contrast=c, judged=j, look=1) for c, j in zip(contrasts, judged, strict=True)]
    return effects


def _numbers(runs: Sequence[TestedRun], variants: Sequence[str]) -> list[list[float | None]]:
    replicates = sorted({run.replicate for run in runs})
    grid = {(run.variant, run.replicate): run.value for run in runs}
    return [[grid.get((v, r)) for r in replicates] for v in variants]


def _cannot_tell(
    tested: ExternalResults,
    asked: JudgeOptions,
    effects: Sequence[EffectRow],
    cells: Cells | None,
    variants: Sequence[str],
    say: Words,
) -> Iterator[str]:
    """What follows from the numbers in a sentence, then what they do not say."""
    known = [effect for effect in effects if effect.decision.p_adjusted is not None]
    if known and all(effect.decision.verdict == "not_assessable" for effect in effects):
        least = min(known, key=lambda effect: effect.decision.p_adjusted or 0.0)
        established = "judge.nothing" if (least.decision.p_adjusted or 0.0) > 0.05 else "judge.below"
        yield say(
            "judge.smallest_p",
            n=least.compared.family_size,
            p=p_words(least.decision.p_adjusted),
            name=least.compared.name,
            established=say(established),
        )
    if tested.published and effects:
        yield say("judge.family", n=max(effect.compared.family_size for effect in effects))
    yield from over_agreements(effects, say)
    yield from _networks(effects, cells, variants, say)
    if cells is None:
        for effect in effects:
            if effect.measured.n > 1 and effect.measured.lo is not None and effect.measured.lo == effect.measured.hi:
                yield say("judge.no_spread", name=effect.compared.name)
        single = all(effect.measured.n <= 1 for effect in effects)
        yield say("judge.paired" if asked.paired else "judge.pairing" if single else "judge.pairing_runs")
    else:
        yield say("judge.by_image")
    if tested.told:
        yield say("judge.selected", note=tested.told)
    yield say("judge.selection")
    yield say("judge.splits")
    yield from tested.unknown
    runs = Counter(run.variant for run in tested.runs)
    uncounted = [run.variant for run in tested.runs if run.n is None and run.images is None and runs[run.variant] == 1]
    if uncounted and is_share(tested.metric.name) and all(effect.measured.n <= 1 for effect in effects):
        yield say("judge.no_count", names=say.listed(uncounted))


def _networks(effects: Sequence[EffectRow], cells: Cells | None, variants: Sequence[str], say: Words) -> Iterator[str]:
    """Single runs image by image: what can be said of these two trained networks, and of nothing else.

    Nothing where images come in groups: McNemar's p takes every image for a draw of its own.
    """
    if cells is None or cells.units:
        return
    for effect in effects:
        pair = [cells.scores[variants.index(name)] for name in (effect.compared.reference, effect.compared.variant)]
        if effect.measured.n != 1 or len(cells.images) != 1 or pair[0][0] is None or pair[1][0] is None:
            continue
        if np.isin([pair[0][0], pair[1][0]], (0, 1)).all():
            found = mcnemar(pair[0][0], pair[1][0])
            yield say(
                "judge.mcnemar",
                variant=effect.compared.variant,
                reference=effect.compared.reference,
                only_variant=found.only_variant,
                only_reference=found.only_reference,
                p=p_words(found.p),
            )
