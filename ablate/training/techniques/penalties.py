"""Penalties on the size of the weights, as terms of the loss.

Three different things go by "L2"; only the first is `penalties.l2`:
- the formula lambda * sum(w^2), whose gradient is 2 * lambda * w;
- the norm lambda * sqrt(sum(w^2)), whose gradient has the same length however small the weights are;
- `weight_decay` of an optimizer, which under plain SGD is (weight_decay / 2) * sum(w^2): half the first.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ablate.training.config import Penalties


@torch.no_grad()
def penalty(weights: Iterable[Tensor], penalties: Penalties) -> float:
    """l1 * sum |w| + l2 * sum w^2: the lasso (Tibshirani 1996), the ridge (Hoerl & Kennard 1970), both: elastic net."""
    l1, l2 = penalties.l1 or 0.0, penalties.l2 or 0.0
    sums = [torch.stack([weight.abs().sum(), weight.square().sum()]) for weight in weights]
    read: list[list[float]] = torch.stack(sums).tolist()  # at once: each reading waits for the device
    return sum(l1 * absolute + l2 * square for absolute, square in read)


@torch.no_grad()
def add_penalty_gradients(weights: Iterable[nn.Parameter], penalties: Penalties) -> None:
    """Add the gradient of `penalty` to each weight's: l1 * sign(w) + 2 * l2 * w, which is 0 at w = 0.

    What a backward pass through the penalty would add, without one.
    """
    for weight in weights:
        if weight.grad is None:
            continue
        if penalties.l1 is not None:
            weight.grad.add_(weight.sign(), alpha=penalties.l1)
        if penalties.l2 is not None:
            weight.grad.add_(weight, alpha=2 * penalties.l2)
