"""First weights for the small version of the fine-tuning study: a network that has seen other people's portraits.

They stand in for ImageNet's, which were made on other images than those a study fine-tunes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from stand_in_portraits.portraits import encoded_portrait

if TYPE_CHECKING:
    from torch import Tensor, nn

SIDE = 32
MODEL: dict[str, Any] = {
    "name": "vgg",
    "blocks": [2, 2, 2],
    "width": 12,
    "norm": None,
    "dropout": {"classifier": 0.5},
    "head": {"name": "fc", "hidden": [96, 96], "pool": 2},
}
"""As `small:` of the study has it."""


def write_first_weights(path: Path, *, people: Sequence[int], each: int, epochs: int) -> None:
    """Train the network on so many portraits of each of some people and write its weights; the same on one machine."""
    import torch
    from safetensors.torch import save_file

    from ablate.training.config import Config
    from ablate.training.models import make_network

    data = {"source": {"name": "digits"}, "classes": len(people), "image_size": SIDE, "normalize": "imagenet"}
    optimizer = {"name": "adam", "lr": 2e-3}
    config = Config.model_validate({"data": data, "model": MODEL, "optimizer": optimizer, "epochs": 1})
    pixels, labels = _images(people, each)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same sums however many cores there are, and no waiting for busy ones
    try:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = make_network(config).train()
            _train(network, torch.from_numpy(pixels), torch.from_numpy(labels), epochs)
    finally:
        torch.set_num_threads(threads)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)


def _train(network: nn.Module, images: Tensor, answers: Tensor, epochs: int) -> None:
    import torch

    adam = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(32):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(network(images[batch]), answers[batch]).backward()
            adam.step()


def _images(people: Sequence[int], each: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = []
    for place in people:
        for number in range(each):
            image = Image.open(BytesIO(encoded_portrait(place, number))).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            pixels.append((np.asarray(image, dtype=np.float32) / 255 - mean) / std)
    stacked = np.stack(pixels).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(stacked), np.repeat(np.arange(len(people)), each)
