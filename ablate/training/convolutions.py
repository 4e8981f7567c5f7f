"""How fast convolutions are in each precision here: a process of its own; prints one JSON object.

As training has them: weights in fp32, autocast around the forward pass, a backward pass, channels last. One thread
on a processor, whose own time is counted, so that what else the machine does is left out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from ablate.training.numerics import DTYPES

ENOUGH = 0.25
"""Seconds of each precision, and two steps."""
TOO_SLOW = 0.6
"""Seconds after which nothing more is waited for: one step says enough."""


class Size(NamedTuple):
    """What is convolved: images of `side` pixels; from `channels` to twice as many, and on to as many again."""

    images: int
    channels: int
    side: int

    @property
    def operations(self) -> int:
        """Floating-point operations of a step: two forward passes, two by weights, one by its input."""
        first = 2 * 9 * self.channels * 2 * self.channels * self.side**2 * self.images
        return 2 * first + 3 * 2 * first


SIZES = {"cpu": Size(images=2, channels=32, side=32), "cuda": Size(images=64, channels=64, side=56)}
"""Small on a processor: where bf16 has no instructions of its own, a step takes up to a hundred times as long."""


def operations_per_second(dtype: torch.dtype, device: str) -> float | None:
    """Of forward and backward passes together; None where torch cannot do it."""
    size = SIZES[device]
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(size.channels, 2 * size.channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(2 * size.channels, 2 * size.channels, 3, padding=1),
    ).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(size.images, size.channels, size.side, size.side, device=device)
    images = images.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast(device, dtype=dtype, enabled=dtype is not torch.float32):
            loss = network(images).float().square().mean()
        loss.backward()

    try:
        return size.operations / fastest(step, device)
    except RuntimeError:
        return None


def fastest(step: Callable[[], None], device: str) -> float:
    """Seconds of the fastest step but the first, which also prepares; of the first alone where it takes too long."""
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < ENOUGH:
        started = now(device)
        step()
        taken.append(now(device) - started)
        if sum(taken) > TOO_SLOW:
            break
    return min(taken[1:] or taken)


def now(device: str) -> float:
    """Seconds: of the one thread at work, or of the clock once a card has done all it was given."""
    if device == "cpu":
        return time.thread_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def main(device: str) -> None:
    """Measure each precision."""
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    found = {name: operations_per_second(dtype, device) for name, dtype in DTYPES.items()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
