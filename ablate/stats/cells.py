"""The scores of every run of a study, image by image, checked once on the way in."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.errors import AblateError

Array = NDArray[np.float64]
Index = NDArray[np.int64]

Form = Literal["fixed", "folds"]


class StatisticsError(AblateError):
    """The numbers handed to the statistics cannot be what was measured."""


class Strata(NamedTuple):
    """The samples that a metric's values are centred in, such as the images of each class.

    of: [replicate] -> shape (n_r,), the number of each image's sample. pooled: the values of folds are centred in the
    samples of their whole repetition, else of each fold. shares: how much each sample weighs in a metric of right and
    wrong answers; empty for any other.
    """

    of: tuple[Index | None, ...]
    pooled: bool = False
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """The scores of every run, one number a test image.

    scores: [variant][replicate] -> shape (n_r,), or None where that run is missing.
    images: [replicate] -> shape (n_r,), which image each score belongs to, the same for all variants;
    None where no run of the replicate finished.
    repetition: [replicate] -> which shuffle of the data the replicate's fold was cut from; empty means
    one shuffle. Within a repetition no image is tested twice, between repetitions images recur freely.
    groups: [replicate] -> shape (n_r,), which group each image is of: what shares its luck (a patient, a video,
    copies of one image); empty where every image is on its own.
    strata: of a metric that is no mean over all images alike, what its values are centred in.
    positions: the images renumbered from 0, so that arrays can be indexed by them. units: the groups so renumbered;
    empty where none has two images. largest: the largest score of each variant by size. is_binary: whether every
    score is right (1) or wrong (0). form: `fixed` when every replicate was tested on the same images, else `folds`.
    Raises StatisticsError for non-finite scores, shapes that disagree, fewer than two images, an image
    twice in a replicate, and replicates that overlap without being the same test set.
    """

    scores: tuple[tuple[Array | None, ...], ...]
    images: tuple[Index | None, ...]
    repetition: tuple[int, ...] = ()
    groups: tuple[Index | None, ...] = ()
    strata: Strata | None = None
    form: Form = field(init=False)
    positions: tuple[Index | None, ...] = field(init=False)
    units: tuple[Index | None, ...] = field(init=False)
    is_binary: bool = field(init=False)
    largest: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        _check_images(self.images)
        for row in self.scores:
            _check_scores(row, self.images)
        if self.repetition and len(self.repetition) != len(self.images):
            raise StatisticsError(
                f"{len(self.repetition)} repetitions for {len(self.images)} replicates",
                hint="Give one repetition for each replicate, or none at all.",
            )
        positions = _positions(self.images)
        # The one way to fill the derived fields of a frozen record.
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "units", _units(self.groups, self.images, positions))
        binary = self.strata is None and all(_is_binary(row) for row in self.scores)
        object.__setattr__(self, "is_binary", binary)
        object.__setattr__(self, "form", _form(positions))
        object.__setattr__(self, "largest", tuple(_largest(row) for row in self.scores))
        if self.form == "folds":
            _check_folds(positions, self.repetition or (0,) * len(positions))


def _positions(images: tuple[Index | None, ...]) -> tuple[Index | None, ...]:
    tested = [row for row in images if row is not None]
    if not tested:
        return images
    _, position = np.unique(np.concatenate(tested), return_inverse=True)
    parts = iter(np.split(position, np.cumsum([len(row) for row in tested])[:-1]))
    return tuple(None if row is None else next(parts) for row in images)


def _units(
    groups: tuple[Index | None, ...], images: tuple[Index | None, ...], positions: tuple[Index | None, ...]
) -> tuple[Index | None, ...]:
    """The groups renumbered from 0; empty where no group has two images."""
    if not groups:
        return ()
    if [None if row is None else len(row) for row in groups] != [None if row is None else len(row) for row in images]:
        raise StatisticsError("groups that do not fit the images", hint="Give one group for each test image.")
    found = _positions(groups)
    tested = [(row, of) for row, of in zip(positions, found, strict=True) if row is not None and of is not None]
    if not tested:
        return ()
    image, group = (np.concatenate(column) for column in zip(*tested, strict=True))
    of_image = np.empty(int(image.max()) + 1, np.int64)
    of_image[image] = group
    if not np.array_equal(of_image[image], group):
        raise StatisticsError("an image is of two groups", hint="Give an image the same group in every replicate.")
    return found if int(group.max()) < int(image.max()) else ()


def _is_binary(row: tuple[Array | None, ...]) -> bool:
    return all(bool(((scores == 0) | (scores == 1)).all()) for scores in row if scores is not None)


def _form(positions: tuple[Index | None, ...]) -> Form:
    tested = [np.sort(row) for row in positions if row is not None]
    return "fixed" if all(np.array_equal(left, right) for left, right in pairwise(tested)) else "folds"


def _largest(row: tuple[Array | None, ...]) -> float:
    return max((float(np.abs(scores).max()) for scores in row if scores is not None), default=0.0)


def _check_images(images: tuple[Index | None, ...]) -> None:
    for r, row in enumerate(images):
        if row is None:
            continue
        if np.ndim(row) != 1 or len(row) < 2:
            raise StatisticsError(f"replicate {r} has fewer than two test images", hint="One image has no spread.")
        if len(np.unique(row)) != len(row):
            raise StatisticsError(f"replicate {r} tests an image twice", hint="Give each image one score.")


def _check_scores(row: tuple[Array | None, ...], images: tuple[Index | None, ...]) -> None:
    if len(row) != len(images):
        raise StatisticsError(
            f"{len(row)} runs of a variant for {len(images)} replicates",
            hint="Put None where a run is missing.",
        )
    for r, (scores, tested) in enumerate(zip(row, images, strict=True)):
        if scores is None:
            continue
        if tested is None or np.shape(scores) != np.shape(tested):
            raise StatisticsError(
                f"replicate {r} has {np.size(scores)} scores for {0 if tested is None else len(tested)} images",
                hint="All variants of a replicate are tested on the same images.",
            )
        if not np.isfinite(scores).all():
            raise StatisticsError(
                f"replicate {r} holds a score that is not finite", hint="Pass None for a run that failed."
            )


def _check_folds(positions: tuple[Index | None, ...], repetition: tuple[int, ...]) -> None:
    for q in set(repetition):
        tested = [row for row, own in zip(positions, repetition, strict=True) if own == q and row is not None]
        if tested and np.bincount(np.concatenate(tested)).max() > 1:
            raise StatisticsError(
                f"two replicates of repetition {q} share some test images but not all",
                hint="Test sets are either the same in all replicates or disjoint within a repetition.",
            )
