"""What picking the best epoch on the test images would have claimed, and what is left of it on new images.

Verdicts never use these numbers: they are here to be set beside a source that was reported so.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.records import Cell, Finished
from ablate.stats.cells import Array
from ablate.stats.student import student_interval
from ablate.store.outcome_columns import read_columns

EPOCHS = "epochs"
"""The column of a run's npz with right and wrong after each epoch: packed bits, (n_epochs, ceil(n_images / 8))."""

BOOTSTRAPS = 200
MOST_IMAGES, MOST_ANSWERS = 500_000, 100_000_000
"""Of a run whose epochs are looked at; beyond that the look takes more memory than a machine has."""

Correct = NDArray[np.bool_]


class Optimism(NamedTuple):
    """One variant over its replicates, as shares. n_replicates: those whose epochs were recorded.

    as_source: the best epoch's score on the test images it was picked on. honest: what picking an epoch is worth
    on other images. optimism: their difference, with its interval over replicates; infinite for a single one.
    """

    variant: str
    as_source: float
    honest: float
    optimism: float
    lo: float
    hi: float
    n_replicates: int
    n_epochs: int


class Reads(NamedTuple):
    """How often test images were read for one purpose: distinct images, reads in all, most reads of one image."""

    images: int
    reads: int
    most: int


def right_by_epoch(run: Finished) -> Correct | None:
    """Right and wrong after each epoch, shape (n_epochs, n_images); None where it was not recorded."""
    if run.images is None:
        return None
    try:
        stored = read_columns(run.folder / run.images, EPOCHS, "id")
    except (OSError, ValueError):
        return None
    if EPOCHS not in stored or "id" not in stored:
        return None
    packed, n_images = stored[EPOCHS], len(stored["id"])
    if packed.ndim != 2 or packed.dtype != np.uint8 or packed.shape[1] != -(-n_images // 8):
        return None
    if n_images > MOST_IMAGES or len(packed) * n_images > MOST_ANSWERS:
        return None
    return np.unpackbits(packed, axis=1, count=n_images).astype(np.bool_) if packed.size else None


def out_of_bag(correct: Correct, rng: np.random.Generator, *, bootstraps: int = BOOTSTRAPS) -> Array:
    """Each image's score under epochs that were picked without it: shape (n_images,), from 0 to 1.

    correct: shape (n_epochs, n_images). Draws images with replacement, picks the epoch that is best on them (the
    first of equals), and scores the images that were not drawn. An image that was always drawn has the mean of
    the others. Source: Tsamardinos, Greasidou and Borboudakis 2018, bootstrap bias-corrected cross-validation.
    """
    n_images = correct.shape[1]
    drawn = rng.multinomial(n_images, np.full(n_images, 1 / n_images), size=bootstraps)
    picked = np.argmax(correct.astype(np.float64) @ drawn.T, axis=0)
    left_out = drawn == 0
    times = left_out.sum(axis=0)
    sums = (correct[picked] & left_out).sum(axis=0)
    scores: Array = sums / np.maximum(times, 1)
    if times.any():
        scores[times == 0] = scores[times > 0].mean()
    return scores


def optimism_of(cells: Sequence[Cell], *, chosen_on_val: bool) -> tuple[Optimism, ...]:
    """For each variant whose runs recorded their epochs, in the order of the cells.

    chosen_on_val: the runs' own epochs were picked on validation images, so that their test scores are honest;
    else the out-of-bag score is.
    """
    found: dict[str, list[tuple[float, float, int]]] = {}
    for cell in cells:
        if not isinstance(cell.result, Finished) or (correct := right_by_epoch(cell.result)) is None:
            continue
        if chosen_on_val and "accuracy" in cell.result.metrics:
            honest = cell.result.metrics["accuracy"]
        else:
            honest = float(out_of_bag(correct, np.random.default_rng(cell.replicate.index)).mean())
        found.setdefault(cell.variant, []).append((float(correct.mean(axis=1).max()), honest, len(correct)))
    return tuple(_summary(variant, runs) for variant, runs in found.items())


def _summary(variant: str, runs: Sequence[tuple[float, float, int]]) -> Optimism:
    best, honest = (np.array([run[i] for run in runs]) for i in (0, 1))
    gaps = best - honest
    k, mean = len(gaps), float(gaps.mean())
    lo, hi = -inf, inf
    if k > 1:
        lo, hi = student_interval(mean, float(gaps.std(ddof=1)) / k**0.5, k - 1.0, level=0.95)
    return Optimism(variant, float(best.mean()), float(honest.mean()), mean, lo, hi, k, max(run[2] for run in runs))


def watched_reads(cells: Sequence[Cell]) -> Reads | None:
    """How often test images were read after an epoch, for the source's protocol alone; None where never."""
    counts: dict[str, int] = {}
    for cell in cells:
        run = cell.result
        if isinstance(run, Finished) and (correct := right_by_epoch(run)) is not None and run.images is not None:
            for name in read_columns(run.folder / run.images, "id")["id"].tolist():
                counts[name] = counts.get(name, 0) + len(correct)
    return Reads(len(counts), sum(counts.values()), max(counts.values())) if counts else None
