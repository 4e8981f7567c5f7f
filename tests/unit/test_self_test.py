"""The baseline against itself, what a study can see, and when going on is futile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ablate.report.gather.assemble import Findings
from ablate.stats.cells import Cells
from ablate.stats.engine import estimate
from ablate.stats.looks import predictive_power, visible_at_looks
from ablate.stats.selftest import self_test
from ablate.stats.student import Estimate
from ablate.stats.verdict import smallest_visible
from tests.builders import a_study, findings_of
from tests.calibration.item_response import chain_weights, simulated_cells


def simulated(seed: int, *, run_sd: float, n_replicates: int = 10) -> Cells:
    """Six copies of one variant."""
    return simulated_cells(
        np.random.default_rng(seed),
        accuracies=[0.5] * 6,
        form="folds",
        n_replicates=n_replicates,
        run_sd=run_sd,
        same_variant=True,
    )


@pytest.mark.parametrize("kappa", [0.0, 0.03])
def test_kappa_is_the_noise_that_was_put_in(kappa: float) -> None:
    """Averaged over a few studies the estimate is near the truth."""
    found = [self_test(simulated(seed, run_sd=kappa), ()) for seed in range(6)]
    mean = np.mean([one.kappa for one in found if one is not None])

    assert mean == pytest.approx(kappa, abs=0.008)


def test_equal_answers_correlate_perfectly() -> None:
    """Copies that err alike have correlation 1 and no noise; constant answers have none to speak of."""
    row = np.array([1.0, 0.0, 1.0, 1.0])
    same = Cells(scores=((row, row), (row, row)), images=(np.arange(4), np.arange(4)))
    flat = Cells(scores=((row * 0, row * 0), (row * 0, row * 0)), images=(np.arange(4), np.arange(4)))
    found, constant = self_test(same, ()), self_test(flat, ())

    assert found is not None
    assert constant is not None
    assert (found.kappa, found.spread, found.correlation) == (0.0, 0.0, pytest.approx(1.0))
    assert constant.correlation is None


def test_single_runs_say_nothing_of_noise() -> None:
    """Two replicates are the least."""
    assert self_test(simulated(1, run_sd=0.0, n_replicates=1), ()) is None


def aa_findings(work: Path) -> Findings:
    """A report on the baseline against itself."""
    study = a_study(other_design="aa")
    return findings_of(study, work, effect=0.0)


def test_the_report_on_the_baseline_against_itself(tmp_path: Path) -> None:
    """Noise in points, no false verdicts, in words."""
    findings = aa_findings(tmp_path)

    assert findings.exploratory.self_test is not None
    assert (findings.exploratory.self_test.false_verdicts, findings.exploratory.self_test.judged) == (0, 2)
    assert 0 <= findings.exploratory.self_test.kappa <= findings.exploratory.self_test.spread < 5
    assert any(line.startswith("The baseline against itself: 0 of 2 comparisons") for line in findings.notices.remarks)


def test_what_is_visible_now_is_what_each_verdict_says() -> None:
    """At the present number of replicates the study's figure is that of its comparisons."""
    cells = simulated(2, run_sd=0.01, n_replicates=5)
    found = estimate(cells, chain_weights(6))
    (now, later) = visible_at_looks(found, (5, 20), (1.0, 1.0))
    own = sorted(smallest_visible(one, family_size=5) for one in found if one is not None)

    assert now == pytest.approx(own[2])
    assert later is not None
    assert later < now / 1.9


def test_nothing_is_visible_without_noise_to_judge_by() -> None:
    """Single runs and identical runs say nothing."""
    single = estimate(simulated(3, run_sd=0.0, n_replicates=1), chain_weights(6))

    assert visible_at_looks([*single, None], (5, 10), (0.5, 0.5)) == (None, None)


def an_estimate(difference: float, se: float, *, k: int = 5, floor: float = 0.0) -> Estimate:
    """One comparison with a known standard error."""
    return Estimate(
        difference=difference, standard_error=se, df=50.0, lo=0.0, hi=0.0, p=0.5, level=0.95, n_replicates=k,
        n_images=360, image_part=None, run_part=None, image_floor=floor, by_replicate=(), basis="images",
    )  # fmt: skip


def test_the_chance_of_a_difference_by_hand() -> None:
    """Half of the variance is left after 10 of 5 replicates: SE .02 becomes .01414, as does the spread."""
    critical = 2.5758293 * 0.02 / np.sqrt(2)  # alpha .01 for one member
    spread = 0.02 / np.sqrt(2)
    expected = 1 - normal((critical - 0.03) / spread) + normal((-critical - 0.03) / spread)

    assert predictive_power(an_estimate(0.03, 0.02), 10, family_size=5, share=1.0) == pytest.approx(expected, abs=1e-6)


def normal(z: float) -> float:
    """The standard normal distribution function, from the error function of the standard library."""
    from math import erf, sqrt

    return (1 + erf(z / sqrt(2))) / 2


def test_large_differences_are_pursued_and_none_are_not() -> None:
    """The chance grows with the difference seen; a floor of the images lowers it."""
    nothing, much = (predictive_power(an_estimate(d, 0.02), 10, family_size=5, share=0.5) for d in (0.0, 0.08))
    floored = predictive_power(an_estimate(0.03, 0.02, floor=0.00035), 20, family_size=5, share=0.5)
    free = predictive_power(an_estimate(0.03, 0.02), 20, family_size=5, share=0.5)

    assert nothing is not None
    assert much is not None
    assert floored is not None
    assert free is not None
    assert nothing < 0.1 < 0.9 < much
    assert floored < free


def test_at_the_last_look_nothing_is_predicted() -> None:
    """There is nothing to go on to, nor anything to predict from a single run."""
    assert predictive_power(an_estimate(0.0, 0.02, k=10), 10, family_size=5, share=1.0) is None
    assert predictive_power(None, 10, family_size=5, share=1.0) is None
    assert predictive_power(an_estimate(0.0, float("inf"), k=1), 10, family_size=5, share=1.0) is None
