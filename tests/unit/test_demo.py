"""`ablate demo --null`: what is said where there is nothing to find."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ablate.cli.results import null_words


@pytest.mark.parametrize(("wrong", "words"), [(0, "None was called"), (1, "1 was called"), (5, "All were called")])
def test_mistakes_are_counted(wrong: int, words: str) -> None:
    """Each verdict of a difference would be one."""
    row = SimpleNamespace(judged=5, false_verdicts=wrong)
    told = null_words(cast(Any, SimpleNamespace(exploratory=SimpleNamespace(self_test=row))))

    assert "all 5 steps repeat the baseline" in told
    assert words in told
