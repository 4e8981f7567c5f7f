"""Techniques of training; each is a block that may be null."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import Settings
from ablate.training.config.bounds import Count, NotNegative, Positive, Probability


class CrossEntropy(Settings):
    """-log p of the target, p by softmax (Bridle 1990)."""

    name: Literal["cross_entropy"]


class Focal(Settings):
    """Cross-entropy times (1 - p) ** gamma, which makes sure examples count less (Lin et al. 2017)."""

    name: Literal["focal"]
    gamma: NotNegative = 2.0


class SquaredError(Settings):
    """Mean over images and classes of the squared difference from the one-hot target (Hui & Belkin 2021)."""

    name: Literal["squared_error"]
    of: Literal["probabilities", "logits"] = "probabilities"
    """What is compared with the target: the softmax or its input."""


class BinaryCrossEntropy(Settings):
    """Mean over images and classes of a yes-no cross-entropy a class, p by the logistic function (Cox 1958)."""

    name: Literal["binary_cross_entropy"]


Loss = Annotated[CrossEntropy | Focal | SquaredError | BinaryCrossEntropy, Field(discriminator="name")]


class Smoothing(Settings):
    """Label smoothing (Szegedy et al. 2016): alpha of the target is taken from the class and shared."""

    alpha: Probability
    among: Literal["all", "wrong"] = "all"
    """all: alpha / K to each of K classes, as torch has it; wrong: alpha / (K - 1) to each wrong class."""


class MixUp(Settings):
    """Mix each image and target with another's, lambda from Beta(alpha, alpha), one per batch (Zhang et al. 2018)."""

    name: Literal["mixup"]
    alpha: Positive = 0.2


class CutMix(Settings):
    """Paste a rectangle of another image, targets mixed by area, one rectangle a batch (Yun et al. 2019)."""

    name: Literal["cutmix"]
    alpha: Positive = 1.0


Mixing = Annotated[MixUp | CutMix, Field(discriminator="name")]


class Penalties(Settings):
    """Terms added to the loss, over all trained parameters; both together are the elastic net (Zou & Hastie 2005).

    They are no part of train/loss; their sum is reported as train/penalty.
    """

    l1: Positive | None = None
    """lambda of lambda * sum |w|; gradient lambda * sign(w)."""
    l2: Positive | None = None
    """lambda of lambda * sum w^2; gradient 2 * lambda * w. Not the norm, and not weight decay, which is half of it."""

    @model_validator(mode="after")
    def _does_something(self) -> Penalties:
        if self.l1 is None and self.l2 is None:
            raise ValueError("penalties adds nothing; give l1 or l2, or null for no penalties block")
        return self


class Clipping(Settings):
    """Scale the gradient down where its norm over all parameters exceeds `norm` (Pascanu et al. 2013)."""

    norm: Positive


class Averaging(Settings):
    """Keep a moving average of the weights (Polyak & Juditsky 1992); it is what is validated, tested and saved.

    At step t (from 0) the average keeps min(decay, (1 + t) / (10 + t)) of itself.
    """

    decay: Probability


class QuantizationAware(Settings):
    """Round weights and inputs of convolutions and linear layers to INT8 while training (Jacob et al. 2018).

    For a network that will be quantised: to continue a finished run by `weights: {run: STUDY/VARIANT}`. What is
    validated, tested and saved computes in full precision; `ablate deploy` measures the INT8 file.
    """

    bits: Literal[7, 8] = 8
    """Of a weight; 7 for processors that add 8-bit products up in 16 bits (x86 without VNNI)."""


class Attack(Settings):
    """Projected gradient descent in the largest-change norm, on pixels in [0, 1] (Madry et al. 2018)."""

    eps: Annotated[float, Field(gt=0, le=1)]
    """Largest change of any pixel; 8/255 is 0.031."""
    steps: Count
    step_size: Positive
    random_start: bool = True
    """Begin at a random point of the box; if not, at the image."""


class EarlyStopping(Settings):
    """Stop after more than `patience` epochs in a row without a better value on validation (Prechelt 1998)."""

    patience: Annotated[int, Field(ge=0)]
    """Epochs."""
    metric: Literal["accuracy", "loss"] = "accuracy"
