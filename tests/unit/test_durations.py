"""Spans of time as people write them."""

from __future__ import annotations

import pytest

from ablate.study.durations import read_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (9, 9), (1.5, 1.5), ("45s", 45), ("30m", 1800), ("3h", 10800), ("1d12h", 129600), ("1 H 9 M", 4140)],
)
def test_a_span_of_time_is_read_as_it_is_written(text: str | float, seconds: float) -> None:
    """A bare number counts seconds."""
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "3x", "3h later", "-5", "0", "0h", True, None, "1e3", "٣h x"])
def test_what_is_no_span_of_time_is_refused_with_examples(text: object) -> None:
    """The message says how to write it."""
    with pytest.raises(ValueError, match="3h or 1d12h"):
        read_duration(text)  # type: ignore[arg-type]
