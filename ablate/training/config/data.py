"""Which pictures, how they are decoded, and how many are trained on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import DefinesTest, NotIdentity, Settings
from ablate.training.config.bounds import Positive, ShareOrCount


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
