"""Which rows lose no more than what is tolerable: the statistics' "no worse" claim over the networks' answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ablate.deploy.records import Claim
from ablate.stats.cells import Cells, StatisticsError
from ablate.stats.engine import estimate
from ablate.stats.no_worse import at_margin, no_worse_word, p_no_worse
from ablate.stats.student import Estimate
from ablate.stats.verdict import holm, why_unproven

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def judge_rows(
    correct: Sequence[Sequence[NDArray[np.int64]]],
    images: Sequence[NDArray[np.int64]],
    groups: Sequence[NDArray[np.int64]] | None,
    *,
    tolerable: float,
    alpha: float,
    repetition: Sequence[int] = (),
) -> list[Claim]:
    """A claim for each row after the first, one family by Holm's method.

    correct: [row][replicate] -> 1 or 0 an image. images, groups: [replicate] -> which image, and which group, each
    answer belongs to. tolerable: a fraction. With one replicate the claim is about this file and new images; with
    several it is about the recipe too: new images and new runs. repetition: as in `stats.cells.Cells`.
    """
    import numpy as np

    weights = np.zeros((len(correct) - 1, len(correct)))
    weights[:, 0] = -1
    weights[np.arange(len(weights)), np.arange(1, len(correct))] = 1
    if not len(weights):
        return []
    basis = "images" if len(images) == 1 else "images and replicates"
    try:
        cells = Cells(
            scores=tuple(tuple(one.astype(np.float64) for one in row) for row in correct),
            images=tuple(images),
            groups=tuple(groups or ()),
            repetition=tuple(repetition),
        )
        found = list(estimate(cells, weights))
    except StatisticsError as error:
        return [Claim(word="not_assessable", basis=basis, reason=str(error)) for _ in weights]
    found = [
        one if one is None else at_margin(one, *_turned(correct[0], row), tolerable)
        for one, row in zip(found, correct[1:], strict=True)
    ]
    reasons = [why_unproven(one) if one is not None else "no answers" for one in found]
    raw = [
        (1.0, 1.0) if one is None or why else p_no_worse(one, tolerable, "max")
        for one, why in zip(found, reasons, strict=True)
    ]
    no_worse, worse = (holm(column) for column in zip(*raw, strict=True))
    return [
        _claim(one, why, ps, alpha, basis)
        for one, why, ps in zip(found, reasons, zip(no_worse, worse, strict=True), strict=True)
    ]


def _turned(first: Sequence[NDArray[np.int64]], row: Sequence[NDArray[np.int64]]) -> tuple[int, int, int]:
    """How many answers are wrong and were right, the reverse, and all."""
    pairs = list(zip(first, row, strict=True))
    losses = sum(int((before > after).sum()) for before, after in pairs)
    gains = sum(int((before < after).sum()) for before, after in pairs)
    return losses, gains, sum(len(before) for before, _ in pairs)


def _claim(found: Estimate | None, why: str, ps: tuple[float, float], alpha: float, basis: str) -> Claim:
    if found is None or why:
        return Claim(word="not_assessable", basis=basis, reason=why)
    lo, hi = found.interval(1 - 2 * alpha)  # its lower end is what a one-sided test at alpha looks at
    return Claim(
        word=no_worse_word(*ps, alpha),
        difference=found.difference,
        lo=lo,
        hi=hi,
        p_non_inferior=ps[0],
        p_inferior=ps[1],
        basis=basis,
    )
