"""Studies that are closed for time keep the error rate, measured by two generators."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.calibration.closing import (
    ClosedStudies,
    closed_settings,
    closed_table,
    false_findings,
    measured_in_parallel,
    until_time_is_over,
)
from tests.calibration.item_response import SOURCE_CHAIN
from tests.calibration.measuring import Setting, simulated, weights_of


class TestQuickly:
    """A few dozen studies: wide limits, but error that is spent twice does not pass them."""

    def test_studies_that_are_closed_seldom_find_what_is_not_there(self) -> None:
        """Whenever that is, as long as no result chose it."""
        found = false_findings(ClosedStudies("chain", "folds", studies=30))

        assert found["family"] <= 0.15
        assert found["closed"] > 0.3

    def test_what_is_large_is_found_in_the_time_there_is(self) -> None:
        """Four replicates, of which the planned look at three has spent a part."""
        cells = simulated(Setting(what=""), np.random.default_rng(1), levels=SOURCE_CHAIN, replicates=10)
        found = until_time_is_over(cells, weights_of("chain"), runs=24)

        assert (found.is_closed, found.replicates) == (True, 4)
        assert found.answers[3].judged.verdict == "better"


@pytest.mark.slow
def test_studies_closed_at_a_time_no_result_chose_keep_the_error_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """At most 5 % of them call a difference where there is none, in every cell of the table."""
    settings = closed_settings()
    found = measured_in_parallel(settings)
    with capsys.disabled():
        sys.stdout.write(f"\n{closed_table(settings, found)}")

    for setting, one in zip(settings, found, strict=True):
        wrong = round(one["family"] * setting.studies)
        assert binomtest(wrong, setting.studies, 0.05, alternative="greater").pvalue > 0.01 / len(settings), setting
