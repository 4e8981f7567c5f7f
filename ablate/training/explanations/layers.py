"""Finding and reading the layers of any network, by hooks: nothing is assumed about how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class LayerPlace(NamedTuple):
    """One call of one module that gives a feature map. call: which one, where a module is used several times.

    shape: (channels, height, width). is_leaf: the module has no modules inside.
    """

    name: str
    call: int
    shape: tuple[int, int, int]
    kind: str
    is_leaf: bool


Change = Callable[[Tensor], Tensor | None]
"""What is done with a feature map as it passes: it may be replaced."""


def feature_maps(network: nn.Module, images: Tensor) -> list[LayerPlace]:
    """Every feature map (n, C, H, W) on the way of a batch, in the order in which they are finished."""
    found: list[LayerPlace] = []
    calls: dict[str, int] = {}

    def note(name: str, module: nn.Module, output: Any) -> None:
        calls[name] = calls.get(name, -1) + 1
        if isinstance(output, Tensor) and output.dim() == 4:
            _, channels, height, width = output.shape
            is_leaf = next(module.children(), None) is None
            found.append(LayerPlace(name, calls[name], (channels, height, width), type(module).__name__, is_leaf))

    handles = [
        module.register_forward_hook(lambda module, _, output, name=name: note(name, module, output))
        for name, module in network.named_modules()
        if name
    ]
    try:
        with torch.inference_mode():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    return found


def last_convolutional(places: list[LayerPlace]) -> LayerPlace | None:
    """The feature map after the last convolution, its normalisation, activation and shortcut; None without one.

    That is the last map of the shape the last convolution gives: whatever follows at that shape only
    changes its values.
    """
    ends = [i for i, place in enumerate(places) if place.is_leaf and place.kind.startswith("Conv")]
    if not ends:
        return None
    after = places[ends[-1] :]
    return [place for place in after if place.shape == after[0].shape][-1]


@contextmanager
def intercepted(network: nn.Module, place: LayerPlace, change: Change) -> Iterator[None]:
    """Let `change` see, and perhaps replace, the feature map at a place while the block lasts."""
    seen = -1

    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        nonlocal seen
        seen += 1
        return change(output) if seen == place.call else None

    handle = network.get_submodule(place.name).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@torch.inference_mode()
def maps_at(network: nn.Module, images: Tensor, place: LayerPlace) -> Tensor:
    """(n, C, H, W) the feature maps at a place."""
    kept: list[Tensor] = []

    def keep(maps: Tensor) -> None:
        kept.append(maps.float().clone())  # the next layer may work in place

    with intercepted(network, place, keep):
        network(images)
    return kept[0]


@torch.inference_mode()
def inputs_of_last_linear(network: nn.Module, images: Tensor) -> Tensor | None:
    """(n, features) what the last fully connected layer is handed; None where there is no such layer."""
    kept: list[Tensor] = []
    handles = [
        module.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0].float().clone()))
        for module in network.modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    return kept[-1].flatten(1) if kept else None
