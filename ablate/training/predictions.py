"""Class probabilities of images by the weights of a finished run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ablate.errors import DataError
from ablate.records import Finished, RunSpec
from ablate.training.config import DataConfig
from ablate.training.data.listing import ImageFile
from ablate.training.data.parts import normalize_block, resized
from ablate.training.data.scan import scan
from ablate.training.evaluate import evaluation_batch, probabilities
from ablate.training.stored import StoredNetwork, open_network

if TYPE_CHECKING:
    from ablate.training.data.scan import Pixels


def predict_images(spec: RunSpec, result: Finished, images: Sequence[Path]) -> Iterator[dict[str, float] | DataError]:
    """Class name -> probability for each image, in the order given, computed batch by batch as they are taken.

    In the place of one that cannot be read stands the error that says why. Raises DataError for a run whose
    weights are gone.
    """
    stored = open_network(spec, result)
    size = evaluation_batch(stored.config.data.image_size, stored.config.batch_size)
    for start in range(0, len(images), size):
        chosen = images[start : start + size]
        pixels, problems = _decoded(chosen, stored.config.data)
        rows = iter(_probabilities(stored, pixels).tolist() if pixels else ())
        for path, problem in zip(chosen, problems, strict=True):
            if problem:
                yield DataError(f"cannot read {path} ({problem})", hint="Give whole image files.")
            else:
                yield dict(zip(stored.classes, next(rows), strict=True))


def _decoded(images: Sequence[Path], config: DataConfig) -> tuple[list[Pixels], list[str]]:
    """As the training images were decoded: uint8, shape (S, S, C), or of their own sizes with `resize: device`.

    Of those that can be read; and for each image why it cannot, or nothing.
    """
    kept: list[Pixels] = []
    seen = scan([ImageFile(str(path), 0, str(path)) for path in images], config, kept.append)
    return kept, [one.problem for one in seen]


@torch.inference_mode()
def _probabilities(stored: StoredNetwork, pixels: Sequence[Pixels]) -> torch.Tensor:
    """(N, classes) float32, on the CPU."""
    mode, side = stored.mode, stored.config.data.image_size
    alike = [np.stack(pixels)] if len({one.shape for one in pixels}) == 1 else [one[None] for one in pixels]
    images = torch.cat([resized(mode.images(torch.from_numpy(one)).float().div_(255), side) for one in alike])
    block = normalize_block(stored.config.data)
    if block is not None:
        mean, std = (torch.tensor(values, device=images.device).view(-1, 1, 1) for values in (block.mean, block.std))
        images = images.sub_(mean).div_(std)
    with mode.autocast():
        logits: torch.Tensor = stored.network(images).float()
    return probabilities(logits, stored.config).cpu()
