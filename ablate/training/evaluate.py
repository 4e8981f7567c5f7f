"""Scores of a network on a part of the data."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ablate.training.config import Attack, Config
from ablate.training.data.parts import Subset
from ablate.training.numerics import Mode
from ablate.training.techniques.adversarial import Scale, attack_images, loss_to_raise


class Scores(NamedTuple):
    """Per image, on the CPU.

    logits: (N, K) float32. targets: (N,) int64, or (N, K) float32 of 0 and 1 where an image has
    several labels.
    """

    logits: Tensor
    targets: Tensor

    @property
    def several(self) -> bool:
        """Whether an image has several labels."""
        return self.targets.dim() == 2

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(N,) whether the largest logit is that of the target; of several labels, whether each is right."""
        hits: NDArray[np.bool_] = is_correct(self.logits, self.targets, several=self.several).numpy()
        return hits

    def metrics(self) -> dict[str, float]:
        """What is reported, by name. `loss` is the plain one whatever was trained with: variants can be compared.

        One label: accuracy, balanced accuracy (mean recall over the classes present), macro F1 (mean
        over the classes present or guessed) and mean cross-entropy. Several: accuracy (share of images
        with every label right), macro F1, mean average precision (over the classes present) and mean
        binary cross-entropy.
        """
        return _of_several_labels(self) if self.several else _of_one_label(self)


def is_correct(logits: Tensor, targets: Tensor, *, several: bool) -> Tensor:
    """(n,) bool: whether the guess is right.

    One label: the largest logit is that of the class; of a mixed target, of the class with the larger
    share. several: every label is guessed (logit above 0) where its target is above one half, and no other.
    """
    if several:
        return ((logits > 0) == (targets > 0.5)).all(1)
    classes = targets if targets.dim() == 1 else targets.argmax(1)
    return logits.argmax(1) == classes


def _of_one_label(scores: Scores) -> dict[str, float]:
    correct, targets = scores.correct, scores.targets.numpy()
    # By numpy: a validation part is small, and a call of torch's takes longer than the sum.
    classes = scores.logits.shape[1]
    sizes = np.bincount(targets, minlength=classes)
    hits = np.bincount(targets, weights=correct, minlength=classes)
    guesses = np.bincount(scores.logits.argmax(1).numpy(), minlength=classes)
    present, seen = sizes > 0, sizes + guesses > 0
    return {
        "accuracy": float(correct.mean()),
        "balanced_accuracy": float((hits[present] / sizes[present]).mean()),
        "macro_f1": float((2 * hits[seen] / (sizes + guesses)[seen]).mean()),
        "loss": float(nn.functional.cross_entropy(scores.logits, scores.targets)),
    }


def _of_several_labels(scores: Scores) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, f1_score

    targets, guesses = scores.targets.numpy() > 0.5, scores.logits.numpy() > 0
    present = targets.any(0)
    probabilities = scores.logits.double().sigmoid().numpy()
    return {
        "accuracy": float(scores.correct.mean()),
        "macro_f1": float(f1_score(targets, guesses, average="macro", zero_division=0)),
        "mean_average_precision": float(average_precision_score(targets[:, present], probabilities[:, present])),
        "loss": float(nn.functional.binary_cross_entropy_with_logits(scores.logits, scores.targets)),
    }


Alive = Callable[[int, int], None]
"""Told after each batch how many images are done, of how many: `Run.alive`, for as long as a test takes."""


def unwatched(done: int, of: int) -> None:
    """Nobody waits for a sign of life."""


@torch.inference_mode()
def evaluate(network: nn.Module, part: Subset, mode: Mode, *, batch_size: int, alive: Alive = unwatched) -> Scores:
    """The network's logits on every image of a part, in the part's order. Leaves it in eval mode."""
    network.eval()
    logits = torch.empty(0)
    done = 0
    for chosen in part.places().split(batch_size):
        with mode.autocast():
            found = network(part.images_of(chosen), *part.text_of(chosen)).float()
        if not done:  # in place from the start: to join the batches at the end would hold all of them twice
            logits = found.new_empty((len(part), *found.shape[1:]))
        logits[done : done + len(chosen)] = found
        done += len(chosen)
        alive(done, len(part))
    return Scores(logits.cpu(), part.targets.cpu())


def probabilities(logits: Tensor, config: Config) -> Tensor:
    """(N, K): of one class against the others, or of each label by itself where an image may have several."""
    return logits.sigmoid() if config.data.multi_label else logits.softmax(1)


def evaluate_attacked(  # noqa: PLR0913 - a test's five, and who is told
    network: nn.Module,
    part: Subset,
    mode: Mode,
    attack: Attack,
    *,
    batch_size: int,
    generator: torch.Generator,
    alive: Alive = unwatched,
) -> Scores:
    """The same on images that were changed against the network. generator: on the CPU, for their starts."""
    network.eval()
    scale, several = Scale(part.mean, part.std), part.targets.dim() == 2
    logits: list[Tensor] = []
    for chosen in part.places().split(batch_size):
        loss_of = loss_to_raise(network, part.targets_of(chosen), mode, several=several)
        images = attack_images(part.images_of(chosen), loss_of, attack, scale=scale, generator=generator)
        with torch.no_grad(), mode.autocast():
            logits.append(network(images).float())
        alive(min(len(logits) * batch_size, len(part)), len(part))
    return Scores(torch.cat(logits).cpu(), part.targets.cpu())


def evaluation_batch(config: Config) -> int:
    """Images a step without gradients: as many as need about the memory of 80 at 224 pixels, at most 512."""
    _, height, width = config.data.input_shape
    return max(config.batch_size, min(512, 2**22 // (height * width)))


def latency_seconds(network: nn.Module, part: Subset, mode: Mode) -> float:
    """Seconds to score one image alone: the median of five passes after one that warms up."""
    first = part.places()[:1]
    image, text = part.images_of(first), part.text_of(first)
    network.eval()
    taken: list[float] = []
    with torch.inference_mode(), mode.autocast():
        for _ in range(6):
            started = time.perf_counter()
            network(image, *text).sum().item()  # reading a number waits for the device
            taken.append(time.perf_counter() - started)
    return sorted(taken[1:])[2]
