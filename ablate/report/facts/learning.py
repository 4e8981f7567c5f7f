"""How the result grows with the number of training images, as plain values in shown units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from ablate.stats.learning import Extrapolation


class LearningPoint(NamedTuple):
    """One share of the training images. size: of the largest; images: fitted to, None where nobody has counted them.

    steps: optimiser steps of a run. mean, lo, hi: the level with its interval.
    """

    variant: str
    size: float
    images: int | None
    steps: float | None
    mean: float
    lo: float | None
    hi: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """The baseline on nested shares of its images, and what more of them may bring; exploratory."""

    points: tuple[LearningPoint, ...]
    """From the fewest images to all."""
    n: int
    """Replicates behind every point."""
    gains: tuple[Extrapolation, ...]
    """Over the baseline, at up to twice its images; empty where no curve fits the points."""
    equal_steps: bool
    """Whether every share was trained for as many optimiser steps."""
    worthwhile: float | None
    """The gain worth having, None where nobody has stated one."""
    answer: Literal["enough", "too_few", "open", "unknown"]
    """Whether twice the images bring the gain worth having: surely by every curve, by none, by some; or nothing is
    predicted, or nobody has said what is worth having."""

    @property
    def farthest(self) -> Extrapolation | None:
        """At twice the images."""
        return self.gains[-1] if self.gains else None
