"""How long a step and a test take here: a process of its own for `ablate init`; settings in, JSON out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from ablate.errors import AblateError
from ablate.splits.rules import Replicate
from ablate.training.checkpoint import TrainingProgress, TrainingState
from ablate.training.config import Config
from ablate.training.config.model import encoder_of
from ablate.training.data.parts import Subset, prepare_subset, statistics_of
from ablate.training.evaluate import evaluate, evaluation_batch
from ablate.training.freezing import freeze, set_training
from ablate.training.loop import make_batch, take_step
from ablate.training.models import make_network
from ablate.training.numerics import Mode, set_up
from ablate.training.seeding import StepRandom, seed_init
from ablate.training.techniques.optimizers import make_optimizer, trained_weights

SECONDS = 1.0
"""How long each measurement lasts."""

IMAGES = 128
"""Of noise, which takes as long as any other image of its size."""


def pace_of(config: Config) -> dict[str, float]:
    """Seconds a training step takes, and seconds to test one image."""
    replicate = Replicate(index=0)
    config = config.model_copy(update={"weights": None})  # their values do not change how long it takes
    mode = set_up(config)
    seed_init(replicate)
    network = mode.place(make_network(config))
    frozen = freeze(network, config.freeze)
    optimizer = make_optimizer(config.optimizer, network.named_parameters())
    trained = TrainingState(network, optimizer, mode.scaler(), TrainingProgress(), frozen=frozen)
    weights, part = trained_weights(optimizer), _noise(config, mode)
    chosen = part.places()[: config.batch_size]
    set_training(network, frozen)

    def step() -> None:
        batch = make_batch(config, part, mode, trained, chosen, StepRandom(replicate, 0, 0))
        take_step(config, mode, trained, weights, batch)[0].item()  # reading a number waits for the device

    def test() -> None:
        evaluate(network, part, mode, batch_size=evaluation_batch(config))

    return {"step": _seconds(step, at_least=3), "image": _seconds(test, at_least=1) / len(part)}


def _noise(config: Config, mode: Mode) -> Subset:
    generator = torch.Generator().manual_seed(0)
    (channels, height, width), count = config.data.input_shape, max(IMAGES, config.batch_size)
    pixels = torch.randint(0, 256, (count, height, width, channels), generator=generator, dtype=torch.uint8)
    rows = mode.send(torch.arange(count))
    mean, std = statistics_of(config.data, mode.device)
    encoder = encoder_of(config.model)
    text = None if encoder is None else torch.rand(count, encoder.width, generator=generator).to(mode.device)
    return prepare_subset(Subset(mode.send(pixels), rows, rows % config.data.classes, mean, std, mode, text=text))


def _seconds(work: Callable[[], None], *, at_least: int) -> float:
    """Of one call; the first, which sets things up, is not counted."""
    work()
    calls, started = 0, time.perf_counter()
    while calls < at_least or time.perf_counter() - started < SECONDS:
        work()
        calls += 1
    return (time.perf_counter() - started) / calls


def main(settings: list[dict[str, Any]]) -> None:
    """Measure each; None for one that cannot be trained here."""
    found: list[dict[str, float] | None] = []
    for one in settings:
        try:
            found.append(pace_of(Config.model_validate(one)))
        except (AblateError, RuntimeError, ValueError, MemoryError):
            found.append(None)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
