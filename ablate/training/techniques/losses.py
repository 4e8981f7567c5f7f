"""Losses of a batch: what training makes small."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ablate.training.config import BinaryCrossEntropy, CrossEntropy, Focal, Loss, Smoothing, SquaredError
from ablate.training.techniques.smoothing import as_distribution, smooth_targets


def batch_loss(
    logits: Tensor, targets: Tensor, loss: Loss, *, smoothing: Smoothing | None = None, importance: Tensor | None = None
) -> Tensor:
    """The mean loss of a batch, a number.

    logits: (n, K). targets: (n,) class indices, or (n, K) shares of classes, or 0 and 1 for several labels.
    importance: (n,) how much each image counts, or None for all the same: sum(l * w) / sum(w), which
    is what torch makes of class weights.
    """
    is_fused = smoothing is None or smoothing.among == "all" or smoothing.alpha == 0
    if importance is None and isinstance(loss, CrossEntropy) and is_fused:
        # One kernel in place of five; with AVX-512 they round differently, so that alpha 0 must come here, too.
        return functional.cross_entropy(logits, targets, label_smoothing=0.0 if smoothing is None else smoothing.alpha)
    shares = as_distribution(targets, logits.shape[1])
    if smoothing is not None:
        shares = smooth_targets(shares, smoothing)
    losses = image_losses(logits.float(), shares, loss)
    return losses.mean() if importance is None else (losses * importance).sum() / importance.sum()


def image_losses(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """(n,) the loss of each image; logits and targets (n, K) float32."""
    match loss:
        case CrossEntropy():
            return cross_entropy(logits, targets)
        case Focal(gamma=gamma):
            return focal(logits, targets, gamma=gamma)
        case SquaredError(of=of):
            return squared_error(logits.softmax(1) if of == "probabilities" else logits, targets)
        case BinaryCrossEntropy():
            return binary_cross_entropy(logits, targets)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """-sum of t * log p over the classes, p by softmax."""
    return -(targets * logits.log_softmax(1)).sum(1)


def focal(logits: Tensor, targets: Tensor, *, gamma: float) -> Tensor:
    """-sum of t * (1 - p) ** gamma * log p over the classes (Lin et al. 2017); gamma 0 is cross-entropy.

    Their balancing factor alpha is `class_weights` here.
    """
    log_p = logits.log_softmax(1)
    # 1 - p underneath a power below 1 has an infinite slope at 0, where p rounds to 1.
    rest = (1 - log_p.exp()).clamp(min=1e-12)
    return -(targets * rest**gamma * log_p).sum(1)


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean of (output - target) ** 2 over the classes (Brier 1950, divided by K; on logits: Hui & Belkin 2021)."""
    return (outputs - targets).square().mean(1)


def binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean over the classes of -t * log p - (1 - t) * log(1 - p), p by the logistic function."""
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)
