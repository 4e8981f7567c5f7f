"""From estimates to words."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ablate.stats.accuracy import newcombe
from ablate.stats.cells import StatisticsError
from ablate.stats.student import Estimate, student_interval, two_sided_p
from ablate.stats.verdict import (
    Needed,
    Rules,
    assign_verdicts,
    claim_p_values,
    holm,
    judge_family,
    replicates_needed,
    smallest_visible,
    unassessable,
    verdict_text,
)


def an_estimate(difference: float = 0.0, se: float = 0.01, df: float = 60.0, **changes: Any) -> Estimate:
    """An estimate in shares with Student's interval and p; anything can be overridden."""
    lo, hi = student_interval(difference, se, df, level=0.95)
    fields: dict[str, Any] = {
        "p": two_sided_p(difference, se, df, n_units=360),
        "level": 0.95,
        "n_replicates": 5,
        "n_images": 1800,
        "image_part": se**2,
        "run_part": 0.0,
        "image_floor": None,
        "by_replicate": (difference,) * 5,
        "basis": "images",
    }
    return Estimate(difference=difference, standard_error=se, df=df, lo=lo, hi=hi, **(fields | changes))


def with_p(p: float, difference: float = 0.1) -> Estimate:
    """An estimate whose raw p is the given one."""
    return an_estimate(difference, p=p)


def judged(*estimates: Estimate | None, **changes: Any) -> tuple[Any, ...]:
    """The family's verdicts at the shipped thresholds: 1 and 3 points."""
    return judge_family(estimates, **({"negligible": 0.01, "worthwhile": 0.03} | changes))


def words(*estimates: Estimate | None, **changes: Any) -> list[str]:
    """The verdict of each member."""
    return [member.verdict for member in judged(*estimates, **changes)]


class TestHolm:
    def test_a_published_family(self) -> None:
        """Five p-values adjusted by hand, in the order given."""
        assert holm([0.62, 0.012, 0.21, 0.00004, 0.019]) == pytest.approx((0.62, 0.048, 0.42, 0.0002, 0.057))

    @pytest.mark.parametrize(
        "p", [[0.5], [0.0, 1.0], [0.04, 0.04, 0.04], [0.01, 0.02, 0.03, 0.04, 0.05], [0.3, 0.001, 0.3, 0.02]]
    )
    def test_agrees_with_an_independent_implementation(self, p: list[float]) -> None:
        """Ties, zeros, ones and any order come out as statsmodels has them."""
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())

    def test_single_runs_of_a_published_chain(self) -> None:
        """Of five published steps, none is established once the family is taken into account."""
        baseline, bn, dropout = (149, 360), (152, 360), (166, 360)
        less_data, one_layer, last = (87, 180), (106, 180), (99, 180)
        steps = [(bn, baseline), (dropout, bn), (less_data, dropout), (one_layer, less_data), (last, one_layer)]

        found = [newcombe(variant, reference) for variant, reference in steps]

        assert [step.p for step in found] == pytest.approx([0.821, 0.294, 0.626, 0.045, 0.457], abs=6e-4)
        assert holm([step.p for step in found]) == pytest.approx((1, 1, 1, 0.2247, 1), abs=5e-5)

    def test_no_family_no_answer(self) -> None:
        """A family without members has no p-values and no verdicts."""
        assert holm([]) == ()
        assert judged() == ()


class TestFamily:
    def test_the_verdict_reads_the_adjusted_p(self) -> None:
        """A raw p of .012 among five is better only if Holm says so: .048 does, .019 -> .057 does not."""
        family = [with_p(p) for p in (0.62, 0.012, 0.21, 0.00004, 0.019)]

        better = [verdict == "better" for verdict in words(*family)]

        assert better == [False, True, False, True, False]

    def test_members_that_cannot_be_assessed_still_count(self) -> None:
        """Dropping or failing a variant never makes the others easier to establish."""
        (alone,) = judged(with_p(0.03))
        with_failed, failed = judged(with_p(0.03), None)

        assert (alone.verdict, alone.p_adjusted) == ("better", 0.03)
        assert (with_failed.verdict, with_failed.p_adjusted) == ("undecided", 0.06)
        assert (failed.p_adjusted, failed.p_same, failed.p_no_gain) == (1, 1, 1)

    def test_sameness_is_a_family_of_its_own(self) -> None:
        """The claim "same" is adjusted over the family too, apart from the claims of difference."""
        one = an_estimate(0.0, se=0.0055)

        assert words(one) == ["same"]
        assert words(one, *[an_estimate(0.02, se=0.02)] * 4, worthwhile=0.0) == ["undecided"] * 5

    def test_the_ruled_out_gain_is_a_family_of_its_own(self) -> None:
        """The claim "no worthwhile gain" is adjusted over the family too."""
        one = an_estimate(0.0, se=0.016)

        assert words(one) == ["no_worthwhile_gain"]
        assert words(one, *[an_estimate(0.03, se=0.02)] * 4) == ["undecided"] * 5

    def test_the_simultaneous_interval_divides_alpha_by_the_family(self) -> None:
        """The interval that holds for all five at once is the 99% one."""
        member = judged(*[an_estimate(0.02)] * 5)[0]

        half = stats.t.isf(0.005, 60) * 0.01
        assert (member.lo_all, member.hi_all) == pytest.approx((0.02 - half, 0.02 + half))

    def test_a_look_may_spend_a_share_of_alpha(self) -> None:
        """At a look with a third of alpha the simultaneous interval and the visible step are wider."""
        family = [an_estimate(0.02)]
        rules = Rules(negligible=0.01, worthwhile=0.03, share=0.3)

        (member,) = assign_verdicts(family, claim_p_values(family, rules, reasons={}), rules, reasons={})

        assert member.hi_all - member.lo_all == pytest.approx(2 * stats.t.isf(0.0075, 60) * 0.01)
        assert member.visible == pytest.approx(smallest_visible(family[0], family_size=1, alpha=0.015))


class TestRules:
    @pytest.mark.parametrize(
        ("difference", "se", "expected"),
        [
            (0.10, 0.01, "better"),
            (-0.10, 0.01, "worse"),
            (0.001, 0.003, "same"),
            (-0.02, 0.015, "no_worthwhile_gain"),
            (0.02, 0.015, "undecided"),
        ],
    )
    def test_the_first_rule_that_matches_wins(self, difference: float, se: float, expected: str) -> None:
        """Clear gain, clear loss, nothing, no gain worth having, and everything else."""
        assert words(an_estimate(difference, se)) == [expected]

    @pytest.mark.parametrize(
        ("difference", "se", "expected"),
        [
            (0.10, 0.01, "worse"),
            (-0.10, 0.01, "better"),
            (0.001, 0.003, "same"),
            (0.02, 0.015, "no_worthwhile_gain"),
            (-0.02, 0.015, "undecided"),
        ],
    )
    def test_where_less_is_better_the_words_turn(self, difference: float, se: float, expected: str) -> None:
        """For a loss a decrease is the gain."""
        assert words(an_estimate(difference, se), goal="min") == [expected]

    def test_a_difference_goes_before_sameness(self) -> None:
        """A tiny but certain gain is better, and said to be negligible."""
        (member,) = judged(an_estimate(0.004, se=0.001))

        assert member.p_same <= 0.05
        assert (member.verdict, member.supplement) == ("better", "negligible")

    def test_a_single_run_is_never_judged(self) -> None:
        """One pair of runs has an interval and no verdict, whatever its p."""
        (member,) = judged(an_estimate(0.2, n_replicates=1))

        assert (member.verdict, member.reason, member.p_adjusted) == ("not_assessable", "single run", 1)
        assert member.hi_all < math.inf

    def test_a_reason_from_outside_is_kept(self) -> None:
        """What the statistics cannot see is said by the caller and shown with the interval."""
        members = judged(an_estimate(0.2), an_estimate(0.2), reasons={0: "different test sets"})

        assert [member.verdict for member in members] == ["not_assessable", "better"]
        assert verdict_text(members[0]) == "not assessable (different test sets)"

    def test_a_given_reason_goes_before_our_own(self) -> None:
        """Why a contrast has no runs is known better outside."""
        assert unassessable([None, None], {0: "3 of 5 runs failed"}) == {
            0: "3 of 5 runs failed",
            1: "no replicate in which all its runs finished",
        }

    @pytest.mark.parametrize("difference", [0.0, 0.01, -0.05])
    def test_outcomes_without_spread_prove_nothing(self, difference: float) -> None:
        """Where no number varies nobody knows how far they could have been off: never `same`, never `better`."""
        (found,) = judged(an_estimate(difference, se=0.0))

        assert (found.verdict, found.reason) == ("not_assessable", "equal results in every replicate")
        assert (found.p_adjusted, found.p_same, found.p_no_gain) == (1, 1, 1)

    @pytest.mark.parametrize("size", [-0.01, math.inf, math.nan])
    def test_thresholds_must_be_sizes(self, size: float) -> None:
        """A negative or endless threshold is a mistake in the study file."""
        with pytest.raises(StatisticsError, match="sizes"):
            judged(an_estimate(), negligible=size)
        with pytest.raises(StatisticsError, match="sizes"):
            judged(an_estimate(), worthwhile=size)

    @pytest.mark.parametrize("changes", [{"alpha": 0.0}, {"alpha": 1.0}, {"share": 0.0}, {"share": 1.1}])
    def test_alpha_and_its_share_are_shares(self, changes: dict[str, float]) -> None:
        """5 is not .05."""
        with pytest.raises(StatisticsError, match="alpha"):
            Rules(negligible=0.01, worthwhile=0.03, **changes)


class TestVisible:
    def test_the_smallest_visible_difference(self) -> None:
        """A family of five, standard error 1.2 points, 60 degrees of freedom: 4.2 points, by hand."""
        assert smallest_visible(an_estimate(se=1.2), family_size=5) == pytest.approx(4.209523, abs=1e-6)

    def test_one_number_shows_nothing(self) -> None:
        """Without spread no difference is large enough to be seen."""
        found = an_estimate(se=math.inf, df=0.0, n_replicates=1)

        assert smallest_visible(found, family_size=5) == math.inf
        assert judged(found, None)[1].visible == math.inf


class TestNeeded:
    def test_further_replicates(self) -> None:
        """Standard error 1.31 at ten replicates in a family of five: 23 replicates see 3 points, 13 more."""
        found = an_estimate(se=1.31, n_replicates=10, image_floor=0.0)

        assert replicates_needed(found, worthwhile=3.0, family_size=5) == Needed("replicates", 13, False)

    def test_an_unknown_floor_makes_it_a_lower_bound(self) -> None:
        """Before an image was tested twice the number is "at least"."""
        found = an_estimate(se=1.31, n_replicates=10, image_floor=None)

        assert replicates_needed(found, worthwhile=3.0, family_size=5) == Needed("replicates", 13, True)

    def test_the_images_share_does_not_shrink(self) -> None:
        """With part of the variance fixed by the images it takes more replicates than the ratio says."""
        found = an_estimate(se=1.31, n_replicates=10, image_floor=0.5)
        target = (3.0 / (stats.norm.isf(0.005) + stats.norm.isf(0.2))) ** 2

        expected = math.ceil(10 * (1.31**2 - 0.5) / (target - 0.5)) - 10
        assert replicates_needed(found, worthwhile=3.0, family_size=5) == Needed("replicates", expected, False)
        assert expected > 13

    def test_a_test_set_that_is_too_small(self) -> None:
        """Where the images alone are too noisy the answer is a number of images."""
        found = an_estimate(se=1.31, n_replicates=10, image_floor=1.5, n_images=360)
        target = (3.0 / (stats.norm.isf(0.005) + stats.norm.isf(0.2))) ** 2

        expected = Needed("images", math.ceil(360 * 1.5 / target), False)
        assert replicates_needed(found, worthwhile=3.0, family_size=5) == expected

    @pytest.mark.parametrize(("floor", "dominate"), [(0.0, False), (0.8, False), (0.9, True), (1.5, True)])
    def test_images_dominate_where_most_of_the_variance_is_theirs(self, *, floor: float, dominate: bool) -> None:
        """Of a variance of 1.72: what no replicate takes away, against the rest."""
        assert an_estimate(se=1.31, n_replicates=10, image_floor=floor).images_dominate == dominate

    def test_the_observed_difference_plays_no_part(self) -> None:
        """Power is asked of the worthwhile difference, never of the one observed."""
        near, far = an_estimate(0.0, se=1.31), an_estimate(9.9, se=1.31)

        assert replicates_needed(near, worthwhile=3.0, family_size=5) == replicates_needed(
            far, worthwhile=3.0, family_size=5
        )

    def test_enough_is_enough(self) -> None:
        """A study that already sees the worthwhile difference needs nothing more."""
        found = an_estimate(se=0.001, image_floor=0.0)

        assert replicates_needed(found, worthwhile=0.03, family_size=5) == Needed("replicates", 0, False)

    @pytest.mark.parametrize("se", [0.004, 0.008, 0.012, 0.02])
    @pytest.mark.parametrize("df", [2.0, 5.0, 60.0])
    def test_nothing_further_is_asked_just_where_the_evidence_sees_enough(self, se: float, df: float) -> None:
        """`visible` and `needed` never contradict each other."""
        found = an_estimate(se=se, df=df, n_replicates=3, image_floor=0.0)
        needed = replicates_needed(found, worthwhile=0.03, family_size=5)

        assert needed is not None
        assert (needed.number == 0) == (smallest_visible(found, family_size=5) <= 0.03)

    def test_one_number_says_nothing_about_noise(self) -> None:
        """Without an interval there is nothing to plan from."""
        found = an_estimate(se=math.inf, df=0.0, n_replicates=1)

        assert replicates_needed(found, worthwhile=0.03, family_size=5) is None

    def test_nothing_to_look_for(self) -> None:
        """A worthwhile difference of zero has no number of replicates."""
        with pytest.raises(StatisticsError, match="above 0"):
            replicates_needed(an_estimate(), worthwhile=0.0, family_size=5)

    def test_only_the_undecided_are_told(self) -> None:
        """What is settled needs no more runs."""
        clear, open_ = judged(an_estimate(0.1), an_estimate(0.02, se=0.015))

        assert clear.needed is None
        assert open_.needed == replicates_needed(open_.estimate, worthwhile=0.03, family_size=2)


class TestWords:
    @pytest.mark.parametrize(
        ("found", "changes", "expected"),
        [
            (an_estimate(0.102, 0.0205), {}, "better: +10.2 [6.1, 14.3], larger than 1.0"),
            (an_estimate(0.04, 0.015), {}, "better: +4.0 [1.0, 7.0]"),
            (an_estimate(0.004, 0.001), {}, "better: +0.4 [0.2, 0.6], but negligible"),
            (an_estimate(-0.039, 0.01), {}, "worse: -3.9 [-5.9, -1.9]"),
            (an_estimate(0.001, 0.003), {}, "same (within ±1.0)"),
            (
                an_estimate(-0.02, 0.015),
                {},
                "no worthwhile gain (a gain of 3.0 or more is ruled out)",
            ),
            (an_estimate(0.02, 0.015), {}, "undecided"),
            (
                an_estimate(0.02, 0.015, image_floor=0.0002),
                {},
                "undecided (test set too small: no number of replicates settles this)",
            ),
            (
                an_estimate(0.02, 0.03, image_floor=0.0002),  # most of the noise is the runs'
                {},
                "undecided (no number of replicates shows the worthwhile difference on this test set)",
            ),
            (an_estimate(0.2, n_replicates=1), {}, "not assessable (single run)"),
            (an_estimate(-0.102, 0.0205), {"goal": "min"}, "better: -10.2 [-14.3, -6.1], larger than 1.0"),
        ],
    )
    def test_every_verdict_has_its_wording(self, found: Estimate, changes: dict[str, Any], expected: str) -> None:
        """Points with one decimal, the interval beside the difference."""
        assert verdict_text(judged(found, **changes)[0]) == expected

    def test_the_supplement_reads_the_simultaneous_interval(self) -> None:
        """ "Larger than" is a claim about all members, so a big family needs more to make it."""
        found = an_estimate(0.04, 0.012)

        assert judged(found)[0].supplement == "larger"
        assert judged(found, *[with_p(1.0)] * 9)[0].supplement == ""

    def test_without_a_negligible_size_nothing_is_larger(self) -> None:
        """ "Better, larger than 0.0" says the same thing twice."""
        assert verdict_text(judged(an_estimate(0.1), negligible=0.0)[0]) == "better: +10.0 [8.0, 12.0]"

    def test_other_units_have_their_own_scale_and_decimals(self) -> None:
        """A loss is printed as it is."""
        (member,) = judged(an_estimate(-0.1), goal="min")

        assert verdict_text(member, scale=1, decimals=3) == "better: -0.100 [-0.120, -0.080], larger than 0.010"

    def test_no_negative_zero(self) -> None:
        """A bound that rounds to zero has no sign."""
        (member,) = judged(an_estimate(0.02, 0.01002, p=0.04), negligible=0.0)

        assert verdict_text(member) == "better: +2.0 [0.0, 4.0]"
