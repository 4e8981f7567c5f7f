"""What a first study has, for the images and the time there are: arithmetic on counts and measured seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.workflows.beginning.proposal import (
    LOOKS,
    Amount,
    Candidate,
    Pace,
    batch_for,
    choose,
    folds_for,
    ladder,
    unmeasured,
)

SIDES = (300, 200)


def paced(seconds: float, candidates: list[Candidate]) -> list[tuple[Candidate, Pace]]:
    """Each candidate takes half as long a step as the one before it."""
    return [(one, Pace(seconds / 2**n, seconds / 2**n, seconds / 100)) for n, one in enumerate(candidates)]


@given(
    fit=st.integers(4, 200_000),
    step=st.floats(1e-4, 2.0),
    minutes=st.floats(1, 600),
    workers=st.integers(1, 64),
)
def test_a_proposal_fits_in_its_time_or_is_the_least(fit: int, step: float, minutes: float, workers: int) -> None:
    """It never promises what does not fit; where nothing fits, it is the last candidate with the fewest of all."""
    candidates = ladder(SIDES, [("resnet18", "ResNet18_Weights.IMAGENET1K_V1")])
    found = choose(paced(step, candidates), Amount(fit, fit // 4 + 1, workers), seconds=60 * minutes)
    steps = -(-fit // found.batch)
    fewest, most = found.candidate.epochs(steps)

    assert found.seconds is not None
    assert fewest <= found.epochs <= most
    if found.seconds > 60 * minutes:
        assert (found.candidate, found.epochs, found.looks) == (candidates[-1], fewest, LOOKS[-1])


@given(st.floats(1, 300), st.floats(1, 3))
def test_more_time_is_never_used_for_less(minutes: float, more: float) -> None:
    """Neither fewer replicates nor a candidate further down."""
    paces = paced(0.05, ladder(SIDES, ()))
    short, long = (choose(paces, Amount(1000, 250, 2), seconds=60 * m) for m in (minutes, minutes * more))
    order = [candidate for candidate, _ in paces]

    assert long.looks >= short.looks
    if long.looks == short.looks:
        assert order.index(long.candidate) <= order.index(short.candidate)


def test_the_time_is_that_of_the_runs_side_by_side() -> None:
    """40 runs on two workers: steps of the mean pace, the test, and what every run and study takes beside."""
    one = ladder((32, 32), ())[-1]
    amount = Amount(320, 80, 2)
    found = choose([(one, Pace(0.1, 0.3, 0.01))], amount, seconds=3 * 3600)
    steps = 10 * found.epochs
    each = 0.7 + steps * 0.2 + 80 * 0.01

    assert found.looks == (10, 20)
    assert found.seconds == pytest.approx(12 + 40 / 2 * each)


def test_weights_on_the_machine_come_first() -> None:
    """A small network from scratch is what is left without them, or where they would take too long."""
    weights = [("resnet18", "ResNet18_Weights.IMAGENET1K_V1")]
    candidates = ladder(SIDES, weights)

    assert candidates[0].model == {"name": "torchvision:resnet18"}
    assert candidates[0].weights == "ResNet18_Weights.IMAGENET1K_V1"
    assert [one for one in ladder(SIDES, ()) if one.weights] == []
    assert candidates[-1].model["name"] == "vgg"


@pytest.mark.parametrize("sides", [(0, 0), (8, 8), (28, 28), (33, 500), (4000, 3000)])
def test_images_are_never_made_much_larger(sides: tuple[int, int]) -> None:
    """Than they are, save for the smallest size a network takes; a size is proposed of whatever there is."""
    found = ladder(sides, ())

    assert found
    assert max(one.size for one in found) <= max(64 if not min(sides) else 32, min(sides))


@pytest.mark.parametrize(("images", "batch"), [(3, 8), (80, 8), (170, 16), (400, 32), (10**6, 32)])
def test_small_folders_have_small_batches(images: int, batch: int) -> None:
    """So that an epoch has steps enough."""
    assert batch_for(images) == batch


@pytest.mark.parametrize(("smallest", "folds"), [(1, 2), (2, 2), (4, 4), (5, 5), (500, 5)])
def test_folds_are_five_or_what_the_smallest_class_has(smallest: int, folds: int) -> None:
    """A class of fewer images than folds would be missing in one."""
    assert folds_for(smallest) == folds


def test_nothing_measured_says_no_seconds() -> None:
    """A guess is no promise."""
    assert unmeasured(ladder(SIDES, ())[-1], 1000).seconds is None
