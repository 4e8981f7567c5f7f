"""Sentences on numbers that may not mean what they seem to: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ablate.rates import is_rate
from ablate.records import Cell
from ablate.report.facts import Metric
from ablate.report.language import ENGLISH, Words
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
        and any(word in effect.judged.reason for word in ("scores of", "share some test images", "tests an image"))
    ]


def changed_looks(before: Sequence[int], looks: Sequence[int], say: Words = ENGLISH) -> str:
    """That the planned looks were changed after verdicts had been shown, and what can be done."""
    return say("caution.looks", before=say.listed([str(n) for n in before]), now=say.listed([str(n) for n in looks]))
