"""Test-time augmentation: a finished network asked for several views of each test image, once each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ablate.protocols import Run
from ablate.records import Finished, RunSpec
from ablate.training.config import Config
from ablate.training.data.augment import augment_batch
from ablate.training.data.parts import Subset
from ablate.training.evaluate import Alive, evaluation_batch, probabilities, unwatched
from ablate.training.numerics import widest
from ablate.training.retesting import reopen
from ablate.training.seeding import StepRandom
from ablate.training.stored import StoredNetwork

VIEWS = "views.npz"

View = Callable[[Tensor, int], Tensor]
"""(pixels (n, C, H, W), number of the batch) -> pixels of the same shape."""


def test_by_views(spec: RunSpec, result: Finished, run: Run, tta: Mapping[str, Any]) -> Path:
    """Test a finished run with the probabilities averaged over the views; the npz with the columns of a run's own.

    tta: see the study file's `tta:`. Raises DataError where the weights are gone or the images changed.
    """
    stored, parts = reopen(spec, result, run)
    averaged = averaged_probabilities(
        stored, parts.test, views_of(tta, stored.config, spec, parts.test.mean), run.alive
    )
    targets = parts.test.targets.cpu()
    several = targets.dim() == 2
    right = ((averaged > 0.5) == (targets > 0.5)).all(1) if several else averaged.argmax(1) == targets
    path = run.folder / VIEWS
    np.savez_compressed(
        path,
        id=np.array([parts.images.ids[index] for index in parts.split.test]),
        target=targets.numpy().astype(np.int32),
        score=right.numpy().astype(np.float32),
        prob=averaged.numpy().astype(np.float32),
    )
    return path


test_by_views.__test__ = False  # type: ignore[attr-defined]  # its name would be collected by pytest


@torch.inference_mode()
def averaged_probabilities(stored: StoredNetwork, part: Subset, views: list[View], alive: Alive = unwatched) -> Tensor:
    """(N, classes) float64 on the CPU: the mean over the views of the network's probabilities.

    Added up on the device in the widest type it has.
    """
    mode, config = stored.mode, stored.config
    size = evaluation_batch(config)
    batches = []
    for number, chosen in enumerate(part.places().split(size)):
        wide = widest(mode.device)
        total = torch.zeros((), dtype=wide, device=mode.device)
        text = part.text_of(chosen)
        for view in views:
            images = part.normalised(view(part.pixels_of(chosen), number))
            with mode.autocast():
                logits = stored.network(images, *text).float()
            total = total + probabilities(logits, config).to(wide)
        batches.append(total / len(views))
        alive(min(len(batches) * size, len(part)), len(part))
    return torch.cat(batches).cpu().double()


def views_of(tta: Mapping[str, Any], config: Config, spec: RunSpec, mean: Tensor | None = None) -> list[View]:
    """The image as it is, then the views that are asked for. mean: of the normalisation, which may fill holes."""
    if tta.get("draws"):
        return [_as_it_is, *(_drawn(config, spec, mean, draw) for draw in range(tta["draws"]))]
    views: list[View] = [_as_it_is, *(_corners(tta["crops"], config.data.frames) if tta.get("crops") else ())]
    return [*views, *(partial(_mirrored, view=view) for view in views)] if tta.get("flip") else views


def _as_it_is(pixels: Tensor, number: int) -> Tensor:
    return pixels


def _mirrored(pixels: Tensor, number: int, *, view: View) -> Tensor:
    return view(pixels, number).flip(-1)


def _corners(padding: int, frames: int) -> Iterator[View]:
    """The four corners of the padded image, at its own size."""
    for down in (0, 2 * padding):
        for right in (0, 2 * padding):
            yield partial(_window, padding=padding, down=down, right=right, frames=frames)


def _window(pixels: Tensor, number: int, *, padding: int, down: int, right: int, frames: int) -> Tensor:
    single = pixels.unflatten(2, (frames, -1))
    height, width = single.shape[-2:]
    padded = torch.nn.functional.pad(single, (padding, padding, padding, padding))
    return padded[..., down : down + height, right : right + width].flatten(2, 3).contiguous()


def _drawn(config: Config, spec: RunSpec, mean: Tensor | None, draw: int) -> View:
    # A stream of its own: the draws are none of those the network was trained on.
    replicate = replace(spec.replicate, stream=f"{spec.replicate.stream}: views")

    def view(pixels: Tensor, number: int) -> Tensor:
        draws = StepRandom(replicate, draw, number)
        return augment_batch(pixels, config.augment, draws, mean=mean, frames=config.data.frames)

    return view
