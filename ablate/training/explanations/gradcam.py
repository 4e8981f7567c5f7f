"""Grad-CAM: where in an image a network finds what speaks for a class.

Source: Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", equations 1 and 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ablate.training.explanations.layers import LayerPlace, intercepted


def grad_cam(network: nn.Module, images: Tensor, classes: Tensor, place: LayerPlace) -> Tensor:
    """(n, h, w): the feature maps at a place, each weighted by the mean gradient of the class's logit, above zero.

    images: (n, C, H, W), normalised. classes: (n,). Each image by itself: the network is in eval mode.
    """
    kept: list[Tensor] = []

    def restart(maps: Tensor) -> Tensor:
        # The graph begins here, at a copy: layers that work in place then cannot touch what is kept.
        kept.append(maps.detach().clone().requires_grad_())
        return kept[0].clone()

    with torch.enable_grad(), intercepted(network, place, restart):
        logits = network(images)
        (gradients,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), kept[0])
    weights = gradients.mean((2, 3), keepdim=True)
    return (weights * kept[0]).sum(1).relu().detach()


def as_heatmaps(maps: Tensor, side: tuple[int, int]) -> Tensor:
    """(n, H, W) in [0, 1]: each map enlarged to the image and divided by its largest value."""
    enlarged = nn.functional.interpolate(maps[:, None], side, mode="bilinear", align_corners=False)[:, 0]
    largest = enlarged.flatten(1).max(1).values.clamp_min(1e-12)
    return enlarged / largest[:, None, None]
