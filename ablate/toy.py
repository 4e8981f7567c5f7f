"""A trainer without torch whose true effects are known: for tests, tutorials and calibration.

Each test image has a difficulty shared by all variants, and each run its own luck with it; what
remains is its accuracy, `skill` plus `gain` in percentage points, give or take `noise`. Half of a
run's noise is shared by all variants of a replicate, as a split is. The true effect of a change is
the difference in skill plus gain.
"""

from __future__ import annotations

import functools
import math
import random
import time
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ablate.inspection import Description
from ablate.protocols import Run
from ablate.records import Cost, Outcome, Prepared
from ablate.settings import DefinesTest, Settings
from ablate.splits.request import Parts

METRICS = {"accuracy": "max", "loss": "min"}

WARM = "ablate.toy:warm_up"


class Config(Settings):
    """What the toy can be asked for."""

    skill: Annotated[float, Field(gt=0, lt=100)] = 50.0
    """Mean accuracy without gains, in percent."""
    gain: float = 0.0
    """Points on top."""
    noise: Annotated[float, Field(ge=0)] = 1.0
    """Standard deviation of a run's true accuracy, in points."""
    images: DefinesTest[Annotated[int, Field(ge=1)]] = 300
    epochs: Annotated[int, Field(ge=1)] = 3
    seconds: Annotated[float, Field(ge=0)] = 0.0
    """How long a run takes."""
    scores: bool = True
    """Report image by image; false gives plain metrics only, as a search takes with `split: trainer` alone."""
    fail: Literal["error", "diverge"] | None = None
    """`error` raises, `diverge` reports NaN; for tests."""


def train(config: Config, run: Run) -> Outcome | dict[str, float]:
    """Pretend to train, epoch by epoch, and draw the answers to the test images."""
    shared, own = (random.Random(run.replicate.seed(*purpose)).gauss(0, 1) for purpose in (["split"], _own(config)))
    noise = config.noise * (shared + own) / math.sqrt(2)
    parts = _parts(config, run)
    accuracy = min(max((config.skill + config.gain + noise) / 100, 0.01), 0.99)
    for epoch in range(_epochs_done(run) + 1, config.epochs + 1):
        time.sleep(config.seconds / config.epochs)
        if config.fail == "error":
            raise ValueError("the toy was asked to fail")
        reached = accuracy * (1 - 0.5**epoch)
        run.epoch(epoch, {"train/loss": -math.log(reached), "train/accuracy": reached, "val/accuracy": reached})
        if run.tick(epoch, 1, 1, state_bytes=8):
            run.checkpoint(functools.partial(_write_epoch, epoch))
    if config.fail == "diverge":
        return {"accuracy": float("nan"), "loss": float("nan")}
    if not config.scores:
        return {"accuracy": accuracy, "loss": -math.log(accuracy)}
    return _tested(config, run, parts.judged, accuracy)


def _epochs_done(run: Run) -> int:
    """All that a toy has to remember."""
    checkpoint = run.resume()
    return 0 if checkpoint is None else int(checkpoint.read_text())


def _write_epoch(epoch: int, path: Path) -> None:
    path.write_text(f"{epoch}\n")


def warm_up() -> None:
    """Let numpy import what it imports on first use, once for all runs."""
    np.quantile(np.random.default_rng(0).uniform(size=2), 0.5)


def _own(config: Config) -> list[str]:
    """What tells a variant's luck from another's: two equal variants have the same."""
    return [str(config.skill), str(config.gain)]


def _parts(config: Config, run: Run) -> Parts:
    """Images of one class; every third is of the source's own test part."""
    ids = [f"toy:{number:05d}" for number in range(config.images)]
    return run.split(ids, [0] * config.images, official=range(0, config.images, 3))


def _tested(config: Config, run: Run, part: list[int], accuracy: float) -> Outcome:
    difficulty = np.random.default_rng(0).uniform(size=config.images)[part]
    answers = np.random.default_rng(run.replicate.seed("answers", *_own(config))).uniform(size=len(part))
    # Half of an image's fate is its difficulty, half the run's luck; the mean stays the accuracy.
    score = ((difficulty + answers) / 2 < np.quantile((difficulty + answers) / 2, accuracy)).astype(np.float32)
    path = run.folder / "outcomes.npz"
    np.savez_compressed(path, id=np.array([f"toy:{i:05d}" for i in part]), target=np.zeros(len(part)), score=score)
    return Outcome(
        metrics={"accuracy": float(score.mean()), "loss": -math.log(accuracy)},
        epoch=config.epochs,
        images=path,
        cost=Cost(parameters=1, steps=config.epochs, images_seen=config.epochs),
    )


def describe(config: Config) -> Description:
    """A toy has one parameter."""
    del config
    return Description(parameters=1)


def prepare(config: Config, run: Run) -> Prepared:
    """There is nothing to look at but how many images each part has."""
    parts = _parts(config, run)
    counts = {"train": len(parts.fit) + len(parts.val), "val": len(parts.val), "test": len(parts.test)}
    return Prepared(digest=f"toy:{config.images}", counts=counts)
