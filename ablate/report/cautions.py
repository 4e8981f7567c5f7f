"""Sentences on numbers that may not mean what they seem to: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ablate.metrics import is_rate, is_share
from ablate.records import Cell
from ablate.report.facts.findings import EffectRow, Evidence
from ablate.report.language import ENGLISH, Words
from ablate.report.words import metric_words, size_words
from ablate.results.question import Metric
from ablate.stats.accuracy import Accuracy
from ablate.stats.cautions import at_chance, identical_answers, no_fractions
from ablate.stats.effects import Effect
from ablate.stats.scores import PER_IMAGE_METRIC, ScoreBook


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
                "caution.identical",
                variant=pair.variant,
                reference=pair.reference,
                replicates=say.count(pair.replicates, "replicate"),
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
    if missing and any(effect.verdict == "undecided" for effect in effects):
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
