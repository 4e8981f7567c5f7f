"""What the stored probabilities say of every variant: curves and their bands, as plain values from 0 to 1."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ablate.stats.curves import Band, Bin

Ranked = Literal["positive", "classes", "labels", "none"]
"""Whose curves they are: of the positive class of two; of each class, or each label, against the rest, averaged; or
there are too many classes to rank."""


class VariantCurves(NamedTuple):
    """One variant over its replicates. n: how many have probabilities.

    roc: sensitivity at the places of `stats.curves.PLACES`; precision: at recalls there; None where no class can be
    ranked. The three numbers are bands of a single place.
    """

    variant: str
    reference: str | None
    n: int
    roc: Band | None
    precision: Band | None
    bins: tuple[Bin, ...]
    area: Band | None
    average_precision: Band | None
    calibration_error: Band


class AnswerCurves(NamedTuple):
    """The variants that are shown, of which runs stored probabilities; rows is empty where none did.

    positive: the name of the positive class of two. classes: how many are averaged, at most. share: of positives, which
    is the precision of guessing. left_out: further variants.
    """

    ranked: Ranked
    rows: tuple[VariantCurves, ...]
    positive: str = ""
    classes: int = 0
    share: float = 0.0
    left_out: int = 0
