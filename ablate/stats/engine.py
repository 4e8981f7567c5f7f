"""Intervals and p-values for contrasts between variants, from the scores of single test images.

The variance of a difference has two parts: which images were tested (measured image by image), and
what the runs differ by beyond that (measured between replicates, pooled over the contrasts of a
family because three to ten replicates tell little about it). All numbers are in the unit of the scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ablate.stats.cells import Array, Cells, Form, Index, StatisticsError
from ablate.stats.groups import group_moments
from ablate.stats.strata import sampled, stratified_moments
from ablate.stats.student import RESOLUTION, Estimate, Grouped, student_answer, two_sided_p, without_rounding

SURE_GROUPS = 3
"""Groups with a differing answer from which their images, not their number, bound how small an error can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What one contrast's replicates say before anything is pooled; variances of means.

    between: variance of the replicates' differences. within: what that would be from image noise alone.
    Both are 0 for a single replicate. image_df: what the image part is known by. resolution: sizes below it are
    rounding. least: the smallest standard error that so few answers can prove, for weights of length one.
    by_sample: image_df counts the samples a metric is centred in, and may be less than the replicates have.
    """

    difference: float
    image_part: float
    between: float
    within: float
    image_floor: float | None
    by_replicate: tuple[float, ...]
    n_images: int
    resolution: float
    image_df: float
    least: float = 0.0
    grouped: Grouped | None = None
    by_sample: bool = False

    @property
    def n_replicates(self) -> int:
        return len(self.by_replicate)

    @property
    def excess(self) -> float:
        """How much the replicates differ beyond image noise; negative where they differ by less."""
        return self.between - self.within


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePool:
    """Run noise shared by a family of contrasts, for weights of length one, with `df` degrees of freedom."""

    excess: float
    between: float
    df: float


def estimate(cells: Cells, weights: Array, *, level: float = 0.95) -> tuple[Estimate | None, ...]:
    """The contrasts of one family, each with an interval for new images and new runs.

    weights: shape (n_contrasts, n_variants); a step from variant 0 to 1 is (-1, 1, 0, ...). A contrast
    uses the replicates in which all variants of non-zero weight are present; None where there is none.
    One replicate gives the per-image Student interval, which knows nothing of the luck of a run.
    Where images come in groups the groups were drawn at random, not the images; the difference stays the mean over
    images, so that a large group weighs more. Degrees of freedom of that part: effective groups less one.
    Of answers that are right or wrong the standard error is at least that of two further images on which the
    variants differ in opposite ways, so that n equal answers prove no more than n can. Other scores that do not
    differ at all give standard error 0, the interval [0, 0] and p = 1; if every image changes by the same amount in
    every run p is at least that of the sign test over the images, or groups.
    Source: crossed variance components in the manner of Owen 2007 with degrees of freedom after
    Satterthwaite 1946, never fewer than the paired t-test over the same replicates would have. The further images
    after Agresti and Min 2005, Bonett and Price 2012.
    """
    weights = checked_weights(weights, n_variants=len(cells.scores))
    found = [contrast_moments(cells, row) for row in weights]
    pool = pool_runs(found, weights)
    lengths = np.square(weights).sum(axis=1)
    return tuple(
        None if moments is None else _finish(moments, pool, float(length), level)
        for moments, length in zip(found, lengths, strict=True)
    )


def contrast_moments(cells: Cells, weights: Array) -> Moments | None:
    """Mean and variance parts of one weighted sum of variants; None without a matched replicate.

    weights: shape (n_variants,).
    """
    used = np.flatnonzero(weights)
    matched = [
        r
        for r, images in enumerate(cells.images)
        if images is not None and all(cells.scores[v][r] is not None for v in used)
    ]
    if not matched:
        return None
    deltas: list[Array] = [
        np.sum([weights[v] * np.asarray(cells.scores[v][r], dtype=np.float64) for v in used], axis=0) for r in matched
    ]
    position = np.concatenate([np.asarray(cells.positions[r]) for r in matched])
    size = float(np.abs(weights) @ np.array(cells.largest))
    found = _moments(deltas, position, cells.form, resolution=RESOLUTION * size)
    least = 1 / (found.n_images + 2) if cells.is_binary else 0.0
    own = sampled(cells, matched, [np.asarray(cells.positions[r]) for r in matched])
    if own is not None:
        parts = stratified_moments(deltas, position, own, cells.form)
        found, least = replace(found, by_sample=True, **parts.moments), parts.least
    if cells.units:
        units = [np.asarray(cells.units[r]) for r in matched]
        groups, means = np.concatenate(units), np.array(found.by_replicate)
        samples = sampled(cells, matched, units)
        by_group = group_moments(deltas, groups, means, cells.form, independent=found.image_part, samples=samples)
        if by_group.differing < SURE_GROUPS and least:
            least = 1 / (by_group.grouped.effective + 2)
        found = replace(
            found,
            image_part=by_group.image_part,
            within=by_group.within,
            image_floor=by_group.image_floor,
            image_df=max(1.0, by_group.grouped.effective - 1),
            grouped=by_group.grouped,
        )
    return replace(found, least=least) if least else found


def _moments(deltas: list[Array], position: Index, form: Form, *, resolution: float) -> Moments:
    """position: which image each of the concatenated deltas belongs to."""
    values = np.concatenate(deltas)
    times_tested = np.bincount(position)
    image_sums = np.bincount(position, weights=values)
    seen = times_tested > 0
    own_mean = image_sums[position] / times_tested[position]
    image_means, times_tested = image_sums[seen] / times_tested[seen], times_tested[seen]
    n_images = len(image_means)
    image_part = float(image_means.var(ddof=1)) / n_images

    residual_df = len(values) - n_images
    floor = residual = None
    if residual_df > 0:
        residual = float(np.square(values - own_mean).sum()) / residual_df
        floor = max(0.0, image_part - residual * float(np.mean(1 / times_tested)) / n_images)

    means = np.array([delta.mean() for delta in deltas])
    between = within = 0.0
    if len(means) > 1:
        between = float(means.var(ddof=1))
        if form == "fixed" and residual is not None:
            within = residual / n_images
        else:
            within = float(np.mean([delta.var(ddof=1) / delta.size for delta in deltas]))
    return Moments(
        difference=float(means.mean()),
        image_part=image_part,
        between=between,
        within=within,
        image_floor=floor,
        by_replicate=tuple(means.tolist()),
        n_images=n_images,
        resolution=resolution,
        image_df=float(n_images - 1),
    )


def pool_runs(found: list[Moments | None], weights: Array) -> ImagePool | None:
    """The run noise of a family; None when no contrast has two replicates.

    Contrasts that share variants share their noise, so their degrees of freedom do not add up:
    the sum is divided by 1 + (2 / S) times the squared correlations of the S contrasts' weights.
    A noise is proportional to the squared length of its weights, hence the scaling.
    """
    rows = [i for i, moments in enumerate(found) if moments is not None and moments.n_replicates > 1]
    known = [moments for moments in found if moments is not None and moments.n_replicates > 1]
    if not known:
        return None
    lengths = np.square(weights[rows]).sum(axis=1)
    df = np.array([moments.n_replicates - 1 for moments in known], dtype=np.float64)
    excess = np.array([moments.excess for moments in known]) / lengths
    between = np.array([moments.between for moments in known]) / lengths
    directions = weights[rows] / np.sqrt(lengths)[:, None]
    shared = float(np.square(directions @ directions.T).sum()) - len(rows)  # every pair counted twice
    return ImagePool(
        excess=max(0.0, float(df @ excess / df.sum())),
        between=float(df @ between / df.sum()),
        df=float(df.sum()) / (1 + max(0.0, shared) / len(rows)),
    )


def _finish(moments: Moments, pool: ImagePool | None, length: float, level: float) -> Estimate:
    k, n_images = moments.n_replicates, moments.n_images
    image_part, floor, run_part = moments.image_part, moments.image_floor, 0.0
    if k > 1 and pool is not None:
        excess = max(0.0, moments.excess, pool.excess * length)
        # A difference of two variances: what is left of them by rounding would be a large standard error.
        run_part = excess / k if excess > RESOLUTION * (moments.between + pool.between * length) else 0.0
    varies = image_part + run_part > moments.resolution**2
    least = moments.least**2 * length
    if image_part + run_part < least:
        image_part = least - run_part
        floor = None if floor is None else max(floor, least)  # no replicate adds images
    variance = image_part + run_part
    difference, se = without_rounding(moments.difference, variance, resolution=moments.resolution)
    by_image = moments.grouped is None and not moments.by_sample
    df = moments.image_df if k == 1 else k - 1.0 if by_image else min(k - 1.0, moments.image_df)
    if k > 1 and pool is not None and se:
        # Shares of the variance instead of its powers, so that tiny units do not underflow.
        images, runs = image_part / variance, pool.between * length / k / variance
        df = max(df, 1 / (images**2 / moments.image_df + runs**2 / pool.df))
    answer = student_answer(difference, se, df, n_units=n_images, level=level)
    if not varies:
        units = n_images if moments.grouped is None else moments.grouped.n
        answer["p"] = max(answer["p"], two_sided_p(difference, 0.0, df, n_units=units))
    return Estimate(
        **answer,
        n_replicates=k,
        n_images=n_images,
        image_part=image_part if se else 0.0,
        run_part=run_part if se else 0.0,
        image_floor=floor,
        by_replicate=moments.by_replicate,
        basis="images",
        grouped=moments.grouped,
    )


def checked_weights(weights: Array, *, n_variants: int) -> Array:
    """The weights as numbers, or StatisticsError: one row per contrast, one column per variant, no empty row."""
    weights = np.asarray(weights, dtype=np.float64)
    if weights.ndim != 2 or weights.shape[1] != n_variants:
        raise StatisticsError(
            f"weights of shape {weights.shape} for {n_variants} variants",
            hint="Give one row for each contrast and one column for each variant.",
        )
    if not np.isfinite(weights).all() or not weights.any(axis=1).all():
        raise StatisticsError(
            "a contrast whose weights are all zero or not finite", hint="Give every variant a finite weight."
        )
    return weights
