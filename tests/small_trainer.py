"""A trainer without torch whose config has every shape a config can have; for tests of the study side."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.errors import SettingError
from ablate.protocols import Run
from ablate.settings import DefinesTest, NotIdentity, Settings
from ablate.splits.rules import Protocol

METRICS = {"accuracy": "max", "loss": "min"}

Count = Annotated[int, Field(ge=1)]


class Batch(Settings):
    """Normalisation by batch."""

    name: Literal["batch"]
    position: Literal["after", "before"] = "after"


class Group(Settings):
    """Normalisation by group."""

    name: Literal["group"]
    groups: Count
    position: Literal["after", "before"] = "after"


class Dropout(Settings):
    """Probabilities of dropping."""

    features: Annotated[float, Field(ge=0, lt=1)] | None = None
    classifier: Annotated[float, Field(ge=0, lt=1)] | None = None


class Gap(Settings):
    """Average each feature map."""

    name: Literal["gap"]


class Fc(Settings):
    """Hidden layers."""

    name: Literal["fc"]
    hidden: list[Count]


class Data(Settings):
    """Which images."""

    root: NotIdentity[str] = "images"
    source: DefinesTest[str] = "digits"
    seed: DefinesTest[Annotated[int, Field(ge=0)]] = 0
    train: Annotated[float, Field(gt=0, lt=1)] | Count = 0.5
    """Share (below 1) or number of images to train on."""


class Model(Settings):
    """Which network."""

    width: Count = 8
    """Channels of the first block."""
    norm: Annotated[Batch | Group, Field(discriminator="name")] | None = None
    dropout: Dropout | None = None
    head: Annotated[Gap | Fc, Field(discriminator="name")] = Field(default=Gap(name="gap"))


class Optimizer(Settings):
    """How to learn."""

    lr: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    betas: tuple[float, ...] = (0.9, 0.999)


class Config(Settings):
    """What the trainer can be asked for."""

    data: Data = Field(default=Data())
    model: Model = Field(default=Model())
    optimizer: Optimizer
    epochs: Count = 3
    warmup: Annotated[int, Field(ge=0)] = 0
    normalize: Literal["imagenet"] | list[float] | None = None
    flip: bool = False
    device: NotIdentity[str] = "auto"

    @model_validator(mode="after")
    def _warmup_fits(self) -> Config:
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup ({self.warmup}) must be below epochs ({self.epochs}); lower it")
        return self


def check_config(config: Config, protocol: Protocol) -> None:
    """As the built-in trainer does: what cannot be met whatever the data are."""
    if config.data.train == 0.99:
        raise SettingError("data.train", "data.train (0.99) leaves nothing to test on", hint="Lower it.")
    if config.flip and protocol.val is None:
        raise SettingError("evidence.val", "flip needs validation images", hint="Set evidence.val.")


def train(config: Config, run: Run) -> dict[str, float]:
    """A number that says which config it was."""
    del run
    return {"accuracy": 1 / config.model.width, "loss": 1.0}
