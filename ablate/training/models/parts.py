"""What the network families share: activations, first weights, linear heads, the form of a network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import assert_never

from torch import Tensor, nn

from ablate.training.config import Activation, Init

LEAK = 0.01
"""Slope of LeakyReLU below zero (Maas et al. 2013)."""


class Classifier(nn.Module):
    """A network in two parts: `features`, which looks at images, and `head`, which names classes.

    Input (N, channels, S, S); output (N, classes).
    """

    def __init__(self, features: nn.Sequential, head: nn.Sequential) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.head(self.features(images))
        return logits


def make_activation(name: Activation, *, inplace: bool = True) -> nn.Module:
    """The activation of that name. inplace: only where nothing else needs its input."""
    match name:
        case "relu":
            return nn.ReLU(inplace=inplace)
        case "leaky_relu":
            return nn.LeakyReLU(LEAK, inplace=inplace)
        case "silu":
            return nn.SiLU(inplace=inplace)
        case _:
            assert_never(name)


def hidden_layers(
    widths: Sequence[int], inputs: int, *, activation: Activation, dropout: float | None
) -> OrderedDict[str, nn.Module]:
    """Linear layer, activation and, where asked for, dropout for each width; fc1, act1, dropout1, fc2, ..."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, outputs in enumerate(widths, start=1):
        layers[f"fc{number}"] = nn.Linear(inputs, outputs)
        layers[f"act{number}"] = make_activation(activation)
        if dropout is not None:
            layers[f"dropout{number}"] = nn.Dropout(dropout)
        inputs = outputs
    return layers


def initialise(network: nn.Module, init: Init) -> None:
    """Draw the first weights anew; `default` leaves torch's own and draws nothing.

    he: normal, variance 2 / fan-in (He et al. 2015, equation 10). xavier: uniform, variance
    2 / (fan-in + fan-out) (Glorot & Bengio 2010, equation 16). Both set biases to 0.
    """
    if init == "default":
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.Linear):
            if init == "he":
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            else:
                nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
