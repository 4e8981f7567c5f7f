"""Scores that are computed from stored answers: a metric's value and what each image adds to it, run by run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.records import Cell, Finished
from ablate.scoring.answers import Answers, NotMeasurable, answers_of, taken, without_prob
from ablate.scoring.classes import joined, one_numbering, renumbered
from ablate.scoring.metric import Measured, Metric
from ablate.scoring.unit import Unit, join_answers
from ablate.stats.accuracy import Accuracy
from ablate.stats.cells import Array, Index, Strata
from ablate.stats.score_book import Grouping, Key, Numbering, ScoreBook, ScoreRow, group_names, how_lost
from ablate.store.outcome_columns import CLASSES, GROUP, VAL_PROB, VAL_TARGET, read_columns

FEWEST_IMAGES = 10
"""Of a class a metric rests on; with fewer there are intervals and no verdict."""

ROUNDING = 1e-9
"""By how much a score may miss 0 or 1 that is computed as a mean and what an image adds to it."""

READ = ("id", "target", "prob", "predicted", "score", GROUP, CLASSES, VAL_TARGET, VAL_PROB)


def read_measured(cells: Sequence[Cell], metric: Metric, unit: Unit | None = None) -> ScoreBook | None:
    """Every finished run's answers, and its score of each test image by them.

    None where a run stores no answers and tells the metric itself, or its own score of each image: it is compared by
    those. unit: what is scored in the place of an image; nothing that a run tells of its images will do then.
    """
    told: dict[Key, _Told] = {}
    gone: dict[Key, str] = {}
    for cell in sorted(cells, key=lambda cell: (cell.replicate.index, cell.variant)):
        run = cell.result
        if not isinstance(run, Finished):
            continue
        key = (cell.variant, cell.replicate.index)
        try:
            stored = _columns(run, metric)
        except (OSError, ValueError, KeyError, TypeError) as error:
            gone[key] = f"the answers of {_where(key)}, {how_lost(error)}: {run.folder / str(run.images)}"
            continue
        has_own = unit is None and metric.name in stored
        if "target" not in stored and metric.name in run.metrics and unit is None:
            return None
        try:
            told[key] = _Told(*_asked(stored, cell, metric, unit), has_own)
        except NotMeasurable as error:
            if has_own:
                return None
            gone[key] = f"{metric.name} of {_where(key)}: {error.message}"
    return _book(told, gone, metric)


class _Told(NamedTuple):
    """What a run tells. has_own: whether it stores its own score of each image as well."""

    ids: NDArray[np.str_]
    answers: Answers
    has_own: bool


def _book(told: Mapping[Key, _Told], gone: dict[Key, str], metric: Metric) -> ScoreBook | None:
    rows: dict[Key, ScoreRow] = {}
    needs: dict[Key, Mapping[str, int]] = {}
    numbering, grouping = Numbering(), Grouping()
    classes = one_numbering(run.answers for run in told.values())
    for key, run in told.items():
        try:
            answers = renumbered(run.answers, classes)
            if metric.needs is not None:
                needs[key] = metric.needs(answers)
            if not len(run.ids):
                raise NotMeasurable("there is no test image")
            images = numbering.of(key[1], run.ids)
            order = np.argsort(images, kind="stable")
            found = metric.measure(answers := taken(answers, order))
        except NotMeasurable as error:
            if run.has_own:
                return None
            gone[key] = f"{metric.name} of {_where(key)}: {error.message}"
            continue
        if answers.group is not None:
            grouping.add(images[order], answers.group)
        kept = answers if metric.by_prob and metric.pooled else without_prob(answers)
        rows[key] = ScoreRow(images[order], _scores(found, metric), answers=kept)
    return ScoreBook(grouping.told(rows), gone, metric, needs) if rows or gone else None


def _asked(
    stored: Mapping[str, NDArray[Any]], cell: Cell, metric: Metric, unit: Unit | None
) -> tuple[NDArray[np.str_], Answers]:
    """The ids and the answers that the metric is computed from."""
    ids, answers = _answers(stored, cell)
    if unit is not None:
        ids, answers = join_answers(ids, answers, unit)
    return ids, answers if metric.by_prob else without_prob(answers)


def _where(key: Key) -> str:
    return f"{key[0]}, replicate {key[1]}"


def _columns(run: Finished, metric: Metric) -> Mapping[str, NDArray[Any]]:
    if run.images is None:
        return {}
    return read_columns(run.folder / run.images, *dict.fromkeys((*READ, metric.name)))


def probable_answers(cell: Cell, unit: Unit | None = None) -> Answers | None:
    """A finished run's answers with their probabilities; None where it has none, or they cannot be read."""
    run = cell.result
    if not isinstance(run, Finished) or run.images is None:
        return None
    try:
        stored = read_columns(run.folder / run.images, "id", "target", "prob", "score", GROUP, CLASSES)
        if "prob" not in stored:
            return None
        ids, answers = _answers(stored, cell)
        found = answers if unit is None else join_answers(ids, answers, unit)[1]
    except (NotMeasurable, OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.prob is not None and found.prob.shape[1] > 1 and len(found.target) else None


def _scores(found: Measured, metric: Metric) -> Array:
    """Value plus influence; right or wrong but for rounding is made so: the engine knows what those can prove."""
    scores = found.value + found.influence
    whole = np.round(scores)
    is_right_or_wrong = metric.strata is None and np.abs(scores - whole).max() < ROUNDING and set(whole) <= {0.0, 1.0}
    return np.abs(whole) if is_right_or_wrong else scores


def _answers(stored: Mapping[str, NDArray[Any]], cell: Cell) -> tuple[NDArray[np.str_], Answers]:
    """The ids and the answers, with the groups that the run's outcomes or its data name."""
    if "id" not in stored or "target" not in stored:
        raise NotMeasurable(
            "the answers to single images are not stored (Outcome.images with the columns id, target and prob)"
        )
    answers = answers_of(stored, cell.classes)
    if stored["id"].shape != answers.target.shape[:1]:
        raise NotMeasurable("the stored columns differ in length")
    ids = stored["id"].astype(np.str_)
    return ids, answers._replace(group=group_names(cell, ids, stored.get(GROUP)))


def pooled_scores(rows: Mapping[Key, ScoreRow], metric: Metric, repetition: Mapping[int, int]) -> dict[Key, Array]:
    """Scores by all answers of a variant to the folds of a repetition, fold by fold; their mean is the metric.

    A fold of more images than others weighs as much as they do, as everywhere: an image of it adds less.
    """
    scores: dict[Key, Array] = {}
    for members in _together(rows, repetition):
        answers = [rows[key].answers for key in members]
        try:
            found = metric.measure(joined([one for one in answers if one is not None]))
        except NotMeasurable:
            continue
        sizes = [len(rows[key].images) for key in members]
        parts = np.split(found.influence, np.cumsum(sizes)[:-1])
        for key, size, part in zip(members, sizes, parts, strict=True):
            scores[key] = found.value + part * (size * len(sizes) / sum(sizes))
    return scores


def _together(rows: Iterable[Key], repetition: Mapping[int, int]) -> list[list[Key]]:
    """The runs of one variant on the folds of one repetition."""
    found: dict[tuple[str, int], list[Key]] = {}
    for variant, r in sorted(rows):
        found.setdefault((variant, repetition[r]), []).append((variant, r))
    return list(found.values())


def strata_of(rows: Sequence[ScoreRow | None], metric: Metric) -> Strata | None:
    """The samples that a metric is centred in. rows: one of each replicate, whatever variant's."""
    if metric.strata is None:
        return None
    known = [None if row is None else row.answers for row in rows]
    of: list[Index | None] = [None if one is None else metric.strata(one) for one in known]
    there = [one for one in known if one is not None]
    shares = metric.shares(joined(there)) if metric.shares is not None and there else ()
    return Strata(tuple(of), pooled=metric.pooled, shares=tuple(float(share) for share in shares))


class ClassSize(NamedTuple):
    """A class that a metric rests on. images: of one repetition. without: the replicates whose test has none of it."""

    name: str
    images: int
    without: tuple[int, ...]


def class_sizes(book: ScoreBook, repetition: Mapping[int, int]) -> list[ClassSize]:
    """The classes that a metric rests on, as the replicates of `repetition` test them.

    repetition: of each replicate that counts, which shuffle of the data its fold is cut from; a fixed test has all
    images in each of its replicates, each a repetition of its own.
    """
    by_replicate = {r: dict(need) for (_, r), need in sorted(book.needs.items(), reverse=True) if r in repetition}
    found = []
    for name in dict.fromkeys(name for need in by_replicate.values() for name in need):
        totals: dict[int, int] = {}
        for r, need in by_replicate.items():
            totals[repetition[r]] = totals.get(repetition[r], 0) + need.get(name, 0)
        without = tuple(sorted(r for r, need in by_replicate.items() if not need.get(name)))
        found.append(ClassSize(name, max(totals.values()), without))
    return found


def without_absent(book: ScoreBook | None) -> ScoreBook | None:
    """The book without the classes that no run was tested on: a metric of the classes there are can do without them."""
    if book is None:
        return None
    there = {name for need in book.needs.values() for name, images in need.items() if images}
    needs = {key: {name: need[name] for name in need if name in there} for key, need in book.needs.items()}
    return book._replace(needs=needs)


def with_values(cells: Sequence[Cell], book: ScoreBook | None) -> list[Cell]:
    """The cells whose runs tell the metric that was computed from their answers, whatever the trainer told of it."""
    if book is None or book.metric is None:
        return list(cells)
    name, found = book.metric.name, []
    for cell in cells:
        row, run = book.rows.get((cell.variant, cell.replicate.index)), cell.result
        if row is not None and isinstance(run, Finished):
            cell = replace(cell, result=replace(run, metrics={**run.metrics, name: float(row.scores.mean())}))
        found.append(cell)
    return found


def within_bounds(level: Accuracy | None, book: ScoreBook | None) -> Accuracy | None:
    """The level with an interval that ends where the metric does."""
    if level is None or book is None or book.metric is None:
        return level
    least, most = book.metric.bounds
    return level._replace(lo=max(level.lo, least), hi=min(level.hi, most))
