"""The built-in trainer's settings: the schema of a study's `base:`.

Off is null: a technique is a block that may be null, and its settings live inside it. A type that
has variants is told apart by `name`. Nothing here imports torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import DefinesTest, NotIdentity, Settings

Probability = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
ShareOrCount = Annotated[float, Field(gt=0, lt=1)] | Count


# --- data -------------------------------------------------------------------------------------


class ImageFolder(Settings):
    """A folder of pictures, one sub-folder a class: `root/<class>/*`."""

    name: Literal["image_folder"]
    root: NotIdentity[str]
    """Path of the folder, below the current folder or absolute."""


class Digits(Settings):
    """scikit-learn's `load_digits`: 1,797 scans of handwritten digits, 8x8 grey, 10 classes."""

    name: Literal["digits"]


Source = Annotated[ImageFolder | Digits, Field(discriminator="name")]


class Normalization(Settings):
    """Subtract `mean` and divide by `std`, one value a channel, after scaling pixels to [0, 1]."""

    mean: list[float]
    std: list[Positive]


class DataConfig(Settings):
    """Which pictures, how they are decoded, and how many of them are trained on."""

    source: DefinesTest[Source]
    classes: Annotated[int, Field(ge=2)]
    """Number of classes; checked against the data."""
    image_size: Annotated[int, Field(ge=4, le=4096)]
    """Side of the square, in pixels, that every picture is resized to."""
    channels: Literal[1, 3] = 3
    """3: RGB, as torchvision's default loader decodes; 1: grey."""
    normalize: Literal["imagenet"] | Normalization | None = None
    train: ShareOrCount = 0.8
    """Share (below 1) or number of all images to train on, validation included."""
    seed: DefinesTest[Annotated[int, Field(ge=0)]] = 0
    """Which random splits; a new one redraws them all."""
    exif: Literal["ignore", "transpose"] = "ignore"
    """`transpose` turns pictures as their EXIF orientation says; torchvision's loader does not."""
    on_bad_image: Literal["error", "skip"] = "error"

    @model_validator(mode="after")
    def _one_value_a_channel(self) -> DataConfig:
        if isinstance(self.normalize, Normalization):
            for key in ("mean", "std"):
                given = len(getattr(self.normalize, key))
                if given not in (1, self.channels):
                    raise ValueError(f"normalize.{key} has {given} values for {self.channels} channels")
        if self.normalize == "imagenet" and self.channels != 3:
            raise ValueError("normalize: imagenet needs channels: 3")
        return self


# --- model ------------------------------------------------------------------------------------


class BatchNorm(Settings):
    """Batch normalisation: after each convolution, after each activation, or once a block."""

    name: Literal["batch"]
    position: Literal["after_conv", "after_activation", "block_end"] = "after_conv"
    """block_end: once, between the block's last activation and its pooling."""


class Dropout(Settings):
    """Probabilities of dropping; null leaves a place without dropout."""

    features: Probability | None = None
    """On the feature map, between the last block and the head's pooling."""
    classifier: Probability | None = None
    """After each hidden layer of an `fc` head."""


class FullyConnected(Settings):
    """Average-pool to `pool` x `pool`, flatten, hidden linear layers, one linear layer to the classes."""

    name: Literal["fc"]
    hidden: list[Count]
    """Widths of the hidden layers; [] is a one-layer head."""
    pool: Count = 7


class GlobalAveragePool(Settings):
    """Average each feature map to one value, one linear layer to the classes."""

    name: Literal["gap"]


Head = Annotated[FullyConnected | GlobalAveragePool, Field(discriminator="name")]


class _VggSettings(Settings):
    width: Count = 64
    """Channels of the first block; each next block doubles them, up to eight times the first."""
    norm: BatchNorm | None = None
    activation: Literal["relu"] = "relu"
    dropout: Dropout | None = None
    head: Head


class NamedVgg(_VggSettings):
    """A published VGG: 11, 13, 16 or 19 layers in five blocks (Simonyan & Zisserman 2015)."""

    name: Literal["vgg11", "vgg13", "vgg16", "vgg19"]


class FreeVgg(_VggSettings):
    """A VGG with blocks of your own."""

    name: Literal["vgg"]
    blocks: Annotated[list[Count], Field(min_length=1)]
    """Number of 3x3 convolutions in each block; each block ends in 2x2 max-pooling."""


Model = Annotated[NamedVgg | FreeVgg, Field(discriminator="name")]


# --- optimisation -----------------------------------------------------------------------------


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


# --- techniques -------------------------------------------------------------------------------


class Crop(Settings):
    """Pad by `padding` zero pixels (black) and cut out a random square of the original size."""

    padding: Count


class Flip(Settings):
    """Mirror left to right with this probability."""

    probability: Annotated[float, Field(gt=0, le=1)] = 0.5


class Augment(Settings):
    """Random changes to the training pictures, drawn anew for each picture and epoch."""

    crop: Crop | None = None
    flip: Flip | None = None


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


# --- numbers ----------------------------------------------------------------------------------


class Numerics(Settings):
    """How numbers are computed; part of a run's identity."""

    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: bool = False
    deterministic: bool = False
    """Refuse operations that have no reproducible implementation on the device."""
    threads: Count = 1
    """CPU threads of one run; 1, so that runs go in parallel."""


class Config(Settings):
    """Everything the built-in trainer can be asked for."""

    data: DataConfig
    model: Model
    optimizer: Optimizer
    schedule: Schedule = Field(default=Constant(name="constant"))
    batch_size: Count = 32
    epochs: Count
    augment: Augment = Field(default=Augment())
    smoothing: Smoothing | None = None
    clipping: Clipping | None = None
    early_stopping: EarlyStopping | None = None
    numerics: Numerics = Field(default=Numerics())
    device: NotIdentity[str] = "auto"
    """auto: a CUDA device where there is one, else the CPU."""

    @model_validator(mode="after")
    def _warmup_fits(self) -> Config:
        if isinstance(self.schedule, Cosine) and self.schedule.warmup >= self.epochs:
            raise ValueError(f"schedule.warmup ({self.schedule.warmup}) must be below epochs ({self.epochs})")
        return self
