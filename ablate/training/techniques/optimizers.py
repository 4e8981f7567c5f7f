"""From an optimizer block to a torch optimizer; the fused kernels where torch has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from ablate.errors import SettingError
from ablate.training.config.optimization import Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd


def make_optimizer(config: Optimizer, named: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
    """The optimizer over the parameters that are trained. Fused: one pass over memory a step, same mathematics.

    named: names and parameters, as `named_parameters` gives them.
    """
    groups = parameter_groups(config, named)
    match config:
        case Sgd():
            return torch.optim.SGD(
                groups,
                lr=config.lr,
                momentum=config.momentum,
                nesterov=config.nesterov,
                weight_decay=config.weight_decay,
                fused=True,
            )
        case Adam():
            return torch.optim.Adam(
                groups, lr=config.lr, betas=_pair(config.betas), weight_decay=config.weight_decay, fused=True
            )
        case AdamW():
            return torch.optim.AdamW(
                groups, lr=config.lr, betas=_pair(config.betas), weight_decay=config.weight_decay, fused=True
            )
        case RmsProp():
            return torch.optim.RMSprop(
                groups, lr=config.lr, alpha=config.alpha, momentum=config.momentum, weight_decay=config.weight_decay
            )
        case Adagrad():
            return torch.optim.Adagrad(groups, lr=config.lr, weight_decay=config.weight_decay)


def parameter_groups(config: Optimizer, named: Iterable[tuple[str, nn.Parameter]]) -> list[dict[str, Any]]:
    """The trained parameters by their learning rate: first those of no part, then the parts in the order given.

    Each group carries its learning rate as `initial_lr`, which schedules multiply, and its part's
    prefix as `part` (empty for those of no part).
    Raises SettingError where nothing is trained, or a part holds no trained parameter.
    """
    parts = config.parts or {}
    members: dict[str, list[nn.Parameter]] = {"": [], **{prefix: [] for prefix in parts}}
    names = []
    for name, parameter in named:
        if parameter.requires_grad:
            names.append(name)
            members[part_of(name, parts)].append(parameter)
    if not names:
        raise SettingError("freeze", "no parameter of the network is trained", hint="Freeze less of it.")
    for prefix in parts:
        if not members[prefix]:
            raise SettingError(
                "optimizer.parts",
                f"optimizer.parts: no trained parameter is left for {prefix!r}",
                hint=f"Trained modules: {', '.join(_modules(names))}.",
            )
    return [
        {"params": parameters, "initial_lr": parts[prefix].lr if prefix else config.lr, "part": prefix}
        for prefix, parameters in members.items()
        if parameters
    ]


def part_of(name: str, parts: Iterable[str]) -> str:
    """The longest prefix a parameter's name begins with, in whole words; empty where none does.

    `head` fits `head.out.weight` and not `header.weight`.
    """
    fitting = [prefix for prefix in parts if f"{name}.".startswith(f"{prefix}.")]
    return max(fitting, key=len, default="")


def trained_weights(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    """Every parameter the optimizer moves."""
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def learning_rates(optimizer: torch.optim.Optimizer) -> Mapping[str, float]:
    """As they are now: `lr` of the parameters of no part (or of the first part), `lr/PREFIX` of each part."""
    groups = optimizer.param_groups
    rates = {"lr": float(groups[0]["lr"])}
    return rates | {f"lr/{group['part']}": float(group["lr"]) for group in groups if group["part"]}


def _modules(names: Iterable[str]) -> list[str]:
    """The outermost modules, then those below them, in order."""
    first = dict.fromkeys(name.split(".")[0] for name in names)
    second = dict.fromkeys(".".join(name.split(".")[:2]) for name in names if name.count(".") > 1)
    return [*first, *second]


def _pair(betas: list[float]) -> tuple[float, float]:
    first, second = betas
    return first, second
