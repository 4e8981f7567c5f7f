"""Scores of a network on a part of the data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ablate.training.config import Config
from ablate.training.data.parts import Part
from ablate.training.numerics import Mode


class Scores(NamedTuple):
    """Per image, on the CPU: logits (N, K) float32, targets (N,) int64."""

    logits: Tensor
    targets: Tensor

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(N,) whether the largest logit is that of the target."""
        hits: NDArray[np.bool_] = self.logits.argmax(1).numpy() == self.targets.numpy()
        return hits

    def metrics(self) -> dict[str, float]:
        """accuracy, balanced accuracy (mean recall over the classes present) and mean cross-entropy."""
        correct, targets = self.correct, self.targets.numpy()
        # By numpy: a validation part is small, and a call of torch's takes longer than the sum.
        sizes = np.bincount(targets)
        present = sizes > 0
        return {
            "accuracy": float(correct.mean()),
            "balanced_accuracy": float((np.bincount(targets, weights=correct)[present] / sizes[present]).mean()),
            "loss": float(nn.functional.cross_entropy(self.logits, self.targets)),
        }


@torch.inference_mode()
def evaluate(network: nn.Module, part: Part, mode: Mode, *, batch_size: int) -> Scores:
    """The network's logits on every image of a part, in the part's order. Leaves it in eval mode."""
    network.eval()
    logits = []
    for chosen in torch.arange(len(part), device=mode.device).split(batch_size):
        with mode.autocast():
            logits.append(network(part.images_of(chosen)).float())
    return Scores(torch.cat(logits).cpu(), part.targets.cpu())


def probabilities(logits: Tensor, config: Config) -> Tensor:
    """(N, K): of one class against the others, or of each label by itself where a picture may have several."""
    return logits.sigmoid() if config.data.multi_label else logits.softmax(1)


def evaluation_batch(image_size: int, batch_size: int) -> int:
    """Images a step without gradients: as many as need about the memory of 80 at 224 pixels, at most 512."""
    return max(batch_size, min(512, 2**22 // image_size**2))
