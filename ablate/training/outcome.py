"""What a trained network leaves behind: test scores image by image, weights, cost."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from ablate.protocols import Run
from ablate.records import Cost, Outcome
from ablate.training.checkpoint import Trained, copy_of
from ablate.training.config import Config
from ablate.training.cost import describe_network
from ablate.training.data.parts import Parts
from ablate.training.evaluate import Scores, evaluate, evaluation_batch
from ablate.training.numerics import Mode, device_name

IMAGES = "outcomes.npz"
WEIGHTS = "weights.safetensors"


def write_outcome(config: Config, run: Run, parts: Parts, mode: Mode, trained: Trained) -> Outcome:
    """Test the network once and write what was found; a sealed run is judged on validation instead."""
    scores = judged_scores(config, run, parts, mode, trained.network)
    images = None
    if not run.protocol.sealed:
        images = run.folder / IMAGES
        ids = [parts.pictures.ids[i] for i in parts.split.test]
        _write_columns(images, ids, scores)
    weights = run.folder / WEIGHTS
    tensors = {name: tensor.contiguous() for name, tensor in copy_of(trained.network).items()}
    save_file(tensors, weights, metadata={"classes": json.dumps(parts.pictures.classes)})
    progress = trained.progress
    description = describe_network(config)
    return Outcome(
        metrics=scores.metrics(),
        epoch=progress.best_epoch or progress.epoch,
        images=images,
        cost=Cost(
            parameters=description.parameters,
            flops=description.flops,
            steps=progress.steps_done,
            images_seen=progress.images_seen,
            peak_bytes=_peak_bytes(mode),
            train_seconds=progress.seconds,
        ),
        files={"weights": weights},
        data_digest=parts.pictures.digest,
        device=device_name(mode.device),
    )


def judged_scores(config: Config, run: Run, parts: Parts, mode: Mode, network: nn.Module) -> Scores:
    """The network on the images it is judged on: the test part, or validation in a sealed run."""
    judged = parts.val if run.protocol.sealed else parts.test
    return evaluate(network, judged, mode, batch_size=evaluation_batch(config.data.image_size, config.batch_size))


def _write_columns(path: Path, ids: list[str], scores: Scores) -> None:
    np.savez_compressed(
        path,
        id=np.array(ids),
        target=scores.targets.numpy().astype(np.int32),
        score=scores.correct.astype(np.float32),
        prob=scores.logits.softmax(1).numpy().astype(np.float16),
    )


def _peak_bytes(mode: Mode) -> int | None:
    if mode.device.type == "cuda":
        return torch.cuda.max_memory_allocated(mode.device)
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
