"""Training the last layer of a frozen VGG16: features computed once, beside features computed in every epoch.

Both sides train torchvision's VGG16 with every parameter but the last layer's frozen and both
dropouts of its classifier active, by the product's own loop, on the same noise with the same random
weights. Epochs alternate (anew, once, once, anew, ...), because a machine is never quiet: only the
ratio of neighbours means something. What one epoch takes does not change from epoch to epoch, so the
cost of a training of 40 epochs is extrapolated from it and marked so; computing and storing the
features is measured whole and counted in one of the two ratios.

    python benchmarks/frozen_features.py                    # 64x64 images, a twelfth of the work of 224x224
    python benchmarks/frozen_features.py --size 224 --images 24
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ablate.execute.environment import ALLOCATOR

if sys.platform == "linux" and "THP_MEM_ALLOC_ENABLE" not in os.environ:
    # What the pool gives its workers; read by the C library before main(), hence the new process.
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ALLOCATOR)

import numpy as np
import torch
from PIL import Image

from ablate.execute.live import LiveRun, Task
from ablate.files import sha256_json
from ablate.records import RunSpec
from ablate.splits.rules import Protocol, Replicate, Share
from ablate.store.journal import Journal
from ablate.training.checkpoint import TrainingState
from ablate.training.config import Config
from ablate.training.data.parts import Subsets, load_parts
from ablate.training.evaluate import evaluate
from ablate.training.frozen_features import with_stored_features
from ablate.training.loop import train_epoch
from ablate.training.numerics import Mode, set_up
from ablate.training.start import untrained

CLASSES = 4
EPOCHS = 40
TEST_SHARE = 0.2


class Side(NamedTuple):
    """One of the two ways to train."""

    parts: Subsets
    trained: TrainingState


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="side of the images")
    parser.add_argument("--images", type=int, default=80, help="images, of which a fifth are tested on")
    parser.add_argument("--rounds", type=int, default=3, help="pairs of blocks")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        config = a_config(noise(work, given.size, given.images), given.size, given.threads)
        print(json.dumps(measure(config, work, rounds=given.rounds), indent=1))


def noise(work: Path, size: int, images: int) -> Path:
    """A folder of images from a fixed seed."""
    rng = np.random.default_rng(0)
    for number in range(images):
        folder = work / "images" / f"class{number % CLASSES}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:04d}.png")
    return work / "images"


def a_config(root: Path, size: int, threads: int) -> Config:
    """The fine-tune of the study of actors' faces, but for its weights, which are random."""
    return Config.model_validate(
        {
            "data": {
                "source": {"name": "image_folder", "root": str(root)},
                "classes": CLASSES,
                "image_size": size,
                "normalize": "imagenet",
                "train": 1 - TEST_SHARE,
            },
            "model": {"name": "torchvision:vgg16"},
            "freeze": {"all_but": "output"},
            "optimizer": {"name": "adam", "lr": 1e-4},
            "schedule": {"name": "step", "every": 4, "gamma": 0.92},
            "batch_size": 32,
            "epochs": EPOCHS,
            "numerics": {"threads": threads},
            "device": "cpu",
        }
    )


def measure(config: Config, work: Path, *, rounds: int) -> dict[str, object]:
    """Seconds of an epoch on each side, of computing the features, and their ratios."""
    mode = set_up(config)
    run = a_run(config, work)
    plain = a_side(config, run, mode)
    whole = a_side(config, run, mode)
    started = time.monotonic()
    quick = Side(*with_stored_features(config, run, whole.parts, mode, whole.trained))
    once = time.monotonic() - started
    difference = largest_difference(plain, quick, mode)
    seconds: dict[str, list[float]] = {"anew": [], "once": []}
    for number in range(rounds):
        for side, epochs in (("anew", 1), ("once", 10)) if number % 2 == 0 else (("once", 10), ("anew", 1)):
            seconds[side].append(epoch_seconds(config, run, mode, plain if side == "anew" else quick, epochs))
    ratios = [anew / quick for anew, quick in zip(seconds["anew"], seconds["once"], strict=True)]
    anew, cached = statistics.median(seconds["anew"]), statistics.median(seconds["once"])
    return {
        "images": f"{len(plain.parts.fit)} fitted on, {len(plain.parts.test)} tested on, {config.data.image_size} px",
        "threads": config.numerics.threads,
        "epoch_seconds_anew": [round(s, 3) for s in seconds["anew"]],
        "epoch_seconds_once": [round(s, 4) for s in seconds["once"]],
        "seconds_to_compute_features": round(once, 2),
        "ratio_of_training": round(statistics.median(ratios), 1),
        f"ratio_of_{EPOCHS}_epochs_with_computing_extrapolated": round(EPOCHS * anew / (once + EPOCHS * cached), 1),
        "largest_difference_of_test_logits": difference,
        "torch": torch.__version__,
    }


def a_run(config: Config, work: Path) -> LiveRun:
    """A run as a worker hands it to the trainer."""
    plain = config.model_dump(mode="json")
    spec = RunSpec(
        trainer="ablate.training:train",
        config=plain,
        identity=plain,
        protocol=Protocol(test=Share(share=TEST_SHARE)),
        replicate=Replicate(index=0),
    )
    folder = work / sha256_json(plain)[:8]
    folder.mkdir()
    return LiveRun(task=Task(spec=spec, work=work), folder=folder, journal=Journal(folder))


def a_side(config: Config, run: LiveRun, mode: Mode) -> Side:
    """The data and the whole network with the replicate's first weights."""
    parts = load_parts(config, run, mode)
    return Side(parts, untrained(config, run, mode, parts.images.classes))


def largest_difference(plain: Side, quick: Side, mode: Mode) -> float:
    """Between the logits of all test images."""
    ours, theirs = (evaluate(side.trained.network, side.parts.test, mode, batch_size=32) for side in (quick, plain))
    return float((ours.logits - theirs.logits).abs().max())


def epoch_seconds(config: Config, run: LiveRun, mode: Mode, side: Side, epochs: int) -> float:
    """The mean over some epochs that go on from where the side is."""
    progress = side.trained.progress
    started = time.monotonic()
    for _ in range(epochs):
        train_epoch(config, run, side.parts.fit, mode, side.trained)
        progress.epoch, progress.step, progress.loss_sum, progress.correct_sum = progress.epoch + 1, 0, 0.0, 0
    return (time.monotonic() - started) / epochs


if __name__ == "__main__":
    main()
