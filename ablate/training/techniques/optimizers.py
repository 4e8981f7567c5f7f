"""From an optimizer block to a torch optimizer; the fused kernels where torch has them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from ablate.training.config import Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd


def make_optimizer(config: Optimizer, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer over these parameters. Fused: one pass over memory a step, same mathematics."""
    match config:
        case Sgd():
            return torch.optim.SGD(
                parameters,
                lr=config.lr,
                momentum=config.momentum,
                nesterov=config.nesterov,
                weight_decay=config.weight_decay,
                fused=True,
            )
        case Adam():
            return torch.optim.Adam(
                parameters, lr=config.lr, betas=_pair(config.betas), weight_decay=config.weight_decay, fused=True
            )
        case AdamW():
            return torch.optim.AdamW(
                parameters, lr=config.lr, betas=_pair(config.betas), weight_decay=config.weight_decay, fused=True
            )
        case RmsProp() | Adagrad():
            raise NotImplementedError(config.name)


def _pair(betas: list[float]) -> tuple[float, float]:
    first, second = betas
    return first, second
