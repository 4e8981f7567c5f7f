"""The built-in trainer's settings: the schema of a study's `base:`.

Off is null: a technique is a block that may be null, and its settings live inside it. A type that
has variants is told apart by `name`. Nothing here imports torch.
"""

from __future__ import annotations

from ablate.training.config.augmentation import Augment, Crop, Flip
from ablate.training.config.data import (
    CsvSplit,
    CsvTable,
    DataConfig,
    Digits,
    ImageFolder,
    LabelledFiles,
    Normalization,
    Source,
    Torchvision,
)
from ablate.training.config.model import (
    Activation,
    BatchNorm,
    ByName,
    Dropout,
    FoodCnn,
    FreeVgg,
    FullyConnected,
    GlobalAveragePool,
    Head,
    Init,
    Model,
    NamedVgg,
    PlainBatchNorm,
    Resnet,
    Vgg16Net,
)
from ablate.training.config.numerics import Numerics
from ablate.training.config.optimization import Adam, AdamW, Constant, Cosine, Optimizer, Schedule, Sgd, Step
from ablate.training.config.techniques import Clipping, EarlyStopping, Smoothing
from ablate.training.config.trainer import Config
from ablate.training.config.transfer import Freeze, Weights

__all__ = [
    "Activation",
    "Adam",
    "AdamW",
    "Augment",
    "BatchNorm",
    "ByName",
    "Clipping",
    "Config",
    "Constant",
    "Cosine",
    "Crop",
    "CsvSplit",
    "CsvTable",
    "DataConfig",
    "Digits",
    "Dropout",
    "EarlyStopping",
    "Flip",
    "FoodCnn",
    "FreeVgg",
    "Freeze",
    "FullyConnected",
    "GlobalAveragePool",
    "Head",
    "ImageFolder",
    "Init",
    "LabelledFiles",
    "Model",
    "NamedVgg",
    "Normalization",
    "Numerics",
    "Optimizer",
    "PlainBatchNorm",
    "Resnet",
    "Schedule",
    "Sgd",
    "Smoothing",
    "Source",
    "Step",
    "Torchvision",
    "Vgg16Net",
    "Weights",
]
