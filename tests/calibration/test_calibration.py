"""What the statistics claim, measured on simulated studies whose truth is known."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from ablate.stats.engine import estimate
from ablate.stats.replicate_level import estimate_replicates
from ablate.stats.verdict import judge_family
from tests.calibration.item_response import SOURCE_CHAIN, chain_weights, level_and_luck, simulated_cells
from tests.calibration.measuring import Setting, measure, measure_all
from tests.calibration.table import tables

Form = Literal["fixed", "folds"]

STEPS = chain_weights(6)
TRUTH = np.diff(SOURCE_CHAIN)


def covered(n_studies: int, *, seed: int, **study: Any) -> float:
    """The share of 95% intervals that hold the true step, over all steps of all studies."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(n_studies):
        found = estimate(simulated_cells(rng, accuracies=SOURCE_CHAIN, **study), STEPS)
        hits += sum(e is not None and e.lo <= step <= e.hi for e, step in zip(found, TRUTH, strict=True))
    return hits / n_studies / len(TRUTH)


def false_verdicts(n_studies: int, *, seed: int, holm: bool = True, **study: Any) -> float:
    """The share of studies without any true difference in which some step is called better or worse."""
    rng = np.random.default_rng(seed)
    wrong = 0
    for _ in range(n_studies):
        found = estimate(simulated_cells(rng, accuracies=[0.46] * 6, **study), STEPS)
        families = [found] if holm else [(one,) for one in found]
        members = [m for family in families for m in judge_family(family, negligible=0.01, worthwhile=0.03)]
        wrong += any(member.verdict in ("better", "worse") for member in members)
    return wrong / n_studies


class TestQuickly:
    """A few dozen studies: wide limits, but a broken formula does not pass them."""

    @pytest.mark.parametrize("form", ["fixed", "folds"])
    def test_intervals_hold_the_truth(self, form: Form) -> None:
        """Most 95% intervals hold the true step."""
        assert 0.90 <= covered(60, seed=1, form=form, n_replicates=3, run_sd=0.01, n_test=180) <= 1.0

    @pytest.mark.parametrize("form", ["fixed", "folds"])
    def test_null_studies_are_seldom_decided(self, form: Form) -> None:
        """Few studies without a difference find one."""
        assert false_verdicts(60, seed=2, form=form, n_replicates=3, run_sd=0.01, n_test=180) <= 0.12

    def test_the_simulated_truth_is_what_was_asked_for(self) -> None:
        """Over many images and runs the simulated accuracy and its spread are the given ones."""
        rng = np.random.default_rng(3)
        level, luck_sd = level_and_luck(0.46, 0.03)
        luck = rng.normal(0, luck_sd, (1000, 1))
        images = np.hypot(2.0, 1.0) * rng.normal(0, 1, 20_000)
        runs = np.array([np.mean(1 / (1 + np.exp(-level - images - c))) for c in luck])

        assert runs.mean() == pytest.approx(0.46, abs=0.006)
        assert runs.std() == pytest.approx(0.03, rel=0.1)

    def test_same_seed_same_study(self) -> None:
        """A simulated study is a function of its seed."""
        first, second = (
            simulated_cells(np.random.default_rng(4), accuracies=[0.4, 0.5], form="folds", n_replicates=2)
            for _ in range(2)
        )

        assert np.array_equal(first.scores, second.scores)


class TestLooksQuickly:
    def test_no_worse_on_a_few_studies(self) -> None:
        """Losses that are just the tolerable one are seldom called none."""
        found = measure(Setting(what="no_worse_looks", noise="1.5", studies=12, seed=7))

        assert found["false"] <= 0.25
        assert found["power"] >= found["unasked"]

    def test_looks_and_futility_on_a_few_studies(self) -> None:
        """Few null studies find anything, most stop early, and a large step is found."""
        null = measure(Setting(what="null_looks", noise="1.5", studies=30, seed=5))
        found = measure(Setting(what="five_effects", noise="0", studies=10, seed=6))

        assert null["family"] <= 0.15
        assert null["runs"] < 55
        assert found["power +10.6"] == 1.0
        assert found["reversed"] == 0.0


@pytest.fixture(scope="module")
def measured() -> dict[Setting, dict[str, float]]:
    """Every cell of the table, measured once by two processes."""
    return measure_all(workers=2)


@pytest.mark.slow
class TestMeasured:
    def test_the_table(self, measured: dict[Setting, dict[str, float]], capsys: pytest.CaptureFixture[str]) -> None:
        """What docs/statistics.md shows is printed as it is now."""
        text = tables(measured)
        with capsys.disabled():
            sys.stdout.write(f"\n{text}")

        assert text.count("|") > 100

    def test_95_percent_means_95_percent(self, measured: dict[Setting, dict[str, float]]) -> None:
        """The intervals hold the true step for new images in 93 to 99 of 100 cases, whatever form, k and noise."""
        rates = {s: m["coverage"] for s, m in measured.items() if s.what == "coverage"}

        assert len(rates) == 18
        assert {s: rate for s, rate in rates.items() if not 0.93 <= rate <= 0.99} == {}

    def test_few_null_studies_find_anything(self, measured: dict[Setting, dict[str, float]]) -> None:
        """At most 65 in 1,000, at one look and at three, in a chain and one at a time."""
        rates = {s: m["family"] for s, m in measured.items() if "family" in m}

        assert {(s.what, s.design) for s in rates} == {
            (what, design) for what in ("null_studies", "null_looks") for design in ("chain", "one_at_a_time")
        }
        assert {s: rate for s, rate in rates.items() if rate > 0.065} == {}

    def test_negative_claims_are_seldom_false(self, measured: dict[Setting, dict[str, float]]) -> None:
        """`same` and `no worthwhile gain` of steps that just reach the thresholds: at most 65 studies in 1,000."""
        rates = {s: m for s, m in measured.items() if s.what == "negative_claims"}

        assert rates
        assert {s: m for s, m in rates.items() if m["same"] > 0.065 or m["no_gain"] > 0.065} == {}

    def test_no_worse_is_seldom_false(self, measured: dict[Setting, dict[str, float]]) -> None:
        """Of losses that are just the tolerable one: at most 65 studies in 1,000 call any no worse, or inferior."""
        rates = [m for s, m in measured.items() if s.what == "negative_claims"]
        looks = [m for s, m in measured.items() if s.what == "no_worse_looks"]

        assert rates
        assert looks
        assert all(m["no_worse"] <= 0.065 and m["inferior"] <= 0.065 for m in rates)
        pairs = [m for s, m in measured.items() if s.what == "no_worse_pairs"]

        assert pairs
        assert all(rate <= 0.065 for m in pairs for rate in m.values())
        assert all(m["false"] <= 0.065 and m["power"] >= m["unasked"] for m in looks)

    def test_what_futility_costs_and_saves(self, measured: dict[Setting, dict[str, float]]) -> None:
        """It saves at least a tenth of a chain's runs and a quarter of a null study's, for at most .1 of power."""
        pairs = [
            (m, measured[replace(s, futility=True)])
            for s, m in measured.items()
            if s.what == "five_effects" and not s.futility
        ]
        null = [m["runs"] for s, m in measured.items() if s.what == "null_looks" and s.futility and s.design == "chain"]

        assert all(with_["runs"] <= 0.9 * without["runs"] for without, with_ in pairs)
        assert all(without[key] - with_[key] <= 0.1 for without, with_ in pairs for key in with_ if "power" in key)
        assert all(runs <= 45 for runs in null)

    def test_verdicts_replicate(self, measured: dict[Setting, dict[str, float]]) -> None:
        """The same study on other seeds mostly says the same, and hardly ever the opposite."""
        rates = [m for s, m in measured.items() if s.what == "replication"]

        assert all(m["equal"] >= 0.6 and m["reversals"] <= 0.002 for m in rates)


@pytest.mark.slow
class TestWhatWouldNotDo:
    def test_a_t_interval_over_seeds(self) -> None:
        """Ten seeds on one test set, compared seed by seed, say far too much about new images."""
        rng = np.random.default_rng(20)
        hits = 0
        for _ in range(200):
            cells = simulated_cells(rng, accuracies=SOURCE_CHAIN, form="fixed", n_replicates=10)
            means = [[float(row.mean()) for row in rows if row is not None] for rows in cells.scores]
            found = estimate_replicates(means, STEPS, pairing="paired")
            hits += sum(e is not None and e.lo <= step <= e.hi for e, step in zip(found, TRUTH, strict=True))

        assert hits / 1000 < 0.90

    def test_one_configuration_under_six_names(self) -> None:
        """Six copies of one configuration under other seeds are told apart in at most 65 of 1,000 studies."""
        study: dict[str, Any] = {"form": "folds", "n_replicates": 5, "run_sd": 0.01, "same_variant": True}

        assert false_verdicts(1000, seed=40, **study) <= 0.065

    def test_judging_each_step_alone(self) -> None:
        """Judging each step as if it were the only one breaks the promise that Holm keeps."""
        study: dict[str, Any] = {"form": "fixed", "n_replicates": 10, "run_sd": 0.0}

        assert false_verdicts(300, seed=50, holm=False, **study) > 0.10
