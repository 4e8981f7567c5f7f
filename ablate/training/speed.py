"""How fast this machine trains and decodes: a process of its own for `ablate doctor`; prints one JSON object."""

from __future__ import annotations

import io
import json
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

SECONDS = 2.0
"""How long each measurement lasts."""


def steps_per_second(threads: int) -> float:
    """Training steps of a small convolutional network: 32 images of 64 x 64."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 64, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    images, targets = torch.randn(32, 3, 64, 64), torch.arange(32) % 10
    steps, started = -3, time.monotonic()  # the first three are not counted
    while steps <= 0 or time.monotonic() - started < SECONDS:
        if steps == 0:
            started = time.monotonic()
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(images), targets).backward()
        optimizer.step()
        steps += 1
    return steps / (time.monotonic() - started)


def images_per_second() -> float:
    """JPEG files of 500 x 375 decoded and made 224 x 224, by one core."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).resize((500, 375)).save(stream, "JPEG", quality=90)
    count, started = 0, time.monotonic()
    while time.monotonic() - started < SECONDS / 2:
        with Image.open(io.BytesIO(stream.getvalue())) as image:
            image.convert("RGB").resize((224, 224))
        count += 1
    return count / (time.monotonic() - started)


def main(threads: list[int]) -> None:
    """Measure with each number of threads, then decoding."""
    found = {"steps": {str(number): steps_per_second(number) for number in threads}, "images": images_per_second()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
