"""What a warm server does once, so that no run has to: torch imports much of itself on first use.

Nothing here runs a backward pass: it would start threads, and a process with threads cannot be
forked safely. Nothing takes a step of an optimizer: it asks CUDA whether there is a card, and no
process that was forked after that may use one.
"""

from __future__ import annotations

import safetensors.torch  # noqa: F401 - imported for the runs
import torch
from torch import nn

import ablate.training.loop  # noqa: F401 - imported for the runs
from ablate.training.config import Adam, AdamW, Config, DataConfig, Digits, FreeVgg, GlobalAveragePool, Sgd
from ablate.training.cost import describe_network
from ablate.training.techniques.optimizers import make_optimizer


def warm_up() -> None:
    """Touch every part of torch that a run will use, on a few numbers."""
    describe_network(
        Config(
            data=DataConfig(source=Digits(name="digits"), classes=2, image_size=4),
            model=FreeVgg(name="vgg", blocks=[1], width=1, head=GlobalAveragePool(name="gap")),
            optimizer=Sgd(name="sgd", lr=1.0),
            epochs=1,
        )
    )
    for block in (Sgd(name="sgd", lr=1.0), Adam(name="adam", lr=1.0), AdamW(name="adamw", lr=1.0)):
        weight = nn.Parameter(torch.zeros(1))
        optimizer = make_optimizer(block, [("weight", weight)])
        weight.grad = torch.zeros(1)
        nn.utils.clip_grad_norm_([weight], 1.0)
        optimizer.zero_grad()
    torch.amp.GradScaler("cpu", enabled=False)
