"""A difference with its Student interval, and what is said where Student's formula breaks down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isinf, ldexp, sqrt
from typing import Literal, NamedTuple, TypedDict

from scipy.special import stdtr, stdtrit

from ablate.stats.cells import StatisticsError

Basis = Literal["images", "common images", "images, apart", "replicates, paired", "replicates, unpaired"]

RESOLUTION = 1e-12
"""Differences below this share of the scores' size are rounding, not outcomes."""


class Grouped(NamedTuple):
    """Test images that share their luck. n: groups, an image on its own counts as one.

    effective: groups of equal size that would tell as much, (sum of sizes)^2 / (sum of squared sizes). largest: the
    largest one's share of the weight. design_effect: the image part over what it would be, were images independent.
    """

    n: int
    effective: float
    largest: float
    design_effect: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One contrast answered: a difference, its Student interval at `level`, and p for "no difference".

    standard_error is infinite, and so is the interval, where a single number per variant was compared.
    image_part + run_part = standard_error squared; both are None where scores came without images.
    image_floor: what is left of the variance after endlessly many replicates on these images; None when
    no image was tested twice, so that nobody can know. by_replicate: the matched replicates' differences,
    empty where replicates are not paired. n_images: distinct test images, None without images.
    basis: what was treated as the unit of chance. grouped: the groups of images, where these are that unit.
    """

    difference: float
    standard_error: float
    df: float
    lo: float
    hi: float
    p: float
    level: float
    n_replicates: int
    n_images: int | None
    image_part: float | None
    run_part: float | None
    image_floor: float | None
    by_replicate: tuple[float, ...]
    basis: Basis
    grouped: Grouped | None = None

    @property
    def images_dominate(self) -> bool:
        """Whether most of the variance is the test images' own, which further replicates cannot shrink."""
        fixed = self.image_part if self.image_floor is None else self.image_floor
        return (fixed or 0.0) > self.standard_error**2 / 2

    def interval(self, level: float) -> tuple[float, float]:
        """The two-sided Student interval at another level, such as a simultaneous one."""
        return student_interval(self.difference, self.standard_error, self.df, level=level)

    def p_above(self, bound: float) -> float:
        """One-sided p for the claim that the true difference lies above `bound`."""
        return _one_sided(self.difference - bound, self.standard_error, self.df)

    def p_below(self, bound: float) -> float:
        """One-sided p for the claim that the true difference lies below `bound`."""
        return _one_sided(bound - self.difference, self.standard_error, self.df)


class ContrastEstimate(TypedDict):
    """The fields of an Estimate that follow from a difference and its noise."""

    difference: float
    standard_error: float
    df: float
    level: float
    lo: float
    hi: float
    p: float


def student_answer(difference: float, se: float, df: float, *, n_units: int, level: float) -> ContrastEstimate:
    """Interval and two-sided p beside what they follow from; n_units: see `two_sided_p`."""
    lo, hi = student_interval(difference, se, df, level=level)
    p = two_sided_p(difference, se, df, n_units=n_units)
    return ContrastEstimate(difference=difference, standard_error=se, df=df, level=level, lo=lo, hi=hi, p=p)


def unit_of_chance(estimates: Sequence[Estimate]) -> Basis | None:
    """What most comparisons rest on: the first basis that is not that of differing tests; None without any."""
    found = [estimate.basis for estimate in estimates]
    usual = [basis for basis in found if basis not in ("common images", "images, apart")]
    return next(iter([*usual, *found]), None)


def without_rounding(mean: float, variance: float, *, resolution: float) -> tuple[float, float]:
    """The mean and its standard error, each exactly 0 where it is no more than rounding."""
    se = sqrt(variance)
    return mean if abs(mean) > resolution else 0.0, se if se > resolution else 0.0


def student_interval(mean: float, se: float, df: float, *, level: float) -> tuple[float, float]:
    """mean -+ t * se; the point itself where se is 0, everything where it is infinite."""
    if not 0 < level < 1:
        raise StatisticsError(f"an interval at level {level}", hint="Give a level between 0 and 1.")
    if isinf(se):
        return -inf, inf
    half = -float(stdtrit(df, (1 - level) / 2)) * se if se else 0.0
    return mean - half, mean + half


def two_sided_p(mean: float, se: float, df: float, *, n_units: int) -> float:
    """Student's p for a mean of 0; where se is 0 the sign test over `n_units` equal differences."""
    if se == 0:
        return ldexp(1.0, 1 - n_units) if mean else 1.0
    return 1.0 if isinf(se) else 2 * float(stdtr(df, -abs(mean) / se))


def _one_sided(distance: float, se: float, df: float) -> float:
    if se == 0:
        return 0.0 if distance > 0 else 1.0
    return 1.0 if isinf(se) else float(stdtr(df, -distance / se))
