"""Everything the built-in trainer can be asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ablate.settings import NotIdentity, Settings
from ablate.training.config.augmentation import Augment
from ablate.training.config.bounds import Count, Positive
from ablate.training.config.data import DataConfig
from ablate.training.config.model import Model, encoder_of, takes_text
from ablate.training.config.numerics import Numerics
from ablate.training.config.optimization import (
    AbsoluteLr,
    Constant,
    OneCycle,
    Optimizer,
    Schedule,
    Warmup,
)
from ablate.training.config.techniques import (
    Attack,
    Averaging,
    BinaryCrossEntropy,
    Clipping,
    CrossEntropy,
    EarlyStopping,
    Loss,
    Mixing,
    Penalties,
    QuantizationAware,
    Smoothing,
)
from ablate.training.config.transfer import Freeze, Weights


class Config(Settings):
    """Everything the built-in trainer can be asked for."""

    data: DataConfig
    model: Model
    weights: Weights | None = None
    """First weights from elsewhere; null: the replicate's own random ones."""
    freeze: Freeze | None = None
    """Parameters that are not trained; null: all are."""
    optimizer: Optimizer
    warmup: Warmup | None = None
    schedule: Schedule = Field(default=Constant(name="constant"))
    batch_size: Count = 32
    """Images of one step. The last batch of an epoch holds what is left; where that is a single image and the
    network cannot be trained on one (batch norm on a map of one pixel), it joins the batch before it."""
    epochs: Count
    sampling: Literal["balanced"] | None = None
    """balanced: each epoch draws as many images as there are, with replacement, every class equally likely."""
    augment: Augment = Field(default=Augment())
    mixing: Mixing | None = None
    loss: Loss = Field(default=CrossEntropy(name="cross_entropy"))
    class_weights: Literal["balanced"] | list[Positive] | None = None
    """How much an image counts in the loss, by its class; balanced: N / (K * images of the class), of the fit part."""
    smoothing: Smoothing | None = None
    penalties: Penalties | None = None
    clipping: Clipping | None = None
    averaging: Averaging | None = None
    quantization_aware: QuantizationAware | None = None
    adversarial: Attack | None = None
    """Train on images attacked by the network's own gradient, in place of the clean ones."""
    robustness: Attack | None = None
    """Attack the test images too, and report `robust_accuracy`."""
    early_stopping: EarlyStopping | None = None
    numerics: Numerics = Field(default=Numerics())
    device: NotIdentity[str] = "auto"
    """auto: a CUDA device where there is one, else Apple's GPU (mps), else the CPU. Also cpu, cuda, cuda:0 or mps."""

    @model_validator(mode="after")
    def _schedule_fits(self) -> Config:
        warmup = self.warmup
        if warmup is None:
            return self
        if warmup.epochs >= self.epochs:
            raise ValueError(f"warmup.epochs ({warmup.epochs}) must be below epochs ({self.epochs})")
        if isinstance(self.schedule, OneCycle):
            raise ValueError(
                "warmup is set together with schedule one_cycle, which includes a warm-up of its own; set it to null"
            )
        if isinstance(warmup.start, AbsoluteLr) and warmup.start.lr > self.optimizer.lr:
            raise ValueError(
                f"warmup.start.lr ({warmup.start.lr}) is above optimizer.lr ({self.optimizer.lr}); it must not be"
            )
        return self

    @model_validator(mode="after")
    def _techniques_fit(self) -> Config:
        if isinstance(self.class_weights, list) and len(self.class_weights) != self.data.classes:
            raise ValueError(
                f"class_weights has {len(self.class_weights)} values for {self.data.classes} classes; "
                "give one per class"
            )
        if self.data.multi_label:
            self._check_several_labels()
        for key in ("cutout", "erasing"):
            block = getattr(self.augment, key)
            if block is not None and block.fill == "mean" and self.data.normalize is None:
                raise ValueError(
                    f"augment.{key}.fill is the mean of data.normalize, which is null; "
                    "fill with black, or normalise the images"
                )
        color = self.augment.color
        if self.data.channels == 1 and color is not None and (color.saturation or color.hue):
            raise ValueError("augment.color: grey images have neither saturation nor hue; set both to null")
        return self

    @model_validator(mode="after")
    def _text_fits(self) -> Config:
        column, encoder = self.data.text_column, encoder_of(self.model)
        if encoder is not None and encoder.reads_texts and column is None:
            raise ValueError(
                f"model.text ({encoder.name}) needs a text for each image, and data.source ({self.data.source.name}) "
                "names none; name its column: data.source: {name: csv, text: COLUMN, ...}, or set model.text to null"
            )
        if column is not None and not takes_text(self.model):
            raise ValueError(
                f"data.source.text ({column}) names texts, and the model {self.model.name} has no place for them; "
                "use model: {name: fusion, image: {...}, text: {name: tfidf}}, or leave data.source.text out"
            )
        for key in ("mixing", "adversarial", "robustness"):
            if encoder is not None and getattr(self, key) is not None:
                raise ValueError(f"{key} changes images alone, and model.text reads their texts; set it to null")
        if encoder is not None and self.quantization_aware is not None:
            raise ValueError(
                "quantization_aware rounds layers for a file in INT8, and networks that read texts are not exported; "
                "set it to null"
            )
        return self

    def _check_several_labels(self) -> None:
        if not isinstance(self.loss, BinaryCrossEntropy):
            raise ValueError(
                f"loss ({self.loss.name}) is for one label per image, and data.multi_label is true; "
                "use loss: {name: binary_cross_entropy}"
            )
        for key in ("smoothing", "class_weights", "sampling"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key} is for one label per image, and data.multi_label is true; set it to null")
