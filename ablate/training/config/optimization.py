"""Optimizers, warm-up and schedules of the learning rate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import Settings
from ablate.training.config.bounds import Count, NotNegative, Positive, Probability, Share


class PartOfNetwork(Settings):
    """What holds for the parameters whose name begins with a prefix."""

    lr: Positive


class _OptimizerSettings(Settings):
    lr: Positive
    parts: Annotated[dict[str, PartOfNetwork], Field(min_length=1)] | None = None
    """Learning rates of parts, by module name: `{head: {lr: 0.1}}`; of several that fit the longest name counts."""


class Sgd(_OptimizerSettings):
    """Stochastic gradient descent (Robbins & Monro 1951), with momentum (Polyak 1964) or without."""

    name: Literal["sgd"]
    momentum: Probability = 0.0
    nesterov: bool = False
    weight_decay: NotNegative = 0.0
    """Added to the gradient as weight_decay * w: the gradient of (weight_decay / 2) * sum(w^2)."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Sgd:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov: true needs a momentum above 0")
        return self


class Adam(_OptimizerSettings):
    """Adam (Kingma & Ba 2015); its weight decay is coupled: added to the gradient."""

    name: Literal["adam"]
    betas: Annotated[list[Probability], Field(min_length=2, max_length=2)] = Field(default=[0.9, 0.999])
    weight_decay: NotNegative = 0.0


class AdamW(_OptimizerSettings):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"]
    betas: Annotated[list[Probability], Field(min_length=2, max_length=2)] = Field(default=[0.9, 0.999])
    weight_decay: NotNegative = 0.01


class RmsProp(_OptimizerSettings):
    """RMSprop: the gradient over the root of a moving mean of its square (Tieleman & Hinton 2012)."""

    name: Literal["rmsprop"]
    alpha: Probability = 0.99
    """Share of the old mean that is kept at each step."""
    momentum: Probability = 0.0
    weight_decay: NotNegative = 0.0
    """Added to the gradient as weight_decay * w."""


class Adagrad(_OptimizerSettings):
    """Adagrad: the gradient over the root of the sum of all its squares (Duchi et al. 2011)."""

    name: Literal["adagrad"]
    weight_decay: NotNegative = 0.0
    """Added to the gradient as weight_decay * w."""


Optimizer = Annotated[Sgd | Adam | AdamW | RmsProp | Adagrad, Field(discriminator="name")]


class AbsoluteLr(Settings):
    """A learning rate as such, not as a share of another."""

    lr: Positive


class Warmup(Settings):
    """Raise the learning rate linearly over the first epochs; the schedule begins after them (Goyal et al. 2017)."""

    epochs: Count
    start: Share | AbsoluteLr = 0.0
    """Where the first step begins: a share of the learning rate, or `{lr: 1e-4}`."""


class Constant(Settings):
    """The same learning rate throughout."""

    name: Literal["constant"]


class Step(Settings):
    """lr * gamma ** (epoch // every), epochs counted from 0; torch's StepLR."""

    name: Literal["step"]
    every: Count
    gamma: Annotated[float, Field(gt=0, le=1)]


class Cosine(Settings):
    """Half a cosine from the learning rate down to `end` times it, step by step (Loshchilov & Hutter 2017)."""

    name: Literal["cosine"]
    end: Share = 0.0
    """Share of the learning rate after the last step."""


class Plateau(Settings):
    """Multiply by `factor` after more than `patience` epochs without a lower loss; torch's ReduceLROnPlateau."""

    name: Literal["plateau"]
    metric: Literal["train/loss", "val/loss"] = "train/loss"
    """Which loss is watched; val/loss needs evidence.val."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=0)] = 10
    """Epochs."""
    threshold: Share = 1e-4
    """A loss is lower when it is below (1 - threshold) times the lowest so far."""


class Cyclical(Settings):
    """Up and down in a straight line between `low` times the learning rate and the learning rate (Smith 2017)."""

    name: Literal["cyclical"]
    rise: Positive
    """Epochs from the lowest to the highest point; as many down again."""
    low: Share = 0.1
    """Share of the learning rate at the lowest point, where the first cycle begins."""
    halve: bool = False
    """Halve the height of each further cycle (`triangular2`)."""


class OneCycle(Settings):
    """Up once and down once over the whole training (Smith & Topin 2018)."""

    name: Literal["one_cycle"]
    rise: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """Share of the steps on the way up."""
    start: Share = 0.04
    """Share of the learning rate at the first step."""
    end: Share = 4e-6
    """Share of the learning rate at the last step."""
    shape: Literal["cosine", "linear"] = "cosine"


Schedule = Annotated[Constant | Step | Cosine | Plateau | Cyclical | OneCycle, Field(discriminator="name")]
