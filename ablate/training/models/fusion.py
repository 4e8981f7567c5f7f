"""Image and text features joined by linear layers, or one of them alone by the same layers."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from ablate.errors import TrainerError
from ablate.training.config.model import Fusion
from ablate.training.freezing import output_layer
from ablate.training.models.parts import hidden_layers, initialise


class FusionNetwork(nn.Module):
    """Input (N, channels, S, S), with text also (N, width); output (N, classes).

    image: gives (N, features), or a map that is flattened; None where the text stands alone.
    """

    def __init__(self, image: nn.Module | None, head: nn.Sequential, *, with_text: bool) -> None:
        super().__init__()
        self.image = image
        self.head = head
        self.with_text = with_text

    def forward(self, images: Tensor, text: Tensor | None = None) -> Tensor:
        """Logits. The image comes first: where its network is frozen, the pass can be cut behind it."""
        parts: list[Tensor] = [] if self.image is None else [self.image(images).flatten(1)]
        if self.with_text:
            assert text is not None
            parts.append(text)
        logits: Tensor = self.head(torch.cat(parts, 1) if len(parts) > 1 else parts[0])
        return logits


def make_fusion(config: Fusion, image: nn.Module | None, *, classes: int) -> FusionNetwork:
    """The network around one of images, whose output layer is taken out.

    Raises TrainerError where that one does not end in a linear layer.
    """
    width = 0 if config.text is None else config.text.width
    if image is not None:
        width += _without_output(image, config)
    layers = hidden_layers(config.hidden, width, activation=config.activation, dropout=config.dropout)
    layers["out"] = nn.Linear(config.hidden[-1] if config.hidden else width, classes)
    head = nn.Sequential(OrderedDict(layers))
    initialise(head, config.init)
    return FusionNetwork(image, head, with_text=config.text is not None)


def _without_output(image: nn.Module, config: Fusion) -> int:
    """Put nothing in the place of the layer that gives the logits; how many numbers it was handed."""
    assert config.image is not None
    name = output_layer(image)
    last = image.get_submodule(name)
    if not isinstance(last, nn.Linear):
        raise TrainerError(
            f"model.image ({config.image.name}) ends in {type(last).__name__}, and fusion takes the place of a linear "
            "output layer",
            hint="Choose a network that ends in a linear layer, such as {name: vgg16, head: {name: gap}}.",
        )
    parent, _, own = name.rpartition(".")
    setattr(image.get_submodule(parent), own, nn.Identity())
    return last.in_features
