"""The cells of a study with their verdicts: what every part of a report is gathered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ablate.records import Cell, Contrast, Prepared
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import VariantRow
from ablate.report.gather.repeats import with_repeats
from ablate.report.gather.rows import effect_rows, variant_row
from ablate.results.declared_looks import why_void
from ablate.results.question import Metric, metric_of, question_of
from ablate.stats.accuracy import Accuracy
from ablate.stats.cautions import no_fractions
from ablate.stats.effects import Effect, Question, effects_under, estimate_effects, read_asked, variant_levels
from ablate.stats.looks import WAITING
from ablate.stats.measured import with_values, without_absent
from ablate.stats.score_book import ScoreBook
from ablate.study.plan import Plan, published_figures
from ablate.study.study import Study

NO_FRACTION = "a result that is not a fraction"
"""Why nothing is judged where a run reports 85.3 for 85.3 %: beside others a hundredth of it, that is no difference."""


class Judged(NamedTuple):
    """A plan's cells up to a look, judged.

    question: as it was put to the statistics. book: the scores of single images, None where there are none.
    effects: the answers; rows: the same in shown units, as are variants. levels: variant -> its accuracy.
    others: the answers by half the thresholds and by double; none where nobody has stated any.
    """

    study: Study
    plan: Plan
    cells: Sequence[Cell]
    look: int
    metric: Metric
    question: Question
    book: ScoreBook | None
    effects: Sequence[Effect]
    levels: Mapping[str, Accuracy | None]
    variants: tuple[VariantRow, ...]
    rows: tuple[EffectRow, ...]
    others: tuple[Sequence[Effect], ...] = ()


FACTORS = (0.5, 2.0)
"""By which thresholds are multiplied, to see which words hang on them."""


def judge_cells(  # noqa: PLR0913 - what was asked, what came of it, and how it is to be read
    study: Study,
    plan: Plan,
    cells: Sequence[Cell],
    *,
    look: int,
    prepared: Mapping[str, Prepared],
    looks_before: tuple[int, ...] | None,
    is_other_set: bool = False,
) -> Judged:
    """Judge the cells of a plan; the arguments are those of `make_findings`.

    is_other_set: of answers to another test set, which may lack classes of the study.
    """
    metric = metric_of(study)
    question = question_of(study, plan)
    book = read_asked(cells, question)
    if is_other_set:
        book = without_absent(book)
    cells = with_values(cells, book)
    void = why_void(looks_before, plan) or (NO_FRACTION if no_fractions(cells, metric.name) else "")
    question = replace(question, void=void)
    questions = [question]
    if question.negligible is not None or question.worthwhile is not None:
        questions += [_scaled(question, factor) for factor in FACTORS]
    effects, *others = effects_under(cells, plan.contrasts, questions, look=look, book=book)
    levels = variant_levels(cells, question, book=book)
    variants = _variant_rows(study, plan, cells, levels, prepared)
    rows = with_repeats(effect_rows(effects, variants, metric, plan.looks), effects, question, look)
    return Judged(study, plan, cells, look, metric, question, book, effects, levels, variants, rows, tuple(others))


def _scaled(question: Question, factor: float) -> Question:
    def times(size: float | None) -> float | None:
        return None if size is None else factor * size

    return replace(
        question,
        negligible=times(question.negligible),
        worthwhile=times(question.worthwhile),
        tolerable=times(question.tolerable),
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


def total_contrast(judged: Judged) -> Contrast | None:
    """The last variant of a chain against the baseline, judged alone: it was clear before the first run."""
    chain = [contrast for contrast in judged.plan.contrasts if contrast.family == "chain"]
    if len(chain) < 2 or any(contrast.family == "total" for contrast in judged.plan.contrasts):
        return None
    first, last = chain[0].reference, chain[-1].variant
    reasons = [contrast.not_assessable for contrast in chain if contrast.not_assessable]
    return Contrast(
        name=last, variant=last, reference=first, weights={last: 1.0, first: -1.0}, family="total",
        not_assessable="".join(reasons[:1]),
    )  # fmt: skip


def total_of(judged: Judged) -> EffectRow | None:
    """Its answer."""
    if (contrast := total_contrast(judged)) is None:
        return None
    look, found = _latest_answer(judged, contrast)
    rows = effect_rows(found, judged.variants, judged.metric, judged.plan.looks)
    return next(iter(with_repeats(rows, found, judged.question, look)), None)


def _latest_answer(judged: Judged, contrast: Contrast) -> tuple[int, Sequence[Effect]]:
    """By the latest look whose runs are there; a later look may have spared one of the two variants."""
    for look in range(judged.look, 1, -1):
        found = estimate_effects(judged.cells, [contrast], judged.question, look=look, book=judged.book)
        if found[0].judged.reason != WAITING:
            return look, found
    return 1, estimate_effects(judged.cells, [contrast], judged.question, look=1, book=judged.book)
