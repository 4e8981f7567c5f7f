"""How good the variants are on a part of the test images: those of a class, or of a value in a column about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ablate.report.gather.stored_answers import Sums
from ablate.splits.rules import Folds, TestRule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ablate.stats.accuracy import Accuracy
    from ablate.stats.cells import Cells


class ImagePart(NamedTuple):
    """Some test images. n: how many; groups: of how many groups that share their luck; None without any."""

    cells: Cells
    n: int
    groups: int | None

    def levels(self, *, level: float = 0.95, by_image: bool = False) -> list[Accuracy | None]:
        """How good each variant is on them; None for one without a run on any. by_image: images weigh the same."""
        from ablate.stats.accuracy import variant_accuracy

        positions = range(len(self.cells.scores))
        return [variant_accuracy(self.cells, position, level=level, by_image=by_image) for position in positions]


def part_of(sums: Sums, variants: Sequence[str], chosen: NDArray[np.bool_], test: TestRule | None) -> ImagePart:
    """The chosen images. chosen: by their numbers. A replicate with fewer than two of them is left out.

    test: how it was drawn, None where nobody says: a new shuffle begins where images come again.
    Images of one group count as one draw; where all chosen are of one group, each counts as one, of this group.
    """
    import numpy as np

    from ablate.stats.cells import Cells

    replicates = sorted(sums.images)
    repetition = repetitions_of([sums.images[r] for r in replicates]) if test is None else ()
    if isinstance(test, Folds):
        repetition = tuple(r // test.count for r in replicates)
    kept = [chosen[sums.images[r]] for r in replicates]
    enough = [int(mask.sum()) > 1 for mask in kept]
    images = tuple(sums.images[r][mask] if ok else None for r, mask, ok in zip(replicates, kept, enough, strict=True))
    rows = tuple(
        tuple(
            sums.scores[v, r][mask] if ok and (v, r) in sums.scores else None
            for r, mask, ok in zip(replicates, kept, enough, strict=True)
        )
        for v in variants
    )
    found = [row for row in images if row is not None]
    tested = np.unique(np.concatenate(found)).tolist() if found else []
    units = {sums.groups.get(image, image) for image in tested}
    grouped = bool(sums.groups) and len(units) > 1
    groups = tuple(
        None if row is None else np.array([sums.groups.get(image, image) for image in row.tolist()], np.int64)
        for row in (images if grouped else ())
    )
    cells = Cells(scores=rows, images=images, repetition=repetition, groups=groups)
    return ImagePart(cells, len(tested), len(units) if sums.groups else None)


def repetitions_of(images: Sequence[NDArray[np.int64]]) -> tuple[int, ...]:
    """Which shuffle each fold was cut from: a new one begins where images come again."""
    found: list[int] = []
    seen: set[int] = set()
    number = 0
    for row in images:
        if seen & set(row.tolist()):
            number, seen = number + 1, set()
        seen |= set(row.tolist())
        found.append(number)
    return tuple(found)
