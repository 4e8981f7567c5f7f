"""One answer a patient, and a metric of the user's own: equal variants differ in 5 % of studies at most."""

from __future__ import annotations

import os
import sys

import pytest
from scipy.stats import binomtest

from tests.calibration.grouped import STUDIES, measured_in_parallel
from tests.calibration.measuring import share
from tests.calibration.table import markdown
from tests.calibration.units import UnitStudy, measure_units, unit_settings


def is_at_most(rate: float, n: int, limit: float, cells: int = 10) -> bool:
    """Whether a measured rate does not contradict a limit, at .01 for all cells."""
    return bool(binomtest(round(rate * n), n, limit, alternative="greater").pvalue > 0.01 / cells)


@pytest.mark.parametrize(
    "setting",
    [UnitStudy("accuracy", "mean", 30, 3, studies=60), UnitStudy("kappa", None, 60, 3, studies=40)],
    ids=["unit", "own metric"],
)
def test_equal_variants_seldom_differ(setting: UnitStudy) -> None:
    """A few dozen studies: wide limits."""
    assert is_at_most(measure_units(setting)["differ"], setting.studies, 0.05, cells=1)


@pytest.mark.slow
def test_no_cell_contradicts_five_percent(capsys: pytest.CaptureFixture[str]) -> None:
    """By two generators, and its table is that of docs/statistics.md."""
    found = measured_in_parallel(measure_units, unit_settings(int(os.environ.get(STUDIES, "400"))))
    head = ["generator", "judged by", "unit", "units", "replicates", "false findings", "half-width (points)"]
    rows = [
        ["heavy tails" if s.heavy else "item response", s.judged, f"patient, {s.by}" if s.by else "image",
         str(s.patients), str(s.replicates), share(m["differ"]), f"{m['half_width']:.1f}"]
        for s, m in found.items()
    ]  # fmt: skip
    with capsys.disabled():
        sys.stdout.write(f"\n{markdown(head, rows)}")

    assert [s for s, m in found.items() if not is_at_most(m["differ"], s.studies, 0.05)] == []
