"""Parameters, FLOPs and layers of a network, on the meta device: no memory, no data."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from ablate.records import Description
from ablate.training.config import Config
from ablate.training.models import make_network


def describe_network(config: Config) -> Description:
    """Count parameters, and FLOPs of one image's forward pass (two a multiply-add, convolutions and products)."""
    with torch.device("meta"):
        network = make_network(config).eval()
        images = torch.empty(1, config.data.channels, config.data.image_size, config.data.image_size)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(images)
    layers = tuple(
        (name, type(module).__name__, sum(p.numel() for p in module.parameters()))
        for name, module in network.named_modules()
        if not any(True for _ in module.children())
    )
    return Description(
        parameters=sum(p.numel() for p in network.parameters()), flops=counter.get_total_flops(), layers=layers
    )
