"""Learning-rate schedules: by hand, and against torch's own."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from ablate.training.config import (
    AbsoluteLr,
    Constant,
    Cosine,
    Cyclical,
    OneCycle,
    Plateau,
    Schedule,
    Step,
    Warmup,
)
from ablate.training.techniques.schedules import StepPosition, learning_rate, plateau

STEPS = 7
"""Steps an epoch."""


def factors(schedule: Schedule, *, epochs: int, warmup: Warmup | None = None, peak: float = 1.0) -> list[float]:
    """The learning rate at every step of a training."""
    return [
        learning_rate(peak, warmup, schedule, StepPosition(epoch, step, STEPS, epochs))
        for epoch in range(epochs)
        for step in range(STEPS)
    ]


def torch_factors(scheduler: type[torch.optim.lr_scheduler.LRScheduler], steps: int, **options: object) -> list[float]:
    """What a scheduler of torch's makes of a learning rate of 1, step by step."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = scheduler(optimizer, **options)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    return seen


def test_constant_is_one() -> None:
    """The same learning rate throughout."""
    assert set(factors(Constant(name="constant"), epochs=3)) == {1.0}


def test_step_falls_at_every_so_many_epochs() -> None:
    """gamma ** (epoch // every), by hand."""
    by_epoch = factors(Step(name="step", every=2, gamma=0.5), epochs=5)[::STEPS]

    assert by_epoch == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_step_is_the_published_rule() -> None:
    """0.92 ** (epoch // 4) over forty epochs, as torch's StepLR has it."""
    by_epoch = factors(Step(name="step", every=4, gamma=0.92), epochs=40)[::STEPS]

    assert by_epoch == [0.92 ** (epoch // 4) for epoch in range(40)]
    assert by_epoch == pytest.approx(torch_factors(torch.optim.lr_scheduler.StepLR, 40, step_size=4, gamma=0.92))


def test_step_does_not_move_within_an_epoch() -> None:
    """All steps of an epoch have one learning rate."""
    seen = factors(Step(name="step", every=1, gamma=0.5), epochs=3)

    assert [len(set(seen[i : i + STEPS])) for i in range(0, len(seen), STEPS)] == [1, 1, 1]


@pytest.mark.parametrize("end", [0.0, 0.1])
def test_cosine_is_torchs_annealing_by_steps(end: float) -> None:
    """Without warm-up it equals CosineAnnealingLR over all steps."""
    seen = factors(Cosine(name="cosine", end=end), epochs=4)

    theirs = torch_factors(torch.optim.lr_scheduler.CosineAnnealingLR, len(seen), T_max=len(seen), eta_min=end)
    assert seen == pytest.approx(theirs, abs=1e-12)


WARMUPS = [Warmup(epochs=2, start=0.01), Warmup(epochs=2, start=AbsoluteLr(lr=0.01))]


@pytest.mark.parametrize("warmup", WARMUPS, ids=["share", "absolute"])
def test_warm_up_is_linear_from_its_start(warmup: Warmup) -> None:
    """The first epochs go in equal steps from `start` to the peak, by hand and by LinearLR."""
    seen = factors(Cosine(name="cosine"), epochs=5, warmup=warmup)

    by_hand = [0.01 + 0.99 * done / (2 * STEPS) for done in range(2 * STEPS + 1)]
    assert seen[: 2 * STEPS + 1] == pytest.approx(by_hand)
    theirs = torch_factors(torch.optim.lr_scheduler.LinearLR, 2 * STEPS, start_factor=0.01, total_iters=2 * STEPS)
    assert seen[: 2 * STEPS] == pytest.approx(theirs)


def test_warm_up_may_begin_at_a_learning_rate_or_at_a_share_of_it() -> None:
    """1e-4 to 1e-2 over five epochs, written in both ways; then the cosine to the lowest learning rate."""
    cosine = Cosine(name="cosine", end=0.01)
    absolute = factors(cosine, epochs=10, peak=1e-2, warmup=Warmup(epochs=5, start=AbsoluteLr(lr=1e-4)))
    share = factors(cosine, epochs=10, peak=1e-2, warmup=Warmup(epochs=5, start=0.01))

    assert absolute == pytest.approx(share)
    assert absolute[0] == pytest.approx(1e-4)
    assert absolute[5 * STEPS] == 1e-2
    assert absolute[:: 5 * STEPS] == pytest.approx([1e-4, 1e-2])


@pytest.mark.parametrize(
    "schedule",
    [
        Constant(name="constant"),
        Step(name="step", every=2, gamma=0.5),
        Cosine(name="cosine", end=0.1),
        Cyclical(name="cyclical", rise=1.0),
    ],
    ids=lambda schedule: schedule.name,
)
def test_a_schedule_begins_where_the_warm_up_ends(schedule: Schedule) -> None:
    """What follows three epochs of warm-up is the schedule of a training three epochs shorter."""
    seen = factors(schedule, epochs=8, warmup=Warmup(epochs=3))

    assert seen[3 * STEPS :] == factors(schedule, epochs=5)


def test_after_the_warm_up_comes_a_whole_half_cosine() -> None:
    """The peak is at the warm-up's end, half-way down is the mean of 1 and `end`, and the end is nearly reached."""
    seen = factors(Cosine(name="cosine", end=0.2), epochs=6, warmup=Warmup(epochs=2))

    peak, left = 2 * STEPS, 4 * STEPS
    assert seen[peak] == 1.0
    assert seen[peak + left // 2] == pytest.approx(0.6)
    assert seen[-1] == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi * (left - 1) / left)) / 2)


def test_cosine_rises_then_falls() -> None:
    """No step back on either side of the peak."""
    seen = factors(Cosine(name="cosine", end=0.05), epochs=6, warmup=Warmup(epochs=2, start=0.1))

    peak = seen.index(max(seen))
    assert all(a < b for a, b in pairwise(seen[: peak + 1]))
    assert all(a > b for a, b in pairwise(seen[peak:]))


@pytest.mark.parametrize(("halve", "mode"), [(False, "triangular"), (True, "triangular2")])
def test_cyclical_is_torchs(mode: str, *, halve: bool) -> None:
    """CyclicLR over three and a half cycles of four epochs each."""
    seen = factors(Cyclical(name="cyclical", rise=2.0, low=0.1, halve=halve), epochs=14)

    theirs = torch_factors(
        torch.optim.lr_scheduler.CyclicLR,
        len(seen),
        base_lr=0.1,
        max_lr=1.0,
        step_size_up=2 * STEPS,
        mode=mode,
        cycle_momentum=False,
    )
    assert seen == pytest.approx(theirs)


def test_cyclical_by_hand() -> None:
    """Two epochs up, two down, from the lowest point on."""
    by_epoch = factors(Cyclical(name="cyclical", rise=2.0, low=0.2), epochs=7)[::STEPS]

    assert by_epoch == pytest.approx([0.2, 0.6, 1.0, 0.6, 0.2, 0.6, 1.0])


def test_cyclical_between_equal_ends_is_constant() -> None:
    """The degenerate wave."""
    assert factors(Cyclical(name="cyclical", rise=1.5, low=1.0), epochs=4) == pytest.approx([1.0] * 4 * STEPS)


@pytest.mark.parametrize(("shape", "theirs"), [("cosine", "cos"), ("linear", "linear")])
def test_one_cycle_is_torchs(shape: str, theirs: str) -> None:
    """OneCycleLR with its own defaults, step by step."""
    seen = factors(OneCycle.model_validate({"name": "one_cycle", "shape": shape}), epochs=6)

    assert seen == pytest.approx(
        torch_factors(
            torch.optim.lr_scheduler.OneCycleLR,
            len(seen),
            max_lr=1.0,
            total_steps=len(seen),
            anneal_strategy=theirs,
            cycle_momentum=False,
        )
    )


def test_one_cycle_ends_where_it_says() -> None:
    """The last step has the lowest learning rate; some step has the highest."""
    seen = factors(OneCycle(name="one_cycle", rise=2 / 5, start=0.1, end=0.01), epochs=5)

    assert seen[0] == pytest.approx(0.1)
    assert max(seen) == pytest.approx(1.0)
    assert seen[-1] == pytest.approx(0.01)


def torch_plateau(losses: list[float], *, factor: float, patience: int, threshold: float = 1e-4) -> list[float]:
    """The factor of torch's ReduceLROnPlateau after each epoch."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, threshold=threshold, eps=0.0
    )
    seen = []
    for loss in losses:
        theirs.step(loss)
        seen.append(optimizer.param_groups[0]["lr"])
    return seen


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_plateau_is_torchs(patience: int) -> None:
    """A loss that falls, rests, falls by less than the threshold, rises and falls again."""
    losses = [2.0, 1.5, 1.5, 1.49999, 1.6, 1.4, 1.4, 1.4, 1.4, 1.4, 1.2, 1.3, 1.3, 1.3, 1.3, 1.3, 1.1, 1.1, 1.1]
    block = Plateau(name="plateau", factor=0.1, patience=patience)

    seen = [plateau(block, losses[: epoch + 1]) for epoch in range(len(losses))]

    assert seen == pytest.approx(torch_plateau(losses, factor=0.1, patience=patience))
    assert len(set(seen)) > 1


def test_plateau_by_hand() -> None:
    """With patience 2 the third epoch in a row without a lower loss acts, and the count begins anew."""
    block = Plateau(name="plateau", factor=0.5, patience=2)
    losses = [1.0] * 8

    assert [plateau(block, losses[:epoch]) for epoch in range(9)] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_plateau_does_not_watch_the_warm_up() -> None:
    """The losses of the first epochs do not count."""
    moment, block = StepPosition(3, 0, STEPS, 9), Plateau(name="plateau", factor=0.5, patience=0)
    losses = [0.1, 0.2, 1.0]

    assert learning_rate(1.0, Warmup(epochs=2), block, moment, losses) == 1.0
    assert learning_rate(1.0, None, block, moment, losses) == 0.25


def test_a_loss_that_always_falls_keeps_the_learning_rate() -> None:
    """The degenerate plateau."""
    assert plateau(Plateau(name="plateau", patience=0), [1 / (epoch + 1) for epoch in range(50)]) == 1.0


def test_a_schedule_knows_no_history() -> None:
    """Any step can be asked for at once: a run that resumes needs no scheduler's state."""
    schedule, warmup = Cosine(name="cosine"), Warmup(epochs=1)

    at_once = learning_rate(1.0, warmup, schedule, StepPosition(2, 3, STEPS, 4))
    assert at_once == factors(schedule, epochs=4, warmup=warmup)[2 * STEPS + 3]
