"""Random changes to the training images.

All of them work on pixels in [0, 1], before normalisation: what a colour change does to an image
that was normalised depends on the mean and the standard deviation, so there is no way to ask for it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ablate.settings import Settings
from ablate.training.config.bounds import Chance, Count, Positive

Range = Annotated[list[Positive], Field(min_length=2, max_length=2)]
"""[lowest, highest]."""

Interpolation = Literal["nearest", "bilinear"]
"""How a pixel is read between pixels; nearest is torchvision's default."""


def _refuse_backwards(block: str, **ranges: list[float] | None) -> None:
    for name, values in ranges.items():
        if values is not None and values[0] > values[1]:
            raise ValueError(f"{name} ({values}) of {block} runs backwards; write the lower number first")


class Crop(Settings):
    """Pad by `padding` zero pixels (black) and cut out a random square of the original size (He et al. 2016)."""

    padding: Count


class Flip(Settings):
    """Mirror left to right with this probability (Krizhevsky et al. 2012)."""

    probability: Chance = 0.5


class ResizedCrop(Settings):
    """Cut out a random rectangle and enlarge it to the whole image, bilinearly (Szegedy et al. 2015)."""

    scale: Range = Field(default=[0.08, 1.0])
    """Lowest and highest share of the image's area."""
    ratio: Range = Field(default=[3 / 4, 4 / 3])
    """Lowest and highest width over height; the logarithm is uniform."""

    @model_validator(mode="after")
    def _ranges(self) -> ResizedCrop:
        _refuse_backwards("resized_crop", scale=self.scale, ratio=self.ratio)
        if self.scale[1] > 1:
            raise ValueError(f"scale ({self.scale}) of resized_crop exceeds the image; 1 is all of it")
        return self


class Rotation(Settings):
    """Turn by an angle between -degrees and +degrees (Simard et al. 2003); what comes in at the corners is black."""

    degrees: Annotated[float, Field(gt=0, le=180)]
    interpolation: Interpolation = "nearest"


class Affine(Settings):
    """Shift, shear and scale at random (Simard et al. 2003); what comes in at the edges is black."""

    translate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Largest shift in each direction, a share of the side; whole pixels."""
    shear: Annotated[float, Field(gt=0, lt=90)] | None = None
    """Largest shear angle along the rows, in degrees, to either side."""
    scale: Range | None = None
    """Lowest and highest enlargement."""
    interpolation: Interpolation = "nearest"

    @model_validator(mode="after")
    def _does_something(self) -> Affine:
        if self.translate is None and self.shear is None and self.scale is None:
            raise ValueError("affine changes nothing; give translate, shear or scale, or null for no affine block")
        _refuse_backwards("affine", scale=self.scale)
        return self


class ColorJitter(Settings):
    """Change brightness, contrast, saturation and hue, in this order (Howard 2013).

    The first three by factors drawn from [1 - x, 1 + x].
    """

    brightness: Positive | None = None
    contrast: Positive | None = None
    saturation: Positive | None = None
    hue: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """Largest turn of the hue, as a share of the colour circle, to either side."""

    @model_validator(mode="after")
    def _does_something(self) -> ColorJitter:
        if self.brightness is self.contrast is self.saturation is self.hue is None:
            raise ValueError(
                "color changes nothing; give brightness, contrast, saturation or hue, or null for no color block"
            )
        return self


class RandAugment(Settings):
    """Apply `operations` randomly chosen operations of one magnitude to each image (Cubuk et al. 2020)."""

    operations: Count = 2
    magnitude: Annotated[int, Field(ge=0, le=30)] = 9
    """0 to 30, as in torchvision."""


class GaussianNoise(Settings):
    """Add normal noise to each channel of each pixel, and clip to [0, 1] (Bishop 1995)."""

    std: Positive
    """Of pixels in [0, 1]."""


class SaltAndPepper(Settings):
    """Set a share of the pixels, all channels together, to white or to black, with equal chances (impulse noise)."""

    share: Annotated[float, Field(gt=0, lt=1)]


class Cutout(Settings):
    """Blank out one square at a random place; near the edge only a part of it lies inside (DeVries & Taylor 2017)."""

    side: Count
    """In pixels."""
    fill: Literal["black", "mean"] = "black"
    """mean: the mean of data.normalize, which is 0 once the image is normalised."""


class Erasing(Settings):
    """Blank out one rectangle that lies inside the image, with this probability (Zhong et al. 2020)."""

    probability: Chance = 0.5
    scale: Range = Field(default=[0.02, 0.33])
    """Lowest and highest share of the image's area."""
    ratio: Range = Field(default=[0.3, 3.3])
    """Lowest and highest height over width; the logarithm is uniform."""
    fill: Literal["black", "mean"] = "black"
    """mean: the mean of data.normalize, which is 0 once the image is normalised."""

    @model_validator(mode="after")
    def _ranges(self) -> Erasing:
        _refuse_backwards("erasing", scale=self.scale, ratio=self.ratio)
        return self


class Augment(Settings):
    """Random changes to the training images, drawn anew for each image and epoch.

    They are applied in the order of these keys.
    """

    crop: Crop | None = None
    flip: Flip | None = None
    resized_crop: ResizedCrop | None = None
    rotation: Rotation | None = None
    affine: Affine | None = None
    randaugment: RandAugment | None = None
    color: ColorJitter | None = None
    noise: GaussianNoise | None = None
    salt_and_pepper: SaltAndPepper | None = None
    cutout: Cutout | None = None
    erasing: Erasing | None = None
