"""Early stopping: when the values watched after each epoch no longer get better."""

from __future__ import annotations

from collections.abc import Sequence


def has_stalled(values: Sequence[float], *, patience: int) -> bool:
    """Whether more than `patience` epochs in a row brought no value above the best one before them.

    values: one per epoch, in order, more is better; an equal value is not better. With patience 0
    the first epoch without a better value stalls.
    """
    if not values:
        return False
    best = values.index(max(values))
    return len(values) - 1 - best > patience
