"""Would it come out again: drawn studies are judged as real ones are, and the chances behave."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pytest

from ablate.stats.drawn_studies import WORDS, Design, DrawnLook, judge_drawn
from ablate.stats.looks import Found, judge_looks
from ablate.stats.repeats import Repeated, repeat_chances
from ablate.stats.student import Estimate, student_answer
from ablate.stats.verdict import Goal, Rules, Verdict
from tests.calibration.item_response import chain_weights

LOOKS, SHARES = (3, 5, 10), (0.1, 0.2, 0.7)


def an_estimate(difference: float, se: float, *, df: float = 50.0, replicates: int = 10) -> Estimate:
    """A difference with its standard error after some replicates."""
    return Estimate(
        **student_answer(difference, se, df, n_units=360, level=0.95),
        n_replicates=replicates, n_images=360, image_part=None, run_part=None, image_floor=None, by_replicate=(),
        basis="images",
    )  # fmt: skip


def a_design(
    members: int = 5,
    *,
    up_to: int = 3,
    goal: Goal = "max",
    stated: bool = True,
    planned: tuple[int, float] | None = None,
) -> Design:
    """A chain with three looks. planned: the last look, where the study was closed before it."""
    rules = Rules(negligible=0.01 if stated else None, worthwhile=0.03 if stated else None, goal=goal)
    directions = chain_weights(members + 1)
    return Design(rules=rules, looks=LOOKS, shares=SHARES, up_to=up_to, directions=directions, planned=planned)


def chances(
    differences: Sequence[float], words: Sequence[Verdict], *, se: float = 0.012, design: Design | None = None
) -> list[Repeated]:
    """Of a family whose members are all known."""
    found = repeat_chances([an_estimate(d, se) for d in differences], words, design or a_design(len(words)))
    return [one for one in found if one is not None]


@pytest.mark.parametrize(
    "design",
    [
        *(a_design(goal=goal, up_to=up_to) for goal in ("max", "min") for up_to in (1, 2, 3)),
        a_design(stated=False),
        a_design(planned=(20, 0.9)),
    ],
    ids=[*(f"{goal}, look {n}" for goal in ("max", "min") for n in (1, 2, 3)), "no thresholds", "closed for time"],
)
def test_a_drawn_study_is_judged_as_a_real_one(design: Design) -> None:
    """The same estimates at each look give the same words, member by member."""
    rng, studies, members, up_to = np.random.default_rng(3), 60, 4, design.up_to
    truth = rng.choice([0.0, 0.012, 0.05, -0.05], (studies, members))
    drawn = []
    for replicates in LOOKS[:up_to]:
        se = np.full((studies, members), 0.012 * (10 / replicates) ** 0.5)
        df = np.full((studies, members), 5.0 * replicates)
        drawn.append(DrawnLook(truth + se * rng.normal(size=se.shape), se, df, np.zeros(members), replicates))
    words = judge_drawn(drawn, range(members), design)

    for study in range(studies):

        def estimate_at(number: int, _: Collection[int] | None, study: int = study) -> Found:
            look = drawn[number - 1]
            found = [
                an_estimate(float(d), float(se), df=float(df), replicates=look.replicates)
                for d, se, df in zip(look.difference[study], look.se[study], look.df[study], strict=True)
            ]
            return [*found, None], {}

        answers = judge_looks(estimate_at, design.rules, LOOKS, SHARES, up_to=up_to, planned=design.planned)
        assert [WORDS[word] for word in words[study]] == [a.judged.verdict for a in answers[:members]]


def test_the_chances_are_a_function_of_the_numbers() -> None:
    """A report that is written again says the same."""
    words: list[Verdict] = ["better", "undecided", "worse"]

    assert chances([0.06, 0.01, -0.05], words) == chances([0.06, 0.01, -0.05], words)


def test_what_is_far_beyond_its_noise_comes_out_again() -> None:
    """And never the other way round."""
    (found,) = chances([0.3], ["better"])
    (loss,) = chances([-0.3], ["worse"])

    for one in (found, loss):
        assert one.same.least > 0.98
        assert one.opposite is not None
        assert one.opposite.most == 0.0


def test_a_lone_find_among_steps_that_do_nothing_is_less_sure_than_one_among_large_ones() -> None:
    """What the other steps say of how large effects are counts."""
    words: list[Verdict] = ["better", "undecided", "undecided", "undecided", "undecided"]
    alone, *_ = chances([0.045, 0.001, -0.002, 0.003, 0.0], words)
    among, *_ = chances([0.045, 0.09, -0.08, 0.1, 0.07], words)

    assert alone.same.least < alone.same.most < among.same.most
    assert alone.same.least < among.same.least


def test_the_sceptic_expects_no_more_of_a_find_than_the_hopeful() -> None:
    """The two ends of a range are the two distributions of effects."""
    for found in chances([0.04, 0.05, -0.045, 0.0, 0.01], ["better", "better", "worse", "undecided", "undecided"]):
        assert 0.0 <= found.same.least <= found.same.most <= 1.0


def test_nothing_contradicts_that_a_step_is_undecided() -> None:
    """Only a word that claims something has an opposite."""
    found = chances([0.02, 0.0], ["undecided", "same"])

    assert found[0].opposite is None
    assert found[1].opposite is not None


def test_without_a_word_or_noise_there_is_no_chance() -> None:
    """One run, no run, no verdict; the others count them as members of their family."""
    one, single = an_estimate(0.05, 0.012), an_estimate(0.05, float("inf"), replicates=1)
    words: list[Verdict] = ["better", "not_assessable", "not_assessable", "not_assessable"]
    found = repeat_chances([one, single, None, one], words, a_design(4))

    assert [answer is None for answer in found] == [False, True, True, True]
    assert repeat_chances([None], ["not_assessable"], a_design(1)) == (None,)


def test_a_look_at_single_runs_decides_nothing() -> None:
    """A study that looks after one replicate says its first words at the second look."""
    design = Design(
        rules=a_design().rules, looks=(1, 4), shares=(0.2, 0.8), up_to=2, directions=np.array([[-1.0, 1.0]])
    )
    (found,) = chances([0.2], ["better"], design=design)

    assert found.same.least > 0.9


def test_comparisons_that_depend_on_each_other_have_chances() -> None:
    """Three comparisons of three variants have no more than two directions of their own."""
    directions = np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0], [-1.0, 0.0, 1.0]])
    design = Design(rules=a_design().rules, looks=LOOKS, shares=SHARES, up_to=3, directions=directions)

    assert len(chances([0.05, 0.05, 0.1], ["better", "better", "better"], design=design)) == 3


def test_a_step_that_is_asked_whether_it_is_no_worse_is_followed() -> None:
    """It is not stopped for futility, so that it may become the same, or be ruled out as a gain, at a later look."""
    look = DrawnLook(np.zeros((1, 1)), np.full((1, 1), 0.02), np.full((1, 1), 50.0), np.zeros(1), 3)
    later = look._replace(difference=np.full((1, 1), 0.2), replicates=5)
    rules, directions = a_design().rules, chain_weights(6)
    words = [
        WORDS[judge_drawn(
            [look, later], [0],
            Design(rules=rules, looks=LOOKS, shares=SHARES, up_to=2, directions=directions, asked=asked),
        )[0, 0]]
        for asked in ((), (0,))
    ]  # fmt: skip

    assert words == ["undecided", "better"]
