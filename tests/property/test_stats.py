"""What holds for every study, whatever its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ablate.stats.cells import Array, Cells, Index
from ablate.stats.engine import estimate
from ablate.stats.student import Estimate
from ablate.stats.verdict import holm, judge_family, verdict_text

WEIGHTS = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0]])

steady = settings(deadline=None, max_examples=60)  # a busy machine is no failure

shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@st.composite
def studies(draw: st.DrawFn) -> Cells:
    """Three variants, one to four replicates, three to eight images; fixed or folds over repetitions."""
    k = draw(st.integers(1, 4))
    n = draw(st.integers(3, 8))
    scores = draw(arrays(np.float64, (3, k, n), elements=shares))
    images: list[np.ndarray] = [np.arange(n)] * k
    repetition = tuple(range(k))
    if draw(st.booleans()):
        repetition = tuple(r // 2 for r in range(k))
        images = [np.random.default_rng(r // 2).permutation(2 * n)[(r % 2) :: 2] for r in range(k)]
    return Cells(scores=tuple(map(tuple, scores)), images=tuple(images), repetition=repetition)


def rebuilt(cells: Cells, change: Callable[[int, Array], Array], images: tuple[Index, ...] | None = None) -> Cells:
    """The same study with every score array passed through `change(replicate, scores)`."""
    return replace(
        cells,
        scores=tuple(tuple(change(r, row) for r, row in enumerate(rows)) for rows in cells.scores),
        images=cells.images if images is None else images,
    )


def core(found: tuple[Estimate | None, ...]) -> np.ndarray:
    """Difference, standard error, interval and p of every contrast."""
    return np.array([[e.difference, e.standard_error, e.lo, e.hi, e.p] for e in found if e is not None])


def close(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal up to rounding."""
    return left == pytest.approx(right, rel=1e-7, abs=1e-9)


class TestEstimates:
    @steady
    @given(studies(), st.integers(0, 99))
    def test_shuffling_images_changes_nothing(self, cells: Cells, seed: int) -> None:
        """Images are a set, whatever order a trainer reports them in."""
        orders = [np.random.default_rng([seed, r]).permutation(len(row)) for r, row in enumerate(cells.images)]
        images = tuple(row[order] for row, order in zip(cells.images, orders, strict=True))

        shuffled = rebuilt(cells, lambda r, row: row[orders[r]], images)

        assert close(core(estimate(shuffled, WEIGHTS)), core(estimate(cells, WEIGHTS)))

    @steady
    @given(studies())
    def test_renaming_images_changes_nothing(self, cells: Cells) -> None:
        """An image's index is a name, not a number."""
        renamed = replace(cells, images=tuple(1000 - 3 * row for row in cells.images))

        assert close(core(estimate(renamed, WEIGHTS)), core(estimate(cells, WEIGHTS)))

    @steady
    @given(studies(), st.randoms(use_true_random=False))
    def test_shuffling_replicates_changes_nothing(self, cells: Cells, random: Random) -> None:
        """Replicates are exchangeable."""
        order = list(range(len(cells.images)))
        random.shuffle(order)

        shuffled = Cells(
            scores=tuple(tuple(rows[r] for r in order) for rows in cells.scores),
            images=tuple(cells.images[r] for r in order),
            repetition=tuple(cells.repetition[r] for r in order),
        )

        assert close(core(estimate(shuffled, WEIGHTS)), core(estimate(cells, WEIGHTS)))

    @steady
    @given(studies())
    def test_a_variant_against_itself_is_never_better(self, cells: Cells) -> None:
        """A copy of a variant differs by exactly nothing."""
        copied = replace(cells, scores=(*cells.scores, cells.scores[0]))
        weights = np.array([[-1.0, 0.0, 0.0, 1.0], [-1.0, 1.0, 0.0, 0.0]])

        found = estimate(copied, weights)
        members = judge_family(found, negligible=0.01, worthwhile=0.03)

        assert found[0] is not None
        assert (found[0].difference, found[0].p) == (0.0, 1.0)
        assert members[0].verdict not in ("better", "worse")

    @steady
    @given(studies(), st.sampled_from([0.01, 0.3, 7.0, 100.0]))
    def test_scaling_the_scores_scales_the_answer(self, cells: Cells, factor: float) -> None:
        """Percent or shares, the same answer in another unit, and the same p."""
        scaled = rebuilt(cells, lambda _, row: row * factor)
        assume(not cells.is_binary and not scaled.is_binary)  # right and wrong have a scale of their own

        expected = core(estimate(cells, WEIGHTS)) * [factor, factor, factor, factor, 1]
        assert close(core(estimate(scaled, WEIGHTS)), expected)

    @steady
    @given(studies(), st.sampled_from([-0.5, 3.0]))
    def test_adding_a_constant_changes_nothing(self, cells: Cells, constant: float) -> None:
        """Differences do not know where zero is."""
        moved = rebuilt(cells, lambda _, row: row + constant)
        assume(not cells.is_binary and not moved.is_binary)

        assert close(core(estimate(moved, WEIGHTS)), core(estimate(cells, WEIGHTS)))

    @steady
    @given(studies())
    def test_negating_the_weights_mirrors_the_answer(self, cells: Cells) -> None:
        """A minus B is B minus A with the other sign."""
        found = core(estimate(cells, WEIGHTS))

        mirrored = np.column_stack([-found[:, 0], found[:, 1], -found[:, 3], -found[:, 2], found[:, 4]])
        assert close(core(estimate(cells, -WEIGHTS)), mirrored)

    @steady
    @given(studies())
    def test_every_answer_is_in_order(self, cells: Cells) -> None:
        """lo <= difference <= hi, p is a probability, and nothing is NaN."""
        for e in estimate(cells, WEIGHTS):
            assert e is not None
            assert e.lo <= e.difference <= e.hi
            assert 0 <= e.p <= 1
            assert e.df >= max(1, e.n_replicates - 1)

    @steady
    @given(studies())
    def test_a_wider_level_is_a_wider_interval(self, cells: Cells) -> None:
        """99% contains 95% contains 80%."""
        for e in estimate(cells, WEIGHTS):
            assert e is not None
            (lo99, hi99), (lo80, hi80) = e.interval(0.99), e.interval(0.80)
            assert lo99 <= e.lo <= lo80 <= hi80 <= e.hi <= hi99

    @steady
    @given(studies())
    def test_the_interval_and_p_agree(self, cells: Cells) -> None:
        """p lies below .05 exactly when the 95% interval leaves zero out, where anything varies."""
        for e in estimate(cells, WEIGHTS):
            assert e is not None
            if e.standard_error > 0 and abs(e.p - 0.05) > 1e-6:
                assert (e.p < 0.05) == (e.lo > 0 or e.hi < 0)


@st.composite
def grouped_studies(draw: st.DrawFn) -> Cells:
    """The same with images that come in up to five groups."""
    cells = draw(studies())
    names = draw(st.lists(st.integers(0, 4), min_size=16, max_size=16))
    groups = tuple(np.array([names[image] for image in row.tolist()]) for row in cells.images if row is not None)
    return replace(cells, groups=groups)


class TestGroups:
    @steady
    @given(grouped_studies())
    def test_every_answer_is_in_order(self, cells: Cells) -> None:
        """lo <= difference <= hi, p is a probability, degrees of freedom are one at least, nothing is NaN."""
        for e in estimate(cells, WEIGHTS):
            assert e is not None
            assert e.lo <= e.difference <= e.hi
            assert 0 <= e.p <= 1
            assert e.df >= 1
            assert e.grouped is None or 1 - 1e-9 <= e.grouped.effective <= e.grouped.n + 1e-9

    @steady
    @given(grouped_studies())
    def test_groups_leave_the_difference(self, cells: Cells) -> None:
        """They change its interval, never what is estimated."""
        plain = estimate(replace(cells, groups=()), WEIGHTS)

        assert [e and e.difference for e in estimate(cells, WEIGHTS)] == [e and e.difference for e in plain]

    @steady
    @given(grouped_studies(), st.integers(0, 99))
    def test_shuffling_images_changes_nothing(self, cells: Cells, seed: int) -> None:
        """Neither the order of images nor the names of groups count."""
        orders = [np.random.default_rng([seed, r]).permutation(len(row)) for r, row in enumerate(cells.images)]
        images = tuple(row[order] for row, order in zip(cells.images, orders, strict=True))
        groups = tuple(9 - row[order] for row, order in zip(cells.groups, orders, strict=True))
        shuffled = replace(rebuilt(replace(cells, groups=()), lambda r, row: row[orders[r]], images), groups=groups)

        assert close(core(estimate(shuffled, WEIGHTS)), core(estimate(cells, WEIGHTS)))


class TestHolm:
    @steady
    @given(probabilities)
    def test_never_below_the_raw_p_nor_above_one(self, p: list[float]) -> None:
        """Adjusting for a family can only weaken a claim."""
        assert all(raw <= adjusted <= 1 for raw, adjusted in zip(p, holm(p), strict=True))

    @steady
    @given(probabilities)
    def test_keeps_the_order(self, p: list[float]) -> None:
        """The smaller p stays the smaller one."""
        adjusted = np.array(holm(p))[np.argsort(p, kind="stable")]

        assert (np.diff(adjusted) >= 0).all()

    @steady
    @given(probabilities, st.integers(0, 11), st.floats(0, 1))
    def test_is_monotone(self, p: list[float], position: int, smaller: float) -> None:
        """More evidence for one member never weakens another."""
        lowered = list(p)
        lowered[position % len(p)] *= smaller

        assert all(new <= old for new, old in zip(holm(lowered), holm(p), strict=True))

    @steady
    @given(probabilities, st.floats(0, 1))
    def test_a_larger_family_never_helps(self, p: list[float], extra: float) -> None:
        """A further member leaves every adjusted p where it was or raises it."""
        assert all(new >= old for new, old in zip(holm([*p, extra]), holm(p), strict=False))


class TestVerdicts:
    @steady
    @given(studies(), st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([0.2, 0.5]))
    def test_less_is_better_mirrors_more_is_better(self, cells: Cells, negligible: float, worthwhile: float) -> None:
        """A loss judged downwards is the mirrored score judged upwards."""
        up = judge_family(estimate(cells, WEIGHTS), negligible=negligible, worthwhile=worthwhile)
        down = judge_family(estimate(cells, -WEIGHTS), negligible=negligible, worthwhile=worthwhile, goal="min")

        assert [(j.verdict, j.supplement) for j in up] == [(j.verdict, j.supplement) for j in down]
        for left, right in zip(up, down, strict=True):
            assert close(
                np.array([left.p_adjusted, left.p_same, left.p_no_gain, left.visible]),
                np.array([right.p_adjusted, right.p_same, right.p_no_gain, right.visible]),
            )

    @steady
    @given(studies())
    def test_the_word_never_contradicts_the_interval(self, cells: Cells) -> None:
        """`better` and `worse` leave zero outside the interval; `same` has the difference within."""
        for j in judge_family(estimate(cells, WEIGHTS), negligible=0.2, worthwhile=0.5):
            assert j.estimate is not None
            assert verdict_text(j)
            if j.verdict == "better":
                assert j.estimate.lo > 0
            elif j.verdict == "worse":
                assert j.estimate.hi < 0
            elif j.verdict == "same":
                assert abs(j.estimate.difference) < 0.2
            elif j.verdict == "no_worthwhile_gain":
                assert j.estimate.difference < 0.5
