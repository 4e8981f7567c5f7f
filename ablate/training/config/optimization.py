"""Optimizers and schedules of the learning rate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import Settings
from ablate.training.config.bounds import Count, Positive, Probability


class Sgd(Settings):
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    lr: Positive
    momentum: Probability = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Added to the gradient as weight_decay * w."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Sgd:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov: true needs a momentum above 0")
        return self


class Adam(Settings):
    """Adam; its weight decay is coupled (added to the gradient)."""

    name: Literal["adam"]
    lr: Positive
    betas: Annotated[list[Probability], Field(min_length=2, max_length=2)] = Field(default=[0.9, 0.999])
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


class AdamW(Settings):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"]
    lr: Positive
    betas: Annotated[list[Probability], Field(min_length=2, max_length=2)] = Field(default=[0.9, 0.999])
    weight_decay: Annotated[float, Field(ge=0)] = 0.01


Optimizer = Annotated[Sgd | Adam | AdamW, Field(discriminator="name")]


class Constant(Settings):
    """The same learning rate throughout."""

    name: Literal["constant"]


class Step(Settings):
    """lr * gamma ** (epoch // every), epochs counted from 0."""

    name: Literal["step"]
    every: Count
    gamma: Annotated[float, Field(gt=0, le=1)]


class Cosine(Settings):
    """Linear warm-up over `warmup` epochs from `start` * lr, then half a cosine down to `end` * lr."""

    name: Literal["cosine"]
    warmup: Annotated[int, Field(ge=0)] = 0
    """Epochs."""
    start: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the learning rate at the first step of the warm-up."""
    end: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the learning rate after the last step."""


Schedule = Annotated[Constant | Step | Cosine, Field(discriminator="name")]
