"""The score of every run on every test image as one compressed table: what every number of a report is made from."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import NamedTuple

from ablate.report.wording.escape import csv_lines
from ablate.stats.cells import Cells


class ScoredRuns(NamedTuple):
    """The scores of a study's runs. replicates: the number of each, in the order that `cells` has them."""

    cells: Cells
    variants: tuple[str, ...]
    replicates: tuple[int, ...]


def answers_table(runs: ScoredRuns) -> bytes:
    """The scores as compressed CSV: a line for each replicate and test image, a column for each variant.

    Images are numbered, since their names may tell of people; a number means the same image in every replicate. Empty
    where a run is missing. The same scores give the same bytes.
    """
    columns = ["replicate", "image", *runs.variants]
    text = csv_lines(columns, (line for place in range(len(runs.replicates)) for line in _lines(runs, place)))
    return gzip.compress(text.encode("utf-8"), compresslevel=6, mtime=0)


def _lines(runs: ScoredRuns, place: int) -> Sequence[Sequence[object]]:
    """The lines of one replicate; none where no run of it has finished."""
    images = runs.cells.positions[place]
    if images is None:
        return []
    columns = [
        [""] * len(images) if (found := scores[place]) is None else [f"{value:.12g}" for value in found]
        for scores in runs.cells.scores
    ]
    return [[runs.replicates[place], *line] for line in zip(images.tolist(), *columns, strict=True)]
