"""Penalties: their gradients, and what they have to do with weight decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ablate.training.config import Penalties, Sgd
from ablate.training.techniques.optimizers import make_optimizer
from ablate.training.techniques.penalties import add_penalty_gradients, penalty

BLOCKS = [Penalties(l1=0.3), Penalties(l2=0.2), Penalties(l1=0.3, l2=0.2)]


def weights() -> list[nn.Parameter]:
    """Of different shapes, one of them zero."""
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(size, generator=generator)) for size in ((3, 2), (4,))] + [
        nn.Parameter(torch.zeros(1))
    ]


def test_penalties_by_hand() -> None:
    """lambda * sum |w|, lambda * sum w^2, and their sum."""
    values = [torch.tensor([3.0, -4.0]), torch.tensor([0.0])]

    assert [penalty(values, block) for block in BLOCKS] == pytest.approx([2.1, 5.0, 7.1])


@pytest.mark.parametrize("block", BLOCKS, ids=["l1", "l2", "elastic net"])
def test_the_gradient_is_that_of_the_penalty(block: Penalties) -> None:
    """What autograd makes of the formula is added to the gradient there is, at 0 too."""
    mine, theirs = weights(), weights()
    for weight in mine:
        weight.grad = torch.ones_like(weight)
    add_penalty_gradients(mine, block)

    formula = [
        (block.l1 or 0) * weight.abs().sum() + (block.l2 or 0) * weight.square().sum() + weight.sum()
        for weight in theirs
    ]
    torch.stack(formula).sum().backward()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_l2_of_half_the_weight_decay_is_weight_decay_under_plain_sgd() -> None:
    """(wd / 2) * sum(w^2): the same weights after ten steps."""
    generator = torch.Generator().manual_seed(1)
    inputs, targets = torch.randn(20, 5, generator=generator), torch.randn(20, generator=generator)
    ends = []
    for decay, block in ((0.1, None), (0.0, Penalties(l2=0.05)), (0.0, Penalties(l2=0.1))):
        weight = nn.Parameter(torch.linspace(-1, 1, 5))
        optimizer = make_optimizer(Sgd(name="sgd", lr=0.1, weight_decay=decay), [("w", weight)])
        for _ in range(10):
            weight.grad = None
            ((inputs @ weight - targets) ** 2).mean().backward()
            if block is not None:
                add_penalty_gradients([weight], block)
            optimizer.step()
        ends.append(weight.detach())

    torch.testing.assert_close(ends[0], ends[1])
    assert not torch.allclose(ends[0], ends[2], rtol=1e-2)


def test_a_weight_without_a_gradient_is_left_alone() -> None:
    """What no loss reaches is not moved by a penalty either."""
    (weight, *_) = weights()
    add_penalty_gradients([weight], Penalties(l1=1.0))

    assert weight.grad is None
