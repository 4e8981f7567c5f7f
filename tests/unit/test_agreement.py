"""Two counts on the same images: p over every agreement the counts allow."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.proportion import test_proportions_2indep as their_test

from ablate.stats.accuracy import mcnemar
from ablate.stats.agreement import agreements
from ablate.stats.cells import StatisticsError

COUNTS = st.integers(5, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.integers(0, n), st.just(n)))


def test_a_published_step_by_hand() -> None:
    """106 and 87 of 180: d = 19/180, q from 19/180 to (360 - 193)/180, SE^2 = (q - d^2) / 180."""
    found = agreements((106, 180), (87, 180))
    d = 19 / 180

    for one, q in ((found.closest, 19 / 180), (found.farthest, 167 / 180)):
        error = sqrt((q - d * d) / 180)
        assert one.standard_error == pytest.approx(error)
        assert one.p == pytest.approx(2 * norm.sf(d / error))
    assert found.closest.p == pytest.approx(4.1e-6, rel=0.05)
    assert found.farthest.p == pytest.approx(0.139, abs=5e-4)


def test_independence_is_the_test_of_two_independent_shares() -> None:
    """Known answer: statsmodels' Wald test."""
    found = agreements((166, 360), (87, 180)).independent
    known = their_test(166, 360, 87, 180, method="wald", compare="diff")

    assert found.p == pytest.approx(known.pvalue)


@given(COUNTS)
def test_discordance_has_the_bounds_of_the_two_shares(counts: tuple[int, int, int]) -> None:
    """q = p1 + p2 - 2 both, in [|p1 - p2|, min(p1 + p2, 2 - p1 - p2)]; p never falls from closest to farthest."""
    a, b, n = counts
    found = agreements((a, n), (b, n))
    q = [(a + b) / n - 2 * one.both for one in found]

    assert q[0] == pytest.approx(abs(a - b) / n)
    assert q[2] == pytest.approx(min(a + b, 2 * n - a - b) / n)
    for before, after in pairwise(found):
        assert before.standard_error <= after.standard_error + 1e-12
        assert before.p <= after.p + 1e-12


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_any_table_of_answers_lies_between_the_ends(counts: tuple[int, int, int], seed: int) -> None:
    """McNemar's statistic without correction, by statsmodels, on answers drawn at random with these counts."""
    a, b, n = counts
    rng = np.random.default_rng(seed)
    variant, reference = (rng.permutation(np.arange(n) < right).astype(float) for right in (a, b))
    tables = mcnemar(reference, variant)
    only, theirs = tables.only_variant, tables.only_reference
    q, d = (only + theirs) / n, (only - theirs) / n
    found = agreements((a, n), (b, n))
    error = sqrt((q - d * d) / n)

    assert found.closest.standard_error - 1e-12 <= error <= found.farthest.standard_error + 1e-12
    if only + theirs and abs(d) < 1:
        score = their_mcnemar([[0, only], [theirs, 0]], exact=False, correction=False).pvalue
        assert found.closest.p <= score + 1e-12  # under "no difference" d^2 is not taken off: a larger error


@pytest.mark.parametrize(("right", "no_gain"), [(60, "below"), (40, "above"), (50, "half")])
def test_no_gain_is_half_of_p_on_the_side_of_the_difference(right: int, no_gain: str) -> None:
    """A flat prior makes the posterior of the difference normal around it, with its standard error."""
    found = agreements((right, 100), (50, 100)).independent
    d = (right - 50) / 100

    assert found.no_gain == pytest.approx(norm.cdf(-d / found.standard_error))
    assert {"below": found.no_gain < 0.5, "above": found.no_gain > 0.5, "half": found.no_gain == 0.5}[no_gain]


def test_nothing_varies_where_all_and_none_are_right() -> None:
    """The sign test over the images is left."""
    assert agreements((5, 5), (0, 5)).closest.p == 2**-4


def test_the_smaller_of_two_tests_lies_within_the_larger() -> None:
    """Of equal size the bounds are those of q; with fewer images the shared ones are fewer, and p moves less."""
    same, half = agreements((166, 360), (174, 360)), agreements((166, 360), (87, 180))

    assert same.closest.p < half.closest.p < half.independent.p < half.farthest.p


@pytest.mark.parametrize("count", [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(count: tuple[int, int]) -> None:
    """On either side."""
    with pytest.raises(StatisticsError, match="right of"):
        agreements(count, (1, 5))
    with pytest.raises(StatisticsError, match="right of"):
        agreements((1, 5), count)
