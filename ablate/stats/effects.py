"""Every contrast of a plan answered: difference, interval, adjusted p and verdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from ablate.metrics import is_rate
from ablate.records import Cell, Contrast, Failed, Finished
from ablate.safety.html_table import Interval, html_table
from ablate.scoring.metric import Metric
from ablate.scoring.registry import find_metric
from ablate.scoring.unit import Unit
from ablate.splits.rules import Folds, TestRule
from ablate.stats.accuracy import Accuracy, accuracy_of_numbers, variant_accuracy
from ablate.stats.alpha_shares import ADDED, look_shares
from ablate.stats.apart import estimate_elsewhere
from ablate.stats.cells import Array, Cells, StatisticsError
from ablate.stats.engine import estimate
from ablate.stats.frame import different_tests, missing_numbers, places, run_numbers
from ablate.stats.groups import of_units
from ablate.stats.looks import SO_FAR, WAITING, Found, LookState, Seen, judge_looks, seen_at_looks
from ablate.stats.measured import FEWEST_IMAGES, within_bounds
from ablate.stats.replicate_level import estimate_replicates
from ablate.stats.score_book import ScoreBook
from ablate.stats.scores import arrange, classes_tested, other_images, read_scores, repetition_of
from ablate.stats.student import Estimate
from ablate.stats.verdict import JudgedContrast, Rules, verdict_text

OTHER_TESTS = "different test sets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was fixed before the first run: the metric, its direction, thresholds, planned looks.

    negligible, worthwhile and tolerable are in the unit of the metric as stored (a share, not points), None where not
    stated. shares: the part of alpha each look may spend, empty for the usual ones. void: why no verdict can be given
    whatever the numbers say, such as looks that were changed after looking; empty for most. unit: what is scored where
    it is not the image. own: the metric itself, where it is the user's own. planned: replicates and share of the plan's
    last look, where the study was closed for time before it; then no run is waited for.
    """

    metric: str
    goal: Literal["max", "min"]
    negligible: float | None
    worthwhile: float | None
    looks: tuple[int, ...]
    test: TestRule
    shares: tuple[float, ...] = ()
    void: str = ""
    tolerable: float | None = None
    unit: Unit | None = None
    own: Metric | None = None
    planned: tuple[int, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One contrast answered.

    look: the one whose numbers these are, counted from 1; a contrast that was settled keeps its look.
    share: the part of alpha that look could spend, by which its p was divided before Holm.
    chance: the predicted chance that the looks still planned show a difference; None where it was not
    asked. stopped: the chance was too small, so that further runs are not worth their price (futility).
    seen: what each look found, the first first, whatever the thresholds.
    """

    contrast: Contrast
    judged: JudgedContrast
    look: int
    share: float = 1.0
    chance: float | None = None
    stopped: bool = False
    seen: tuple[Seen, ...] = field(default=(), compare=False, repr=False)

    @property
    def estimate(self) -> Estimate | None:
        """The numbers behind the verdict; None where nothing could be compared."""
        return self.judged.estimate

    @property
    def is_open(self) -> bool:
        """Whether runs that are still planned may answer it."""
        return LookState(self.judged, self.look, self.share, self.chance, self.stopped).is_open


class Effects(tuple[Effect, ...]):
    """The contrasts of a plan answered; shows itself in a notebook. metric: what the numbers are of."""

    metric: str = ""

    def _repr_html_(self) -> str:
        scale, unit = (100.0, "points") if is_rate(self.metric) else (1.0, "")
        rows = [_shown(effect, scale, unit) for effect in self]
        columns = ("family", "comparison", f"{self.metric}: difference", "", "p, adjusted", "n", "verdict")
        return html_table(columns, rows)


def _shown(effect: Effect, scale: float, unit: str) -> tuple[str | Interval, ...]:
    """One row: an interval in words and drawn, the adjusted p, the replicates, the verdict."""
    named = (effect.contrast.family, f"{effect.contrast.name} (against {effect.contrast.reference})")
    told = verdict_text(effect.judged, scale=scale, unit=unit)
    found = effect.estimate
    if found is None:
        return (*named, "", "", "", "0", told)
    difference, lo, hi = (scale * number for number in (found.difference, found.lo, found.hi))
    numbers = f"{difference:+z.4g} [{lo:z.4g}, {hi:z.4g}] {unit}".rstrip()
    drawn = Interval(difference, lo, hi, effect.judged.verdict)
    return (*named, numbers, drawn, f"{effect.judged.p_adjusted:.2g}", str(found.n_replicates), told)


def estimate_effects(
    cells: Sequence[Cell],
    contrasts: Sequence[Contrast],
    question: Question,
    *,
    look: int = 1,
    book: ScoreBook | None = None,
) -> Effects:
    """Judge every contrast within its family, at the given planned look.

    What earlier looks have spent is counted: a p-value of look l weighs p / share_l, and the smallest
    over the looks so far is what Holm sees (a union bound, valid whatever the looks have in common).
    A contrast that an earlier look has decided, or stopped for futility, keeps that look's numbers and
    verdict. book: the scores of these cells, where they have been read already.
    Only the cells and the plan count: the same runs give the same answer, however they came about.
    """
    return effects_under(cells, contrasts, [question], look=look, book=book)[0]


def effects_under(
    cells: Sequence[Cell],
    contrasts: Sequence[Contrast],
    questions: Sequence[Question],
    *,
    look: int = 1,
    book: ScoreBook | None = None,
) -> tuple[Effects, ...]:
    """The same under several questions that differ in nothing but their thresholds: estimates are made once."""
    found = _Runs.of(cells, questions[0], book)
    effects: list[dict[int, Effect]] = [{} for _ in questions]
    for family in dict.fromkeys(contrast.family for contrast in contrasts):
        members = [i for i, contrast in enumerate(contrasts) if contrast.family == family]
        own = [contrasts[i] for i in members]
        made: dict[int, Found] = {}
        for answers, question in zip(effects, questions, strict=True):
            answers |= dict(zip(members, _judge_family(found, own, question, look, made), strict=True))
    answered = [Effects(answers[i] for i in range(len(contrasts))) for answers in effects]
    for one in answered:
        one.metric = questions[0].metric
    return tuple(answered)


def open_variants(effects: Sequence[Effect], variants: Sequence[str]) -> frozenset[str]:
    """The variants a further look has to train: those an open contrast needs, and those in no contrast."""
    compared = {name for effect in effects for name in effect.contrast.weights}
    wanted = {name for effect in effects if effect.is_open for name in effect.contrast.weights}
    return frozenset(wanted | (set(variants) - compared))


def is_to_come(cell: Cell) -> bool:
    """Whether a run has not been made yet, or was interrupted: it will be made by the next command."""
    return cell.result is None or (isinstance(cell.result, Failed) and cell.result.reason == "interrupted")


def read_asked(cells: Sequence[Cell], question: Question) -> ScoreBook | None:
    """The scores of single images, or of what is scored in their place, as the question wants them."""
    return read_scores(cells, question.metric, unit=question.unit, own=question.own)


class _Runs(NamedTuple):
    """What the runs of a study left behind; book: None where only numbers can be compared."""

    cells: Sequence[Cell]
    variants: tuple[str, ...]
    book: ScoreBook | None

    @staticmethod
    def of(cells: Sequence[Cell], question: Question, book: ScoreBook | None) -> _Runs:
        variants = tuple(dict.fromkeys(cell.variant for cell in cells))
        return _Runs(cells, variants, read_asked(cells, question) if book is None else book)

    def up_to(self, replicates: int) -> _Runs:
        """The runs of the first replicates."""
        return self._replace(cells=[cell for cell in self.cells if cell.replicate.index < replicates])

    def beyond(self, replicates: int) -> set[tuple[str, int]]:
        """The finished runs of later replicates: variant and index."""
        return {
            (cell.variant, cell.replicate.index)
            for cell in self.cells
            if cell.replicate.index >= replicates and isinstance(cell.result, Finished)
        }

    def elsewhere(self) -> frozenset[str]:
        """The variants tested on other images than most."""
        return different_tests(self.cells, self.variants) | (other_images(self.book) if self.book else frozenset())


def _judge_family(
    runs: _Runs, contrasts: Sequence[Contrast], question: Question, look: int, made: dict[int, Found]
) -> list[Effect]:
    """made: look -> what was estimated at it already."""

    def estimate_at(number: int, _: Collection[int] | None) -> Found:
        if number not in made:
            made[number] = _estimate(runs.up_to(question.looks[number - 1]), contrasts, question)
        found, reasons = made[number]
        return found, {**reasons, **voided}

    voided = _voided(runs, contrasts, question)
    sizes = {name: getattr(question, name) for name in ("negligible", "worthwhile", "tolerable")}
    rules = Rules(**sizes, goal=question.goal)
    shares = look_shares(question.looks, question.shares)
    asked = [i for i, contrast in enumerate(contrasts) if contrast.ask == "no_worse"]
    answers = judge_looks(estimate_at, rules, question.looks, shares, up_to=look, asked=asked, planned=question.planned)
    told = zip(contrasts, answers, seen_at_looks(estimate_at, look), strict=True)
    return [Effect(contrast=contrast, seen=seen, **answer._asdict()) for contrast, answer, seen in told]


def _voided(runs: _Runs, contrasts: Sequence[Contrast], question: Question) -> dict[int, str]:
    """The contrasts about which more is known than was planned, or whose metric is only reported."""
    metric = find_metric(question.metric)
    void = question.void or ("" if metric is None else metric.reported)
    if void:
        return dict.fromkeys(range(len(contrasts)), void)
    beyond = runs.beyond(question.looks[-1])
    late = {index for _, index in beyond}
    return {
        i: ADDED
        for i, contrast in enumerate(contrasts)
        if any(all((name, index) in beyond for name in contrast.weights) for index in late)
    }


def _estimate(
    runs: _Runs, contrasts: Sequence[Contrast], question: Question
) -> tuple[tuple[Estimate | None, ...], dict[int, str]]:
    weights = _weights(contrasts, runs.variants)
    different = runs.elsewhere()
    reasons = _reasons(runs, contrasts, different, question)
    if runs.book is None:
        return _by_numbers(runs, weights, question), reasons
    try:
        arranged = arrange(runs.book, runs.cells, runs.variants, question.test, different)
    except StatisticsError as error:
        for i in range(len(contrasts)):
            reasons.setdefault(i, error.message)
        return _by_numbers(runs, weights, question), reasons
    found = list(estimate(arranged, weights))
    for i, contrast in enumerate(contrasts):
        if found[i] is None and different & set(contrast.weights) and runs.book.metric is None:
            found[i] = _elsewhere(runs, runs.book, contrast, question.test)
    if question.unit is not None:
        found = [of_units(one) for one in found]
    return tuple(found), reasons


def _reasons(
    runs: _Runs, contrasts: Sequence[Contrast], different: Collection[str], question: Question
) -> dict[int, str]:
    """Position of a contrast -> why it gets no verdict, for whatever concerns its variants."""
    # A verdict now and another after the rest of the runs would be two looks for the price of one.
    concerned = {cell.variant: WAITING for cell in runs.cells if is_to_come(cell) and question.planned is None}
    concerned = dict.fromkeys(different, OTHER_TESTS) | concerned
    if runs.book is None:
        # Where it is missing is no accident: what is left would answer for the folds on which it can be had.
        concerned = missing_numbers(runs.cells, runs.variants, question.metric, question.test) | concerned
    else:
        made = {(cell.variant, cell.replicate.index) for cell in runs.cells}
        gone = {key[0]: why for key, why in runs.book.gone.items() if runs.book.metric is None or key in made}
        thin = _too_rare(runs, runs.book, question)
        concerned = gone | (dict.fromkeys(runs.variants, thin) if thin else {}) | concerned
    found = {}
    for i, contrast in enumerate(contrasts):
        whys = [contrast.not_assessable, *(concerned.get(name, "") for name in contrast.weights)]
        if any(whys):
            found[i] = next(filter(None, whys))
    return found


def _too_rare(runs: _Runs, book: ScoreBook, question: Question) -> str:
    """Why the metric cannot be judged on these images: a class it rests on is too rare, or missing on a fold."""
    test, tested = question.test, {cell.replicate.index for cell in runs.cells}
    may_grow = isinstance(test, Folds) and max(tested) + 1 < min(test.count, question.looks[-1])
    for found in classes_tested(book, tested, test):
        if found.without:
            return f"there is no test image of {found.name} on {places(found.without, test)}"
        if found.images < FEWEST_IMAGES:
            images = "is 1 test image" if found.images == 1 else f"are {found.images} test images"
            return f"{SO_FAR if may_grow else ''}there {images} of {found.name}, and {FEWEST_IMAGES} are needed"
    return ""


def _elsewhere(runs: _Runs, book: ScoreBook, contrast: Contrast, test: TestRule) -> Estimate | None:
    """A contrast between variants that were tested on different images."""
    made = {(cell.variant, cell.replicate.index) for cell in runs.cells}
    rows = {key: row for key, row in book.rows.items() if key in made}
    return estimate_elsewhere(rows, contrast.weights, lambda r: repetition_of(r, test))


def _by_numbers(runs: _Runs, weights: Array, question: Question) -> tuple[Estimate | None, ...]:
    numbers = run_numbers(runs.cells, runs.variants, question.metric)
    pairing: Literal["paired", "unpaired"] = "paired" if isinstance(question.test, Folds) else "unpaired"
    return estimate_replicates(numbers.values, weights, pairing=pairing)


def variant_levels(
    cells: Sequence[Cell], question: Question, *, book: ScoreBook | None = None
) -> Mapping[str, Accuracy | None]:
    """Each variant's own level with its interval; None where no run of it finished.

    book: the scores of these cells, where they have been read already.
    """
    runs = _Runs.of(cells, question, book)
    arranged = _arranged(runs, question, different=runs.elsewhere())
    numbers = run_numbers(cells, runs.variants, question.metric).values
    levels: dict[str, Accuracy | None] = {}
    for position, variant in enumerate(runs.variants):
        finished = [value for value in numbers[position] if value is not None]
        level = variant_accuracy(arranged, position) if arranged is not None else None
        if level is None and finished:
            level = accuracy_of_numbers(finished)
        levels[variant] = within_bounds(level, runs.book)
    return levels


def _arranged(runs: _Runs, question: Question, *, different: Collection[str]) -> Cells | None:
    if runs.book is None:
        return None
    try:
        return arrange(runs.book, runs.cells, runs.variants, question.test, frozenset(different))
    except StatisticsError:
        return None


def _weights(contrasts: Sequence[Contrast], variants: Sequence[str]) -> Array:
    weights = np.zeros((len(contrasts), len(variants)))
    for i, contrast in enumerate(contrasts):
        for variant, weight in contrast.weights.items():
            weights[i, variants.index(variant)] = weight
    return weights
