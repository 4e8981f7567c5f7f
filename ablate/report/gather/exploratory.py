"""What is shown beside the verdicts of a study and decides none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from ablate.metrics import of_class
from ablate.readers.image_columns import ImageColumns
from ablate.records import Prepared
from ablate.report.facts.answers import AnswerFacts
from ablate.report.facts.curves import AnswerCurves
from ablate.report.facts.exploratory import Exploratory, ImageFacts, OptimismRow, SelfTestRow
from ablate.report.gather.answers import answer_facts
from ablate.report.gather.curves import answer_curves
from ablate.report.gather.judged import Judged
from ablate.report.gather.learning import learning_of
from ablate.report.gather.stored_answers import add_up
from ablate.report.gather.test_images import image_facts
from ablate.stats.cells import StatisticsError
from ablate.stats.optimism import optimism_of, watched_reads
from ablate.stats.scores import arrange
from ablate.stats.selftest import self_test

Thumbnails = Callable[[Sequence[str]], Mapping[str, bytes]]


def exploratory_of(
    judged: Judged, prepared: Mapping[str, Prepared], thumbnails: Thumbnails | None, columns: ImageColumns | None
) -> Exploratory:
    """The test images one by one, the baseline against itself, and what picking the epoch on test adds."""
    sums, labels, test = add_up(judged.cells), _labels(prepared), judged.plan.protocol.test
    images = image_facts(sums, labels, test)
    about = {} if columns is None or images is None else columns(list(sums.numbers))
    answers = answer_facts(sums, judged.plan.contrasts, labels, test, about)
    optimism = _optimism(judged)
    return Exploratory(
        images=images,
        answers=answers,
        thumbnails={} if thumbnails is None or images is None else _thumbnails(images, answers, thumbnails),
        optimism=optimism,
        watched_reads=watched_reads(judged.cells) if optimism else None,
        self_test=_self_test(judged),
        curves=_curves(judged, labels),
        learning=learning_of(judged),
    )


def _curves(judged: Judged, labels: Sequence[str]) -> AnswerCurves | None:
    references = {row.name: row.reference for row in judged.variants}
    asked = of_class(judged.metric.name)
    unit = judged.question.unit
    return answer_curves(judged.cells, references, labels, unit=unit, asked="" if asked is None else asked.name)


def _labels(prepared: Mapping[str, Prepared]) -> Sequence[str]:
    return next((found.classes for found in prepared.values() if found.classes), ())


def _thumbnails(images: ImageFacts, answers: AnswerFacts | None, thumbnails: Thumbnails) -> Mapping[str, bytes]:
    shown = [item.id for item in images.disagreements] + (answers.shown if answers is not None else [])
    return thumbnails(list(dict.fromkeys(shown))) if shown else {}


def _optimism(judged: Judged) -> tuple[OptimismRow, ...]:
    """For a study whose source picked its epoch on the test images; accuracies, in percent."""
    protocol = judged.plan.protocol
    if not protocol.watch_test:
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
        for found in optimism_of(judged.cells, chosen_on_val=protocol.weights == "best")
    )


def _self_test(judged: Judged) -> SelfTestRow | None:
    if judged.study.design != "aa" or judged.book is None:
        return None
    names = [variant.name for variant in judged.plan.variants]
    test, scale = judged.plan.protocol.test, judged.metric.scale
    try:
        found = self_test(arrange(judged.book, judged.cells, names, test, frozenset()), judged.effects)
    except StatisticsError:
        return None
    if found is None:
        return None
    return SelfTestRow(**(found._asdict() | {"kappa": found.kappa * scale, "spread": found.spread * scale}))
