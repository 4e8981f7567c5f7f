"""Sentences on numbers that may not mean what they seem to: plain text, which whoever prints it has to escape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ablate.rates import is_rate
from ablate.records import Cell
from ablate.report.facts import Metric
from ablate.report.numbers import counted, listed
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
) -> tuple[str, ...]:
    """What a reader must know of the numbers before the first of them."""
    lines = []
    wrong = no_fractions(cells, metric.name)
    if wrong:
        lines.append(
            f"{wrong[0].variant} reports {metric.name} = {wrong[0].value:g}, which is no fraction: a rate is to be "
            "reported from 0 to 1, not in percent. Mend the trainer; these numbers mean nothing."
        )
    if book is not None:
        equal = identical_answers(book, [effect.contrast for effect in effects])
        lines += [
            f"{pair.variant} and {pair.reference} answered every test image alike in "
            f"{counted(pair.replicates, 'replicate')}: the interval without width says only that. "
            "Does the change reach the network at all?"
            for pair in equal
        ]
    lines += [
        f"{effect.contrast.name}: the numbers of its replicates do not vary at all, so that its interval has no width. "
        "Does the run's seed reach the trainer?"
        for effect in effects
        if (found := effect.estimate)
        and found.basis != "images"
        and not found.standard_error
        and found.n_replicates > 1
    ]
    lines += [f"Not assessable, {effect.contrast.name}: {why}." for effect, why in _broken(effects)]
    if metric.name == PER_IMAGE_METRIC and is_rate(metric.name):
        chance = at_chance(cells, levels)
        if chance:
            share = chance[0].most_frequent
            lines.append(
                f"At chance level: {listed([found.variant for found in chance])} "
                f"{'is' if len(chance) == 1 else 'are'} not shown to be better than always naming the most frequent "
                f"class ({share:.1%} of the test images). A comparison of networks that learnt nothing says nothing."
            )
    return tuple(lines)


def _broken(effects: Sequence[Effect]) -> list[tuple[Effect, str]]:
    """The contrasts whose records do not fit together: what a reader can do something about."""
    return [
        (effect, effect.judged.reason)
        for effect in effects
        if effect.judged.verdict == "not_assessable"
        and any(word in effect.judged.reason for word in ("scores of", "share some test images", "tests an image"))
    ]


def changed_looks(before: Sequence[int], looks: Sequence[int]) -> str:
    """That the planned looks were changed after verdicts had been shown, and what can be done."""
    return (
        f"Verdicts of this study were shown while it planned looks at {listed([str(look) for look in before])} "
        f"replicates; now it plans {listed([str(look) for look in looks])}. Replicates that are added because of what "
        "was seen make any verdict too sure, so none is given; the intervals stand. Restore the earlier looks, or "
        "give the new ones to a study of another name and say in it what was seen before."
    )
