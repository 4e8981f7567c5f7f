"""What is said of shares, joint bounds, wrong words and repeats, measured on simulated studies."""

from __future__ import annotations

import numpy as np
import pytest

from ablate.stats.alpha_shares import OF_THREE
from ablate.stats.looks import LookState
from ablate.stats.student import Estimate, student_answer
from ablate.stats.verdict import judge_family
from tests.calibration.item_response import chain_weights
from tests.calibration.measuring import weights_of
from tests.calibration.mixed import HARD, mixed, wrong_words
from tests.calibration.repeats import EFFECTS, FIFTH, Told, fifths, foretold, levels_of, outside
from tests.calibration.spending import SPENDINGS, critical_values, spend, step_down


class TestQuickly:
    def test_critical_values_are_known_where_members_are_independent(self) -> None:
        """One of them: 5 %. Five: 1 - .95^(1/5) (Sidak)."""
        found = critical_values(np.eye(5), (1.0,), (1.0,))

        assert found[0,] == pytest.approx(0.05, abs=0.002)
        assert found[0, 1, 2, 3, 4] == pytest.approx(1 - 0.95**0.2, abs=0.0007)

    def test_critical_values_of_steps_that_share_variants(self) -> None:
        """A little above Bonferroni's .01, as multivariate normal integrals have it."""
        every = tuple(range(5))

        assert critical_values(chain_weights(6), (1.0,), (1.0,))[every] == pytest.approx(0.0115, abs=0.0008)
        assert critical_values(weights_of("one_at_a_time"), (1.0,), (1.0,))[every] == pytest.approx(0.0119, abs=0.0008)

    def test_a_joint_bound_rejects_what_undercuts_the_others_share(self) -> None:
        """The least p first; the next has fewer to share with."""
        critical = {(0, 1): 0.03, (0,): 0.05, (1,): 0.05}

        assert step_down(np.array([0.04, 0.02]), critical).tolist() == [True, True]
        assert step_down(np.array([0.04, 0.035]), critical).tolist() == [False, False]

    def test_spending_on_a_few_studies(self) -> None:
        """Every way of spending is tried with futility and without; going on costs runs."""
        found = spend("folds", "1.5", studies=3)

        assert len(found) == 2 * len(SPENDINGS)
        assert all(found[name, True].runs <= found[name, False].runs for name in SPENDINGS)
        assert OF_THREE in SPENDINGS.values()

    def test_wrong_words_are_told_from_right_ones(self) -> None:
        """A find where there is nothing; sameness, and no gain, where there is one."""
        truth = (0.0, 0.02, 0.05, 0.05)
        answers = [
            LookState(judged, 1, 1.0, None, stopped=False)
            for judged in judge_family(
                [an_estimate(d) for d in (0.05, 0.0, 0.02, 0.05)], negligible=0.01, worthwhile=0.03, tolerable=0.03
            )
        ]

        assert [answer.judged.verdict for answer in answers] == ["better", "same", "better", "better"]
        assert wrong_words(answers, truth) == {"difference", "same"}
        assert wrong_words(answers, (-0.03, 0.0, 0.02, 0.05)) == {"difference", "non-inferior"}

    def test_fifths_are_by_the_middle_of_the_range(self) -> None:
        """What happened is set beside what was foretold of the same steps."""
        told = [Told(i / 10, i / 10 + 0.1, 0.0, i > 4, False, True) for i in range(10)]
        found = fifths(told)

        assert [again for _, _, again, _ in found] == [0.0, 0.0, 0.5, 1.0, 1.0]
        assert outside(0.2, 0.4, 0.5) == pytest.approx(0.1)
        assert outside(0.2, 0.4, 0.3) == 0.0

    def test_drawn_chains_stay_within_what_an_accuracy_can_be(self) -> None:
        """And some of their steps do nothing where that is asked."""
        levels = levels_of(np.random.default_rng(1), *EFFECTS["60 % none"])

        assert len(levels) == 6
        assert 0.05 < levels.min() <= levels.max() < 0.95


def an_estimate(difference: float) -> Estimate:
    """Known to a thousandth."""
    return Estimate(
        **student_answer(difference, 0.001, 100.0, n_units=360, level=0.95),
        n_replicates=5, n_images=360, image_part=None, run_part=None, image_floor=None, by_replicate=(), basis="images",
    )  # fmt: skip


@pytest.mark.slow
class TestMeasured:
    @pytest.mark.parametrize("form", ["fixed", "folds"])
    def test_few_mixed_studies_hold_a_wrong_word(self, form: str) -> None:
        """Of three kinds of claim at 5 % each: at most 15 %, where every step is as hard as can be."""
        found = mixed("hard", form, "1.5", studies=300)  # type: ignore[arg-type]

        assert len(HARD) == 6
        assert found["any verdict"] <= 0.15
        assert all(found[kind] <= 0.085 for kind in ("difference", "same", "no gain", "non-inferior", "inferior"))

    @pytest.mark.parametrize("name", EFFECTS)
    def test_words_come_out_again_as_often_as_was_foretold(self, name: str) -> None:
        """Within .10 of the range in each fifth that holds 300 steps."""
        found = fifths(foretold(name, "folds", studies=300))

        assert all(steps >= FIFTH for *_, steps in found)
        assert max(outside(least, most, again) for least, most, again, _ in found) <= 0.10

    def test_later_spending_has_more_power_and_no_more_false_findings(self) -> None:
        """The default against that of methods 1 and 2, on the same studies."""
        found = spend("folds", "1.5", studies=150)
        chosen = next(name for name, shares in SPENDINGS.items() if shares == OF_THREE)
        for futility in (False, True):
            before, now = found[".2, .3, .5", futility], found[chosen, futility]
            assert now.power > before.power
            assert now.wrong <= 0.065 * 150 + 3
