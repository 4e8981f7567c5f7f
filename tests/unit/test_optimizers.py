"""Optimizers: which weight decay each one has, and that fusing changes no mathematics."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ablate.training.config import Adam, AdamW, Optimizer, Sgd
from ablate.training.techniques.optimizers import make_optimizer

DECAY = 0.1


def trained(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer], *, penalty: float = 0.0) -> Tensor:
    """The weights after ten steps on a least-squares problem, plus (penalty / 2) * sum(w^2) in the loss."""
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(20, 5, generator=generator), torch.randn(20, generator=generator)
    weights = nn.Parameter(torch.randn(5, generator=generator))
    optimizer = make([weights])
    for _ in range(10):
        optimizer.zero_grad()
        loss = ((inputs @ weights - targets) ** 2).mean() + penalty / 2 * (weights**2).sum()
        loss.backward()
        optimizer.step()
    return weights.detach()


def by(config: Optimizer, *, penalty: float = 0.0) -> Tensor:
    return trained(lambda weights: make_optimizer(config, [("w", weight) for weight in weights]), penalty=penalty)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weight_decay_of_sgd_is_half_the_squared_norm_in_the_loss(momentum: float) -> None:
    """Ten steps with weight_decay equal ten steps on the loss plus (weight_decay / 2) * sum(w^2)."""
    decayed = by(Sgd(name="sgd", lr=0.1, momentum=momentum, weight_decay=DECAY))
    penalised = by(Sgd(name="sgd", lr=0.1, momentum=momentum), penalty=DECAY)

    torch.testing.assert_close(decayed, penalised)


def test_weight_decay_of_adam_is_coupled() -> None:
    """Adam's decay goes through the gradient, as a penalty in the loss does."""
    decayed = by(Adam(name="adam", lr=0.1, weight_decay=DECAY))
    penalised = by(Adam(name="adam", lr=0.1), penalty=DECAY)

    torch.testing.assert_close(decayed, penalised)


def test_weight_decay_of_adamw_is_not() -> None:
    """AdamW's decay is no penalty in the loss."""
    decayed = by(AdamW(name="adamw", lr=0.1, weight_decay=DECAY))
    penalised = by(AdamW(name="adamw", lr=0.1, weight_decay=0.0), penalty=DECAY)

    assert not torch.allclose(decayed, penalised, rtol=1e-3)


def test_weight_decay_of_adamw_shrinks_the_weights_apart_from_the_gradient() -> None:
    """Without a gradient each step multiplies by 1 - lr * weight_decay; Adam would move by lr instead."""
    weights = [nn.Parameter(torch.ones(3)) for _ in range(2)]
    settings = {"lr": 0.1, "weight_decay": 0.5}
    blocks: list[Optimizer] = [AdamW(name="adamw", **settings), Adam(name="adam", **settings)]
    for weight, block in zip(weights, blocks, strict=True):
        optimizer = make_optimizer(block, [("w", weight)])
        weight.grad = torch.zeros(3)
        optimizer.step()

    torch.testing.assert_close(weights[0].detach(), torch.full((3,), 1 - 0.1 * 0.5))
    torch.testing.assert_close(weights[1].detach(), torch.full((3,), 1 - 0.1))


@pytest.mark.parametrize(
    ("config", "plain"),
    [
        (Sgd(name="sgd", lr=0.1), lambda w: torch.optim.SGD(w, lr=0.1)),
        (
            Sgd(name="sgd", lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
            lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        ),
        (Adam(name="adam", lr=0.1), lambda w: torch.optim.Adam(w, lr=0.1)),
        (Adam(name="adam", lr=0.1, betas=[0.8, 0.9]), lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.8, 0.9))),
        (AdamW(name="adamw", lr=0.1), lambda w: torch.optim.AdamW(w, lr=0.1)),
    ],
)
def test_an_optimizer_is_torchs_own(
    config: Optimizer, plain: Callable[[list[nn.Parameter]], torch.optim.Optimizer]
) -> None:
    """With equal settings, defaults included, the fused optimizer ends where torch's plain one does."""
    torch.testing.assert_close(by(config), trained(plain))
