"""From the cells of a study to everything its report says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isfinite, sqrt
from pathlib import Path

from ablate.records import Cell, Contrast, Finished, Prepared
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.exploratory import ImageFacts, OptimismRow, SelfTestRow, VisibleStep
from ablate.report.facts.findings import Evidence, Findings, Noise, RunRow, VariantRow
from ablate.report.gather.cautions import (
    attribution_remarks,
    cautions_of,
    changed_looks,
    optimism_remarks,
    self_test_remarks,
    threshold_cautions,
    visible_remark,
)
from ablate.report.gather.history import histories_of, mixed_of, provenance_of, stale_of
from ablate.report.gather.next_steps import commands_for, settling_of
from ablate.report.gather.rows import deviation, effect_rows, run_row, variant_row
from ablate.report.gather.test_images import image_facts
from ablate.report.wording.language import ENGLISH, Words
from ablate.results.declared_looks import why_void
from ablate.results.question import Metric, metric_of, question_of, thresholds_of
from ablate.results.survey import CurrentProvenance
from ablate.stats.accuracy import Accuracy
from ablate.stats.alpha_shares import look_shares
from ablate.stats.cautions import no_fractions
from ablate.stats.cells import StatisticsError
from ablate.stats.effects import Effect, Question, estimate_effects, variant_levels
from ablate.stats.looks import WAITING, visible_at_looks
from ablate.stats.optimism import optimism_of, watched_reads
from ablate.stats.scores import ScoreBook, arrange, read_scores
from ablate.stats.selftest import self_test
from ablate.stats.student import unit_of_chance
from ablate.study.plan import Plan, published_figures
from ablate.study.stand_in import synthetic_notes
from ablate.study.study import Study

__all__ = ["Findings", "make_findings"]

NO_FRACTION = "a result that is no fraction"
"""Why nothing is judged where a run reports 85.3 for 85.3 %: beside others a hundredth of it, that is no difference."""

Thumbnails = Callable[[Sequence[str]], Mapping[str, bytes]]


def make_findings(  # noqa: PLR0913 - what was asked, what came of it, and what is here now
    study: Study,
    plan: Plan,
    cells: Sequence[Cell],
    *,
    look: int,
    prepared: Mapping[str, Prepared],
    work: Path,
    origin: CurrentProvenance | None,
    looks_before: tuple[int, ...] | None = None,
    thumbnails: Thumbnails | None = None,
    say: Words = ENGLISH,
) -> Findings:
    """Judge the cells of a plan up to a planned look, and gather what a reader needs to weigh the verdicts.

    cells: every run of the plan up to `look`, with None for those that have not ended. prepared: variant ->
    what a look at the data found, as far as it is known. work: the folder the runs lie below; paths are
    given from there. origin: present code and data, None where nobody asked. looks_before: other looks under
    which verdicts were shown already, which voids them; None where the plan was kept.
    thumbnails: image ids -> small images of those that can be read. say: the language of sentences.
    Raises StatisticsError for results that cannot be what was measured.
    """
    metric = metric_of(study)
    void = why_void(looks_before, plan) or (NO_FRACTION if no_fractions(cells, metric.name) else "")
    question = replace(question_of(study, plan), void=void)
    book = read_scores(cells, question.metric)
    effects = estimate_effects(cells, plan.contrasts, question, look=look, book=book)
    levels = variant_levels(cells, question, book=book)
    variants = _variant_rows(study, plan, cells, levels, prepared)
    runs = _runs(plan, cells, effects, look, work)
    evidence = _evidence(study, plan, cells, effects, look)
    rows = effect_rows(effects, variants, metric, plan.looks)
    visible = _visible(plan, effects, metric)
    optimism = _optimism(plan, cells)
    copies = _self_test(study, plan, cells, effects, book, metric)
    commands = commands_for(study, work)
    total = _total(plan, cells, question, look=look, book=book)
    images = image_facts(cells, _labels(prepared), plan.protocol.test)
    failed = {run.variant for run in runs if run.status == "failed"}
    return Findings(
        study=study.name,
        question=study.question,
        design=study.design,
        metric=metric,
        evidence=evidence,
        variants=variants,
        effects=rows,
        runs=runs,
        histories=histories_of(cells),
        provenance=provenance_of(plan, cells),
        mixed=mixed_of(cells, origin),
        stale=stale_of(cells, origin),
        noise=_noise(variants, effects, metric),
        settling=settling_of(rows, plan.contrasts, variants, runs, evidence, commands),
        reruns={row.name: commands.run(only=[row.name], look=look, retry=row.name in failed) for row in variants},
        published_note=str((study.published or {}).get("protocol", "")),
        data_notes=_union([synthetic_notes(study), *(found.notes for found in prepared.values())]),
        unreadable=_union([found.unreadable for found in prepared.values()]),
        cautions=(
            *([] if looks_before is None else [changed_looks(looks_before, plan.looks, say)]),
            *cautions_of(cells, effects, levels, book, metric, say),
            *threshold_cautions(evidence, metric, rows, say),
        ),
        total=next(iter(effect_rows(total, variants, metric, plan.looks)), None),
        images=images,
        thumbnails={} if thumbnails is None or images is None else _thumbnails(images, thumbnails),
        optimism=optimism,
        watched_reads=watched_reads(cells) if optimism else None,
        visible=visible,
        self_test=copies,
        remarks=_remarks(visible, copies, rows, optimism, metric, say),
    )


def _variant_rows(
    study: Study,
    plan: Plan,
    cells: Sequence[Cell],
    levels: Mapping[str, Accuracy | None],
    prepared: Mapping[str, Prepared],
) -> tuple[VariantRow, ...]:
    metric = metric_of(study)
    published = published_figures(study, metric.name)
    return tuple(
        variant_row(one, cells, levels.get(one.name), prepared.get(one.name), published, metric)
        for one in plan.variants
    )


def _thumbnails(images: ImageFacts, thumbnails: Thumbnails) -> Mapping[str, bytes]:
    divided = [item.id for item in images.disagreements]
    return thumbnails(divided) if divided else {}


def _remarks(
    visible: Sequence[VisibleStep],
    copies: SelfTestRow | None,
    rows: Sequence[EffectRow],
    optimism: Sequence[OptimismRow],
    metric: Metric,
    say: Words,
) -> tuple[str, ...]:
    return (
        *visible_remark(visible, metric, say),
        *self_test_remarks(copies, metric, say),
        *attribution_remarks(rows, metric, say),
        *optimism_remarks(optimism, metric, say),
    )


def _runs(plan: Plan, cells: Sequence[Cell], effects: Sequence[Effect], look: int, work: Path) -> tuple[RunRow, ...]:
    settled = _settled_before(plan, effects, look)
    return tuple(run_row(cell, work, is_open=cell.variant not in settled) for cell in cells)


def _labels(prepared: Mapping[str, Prepared]) -> Sequence[str]:
    return next((found.classes for found in prepared.values() if found.classes), ())


def _total(
    plan: Plan, cells: Sequence[Cell], question: Question, *, look: int, book: ScoreBook | None
) -> Sequence[Effect]:
    """The last variant of a chain against the baseline, judged alone: it was clear before the first run."""
    chain = [contrast for contrast in plan.contrasts if contrast.family == "chain"]
    if len(chain) < 2 or any(contrast.family == "total" for contrast in plan.contrasts):
        return ()
    first, last = chain[0].reference, chain[-1].variant
    reasons = [contrast.not_assessable for contrast in chain if contrast.not_assessable]
    contrast = Contrast(
        name=last, variant=last, reference=first, weights={last: 1.0, first: -1.0}, family="total",
        not_assessable="".join(reasons[:1]),
    )  # fmt: skip
    for number in range(look, 1, -1):  # a later look may have spared one of the two
        found = estimate_effects(cells, [contrast], question, look=number, book=book)
        if found[0].judged.reason != WAITING:
            return found
    return estimate_effects(cells, [contrast], question, look=1, book=book)


def _optimism(plan: Plan, cells: Sequence[Cell]) -> tuple[OptimismRow, ...]:
    """For a study whose source picked its epoch on the test images; accuracies, in percent."""
    if not plan.protocol.watch_test:
        return ()
    return tuple(
        OptimismRow(
            variant=found.variant,
            as_source=100 * found.as_source,
            honest=100 * found.honest,
            optimism=100 * found.optimism,
            lo=100 * found.lo if isfinite(found.lo) else None,
            hi=100 * found.hi if isfinite(found.hi) else None,
            n_replicates=found.n_replicates,
            n_epochs=found.n_epochs,
        )
        for found in optimism_of(cells, chosen_on_val=plan.protocol.weights == "best")
    )


def _visible(plan: Plan, effects: Sequence[Effect], metric: Metric) -> tuple[VisibleStep, ...]:
    """For the family of the design's own questions."""
    if not effects:
        return ()
    family = [effect.estimate for effect in effects if effect.contrast.family == effects[0].contrast.family]
    steps = visible_at_looks(family, plan.looks, look_shares(plan.looks, plan.shares))
    return tuple(
        VisibleStep(replicates, None if step is None else step * metric.scale)
        for replicates, step in zip(plan.looks, steps, strict=True)
    )


def _self_test(
    study: Study,
    plan: Plan,
    cells: Sequence[Cell],
    effects: Sequence[Effect],
    book: ScoreBook | None,
    metric: Metric,
) -> SelfTestRow | None:
    if study.design != "aa" or book is None:
        return None
    names = [variant.name for variant in plan.variants]
    try:
        found = self_test(arrange(book, cells, names, plan.protocol.test, frozenset()), effects)
    except StatisticsError:
        return None
    if found is None:
        return None
    scaled = {"kappa": found.kappa * metric.scale, "spread": found.spread * metric.scale}
    return SelfTestRow(**(found._asdict() | scaled))


def _settled_before(plan: Plan, effects: Sequence[Effect], look: int) -> set[str]:
    """The variants all of whose comparisons an earlier look has decided."""
    open_ = {name for effect in effects if effect.look == look for name in effect.contrast.weights}
    compared = {name for contrast in plan.contrasts for name in contrast.weights}
    return compared - open_


def _parts_known(plan: Plan, cells: Sequence[Cell]) -> bool:
    """Whether the runs were fitted and tested on the parts that the study asks for: ours are, others took them."""
    finished = [cell.result for cell in cells if isinstance(cell.result, Finished)]
    return plan.trainer.startswith("ablate.") or (bool(finished) and all(run.parts for run in finished))


def _evidence(study: Study, plan: Plan, cells: Sequence[Cell], effects: Sequence[Effect], look: int) -> Evidence:
    estimates = [effect.estimate for effect in effects if effect.estimate is not None]
    thresholds = thresholds_of(study)
    return Evidence(
        test=plan.protocol.test,
        val=plan.protocol.val,
        weights=plan.protocol.weights if study.trainer.weights == "protocol" else study.trainer.weights,
        parts_known=_parts_known(plan, cells),
        looks=plan.looks,
        look=look,
        share=look_shares(plan.looks, plan.shares)[look - 1],
        alpha=effects[0].judged.rules.alpha if effects else 0.05,
        negligible=thresholds.negligible,
        worthwhile=thresholds.worthwhile,
        unfit=thresholds.unfit,
        basis=unit_of_chance(estimates),
        images=max((found.n_images for found in estimates if found.n_images is not None), default=None),
    )


def _union(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))


def _noise(variants: Sequence[VariantRow], effects: Sequence[Effect], metric: Metric) -> Noise:
    differences = [effect.estimate.by_replicate for effect in effects if effect.estimate is not None]
    return Noise(
        runs=_pooled([(row.spread, row.n) for row in variants]),
        differences=_pooled(
            [(deviation([value * metric.scale for value in found]), len(found)) for found in differences]
        ),
    )


def _pooled(samples: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(spread, n) for spread, n in samples if spread is not None]
    freedom = sum(n - 1 for _, n in known)
    return sqrt(sum((n - 1) * spread**2 for spread, n in known) / freedom) if freedom else None
