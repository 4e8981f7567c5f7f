"""Sentences on numbers that may not mean what they seem to: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ablate.metrics import is_rate, is_share
from ablate.records import Cell, Finished
from ablate.report.facts.curves import AnswerCurves
from ablate.report.facts.effect import EffectRow
from ablate.report.facts.exploratory import OptimismRow, SelfTestRow, VisibleStep
from ablate.report.facts.findings import Evidence
from ablate.report.facts.summaries import ContributionRow, contribution_rows
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number, with_interval
from ablate.report.wording.sentences import metric_words, size_words
from ablate.results.question import Metric
from ablate.stats.accuracy import Accuracy
from ablate.stats.cautions import at_chance, identical_answers, no_fractions
from ablate.stats.effects import Effect
from ablate.stats.score_book import ScoreBook
from ablate.stats.scores import PER_IMAGE_METRIC
from ablate.study.ends import moment_words
from ablate.trainer import Trainer


def cautions_of(
    cells: Sequence[Cell],
    effects: Sequence[Effect],
    levels: Mapping[str, Accuracy | None],
    book: ScoreBook | None,
    metric: Metric,
    say: Words = ENGLISH,
) -> tuple[str, ...]:
    """What a reader must know of the numbers before the first of them."""
    wrong = no_fractions(cells, metric.name)[:1]
    equal = () if book is None else identical_answers(book, [effect.contrast for effect in effects])
    lines = [
        *(say("caution.no_fraction", **found._asdict(), metric=metric.name) for found in wrong),
        *(
            say(
                "caution.identical_as_counted" if pair.as_counted else "caution.identical",
                variant=pair.variant,
                reference=pair.reference,
                replicates=say.count(pair.replicates, "replicate"),
                **({"metric": metric_words(metric)} if pair.as_counted else {}),
            )
            for pair in equal
        ),
        *(say("caution.no_spread", name=effect.contrast.name) for effect in effects if _is_without_spread(effect)),
        *(say("caution.broken", name=effect.contrast.name, why=why) for effect, why in _broken(effects)),
        *other_tests(effects, say),
    ]
    chance = at_chance(cells, levels) if metric.name == PER_IMAGE_METRIC and is_rate(metric.name) else ()
    if chance:
        names = say.listed([found.variant for found in chance])
        lines.append(say.form("caution.chance", len(chance), names=names, share=f"{chance[0].most_frequent:.1%}"))
    return tuple(lines)


def command_cautions(trainer: Trainer, cells: Sequence[Cell], say: Words = ENGLISH, *, folds: int = 0) -> Iterator[str]:
    """Of runs that are commands: which variants gave the same numbers every time, and what nobody could check.

    folds: how many the replicates go round; 0 without any.
    """
    if not trainer.is_command:
        return
    equal, again = [], []
    for variant in dict.fromkeys(cell.variant for cell in cells):
        numbers = {
            cell.replicate.index: dict(cell.result.metrics)
            for cell in cells
            if cell.variant == variant and isinstance(cell.result, Finished)
        }
        if _are_all_equal(list(numbers.values())):
            equal.append(variant)
        elif folds and _come_again(numbers, folds):
            again.append(variant)
    if equal:
        yield say("caution.same_numbers", variants=say.listed(equal))
    if again:
        yield say("caution.folds_again", variants=say.listed(again), folds=folds)
    if trainer.prepare is None:
        yield say("caution.unchecked_data")
    if any(isinstance(cell.result, Finished) and cell.result.images is None for cell in cells):
        yield say("caution.no_answers")


def _are_all_equal(numbers: Sequence[Mapping[str, float]]) -> bool:
    """Whether that is no chance: one number may be met twice, such as a share of few images."""
    several = len(numbers) > 1 and len(numbers[0]) > 1
    return (several or len(numbers) > 2) and all(one == numbers[0] for one in numbers)


def _come_again(numbers: Mapping[int, Mapping[str, float]], folds: int) -> bool:
    """Whether every fold that was tested on again gave what it had given; likewise."""
    pairs = [(numbers[index - folds], one) for index, one in numbers.items() if index - folds in numbers]
    several = any(len(one) > 1 for _, one in pairs)
    return len(pairs) > (0 if several else 1) and all(before == one for before, one in pairs)


TINY = 0.1
"""Points; who asks for less of a gain has probably stated a fraction."""


def threshold_cautions(
    evidence: Evidence, metric: Metric, effects: Sequence[EffectRow], say: Words = ENGLISH
) -> Iterator[str]:
    """What is amiss with the thresholds: stated in another unit than the metric's, or missing where it matters."""
    name = metric_words(metric)
    if evidence.unfit:
        yield say("caution.unfit", sizes=say.listed([f"{size:g}" for size in evidence.unfit]), metric=name)
    missing = evidence.negligible is None or evidence.worthwhile is None
    if missing and any(effect.decision.verdict == "undecided" for effect in effects):
        how = say("caution.how_judge" if evidence.test is None else "caution.how_study")
        yield say("caution.no_size", metric=name, how=how)
    if is_share(metric.name) and evidence.worthwhile is not None and evidence.worthwhile < TINY:
        yield say("caution.tiny", size=size_words(evidence.worthwhile, metric, say), metric=name)


def other_tests(effects: Sequence[Effect], say: Words = ENGLISH) -> Iterator[str]:
    """How variants that were tested on different images are compared."""
    for effect in effects:
        found = effect.estimate
        if found is not None and found.basis in ("common images", "images, apart"):
            key = "caution.common_images" if found.basis == "common images" else "caution.apart"
            yield say(key, name=effect.contrast.name, images=say.count(found.n_images or 0, "image"))


def _is_without_spread(effect: Effect) -> bool:
    found = effect.estimate
    by_run = found is not None and found.basis.startswith("replicates")
    return found is not None and by_run and not found.standard_error and found.n_replicates > 1


def _broken(effects: Sequence[Effect]) -> list[tuple[Effect, str]]:
    """The contrasts whose records do not fit together: what a reader can do something about."""
    return [
        (effect, effect.judged.reason)
        for effect in effects
        if effect.judged.verdict == "not_assessable"
        and any(
            word in effect.judged.reason
            for word in ("scores of", "share some test images", "tests an image", "is missing on")
        )
    ]


def changed_looks(before: Sequence[int], looks: Sequence[int], say: Words = ENGLISH) -> str:
    """That the planned looks were changed after verdicts had been shown, and what can be done."""
    return say("caution.looks", before=say.listed([str(n) for n in before]), now=say.listed([str(n) for n in looks]))


def closed_cautions(evidence: Evidence, say: Words = ENGLISH) -> Iterator[str]:
    """That the study was closed for time, on how many replicates, and for which part of the error."""
    if evidence.closed is not None:
        yield say(
            "caution.closed",
            end=moment_words(evidence.closed.end),
            replicates=say.count(evidence.replicates, "replicate"),
            share=f"{evidence.share:.0%}",
            planned=say.listed([str(look) for look in evidence.closed.looks]),
        )


def visible_remark(visible: Sequence[VisibleStep], metric: Metric, say: Words = ENGLISH) -> list[str]:
    """What each look can see."""
    known = [step for step in visible if step.difference is not None]
    if not known:
        return []
    looks = [
        say("remark.visible_at", size=size_words(step.difference or 0.0, metric, say), n=step.replicates)
        for step in known
    ]
    return [say("remark.visible", looks=say.listed(looks))]


def self_test_remarks(found: SelfTestRow | None, metric: Metric, say: Words = ENGLISH) -> list[str]:
    """What the baseline against itself says of the noise and of the verdicts."""
    if found is None:
        return []
    spread, kappa = (size_words(value, metric, say) for value in (found.spread, found.kappa))
    lines = [
        say("remark.self_test", wrong=found.false_verdicts, judged=say.count(found.judged, "comparison")),
        say("remark.kappa", spread=spread, kappa=kappa),
    ]
    if found.correlation is not None:
        lines.append(say("remark.correlation", value=number(found.correlation, 2)))
    return lines


def probability_remark(found: AnswerCurves | None, say: Words = ENGLISH) -> list[str]:
    """That there are no curves of probabilities, because none were stored."""
    return [say("remark.no_probabilities")] if found is not None and not found.rows else []


def optimism_remarks(rows: Sequence[OptimismRow], metric: Metric, say: Words = ENGLISH) -> list[str]:
    """What the source's way of picking an epoch claims, beside what is left of it on other images."""
    return [
        say(
            "remark.optimism",
            variant=row.variant,
            epochs=row.n_epochs,
            as_source=number(row.as_source, metric.decimals),
            honest=number(row.honest, metric.decimals),
            gap=with_interval(row.optimism, row.lo, row.hi, metric.decimals, sign="+"),
            replicates=say.count(row.n_replicates, "replicate"),
        )
        for row in rows
    ]


def attribution_remarks(effects: Sequence[EffectRow], metric: Metric, say: Words = ENGLISH) -> list[str]:
    """Each factor's order-free contribution, and which depend on their place or on each other."""
    rows = contribution_rows(effects)
    lines = [_both_ways(row, metric, say) for row in rows if row.forward is not None and row.backward is not None]
    pairs = {frozenset((row.factor, name)) for row in rows for name in row.interacts_with}
    if pairs:
        named = sorted(say("join.and").join(sorted(pair)) for pair in pairs)
        lines.append(say("remark.interact", pairs=say.listed(named)))
    if any(
        effect.compared.family == "beyond pairs" and effect.decision.verdict in ("better", "worse")
        for effect in effects
    ):
        lines.append(say("remark.beyond_pairs"))
    return lines


def _both_ways(row: ContributionRow, metric: Metric, say: Words) -> str:
    sizes = {
        name: with_interval(
            effect.measured.difference, effect.measured.lo, effect.measured.hi, metric.decimals, sign="+"
        )
        for name, effect in (("forward", row.forward), ("backward", row.backward), ("overall", row.overall))
        if effect is not None
    }
    return say("remark.depends" if row.depends else "remark.both_ways", factor=row.factor, **sizes)
