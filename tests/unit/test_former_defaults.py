"""How a study keeps the runs that were made by a default of before, in words that can be pasted."""

from __future__ import annotations

from typing import Any

import pytest

from ablate.settings import ChangedDefault
from ablate.study.former_defaults import in_words, sets_to_keep, way_to_keep

LAYOUT = ChangedDefault("numerics.channels_last", now=True, before=False)
STEPS = ChangedDefault("steps", now=3, before=2)


@pytest.mark.parametrize(
    ("base", "line"),
    [
        ({}, "`numerics: {channels_last: false}` under `base:`"),
        ({"numerics": {"threads": 2}}, "`channels_last: false` under `base.numerics:`"),
        ({"numerics": None}, "`numerics: {channels_last: false}` under `base:`"),
    ],
)
def test_the_line_fits_what_the_study_has_already(base: dict[str, Any], line: str) -> None:
    """A block that is written is not opened twice."""
    assert way_to_keep([LAYOUT], base) == line


def test_several_defaults_are_told_together() -> None:
    """As lines, as options and in words."""
    both = [LAYOUT, STEPS]

    assert way_to_keep(both, {}) == "`numerics: {channels_last: false}` under `base:` and `steps: 2` under `base:`"
    assert sets_to_keep(both) == "--set numerics.channels_last=false --set steps=2"
    assert in_words(both) == "numerics.channels_last is now true by default and steps is now 3 by default"
