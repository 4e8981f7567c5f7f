"""Randomness without a state: every draw is a function of replicate, purpose, epoch and step."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from ablate.splits.rules import Replicate
from ablate.training.seeding import StepRandom, dropout_seed, epoch_order, seed_dropout, seed_init

FIRST, SECOND = Replicate(index=0), Replicate(index=1)
CPU = torch.device("cpu")


def test_an_epochs_order_is_a_permutation() -> None:
    """Each training image comes once an epoch."""
    order = epoch_order(FIRST, 3, 100)

    assert sorted(order.tolist()) == list(range(100))


def test_the_order_depends_on_replicate_stream_and_epoch_alone() -> None:
    """What was drawn before does not matter; another epoch, replicate or stream does."""
    before = epoch_order(FIRST, 3, 100)
    torch.manual_seed(0)
    again = epoch_order(FIRST, 3, 100)
    others = [
        epoch_order(FIRST, 4, 100),
        epoch_order(SECOND, 3, 100),
        epoch_order(Replicate(index=0, stream="confirm"), 3, 100),
    ]

    assert torch.equal(before, again)
    assert not any(torch.equal(before, other) for other in others)


def test_orders_do_not_move() -> None:
    """One order written out: finished runs depend on it."""
    assert epoch_order(FIRST, 0, 8).tolist() == [3, 0, 4, 5, 1, 7, 2, 6]


def test_first_weights_depend_on_the_replicate_alone() -> None:
    """Every variant of a replicate begins with the same weights where it has the same layers."""
    weights = []
    for replicate in (FIRST, FIRST, SECOND):
        torch.rand(5)
        seed_init(replicate)
        weights.append(nn.Linear(4, 4).weight.detach())

    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_dropout_of_a_step_can_be_drawn_alone() -> None:
    """A step's mask is the same whether the steps before it were taken or not."""
    dropout, ones, seed = nn.Dropout(0.5), torch.ones(50), dropout_seed(FIRST, 1)
    masks = []
    for step in range(3):
        seed_dropout(seed, step, CPU)
        masks.append(dropout(ones))
    seed_dropout(seed, 2, CPU)

    assert torch.equal(dropout(ones), masks[2])
    assert not torch.equal(masks[0], masks[1])


def test_dropout_of_neighbouring_steps_has_nothing_in_common() -> None:
    """Masks of seeds that differ by one agree in half of their places."""
    dropout, ones, seed = nn.Dropout(0.5), torch.ones(10_000), dropout_seed(FIRST, 0)
    masks = []
    for step in range(5):
        seed_dropout(seed, step, CPU)
        masks.append(dropout(ones) > 0)

    agreement = [float((a == b).double().mean()) for a, b in pairwise(masks)]
    assert all(0.48 < share < 0.52 for share in agreement)


def test_dropout_differs_between_epochs_and_replicates() -> None:
    """Each has a seed of its own."""
    assert len({dropout_seed(FIRST, 0), dropout_seed(FIRST, 1), dropout_seed(SECOND, 0)}) == 3


def test_augmentation_of_a_step_can_be_drawn_alone() -> None:
    """Its generator is on the CPU and touches no global one."""
    state = torch.default_generator.get_state()
    draws = [torch.rand(4, generator=StepRandom(FIRST, 1, step).shared()) for step in (2, 2, 3)]

    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.default_generator.get_state(), state)


def test_purposes_do_not_share_their_luck() -> None:
    """Each has a seed of its own."""
    assert len({FIRST.seed(name, 0) for name in ("init", "order", "dropout", "augment")}) == 4


def test_an_apple_gpu_draws_from_its_own_generator_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metal's dropout takes no notice of the CPU's generator."""
    seeds: list[int] = []
    monkeypatch.setattr(torch.mps, "manual_seed", seeds.append)
    before = torch.get_rng_state()
    for step in range(3):
        seed_dropout(100, step, torch.device("mps"))

    assert seeds == [100, 101, 102]
    assert torch.equal(torch.get_rng_state(), before)
