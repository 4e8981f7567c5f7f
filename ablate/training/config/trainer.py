"""Everything the built-in trainer can be asked for."""

from __future__ import annotations

from pydantic import Field, model_validator

from ablate.settings import NotIdentity, Settings
from ablate.training.config.augmentation import Augment
from ablate.training.config.bounds import Count
from ablate.training.config.data import DataConfig
from ablate.training.config.model import Model
from ablate.training.config.numerics import Numerics
from ablate.training.config.optimization import Constant, Cosine, Optimizer, Schedule
from ablate.training.config.techniques import Clipping, EarlyStopping, Smoothing
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
