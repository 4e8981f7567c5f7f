"""Adversarial examples by projected gradient descent, on pixels in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ablate.training.config import Attack, BinaryCrossEntropy, CrossEntropy, Loss
from ablate.training.numerics import Mode, send
from ablate.training.techniques.losses import image_losses
from ablate.training.techniques.smoothing import as_distribution


class Scale(NamedTuple):
    """How pixels in [0, 1] became what the network sees; (C, 1, 1) each, or None for not at all."""

    mean: Tensor | None
    std: Tensor | None

    def pixels(self, images: Tensor) -> Tensor:
        """Images as pixels in [0, 1], up to rounding."""
        return images if self.mean is None or self.std is None else images * self.std + self.mean

    def images(self, pixels: Tensor) -> Tensor:
        """Pixels as the network sees them."""
        return pixels if self.mean is None or self.std is None else (pixels - self.mean) / self.std


def attack_images(
    images: Tensor, loss_of: Callable[[Tensor], Tensor], attack: Attack, *, scale: Scale, generator: torch.Generator
) -> Tensor:
    """The images changed so that the loss grows, no pixel by more than eps (Madry et al. 2018).

    images: (n, C, H, W), normalised. loss_of: the sum of the losses of a batch of such images. Each of
    `steps` steps goes step_size along the sign of the gradient, then back into the box around the
    image and into [0, 1]. generator: on the CPU, for the start. With eps 0 only rounding changes.
    """
    clean = scale.pixels(images)
    lowest, highest = (clean - attack.eps).clamp(0, 1), (clean + attack.eps).clamp(0, 1)
    pixels = clean
    if attack.random_start:
        noise = send(torch.rand(images.shape, generator=generator), images.device)
        pixels = (clean + (2 * noise - 1) * attack.eps).clamp(lowest, highest)
    for _ in range(attack.steps):
        pixels = pixels.detach().requires_grad_()
        with torch.enable_grad():
            loss = loss_of(scale.images(pixels))
        (slope,) = torch.autograd.grad(loss, pixels)
        pixels = (pixels.detach() + attack.step_size * slope.sign()).clamp(lowest, highest)
    return scale.images(pixels.detach())


def loss_to_raise(network: nn.Module, targets: Tensor, mode: Mode, *, several: bool) -> Callable[[Tensor], Tensor]:
    """The plain loss of a network, summed over a batch, as a function of the images; the network in eval mode.

    Summed, so that an image's gradient does not depend on the batch it is in.
    several: targets are 0 or 1 for each of several labels, not shares of one.
    """
    loss: Loss = BinaryCrossEntropy(name="binary_cross_entropy") if several else CrossEntropy(name="cross_entropy")

    def raised(images: Tensor) -> Tensor:
        with as_tested(network), mode.autocast():
            logits = network(images).float()
        return image_losses(logits, as_distribution(targets, logits.shape[1]), loss).sum()

    return raised


@contextmanager
def as_tested(network: nn.Module) -> Iterator[None]:
    """The network in eval mode for a while: an attack moves no running statistics and meets no dropout."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
