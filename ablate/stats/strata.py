"""The image part of metrics that are no mean over all images alike: ratios, areas, F1.

Their values are centred within samples: a recall within the images of its class. What a sample of n_c images says of
its own spread is too small by (n_c - 1) / n_c, and known by n_c - 1 degrees of freedom; where a class of twenty weighs
as much as one of a thousand, that is most of what is known. With one sample for all images everything here is as in
`engine` and `groups`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.stats.cells import Array, Cells, Form, Index


class Sampled(NamedTuple):
    """For each of the concatenated values of the matched replicates: its replicate, its sample, its leverage.

    leverage: the part of its sample that the image, or the group of images, makes up.
    """

    replicate: Index
    stratum: Index
    leverage: Array
    shares: tuple[float, ...]


class StratifiedMoments(NamedTuple):
    """What the engine pools, by samples: see `engine.Moments`."""

    image_part: float
    within: float
    image_floor: float | None
    image_df: float
    least: float

    @property
    def moments(self) -> dict[str, Any]:
        """Those that stand in the place of the engine's own."""
        return {name: getattr(self, name) for name in ("image_part", "within", "image_floor", "image_df")}


def sampled(cells: Cells, matched: Sequence[int], units: Sequence[Index]) -> Sampled | None:
    """The samples of the matched replicates; None where all images are one sample. units: images, or their groups."""
    if cells.strata is None:
        return None
    sizes = [unit.size for unit in units]
    replicate = np.repeat(np.arange(len(matched)), sizes)
    stratum = np.concatenate([np.asarray(cells.strata.of[r]) for r in matched])
    pool = np.asarray(matched)
    if cells.form == "folds" and cells.strata.pooled:
        pool = np.array([cells.repetition[r] if cells.repetition else 0 for r in matched])
    sample = pool[replicate] * (int(stratum.max()) + 1) + stratum
    unit = np.concatenate(units)
    _, place, times = np.unique(sample * (int(unit.max()) + 1) + unit, return_inverse=True, return_counts=True)
    leverage = times[place] / np.bincount(sample)[sample]
    return Sampled(replicate, stratum, leverage, cells.strata.shares)


def stratified_moments(deltas: list[Array], position: Index, found: Sampled, form: Form) -> StratifiedMoments:
    """The parts of a difference's variance, image by image. position: which image each concatenated value is of."""
    values, k = np.concatenate(deltas), len(deltas)
    times = np.bincount(position)
    seen = times > 0
    n_images = int(seen.sum())
    own = (np.bincount(position, weights=values) / np.maximum(times, 1))[seen]
    leverage = (np.bincount(position, weights=found.leverage) / np.maximum(times, 1))[seen]
    stratum = np.zeros(len(times), np.int64)
    stratum[position] = found.stratum
    stratum = stratum[seen]

    parts = _corrected(np.square(own - own.mean()), leverage) / n_images**2
    image_part = float(parts.sum())
    by_sample: Array = np.bincount(stratum, weights=parts).astype(np.float64)
    df_by_sample: Array = np.bincount(stratum, weights=1 - leverage).astype(np.float64)
    df = satterthwaite(by_sample, df_by_sample, otherwise=n_images - 1.0)

    means = np.array([delta.mean() for delta in deltas])
    centred = _corrected(np.square(values - means[found.replicate]), found.leverage)
    within = float(np.mean([centred[found.replicate == r].sum() / deltas[r].size ** 2 for r in range(k)]))
    floor = None
    residual_df = len(values) - n_images
    if residual_df > 0:
        of_image = np.bincount(position, weights=values) / np.maximum(times, 1)
        noise = _corrected(np.square(values - of_image[position]), found.leverage) * (1 - 1 / n_images)
        residual = float(noise.sum()) / residual_df
        floor = max(0.0, image_part - residual * float(np.mean(1 / times[seen])) / n_images)
        if form == "fixed":
            within = residual / n_images
    if k == 1:
        within = 0.0
    return StratifiedMoments(image_part, within, floor, df, _least(found, np.bincount(stratum)))


def _corrected(squares: Array, leverage: Array) -> Array:
    """Squares over one less the leverage; what makes up its whole sample is centred at itself, and says nothing."""
    corrected: Array = squares / np.where(leverage < 1, 1 - leverage, 1.0)
    return corrected


def satterthwaite(parts: Array, df: Array, *, otherwise: float) -> float:
    """The degrees of freedom of a sum of variances, 1 at least. otherwise: where the sum is 0.

    Source: Satterthwaite 1946.
    """
    known = (parts > 0) & (df > 0)
    if not known.any():
        return max(1.0, otherwise)
    return max(1.0, float(parts.sum() ** 2 / np.sum(np.square(parts[known]) / df[known])))


def _least(found: Sampled, n: Index) -> float:
    """The standard error that two further images of each sample leave, for weights of length one: see `engine`."""
    shares = np.zeros(len(n))
    known = np.array(found.shares)[: len(n)]
    shares[: len(known)] = known
    return float(np.sqrt(np.square(shares / (n + 2)).sum()))


class GroupSamples(NamedTuple):
    """Groups of images by samples. own: (k, groups), what each adds to the difference in each replicate, corrected.

    added: (groups,) the same over all replicates. effective: groups that tell as much of this metric, were they equal.
    differing: groups with an answer that differs from most answers of its sample.
    """

    own: Array
    added: Array
    effective: float
    differing: int


def grouped_samples(values: Array, group: Index, weight: Array, means: Array, found: Sampled) -> GroupSamples:
    """What groups of images add to a difference, each part over the root of one less its share of the sample.

    weight: of each value in the difference; group: of each, from 0.
    Source: Bell and McCaffrey 2002, sample by sample; effective groups after Carter, Schnepel and Steigerwald 2017.
    """
    k, n_groups, n_samples = len(means), int(group.max()) + 1, int(found.stratum.max()) + 1
    cell = group * n_samples + found.stratum
    scale = 1 / np.sqrt(np.where(found.leverage < 1, 1 - found.leverage, 1.0))
    luck = weight * (values - means[found.replicate]) * scale
    place = found.replicate * n_groups + group
    own: Array = np.bincount(place, weights=luck, minlength=k * n_groups).astype(np.float64).reshape(k, n_groups)
    luck = weight * (values - means.mean()) * scale
    added = np.bincount(cell, weights=luck, minlength=n_groups * n_samples).reshape(n_groups, n_samples)
    share = np.bincount(cell, weights=weight, minlength=n_groups * n_samples).reshape(n_groups, n_samples)
    share = share / np.maximum(share.sum(axis=0), np.finfo(float).tiny)
    df = 1 / np.maximum(np.square(share).sum(axis=0), np.finfo(float).tiny) - 1
    parts = np.square(added).sum(axis=0)
    alone = np.unique(found.stratum[(found.leverage >= 1) & differs(values, found)])
    if alone.size:  # a sample that one group makes up: nobody knows how another group would do
        effective = 1.0
    else:
        effective = 1 + satterthwaite(parts, df, otherwise=float(df.min()))
    return GroupSamples(own, added.sum(axis=1), effective, np.unique(group[differs(values, found)]).size)


def differs(values: Array, found: Sampled) -> NDArray[np.bool_]:
    """Which values are not those of most images of their sample in their replicate."""
    usual = np.empty_like(values)
    key = found.replicate * (int(found.stratum.max()) + 1) + found.stratum
    order = np.argsort(key, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        usual[part] = np.median(values[part])
    size = float(np.abs(values).max(initial=0.0))
    told: NDArray[np.bool_] = np.abs(values - usual) > 1e-9 * size
    return told
