"""Techniques of training; each is a block that may be null."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ablate.settings import Settings
from ablate.training.config.bounds import Positive, Probability


class Smoothing(Settings):
    """Label smoothing (Szegedy et al. 2016): alpha / K of the target goes to each of K classes."""

    alpha: Probability


class Clipping(Settings):
    """Scale the gradient down where its norm over all parameters exceeds `norm`."""

    norm: Positive


class EarlyStopping(Settings):
    """Stop after more than `patience` epochs in a row without a better value on validation."""

    patience: Annotated[int, Field(ge=0)]
    """Epochs."""
    metric: Literal["accuracy", "loss"] = "accuracy"
