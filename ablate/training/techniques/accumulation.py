"""A batch that goes through the network in pieces: the same gradient in less memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from ablate.training.batching import batch_sizes


class MicroBatch(NamedTuple):
    """Some rows of a batch, and their share in the batch's mean loss."""

    rows: slice
    share: Tensor | float


def micro_batches(size: int, micro_batch: int, importance: Tensor | None, *, least: int = 1) -> Iterator[MicroBatch]:
    """Consecutive rows, `micro_batch` at a time; the shares add up to 1.

    least: fewer rows than this at the end join the piece before them.
    importance: (size,) how much each image counts, or None for all the same.
    The sum of share * mean loss over the pieces is the mean loss of the batch, hence so are its
    gradients, up to rounding. What looks at the batch as a whole does not know of the rest of it:
    batch norm in training normalises each piece by itself, and dropout draws in another order.
    """
    start = 0
    for count in batch_sizes(size, micro_batch, least=least):
        rows = slice(start, start + count)
        start += count
        if importance is None:
            yield MicroBatch(rows, (rows.stop - rows.start) / size)
        else:
            yield MicroBatch(rows, importance[rows].sum() / importance.sum())
