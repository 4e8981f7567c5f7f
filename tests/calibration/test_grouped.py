"""What the statistics claim of images in groups, and of few images, measured by two generators."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.calibration.grouped import (
    STUDIES,
    GroupedStudy,
    SmallStudy,
    grouped_settings,
    grouped_table,
    measure_groups,
    measure_small,
    measured_in_parallel,
    small_settings,
    small_table,
)

CELLS = 40
"""Of the table; the error of a test that one of them is wrong is shared among them."""


def is_at_most(rate: float, n: int, limit: float) -> bool:
    """Whether a measured rate does not contradict a limit, at .01 for the whole table."""
    return bool(binomtest(round(rate * n), n, limit, alternative="greater").pvalue > 0.01 / CELLS)


class TestQuickly:
    """A few dozen studies: wide limits, but images as units do not pass them."""

    @pytest.mark.parametrize("generator", ["item response", "heavy tails"])
    def test_groups_are_the_unit_of_chance(self, generator: str) -> None:
        """Pairs of equal variants seldom differ by groups, and often by images."""
        found = measure_groups(GroupedStudy("lognormal", 10, 5, generator=generator, studies=80))  # type: ignore[arg-type]

        assert found["by_image"] > 0.2
        assert is_at_most(found["by_group"], 80, 0.05)

    def test_few_images_are_never_the_same(self) -> None:
        """Fifty images that nearly all are right do not rule out a point."""
        found = measure_small(SmallStudy("fixed", 50, 0.98, 3, studies=20))

        assert found["same"] == 0
        assert found["coverage"] > 0.95


@pytest.fixture(scope="module")
def studies() -> int:
    """How many are simulated for a cell."""
    return int(os.environ.get(STUDIES, "400"))


@pytest.mark.slow
class TestMeasured:
    def test_images_in_groups(self, studies: int, capsys: pytest.CaptureFixture[str]) -> None:
        """No cell contradicts 5 % of false findings, nor their mean; coverage lies in the bounds promised."""
        found = measured_in_parallel(measure_groups, grouped_settings(studies))
        with capsys.disabled():
            sys.stdout.write(f"\n{grouped_table(found)}")
        held = {s: round(m["coverage"] * s.studies) for s, m in found.items()}
        lowest = {s: 0.94 if m["effective"] >= 20 else 0.935 for s, m in found.items()}

        assert [s for s, m in found.items() if not is_at_most(m["by_group"], s.studies, 0.05)] == []
        assert np.mean([m["by_group"] for m in found.values()]) <= 0.05
        assert [s for s in found if not is_at_most(1 - held[s] / s.studies, s.studies, 1 - lowest[s])] == []
        assert [s for s in found if not is_at_most(held[s] / s.studies, s.studies, 0.99)] == []
        assert studies < 2000 or max(m["by_group"] for m in found.values()) <= 0.065
        # Why it is done: by images most of these would be called different far too often.
        assert np.mean([m["by_image"] for s, m in found.items() if s.form == "fixed"]) > 0.2

    def test_few_images(self, studies: int, capsys: pytest.CaptureFixture[str]) -> None:
        """At 50 images and up to 98 % right intervals cover, nothing is called `same`, and little is found."""
        found = measured_in_parallel(measure_small, small_settings(studies // 2))
        with capsys.disabled():
            sys.stdout.write(f"\n{small_table(found)}")

        assert all(m["coverage"] >= 0.94 for m in found.values())
        assert [s for s, m in found.items() if not is_at_most(m["family"], s.studies, 0.05)] == []
        assert all(m["same"] == 0 for m in found.values())
