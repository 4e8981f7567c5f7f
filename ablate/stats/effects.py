"""Every contrast of a plan answered: difference, interval, adjusted p and verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ablate.looks import look_shares
from ablate.records import Cell, Contrast, Failed, Folds, TestRule
from ablate.stats.accuracy import Accuracy, accuracy_of_numbers, variant_accuracy
from ablate.stats.cells import Array
from ablate.stats.engine import estimate
from ablate.stats.frame import PER_IMAGE_METRIC, Scored, different_tests, image_scores, run_numbers
from ablate.stats.replicate_level import estimate_replicates
from ablate.stats.student import Estimate
from ablate.stats.verdict import Judged, RawP, Rules, decide, raw_p, unassessable


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was fixed before the first run: the metric, its direction, thresholds, planned looks.

    negligible and worthwhile are in the unit of the metric as stored (a share, not points).
    """

    metric: str
    goal: Literal["max", "min"]
    negligible: float
    worthwhile: float
    looks: tuple[int, ...]
    test: TestRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One contrast answered. `look` counts from 1."""

    contrast: Contrast
    judged: Judged
    look: int

    @property
    def estimate(self) -> Estimate | None:
        """The numbers behind the verdict; None where nothing could be compared."""
        return self.judged.estimate


def estimate_effects(
    cells: Sequence[Cell], contrasts: Sequence[Contrast], question: Question, *, look: int = 1
) -> tuple[Effect, ...]:
    """Judge every contrast within its family, at the given planned look.

    What earlier looks have spent is counted: a p-value of look l weighs p / share_l, and the smallest
    over the looks so far is what Holm sees (a union bound, valid whatever the looks have in common).
    A contrast that an earlier look has decided keeps that look's numbers and verdict.
    """
    effects: dict[int, Effect] = {}
    for family in dict.fromkeys(contrast.family for contrast in contrasts):
        members = [i for i, contrast in enumerate(contrasts) if contrast.family == family]
        judged = _judge_family(cells, [contrasts[i] for i in members], question, look)
        effects |= dict(zip(members, judged, strict=True))
    return tuple(effects[i] for i in range(len(contrasts)))


def is_to_come(cell: Cell) -> bool:
    """Whether a run has not been made yet, or was interrupted: it will be made by the next command."""
    return cell.result is None or (isinstance(cell.result, Failed) and cell.result.reason == "interrupted")


def _judge_family(cells: Sequence[Cell], contrasts: Sequence[Contrast], question: Question, look: int) -> list[Effect]:
    decided: dict[int, Effect] = {}
    smallest: RawP | None = None
    for number, (replicates, share) in enumerate(
        zip(question.looks[:look], look_shares(question.looks), strict=False), start=1
    ):
        rules = Rules(negligible=question.negligible, worthwhile=question.worthwhile, goal=question.goal, share=share)
        seen = [cell for cell in cells if cell.replicate.index < replicates]
        found, reasons = _estimate(seen, contrasts, question)
        reasons = unassessable(found, reasons)
        smallest = _spend(raw_p(found, rules, reasons=reasons), share, smallest)
        for i, judged in enumerate(decide(found, smallest, rules, reasons=reasons)):
            if i not in decided or decided[i].judged.verdict in ("undecided", "not_assessable"):
                decided[i] = Effect(contrast=contrasts[i], judged=judged, look=number)
    return [decided[i] for i in range(len(contrasts))]


def _spend(p: RawP, share: float, before: RawP | None) -> RawP:
    """The p-values that count after this look."""
    weighed = RawP(*(tuple(min(1.0, value / share) for value in claim) for claim in p))
    if before is None:
        return weighed
    return RawP(*(tuple(map(min, old, new)) for old, new in zip(before, weighed, strict=True)))


def _estimate(
    cells: Sequence[Cell], contrasts: Sequence[Contrast], question: Question
) -> tuple[tuple[Estimate | None, ...], dict[int, str]]:
    variants = list(dict.fromkeys(cell.variant for cell in cells))
    weights = _weights(contrasts, variants)
    reasons = {i: c.not_assessable for i, c in enumerate(contrasts) if c.not_assessable}
    # A verdict now and another after the rest of the runs would be two looks for the price of one.
    waiting = {cell.variant for cell in cells if is_to_come(cell)}
    for i, contrast in enumerate(contrasts):
        if waiting & set(contrast.weights):
            reasons.setdefault(i, "runs of this look are still missing")
    scored = _scored(cells, variants, question)
    different = different_tests(cells, variants) if scored is None else scored.different_test
    for i, contrast in enumerate(contrasts):
        if different & set(contrast.weights):
            reasons.setdefault(i, "different test sets")
    if scored is not None:
        return estimate(scored.cells, weights), reasons
    numbers = run_numbers(cells, variants, question.metric)
    pairing: Literal["paired", "unpaired"] = "paired" if isinstance(question.test, Folds) else "unpaired"
    return estimate_replicates(numbers.values, weights, pairing=pairing), reasons


def variant_levels(cells: Sequence[Cell], question: Question) -> Mapping[str, Accuracy | None]:
    """Each variant's own level with its interval; None where no run of it finished."""
    variants = list(dict.fromkeys(cell.variant for cell in cells))
    scored = _scored(cells, variants, question)
    numbers = run_numbers(cells, variants, question.metric).values
    levels: dict[str, Accuracy | None] = {}
    for position, variant in enumerate(variants):
        finished = [value for value in numbers[position] if value is not None]
        if not finished:
            levels[variant] = None
        elif scored is not None and variant not in scored.different_test:
            levels[variant] = variant_accuracy(scored.cells, position)
        else:
            levels[variant] = accuracy_of_numbers(finished)
    return levels


def _scored(cells: Sequence[Cell], variants: Sequence[str], question: Question) -> Scored | None:
    if question.metric != PER_IMAGE_METRIC:
        return None
    return image_scores(cells, variants, question.test)


def _weights(contrasts: Sequence[Contrast], variants: Sequence[str]) -> Array:
    weights = np.zeros((len(contrasts), len(variants)))
    for i, contrast in enumerate(contrasts):
        for variant, weight in contrast.weights.items():
            weights[i, variants.index(variant)] = weight
    return weights
