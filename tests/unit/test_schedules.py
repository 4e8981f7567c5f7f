"""Learning-rate schedules: by hand, and against torch's own."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from ablate.training.config import Constant, Cosine, Schedule, Step
from ablate.training.techniques.schedules import lr_factor

STEPS = 7
"""Steps an epoch."""


def factors(schedule: Schedule, *, epochs: int) -> list[float]:
    """The factor at every step of a training."""
    return [
        lr_factor(schedule, epoch=epoch, step=step, steps_per_epoch=STEPS, epochs=epochs)
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


def test_warm_up_is_linear_from_its_start() -> None:
    """The first `warmup` epochs go in equal steps from `start` to 1, by hand and by LambdaLR."""
    seen = factors(Cosine(name="cosine", warmup=2, start=0.01), epochs=5)

    by_hand = [0.01 + 0.99 * done / (2 * STEPS) for done in range(2 * STEPS + 1)]
    assert seen[: 2 * STEPS + 1] == pytest.approx(by_hand)
    theirs = torch_factors(torch.optim.lr_scheduler.LambdaLR, 2 * STEPS, lr_lambda=lambda done: by_hand[done])
    assert seen[: 2 * STEPS] == pytest.approx(theirs)


def test_after_the_warm_up_comes_a_whole_half_cosine() -> None:
    """The peak is at the warm-up's end, half-way down is the mean of 1 and `end`, and the end is nearly reached."""
    seen = factors(Cosine(name="cosine", warmup=2, end=0.2), epochs=6)

    peak, left = 2 * STEPS, 4 * STEPS
    assert seen[peak] == 1.0
    assert seen[peak + left // 2] == pytest.approx(0.6)
    assert seen[-1] == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi * (left - 1) / left)) / 2)


def test_cosine_rises_then_falls() -> None:
    """No step back on either side of the peak."""
    seen = factors(Cosine(name="cosine", warmup=2, start=0.1, end=0.05), epochs=6)

    peak = seen.index(max(seen))
    assert all(a < b for a, b in pairwise(seen[: peak + 1]))
    assert all(a > b for a, b in pairwise(seen[peak:]))


def test_a_schedule_knows_no_history() -> None:
    """Any step can be asked for at once: a run that resumes needs no scheduler's state."""
    schedule = Cosine(name="cosine", warmup=1)

    at_once = lr_factor(schedule, epoch=2, step=3, steps_per_epoch=STEPS, epochs=4)
    assert at_once == factors(schedule, epochs=4)[2 * STEPS + 3]
