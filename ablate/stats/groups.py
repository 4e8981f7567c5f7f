"""Groups of test images that share their luck: patients, videos, bursts, copies of one image.

An answer to one scan of a patient says much of the answers to the others, so what was drawn at random is the patient.
Everything here is of the difference's linear form: the difference is a weighted sum over answers, each answer of
replicate r weighing 1 / (k n_r), and what one group adds to it is what the luck of that group is worth.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.stats.cells import Array, Form, Index
from ablate.stats.strata import Sampled, grouped_samples
from ablate.stats.student import Estimate, Grouped

FEWEST_GROUPS = 6
"""Effective groups below which there are intervals and no verdict."""

FEW_GROUPS = 20
"""Effective groups below which the intervals hold less precisely, and the report warns."""


class GroupMoments(NamedTuple):
    """What the engine pools, by groups: see `engine.Moments`. differing: groups with an answer that differs."""

    image_part: float
    within: float
    image_floor: float | None
    grouped: Grouped
    differing: int


def group_moments(
    deltas: list[Array], group: Index, means: Array, form: Form, *, independent: float, samples: Sampled | None = None
) -> GroupMoments:
    """The parts of a difference's variance where the groups, not the images, were drawn at random.

    deltas: a replicate's values, whose mean is that replicate's difference; group: that of each of the concatenated
    values; means: of the replicates. independent: the image part, were every image on its own. samples: what a metric
    is centred in that is no mean over all images alike.
    The image part is the CR2 variance of a weighted mean: sum of u_g^2 / (1 - w_g), u_g being what group g adds to
    the difference, and w_g its share of the weight. Source: Bell and McCaffrey 2002; Pustejovsky and Tipton 2018.
    Effective groups after Carter, Schnepel and Steigerwald 2017.
    """
    k, n_groups = len(deltas), int(group.max()) + 1
    sizes = np.array([delta.size for delta in deltas])
    replicate = np.repeat(np.arange(k), sizes)
    weight = 1 / (k * sizes[replicate])
    values = np.concatenate(deltas)
    difference = float(means.mean())
    # What each group adds to the difference in each replicate, and its number of images there: shape (k, n_groups).
    place, cells = replicate * n_groups + group, k * n_groups
    luck = weight * (values - means[replicate])
    own = np.bincount(place, weights=luck, minlength=cells).astype(np.float64).reshape(k, n_groups)
    counts = np.bincount(place, minlength=cells).reshape(k, n_groups)
    shares: Array = counts / (k * sizes)[:, None]
    weights = shares.sum(axis=0)
    seen = weights > 0
    if samples is None:
        added = (own + shares * (means - difference)[:, None]).sum(axis=0)
        image_part = _corrected(np.square(added[seen]), weights[seen])
        noise = _noise(own, counts > 0, weights, weights)
        effective, differing = 1 / float(np.square(weights).sum()), np.unique(group[values != 0]).size
        of_fold = shares * k
    else:
        found = grouped_samples(values, group, weight, means, samples)
        own, effective, differing = found.own, found.effective, found.differing
        none = np.zeros_like(weights)  # they are corrected, each by its share of its sample
        image_part = float(np.square(found.added).sum())
        noise = _noise(own, counts > 0, weights, none)
        of_fold = np.zeros_like(shares)
    within = 0.0
    if k > 1:
        within = k * noise if form == "fixed" and noise is not None else _within_folds(own * k, of_fold)
    return GroupMoments(
        image_part=image_part,
        within=within,
        image_floor=None if noise is None else max(0.0, image_part - noise),
        grouped=Grouped(
            n=int(seen.sum()),
            effective=effective,
            largest=float(weights.max()),
            design_effect=image_part / independent if independent > 0 else 1.0,
        ),
        differing=differing,
    )


def _corrected(squares: Array, weights: Array) -> float:
    """The sum of squares, each over one less its group's weight; a group that has it all leaves nothing to judge by."""
    if weights.max() >= 1:
        return 0.0
    return float((squares / (1 - weights)).sum())


def _noise(own: Array, tested: NDArray[np.bool_], weights: Array, leverage: Array) -> float | None:
    """The part of the difference's variance that new replicates on these images would draw anew.

    From the groups that were tested more than once; None where there is none. own, tested: shape (k, n_groups).
    leverage: of each group, by which its squares are too small.
    """
    times = tested.sum(axis=0)
    often = times > 1
    if not often.any() or weights.max() >= 1:
        return None
    mean = own[:, often].sum(axis=0) / times[often]
    spread = (np.square(own[:, often] - mean) * tested[:, often]).sum(axis=0) * times[often] / (times[often] - 1)
    return float((spread / (1 - leverage[often])).sum() / weights[often].sum())


def _within_folds(own: Array, shares: Array) -> float:
    """The mean over replicates of what a replicate's own groups say of its variance; those of one group say nothing."""
    found = [_corrected(np.square(row), share) for row, share in zip(own, shares, strict=True) if share.max() < 1]
    return float(np.mean(found)) if found else 0.0


def of_units(found: Estimate | None) -> Estimate | None:
    """An estimate by groups that were made one answer each: as many effective groups as there are, however few."""
    if found is None or not found.n_images or found.grouped is not None:
        return found
    n = found.n_images
    return replace(found, grouped=Grouped(n=n, effective=float(n), largest=1 / n, design_effect=1.0))
