"""Networks: one family a file; `make_network` is the only place that knows them all."""

from __future__ import annotations

from torch import nn

from ablate.training.config import Config
from ablate.training.models.vgg import make_vgg


def make_network(config: Config) -> nn.Module:
    """The untrained network a config asks for; input (N, C, S, S), output (N, classes).

    Weights come from torch's global generator; the caller seeds it.
    """
    return make_vgg(config.model, channels=config.data.channels, classes=config.data.classes)
