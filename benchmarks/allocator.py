"""What the allocator's settings of worker processes bring: a training step with and without them, side by side.

`python benchmarks/allocator.py [--pairs 3] [--steps 20]`: for a quarter-width VGG16 with batch norm at 64x64 in batches
of 32, and for a small network of linear layers, the median over pairs of the processor time of a step without the
settings over that with them, and the peak memory of either. One thread; a fresh process each, as glibc reads the
settings before main().
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from ablate.execute.environment import ALLOCATOR

STEP = """
import json, resource, sys, time, torch
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)
def vgg():
    layers, width = [], 3
    for depth, out in ((2, 16), (2, 32), (3, 64), (3, 128), (3, 128)):
        for _ in range(depth):
            layers += [nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
            width = out
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))
def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 1024), nn.ReLU(), nn.Linear(1024, 10))
network = {"vgg16/4": vgg, "linear": linear}[sys.argv[1]]().to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
images = torch.rand(32, 64, 64, 3).permute(0, 3, 1, 2)
targets = torch.randint(0, 10, (32,))
def step():
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(network(images), targets)
    loss.backward()
    optimizer.step()
    return loss.item()
for _ in range(3):
    step()
steps, began = int(sys.argv[2]), time.process_time()
losses = [step() for _ in range(steps)]
print(json.dumps({"ms": (time.process_time() - began) / steps * 1000, "loss": losses[-1],
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def measured(network: str, steps: int, settings: dict[str, str]) -> dict[str, float]:
    """One process."""
    environment = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}
    command = [sys.executable, "-c", STEP, network, str(steps)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment | {"OMP_NUM_THREADS": "1"} | settings
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    asked = parser.parse_args()
    for network in ("vgg16/4", "linear"):
        pairs = [
            (measured(network, asked.steps, {}), measured(network, asked.steps, ALLOCATOR)) for _ in range(asked.pairs)
        ]
        assert all(without["loss"] == with_them["loss"] for without, with_them in pairs), (
            "the settings changed a number"
        )
        ratios = sorted(without["ms"] / with_them["ms"] for without, with_them in pairs)
        before, after = (statistics.median(pair[i]["megabytes"] for pair in pairs) for i in (0, 1))
        print(
            f"{network}: {statistics.median(ratios):.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
            f"the same loss; peak {before:.0f} -> {after:.0f} MB"
        )


if __name__ == "__main__":
    main()
