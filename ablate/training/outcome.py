"""What a trained network leaves behind: test scores image by image, weights, cost."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ablate.files import write_json
from ablate.protocols import Run
from ablate.records import Cost, Outcome
from ablate.store.outcome_columns import CLASSES, GROUP, VAL_PROB, VAL_TARGET
from ablate.training.checkpoint import TrainingState, copy_of
from ablate.training.config import Attack, Config
from ablate.training.cost import describe_network
from ablate.training.data.grouping import group_names
from ablate.training.data.parts import Subset, Subsets
from ablate.training.evaluate import (
    Scores,
    evaluate,
    evaluate_attacked,
    evaluation_batch,
    latency_seconds,
    probabilities,
)
from ablate.training.measured import with_measured
from ablate.training.numerics import Mode, device_name
from ablate.training.seeding import robustness_generator
from ablate.training.stored import TEXT

IMAGES = "outcomes.npz"
WEIGHTS = "weights.safetensors"
ROWS = 1024
"""Of test images whose probabilities are computed at once."""


def write_outcome(config: Config, run: Run, parts: Subsets, mode: Mode, trained: TrainingState) -> Outcome:
    """Test the network once and write what was found; a sealed run is judged on validation instead."""
    scores = judged_scores(config, run, parts, mode, trained.network)
    metrics, attacked = scores.metrics(), None
    if config.robustness is not None:
        attacked = attacked_scores(config, run, parts, mode, trained.network, config.robustness)
        metrics["robust_accuracy"] = float(attacked.correct.mean())
    classes = parts.images.classes
    val = None if run.protocol.sealed or not len(parts.val) else _validation_scores(config, run, parts, mode, trained)
    metrics = with_measured(metrics, run.protocol.metric, scores, classes, val=scores if run.protocol.sealed else val)
    images = None
    if not run.protocol.sealed:
        images = run.folder / IMAGES
        ids = [parts.images.ids[i] for i in parts.split.test]
        names = group_names(parts.images.ids, parts.images.groups.tolist())
        columns = _columns(config, scores, attacked, trained.progress.watched)
        columns[CLASSES] = np.array(list(classes))
        if val is not None:
            columns |= {VAL_TARGET: _targets(val), VAL_PROB: _half(config, val)}
        if names:
            columns[GROUP] = np.array([names.get(name, "") for name in ids])
        np.savez_compressed(images, id=np.array(ids), **columns)
    weights = run.folder / WEIGHTS
    tensors = {
        name: tensor.contiguous()
        for name, tensor in copy_of(trained.network if trained.whole is None else trained.whole).items()
    }
    save_file(tensors, weights, metadata={"classes": json.dumps(parts.images.classes)})
    files = {"weights": weights}
    if parts.encoder is not None:
        files["text"] = run.folder / TEXT
        write_json(files["text"], dict(parts.encoder.state))
    progress = trained.progress
    description = describe_network(config)
    return Outcome(
        metrics=metrics,
        epoch=progress.best_epoch or progress.epoch,
        images=images,
        cost=Cost(
            parameters=description.parameters,
            flops=description.flops,
            steps=progress.steps_done,
            images_seen=progress.images_seen,
            peak_bytes=_peak_bytes(mode),
            train_seconds=progress.seconds,
            # Of use where it is an objective, and only there worth its six passes.
            latency_seconds=latency_seconds(trained.network, parts.val, mode) if run.protocol.sealed else None,
        ),
        files=files,
        data_digest=parts.images.digest,
        weights_digest=trained.weights_digest,
        device=device_name(mode.device),
    )


def judged_scores(config: Config, run: Run, parts: Subsets, mode: Mode, network: nn.Module) -> Scores:
    """The network on the images it is judged on: the test part, or validation in a sealed run."""
    batch_size = evaluation_batch(config)
    return evaluate(network, _judged(run, parts), mode, batch_size=batch_size, alive=run.alive)


def _validation_scores(config: Config, run: Run, parts: Subsets, mode: Mode, trained: TrainingState) -> Scores:
    """The tested network on the validation images, on which a threshold may be set."""
    batch_size = evaluation_batch(config)
    return evaluate(trained.network, parts.val, mode, batch_size=batch_size, alive=run.alive)


def right_on_test(config: Config, run: Run, parts: Subsets, mode: Mode, trained: TrainingState) -> Tensor:
    """Which test images the network has right now, as packed bits: shape (ceil(n / 8),) uint8.

    Read for the source's protocol alone: nothing is chosen by it.
    """
    batch_size = evaluation_batch(config)
    correct = evaluate(trained.tested, parts.test, mode, batch_size=batch_size, alive=run.alive).correct
    return torch.from_numpy(np.packbits(correct))


def attacked_scores(config: Config, run: Run, parts: Subsets, mode: Mode, network: nn.Module, attack: Attack) -> Scores:
    """The network on the same images, each changed against it."""
    generator = robustness_generator(run.replicate)
    return evaluate_attacked(
        network,
        _judged(run, parts),
        mode,
        attack,
        batch_size=config.batch_size,
        generator=generator,
        alive=run.alive,
    )


def _judged(run: Run, parts: Subsets) -> Subset:
    return parts.val if run.protocol.sealed else parts.test


def _columns(config: Config, scores: Scores, attacked: Scores | None, watched: list[Tensor]) -> dict[str, Any]:
    """One row a test image. robust, where the images were attacked too: whether the guess was still right.

    epochs, where the source's protocol asks for it: after each epoch, right and wrong as packed bits.
    """
    columns: dict[str, Any] = {
        "target": _targets(scores),
        "score": scores.correct.astype(np.float32),
        "prob": _half(config, scores),
    }
    if not scores.several:
        # As float64, so that their mean is the metric.
        columns["loss"] = nn.functional.cross_entropy(scores.logits, scores.targets, reduction="none").double().numpy()
    if attacked is not None:
        columns["robust"] = attacked.correct.astype(np.float32)
    if watched:
        columns["epochs"] = torch.stack(watched).numpy()
    return columns


def _targets(scores: Scores) -> Any:
    return scores.targets.numpy().astype(np.bool_ if scores.several else np.int32)


def _half(config: Config, scores: Scores) -> Any:
    """In half precision; some rows at a time, of which each is computed by itself: of 1,000 classes it adds up."""
    return np.concatenate([
        probabilities(rows, config).numpy().astype(np.float16) for rows in scores.logits.split(ROWS)
    ])  # fmt: skip


def _peak_bytes(mode: Mode) -> int | None:
    if mode.device.type == "cuda":
        return torch.cuda.max_memory_allocated(mode.device)
    if mode.device.type == "mps":
        return torch.mps.driver_allocated_memory()  # Metal keeps no peak; its driver holds on to what it once took
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
