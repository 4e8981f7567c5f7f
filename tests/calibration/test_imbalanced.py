"""What the statistics claim of metrics for unequal classes, measured by two generators."""

from __future__ import annotations

import os
import sys

import pytest
from scipy.stats import binomtest

from tests.calibration.grouped import STUDIES, measured_in_parallel
from tests.calibration.imbalanced import (
    METRICS,
    ImbalancedStudy,
    found_by_runs,
    imbalanced_settings,
    imbalanced_table,
    measure_imbalanced,
)
from tests.calibration.imbalanced_groups import METRICS as OF_PATIENTS
from tests.calibration.imbalanced_groups import measure_patients, patient_settings, patient_table

CELLS = 20 * len(METRICS)
"""Of the table; the error of a test that one of them is wrong is shared among them."""


@pytest.mark.parametrize("generator", ["normal", "heavy tails"])
def test_intervals_of_unequal_classes_on_a_few_studies(generator: str) -> None:
    """Wide limits, but influence by the wrong sizes of classes does not pass them."""
    found = measure_imbalanced(ImbalancedStudy(360, generator=generator, equal=True, studies=15))  # type: ignore[arg-type]

    assert {name: found[f"coverage {name}"] for name in METRICS if found[f"coverage {name}"] < 0.75} == {}


@pytest.mark.slow
def test_a_t_test_over_runs_would_not_do() -> None:
    """On one test set it takes what suits these images for what suits all."""
    assert min(found_by_runs(150).values()) > 0.08


@pytest.mark.slow
def test_patients_of_whom_few_are_sick(capsys: pytest.CaptureFixture[str]) -> None:
    """By groups that hold the class: no cell contradicts 5 % of false findings."""
    found = measured_in_parallel(measure_patients, patient_settings(int(os.environ.get(STUDIES, "400")) // 2))
    with capsys.disabled():
        sys.stdout.write(f"\n{patient_table(found)}")
    rates = [(s, name, numbers[f"found {name}"]) for s, numbers in found.items() for name in OF_PATIENTS]

    wrong = [one for one in rates if binomtest(round(one[2] * one[0].studies), one[0].studies, 0.05,
                                               alternative="greater").pvalue <= 0.01 / len(rates)]  # fmt: skip
    assert wrong == []
    assert sum(rate for _, _, rate in rates) / len(rates) <= 0.05


@pytest.mark.slow
def test_intervals_of_unequal_classes(capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty to one: no cell contradicts a coverage of .93 to .99, nor 5 % of false findings."""
    studies = int(os.environ.get(STUDIES, "400"))
    found = measured_in_parallel(measure_imbalanced, imbalanced_settings(studies // 2))
    with capsys.disabled():
        sys.stdout.write(f"\n{imbalanced_table(found)}")

    def contradicts(hits: float, n: float, limit: float, alternative: str) -> bool:
        return bool(binomtest(round(hits * n), round(n), limit, alternative=alternative).pvalue <= 0.01 / CELLS)

    wrong = [
        (setting, name, numbers[f"coverage {name}"])
        for setting, numbers in found.items()
        for name in METRICS
        if contradicts(numbers[f"coverage {name}"], numbers["counted"], 0.93, "less")
        or contradicts(numbers[f"coverage {name}"], numbers["counted"], 0.99, "greater")
    ]
    false = [
        (setting, name, numbers[f"found {name}"])
        for setting, numbers in found.items()
        for name in METRICS
        if setting.equal and contradicts(numbers[f"found {name}"], numbers["counted"], 0.05, "greater")
    ]

    assert (wrong, false) == ([], [])
