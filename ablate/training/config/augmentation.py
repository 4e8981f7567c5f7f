"""Random changes to the training pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ablate.settings import Settings
from ablate.training.config.bounds import Count


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
