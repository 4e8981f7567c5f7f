"""How good one variant is, with an interval, which class it takes for which, and comparisons of two single runs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from ablate.stats.cells import Array, Cells, StatisticsError
from ablate.stats.engine import contrast_moments, estimate
from ablate.stats.replicate_level import Summary, estimate_replicates, estimate_summaries


class Accuracy(NamedTuple):
    """One variant's mean score with its interval, in the unit of the scores.

    n_images: distinct test images, None without scores of images. n_effective: how many independent
    images the evaluations are worth, None unless scores are 0 or 1.
    """

    mean: float
    lo: float
    hi: float
    n_replicates: int
    n_images: int | None
    n_effective: float | None


class ImageMean(NamedTuple):
    """The mean over images of each one's mean over its tests. n: images.

    run_share: what a variance between replicates is multiplied by, the sum of the squared weights of the replicates;
    one over their number where all weigh the same.
    """

    mean: float
    n: int
    run_share: float


class McNemar(NamedTuple):
    """Two trained networks on the same images: how many only one of them has right, and the exact p."""

    only_reference: int
    only_variant: int
    p: float


class Unpaired(NamedTuple):
    """The difference of two shares on different images, with its interval and the score test's p."""

    difference: float
    lo: float
    hi: float
    p: float


def image_mean(scores: Sequence[Array], images: Sequence[NDArray[np.int64]]) -> ImageMean:
    """Every image weighs the same, however many are tested in its replicate.

    scores, images: a row per replicate, of the scores and of which image each belongs to.
    """
    _, place, tests = np.unique(np.concatenate(images), return_inverse=True, return_counts=True)
    found = float((np.bincount(place, weights=np.concatenate(scores)) / tests).mean())
    weights = np.split(1 / tests[place] / len(tests), np.cumsum([len(row) for row in images])[:-1])
    return ImageMean(found, len(tests), float(sum(row.sum() ** 2 for row in weights)))


def variant_accuracy(cells: Cells, variant: int, *, level: float = 0.95, by_image: bool = False) -> Accuracy | None:
    """The mean score of one variant on new images and new runs; None where no run of it finished.

    Scores of 0 and 1: the Wilson interval of as many independent images as the evaluations are worth,
    at most their number; exactly Wilson's for one run. All right or all wrong counts every image once, or every
    group of images. With groups the effective number is smaller by what few groups tell less of their own spread.
    by_image: the mean over images of right and wrong answers instead of that over replicates; the two differ where
    replicates hold unequal numbers of images.
    Other scores: the Student interval of the engine, from this variant alone; of a share counted in one class that is
    0 or 1, at least Wilson's of the images of that class.
    Source: Wilson 1927; the effective sample size after Kish 1965, with few groups after Korn and Graubard 1998.
    """
    alone = np.zeros(len(cells.scores))
    alone[variant] = 1.0
    scores = [row for row in cells.scores[variant] if row is not None]
    if not scores:
        return None
    if cells.strata is not None or not all(np.isin(row, (0, 1)).all() for row in scores):
        (found,) = estimate(cells, alone[None, :], level=level)
        assert found is not None
        lo, hi = found.lo, found.hi
        counted = _counted_images(cells)
        if counted and min(abs(found.difference), abs(found.difference - 1)) < 1e-9:
            least, most = wilson(round(found.difference) * counted, counted, level=level)
            lo, hi = min(lo, least), max(hi, most)
        return Accuracy(found.difference, lo, hi, found.n_replicates, found.n_images, None)
    moments = contrast_moments(cells, alone)
    assert moments is not None
    k, n, p = moments.n_replicates, moments.n_images, moments.difference
    run_share = 1 / k
    if by_image:
        pairs = zip(cells.images, cells.scores[variant], strict=True)
        images = [row for row, own in pairs if row is not None and own is not None]
        p, _, run_share = image_mean(scores, images)
    grouped = moments.grouped
    image_part = moments.image_part * (n - 1) / n if grouped is None else moments.image_part
    variance = image_part + max(0.0, moments.excess) * run_share
    evaluations = float(sum(row.size for row in scores))
    if p in (0.0, 1.0):
        effective = float(n) if grouped is None else grouped.effective
    else:
        effective = min(p * (1 - p) / variance, evaluations) if variance > 0 else evaluations
    if grouped is not None:
        effective *= float(ndtri((1 - level) / 2) / stdtrit(moments.image_df, (1 - level) / 2)) ** 2
    lo, hi = wilson(p * effective, effective, level=level)
    return Accuracy(p, lo, hi, k, n, effective)


def _counted_images(cells: Cells) -> int:
    """Distinct images of the one sample that a share is counted in, such as a class; 0 of other metrics."""
    if cells.strata is None or sorted(cells.strata.shares) != [0.0, 1.0]:
        return 0
    counted = cells.strata.shares.index(1.0)
    pairs = zip(cells.images, cells.strata.of, strict=True)
    found = [images[of == counted] for images, of in pairs if images is not None and of is not None]
    return int(np.unique(np.concatenate(found)).size) if found else 0


def accuracy_of_numbers(numbers: Sequence[float], *, level: float = 0.95) -> Accuracy:
    """The mean of one number per run, with its Student interval over replicates; unbounded for a single run.

    Unbounded, too, where all numbers are equal: nothing is known then of how much runs differ.
    On a fixed test set the interval holds for that set, not for new images.
    """
    (found,) = estimate_replicates([numbers], np.ones((1, 1)), pairing="paired", level=level)
    if found is None:
        raise StatisticsError("the mean of no runs", hint="Pass the results of finished runs only.")
    return _with_some_width(Accuracy(found.difference, found.lo, found.hi, found.n_replicates, None, None))


def accuracy_of_summary(summary: Summary, *, level: float = 0.95) -> Accuracy:
    """The same from the mean, standard deviation and number of the runs."""
    (found,) = estimate_summaries([summary], np.ones((1, 1)), level=level)
    assert found is not None
    return _with_some_width(Accuracy(found.difference, found.lo, found.hi, found.n_replicates, None, None))


def _with_some_width(found: Accuracy) -> Accuracy:
    return found if found.lo < found.hi else found._replace(lo=-inf, hi=inf)


def wilson(count: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """The Wilson interval of a share; `count` and `n` may be effective, hence fractional, numbers.

    Source: Wilson 1927.
    """
    # Written out, as below: the library's version takes a second to import, for every command that judges.
    z2 = float(ndtri((1 - level) / 2)) ** 2
    share = count / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n) / (1 + z2 / n)
    return (0.0 if count == 0 else middle - half), (1.0 if count == n else middle + half)


def mcnemar(reference: Array, variant: Array) -> McNemar:
    """Whether two trained networks differ on the same images; it knows nothing of another run's luck.

    reference, variant: shape (n_images,), 0 or 1. Raises StatisticsError for other scores or shapes.
    Source: McNemar 1947, exact form.
    """
    from scipy.stats import binomtest

    if np.shape(reference) != np.shape(variant) or not np.isin([reference, variant], (0, 1)).all():
        raise StatisticsError("McNemar's test needs right or wrong for the same images", hint="Pass scores of 0 and 1.")
    only_reference = int(np.sum((reference == 1) & (variant == 0)))
    only_variant = int(np.sum((reference == 0) & (variant == 1)))
    if only_reference + only_variant == 0:
        return McNemar(0, 0, 1.0)
    exact = binomtest(only_variant, only_reference + only_variant)
    return McNemar(only_reference, only_variant, float(exact.pvalue))


def newcombe(variant: tuple[int, int], reference: tuple[int, int], *, level: float = 0.95) -> Unpaired:
    """The difference of two shares counted on different images: variant minus reference.

    variant, reference: (number right, number of images). Raises StatisticsError for impossible counts.
    Source: Newcombe 1998 (method 10) for the interval, Miettinen and Nurminen 1985 for p.
    """
    for right, n in (variant, reference):
        if not 0 <= right <= n or n < 1:
            raise StatisticsError(f"{right} right of {n} images", hint="Give (number right, number of images).")
    (a, m), (b, n) = variant, reference
    (least, most), (fewest, largest) = wilson(a, m, level=level), wilson(b, n, level=level)
    difference = a / m - b / n
    lo = difference - sqrt((a / m - least) ** 2 + (largest - b / n) ** 2)
    hi = difference + sqrt((most - a / m) ** 2 + (b / n - fewest) ** 2)
    pooled = (a + b) / (m + n)
    variance = pooled * (1 - pooled) * (1 / m + 1 / n) * (m + n) / (m + n - 1)
    p = 2 * float(ndtr(-abs(difference) / sqrt(variance))) if difference else 1.0
    return Unpaired(difference, lo, hi, p)


def confusion_counts(targets: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How often each class (row) was taken for each class (column): shape (classes, classes).

    targets, predicted: shape (n,), class indices; what lies outside the classes is passed over.
    """
    known = (targets >= 0) & (targets < classes) & (predicted >= 0) & (predicted < classes)
    counts = np.bincount(targets[known] * classes + predicted[known], minlength=classes**2)
    return counts.reshape(classes, classes)
