"""Early stopping: more than `patience` epochs in a row without a better value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.training.techniques.stopping import has_stalled


def stops_after(values: list[float], *, patience: int) -> int | None:
    """The epoch, from 1, after which a run stops."""
    for epoch in range(1, len(values) + 1):
        if has_stalled(values[:epoch], patience=patience):
            return epoch
    return None


@pytest.mark.parametrize(
    ("values", "patience", "expected"),
    [
        ([0.5, 0.6, 0.7], 0, None),
        ([0.5, 0.4], 0, 2),
        ([0.5, 0.4, 0.4], 1, 3),
        ([0.5, 0.4, 0.4], 2, None),
        ([0.5, 0.4, 0.6, 0.5, 0.5], 1, 5),
        ([0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.6], 1, 7),
        ([0.5], 0, None),
        ([], 0, None),
    ],
)
def test_a_run_stops_after_more_than_patience_epochs_without_a_better_value(
    values: list[float], patience: int, expected: int | None
) -> None:
    """A better value starts the count anew."""
    assert stops_after(values, patience=patience) == expected


def test_an_equal_value_is_not_better() -> None:
    """A plateau stops."""
    assert stops_after([0.5] * 9, patience=3) == 5


@given(st.lists(st.floats(0, 1), max_size=12), st.integers(0, 5))
def test_it_counts_the_epochs_since_the_best(values: list[float], patience: int) -> None:
    """The same as counting one epoch after the other."""
    best, waited, expected = None, 0, None
    for epoch, value in enumerate(values, start=1):
        if best is None or value > best:
            best, waited = value, 0
        else:
            waited += 1
        if waited > patience and expected is None:
            expected = epoch

    assert stops_after(values, patience=patience) == expected
