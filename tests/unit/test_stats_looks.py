"""Planned looks as a pure function of estimates: what is settled, what goes on, what each look may spend."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ablate.stats.alpha_shares import look_shares
from ablate.stats.looks import WAITING, Found, LookState, judge_looks, predictive_power
from ablate.stats.student import Estimate
from ablate.stats.verdict import Rules

LOOKS, SHARES = (3, 5, 10), (0.2, 0.3, 0.5)
RULES = Rules(negligible=0.01, worthwhile=0.03)


def an_estimate(difference: float, look: int, *, se: float = 0.02) -> Estimate:
    """A difference whose standard error at three replicates is `se`."""
    at = se * (LOOKS[0] / LOOKS[look - 1]) ** 0.5
    p = 1.0 if not difference else 2 * 0.5 ** (1 + 2 * (abs(difference) / at))
    return Estimate(
        difference=difference, standard_error=at, df=200.0, lo=0.0, hi=0.0, p=p, level=0.95,
        n_replicates=LOOKS[look - 1], n_images=360, image_part=None, run_part=None, image_floor=None,
        by_replicate=(), basis="images",
    )  # fmt: skip


def after(
    look: int, *differences: float, missing: bool = False
) -> tuple[list[LookState], list[Collection[int] | None]]:
    """The answers after some looks at constant differences, and which members each look asked about."""
    asked: list[Collection[int] | None] = []

    def estimate_at(number: int, open_: Collection[int] | None) -> Found:
        asked.append(open_)
        found: Sequence[Estimate] = [an_estimate(difference, number) for difference in differences]
        return found, dict.fromkeys(range(len(found)), WAITING) if missing and number > 1 else {}

    return judge_looks(estimate_at, RULES, LOOKS, SHARES, up_to=look), asked


def test_a_large_difference_is_settled_at_the_first_look_and_asked_about_no_more() -> None:
    """Its numbers stay those of that look."""
    answers, asked = after(3, 0.15, 0.03)

    assert (answers[0].judged.verdict, answers[0].look, answers[0].share) == ("better", 1, 0.2)
    assert asked == [None, [1], [1]]


def test_a_gain_that_is_ruled_out_is_followed_while_it_may_be_a_loss() -> None:
    """`no worthwhile gain` becomes `worse` once enough runs say so; without a chance of that it is settled."""
    (first,), _ = after(1, -0.06)
    (last,), asked = after(3, -0.06)

    assert (first.judged.verdict, first.is_open, first.stopped) == ("no_worthwhile_gain", True, False)
    assert (last.judged.verdict, last.is_open) == ("worse", False)
    assert asked[1] == [0]


def test_what_an_earlier_look_ruled_out_is_not_lost_with_the_runs_of_a_later_one() -> None:
    """A later look whose runs are missing leaves an open step open, and takes no verdict back."""
    answers, _ = after(2, -0.06, 0.03, missing=True)

    assert [(a.judged.verdict, a.look) for a in answers] == [("no_worthwhile_gain", 1), ("not_assessable", 2)]
    assert answers[1].is_open


def test_a_hopeless_step_is_stopped_and_says_so() -> None:
    """Its chance is below one in ten at the second look; it stays undecided, with that look's numbers."""
    answers, asked = after(3, 0.004)
    (answer,) = answers

    assert answer.judged.verdict in ("undecided", "same")
    assert answer.stopped == (answer.judged.verdict == "undecided")
    assert answer.look < 3
    assert len(asked) == 3


def test_going_on_never_changes_what_was_settled() -> None:
    """The answers after two looks are those after three, for every settled member."""
    two, _ = after(2, 0.15, 0.05, -0.06, 0.0)
    three, _ = after(3, 0.15, 0.05, -0.06, 0.0)

    assert all(old == new for old, new in zip(two, three, strict=True) if not old.is_open)


def test_a_close_keeps_what_earlier_looks_predicted_of_the_last_planned_one() -> None:
    """A step that was followed, because ten replicates might show it, is not dropped for the four there came to be."""

    def estimate_at(number: int, _: Collection[int] | None) -> Found:
        return [replace(an_estimate(0.02, 1), n_replicates=(3, 4)[number - 1])], {}

    def at_the_close(planned: tuple[int, float] | None) -> LookState:
        (found,) = judge_looks(estimate_at, RULES, (3, 4), (0.2, 0.8), up_to=2, planned=planned)
        return found

    followed, dropped = at_the_close((LOOKS[-1], SHARES[-1])), at_the_close(None)

    assert (followed.look, followed.stopped, followed.chance) == (2, False, None)
    assert (dropped.look, dropped.stopped) == (1, True)


def test_shares_that_are_given_are_taken_as_parts_of_their_sum() -> None:
    """And without any three looks have their own, others go by their replicates."""
    assert look_shares([3, 6], [1, 3]) == (0.25, 0.75)
    assert look_shares([3, 6, 9]) == (0.1, 0.2, 0.7)
    assert look_shares([2, 6]) == (0.25, 0.75)


def test_where_no_replicate_can_lower_the_noise_the_answer_is_known() -> None:
    """All of it comes from the test images: the power is 1 or 0."""
    at_floor = replace(an_estimate(0.2, 3), standard_error=0.02, image_floor=0.02**2)
    sure, unsure = at_floor, replace(at_floor, difference=0.001)

    assert predictive_power(sure, 20, share=0.5, family_size=1) == 1.0
    assert predictive_power(unsure, 20, share=0.5, family_size=1) == 0.0
