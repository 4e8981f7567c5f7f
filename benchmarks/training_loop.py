"""Images per second of `ablate`'s training loop beside a hand-written one that does the same.

Both train the same network from the same first weights on the same batches, take the same
per-epoch measures, and must end with the same weights bit for bit; loading and start-up are left
out. Blocks alternate (ours, theirs, theirs, ours, ...), because a machine is never quiet: only the
ratio of neighbours means something.

    python benchmarks/training_loop.py                  # the quick start's baseline
    python benchmarks/training_loop.py --case colour64  # 64x64 colour images, vgg16 of width 16
    python benchmarks/training_loop.py --case clips     # clips of 16 frames at 56x56, vgg3d of width 8; the plain loop
                                                        # has torch's own memory layout, and with --channels-last ours
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ablate.execute.environment import ALLOCATOR

if sys.platform == "linux" and "THP_MEM_ALLOC_ENABLE" not in os.environ:
    # What the pool gives its workers; read by the C library before main(), hence the new process.
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ALLOCATOR)

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

import ablate
from ablate.execute.live import LiveRun, Task
from ablate.records import RunSpec
from ablate.splits.rules import Protocol, Replicate, Share
from ablate.store.journal import Journal
from ablate.training.checkpoint import TrainingState
from ablate.training.config import Config
from ablate.training.data.parts import Subsets, load_parts
from ablate.training.evaluate import evaluation_batch
from ablate.training.loop import train_epochs
from ablate.training.models import make_network
from ablate.training.numerics import Mode, set_up
from ablate.training.start import untrained


def quickstart(folder: Path) -> tuple[Config, Protocol]:
    """The packaged study's baseline."""
    del folder
    study = ablate.load_study(Path(__file__).parent.parent / "studies" / "quickstart.yaml")
    # Short blocks: what else the machine does changes from one second to the next.
    return Config.model_validate({**study.base, "epochs": 2}), study.protocol


def colour64(folder: Path) -> tuple[Config, Protocol]:
    """A narrow VGG16 on 64x64 colour images of noise."""
    rng = np.random.default_rng(0)
    for number in range(400):
        path = folder / f"class{number % 4}" / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    content: dict[str, Any] = {
        "data": {
            "source": {"name": "image_folder", "root": str(folder)},
            "classes": 4,
            "image_size": 64,
            "normalize": "imagenet",
            "train": 320,
        },
        "model": {"name": "vgg16", "width": 16, "head": {"name": "fc", "hidden": [256], "pool": 2}},
        "optimizer": {"name": "adam", "lr": 1e-4},
        "batch_size": 32,
        "epochs": 1,
    }
    return Config.model_validate(content), Protocol(test=Share(share=64), val=64)


def clips(folder: Path) -> tuple[Config, Protocol]:
    """A narrow VGG11 over time as well, on clips of 16 frames of noise at 56 pixels."""
    rng = np.random.default_rng(0)
    for number in range(64 * 16):
        path = folder / f"class{number // 16 % 4}" / f"clip{number // 16:02}" / f"{number % 16:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (56, 56, 3), dtype=np.uint8)).save(path)
    content: dict[str, Any] = {
        "data": {
            "source": {"name": "video_folder", "root": str(folder)},
            "classes": 4,
            "clip": {"frames": 16, "size": 56},
            "normalize": "imagenet",
            "train": 56,
        },
        "model": {"name": "vgg3d", "width": 8, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 1e-4},
        "batch_size": 8,
        "epochs": 1,
    }
    return Config.model_validate(content), Protocol(test=Share(share=8), val=8)


CASES: dict[str, Callable[[Path], tuple[Config, Protocol]]] = {
    "quickstart": quickstart,
    "colour64": colour64,
    "clips": clips,
}


class Block(NamedTuple):
    """What one training took. cpu is blind to waiting for the disk, wall to nothing."""

    wall: float
    cpu: float


def main() -> None:
    """Time the blocks and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, default="quickstart")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--channels-last", action="store_true", help="put each of the other's batches in that layout")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        print(
            json.dumps(
                compare(Path(name), arguments.case, arguments.pairs, lay=layout(arguments.channels_last)), indent=1
            )
        )


Lay = Callable[[Tensor], Tensor]


def layout(channels_last: bool) -> Lay:  # noqa: FBT001 - from the command line
    """What the hand-written loop does to a batch's memory: nothing, or channels last."""
    return lambda batch: batch.contiguous(memory_format=torch.channels_last) if channels_last else batch


def compare(work: Path, case: str, pairs: int, *, lay: Lay) -> dict[str, Any]:
    """Ratios above 1: `ablate` is faster."""
    folder = work / "images"
    folder.mkdir()
    config, protocol = CASES[case](folder)
    run = a_run(work, config, protocol)
    mode = set_up(config)
    parts = load_parts(config, run, mode)
    contestants = {
        "ours": lambda: ours(config, run, parts, mode),
        "theirs": lambda: theirs(config, run.replicate, parts, mode, lay),
    }
    weights = {name: train()[0] for name, train in contestants.items()}  # also warms both up
    same = all(torch.equal(weights["ours"][name], tensor) for name, tensor in weights["theirs"].items())
    blocks: dict[str, list[Block]] = {"ours": [], "theirs": []}
    for pair in range(pairs):
        for name in ("ours", "theirs") if pair % 2 == 0 else ("theirs", "ours"):
            blocks[name].append(contestants[name]()[1])
    images = config.epochs * len(parts.fit)
    return {
        "case": case,
        "pairs": pairs,
        "same_weights_bit_for_bit": same,
        "wall": summary([theirs.wall / ours.wall for ours, theirs in zip(*blocks.values(), strict=True)]),
        "cpu": summary([theirs.cpu / ours.cpu for ours, theirs in zip(*blocks.values(), strict=True)]),
        "images_per_second": {
            name: round(images / statistics.median(block.wall for block in taken)) for name, taken in blocks.items()
        },
        "epoch_seconds": {
            name: round(statistics.median(block.wall for block in taken) / config.epochs, 3)
            for name, taken in blocks.items()
        },
        "torch": torch.__version__,
        "threads": config.numerics.threads,
    }


def summary(ratios: list[float]) -> dict[str, Any]:
    """The median of the pairs, a 95 % bootstrap interval of it, and the middle half of the pairs."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(ratios, size=(2000, len(ratios))), axis=1)
    return {
        "median": round(statistics.median(ratios), 4),
        "interval": [round(float(value), 4) for value in np.quantile(medians, [0.025, 0.975])],
        "middle_half": [round(float(value), 4) for value in np.quantile(ratios, [0.25, 0.75])],
    }


def a_run(work: Path, config: Config, protocol: Protocol) -> LiveRun:
    """A run as a worker has it, with a journal on disk."""
    content = config.model_dump(mode="json")
    spec = RunSpec(
        trainer="ablate.training:train",
        config=content,
        identity=content,
        protocol=protocol,
        replicate=Replicate(index=0),
    )
    attempt = work / "attempt"
    attempt.mkdir()
    return LiveRun(task=Task(spec=spec, work=work), folder=attempt, journal=Journal(attempt))


def ours(config: Config, run: LiveRun, parts: Subsets, mode: Mode) -> tuple[dict[str, Tensor], Block]:
    """The product's loop, from the first step to the last measure."""
    trained: TrainingState = untrained(config, run, mode)
    with stopwatch() as taken:
        train_epochs(config, run, parts, mode, trained)
    return trained.network.state_dict(), taken[0]


def theirs(
    config: Config, replicate: Replicate, parts: Subsets, mode: Mode, lay: Lay
) -> tuple[dict[str, Tensor], Block]:
    """What a careful person writes for this one training: no harness, no options, all data in memory."""
    torch.manual_seed(replicate.seed("init"))
    network = mode.place(make_network(config))
    images, targets = parts.fit.images_of(torch.arange(len(parts.fit))), parts.fit.targets
    val_images, val_targets = parts.val.images_of(torch.arange(len(parts.val))), parts.val.targets
    val_batch = evaluation_batch(config)
    lr = config.optimizer.lr
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    step_decay = getattr(config.schedule, "gamma", 1.0), getattr(config.schedule, "every", 1)
    history = []
    with stopwatch() as taken:
        for epoch in range(config.epochs):
            network.train()
            optimizer.param_groups[0]["lr"] = lr * step_decay[0] ** (epoch // step_decay[1])
            generator = torch.Generator().manual_seed(replicate.seed("order", epoch))
            loss_sum, correct = 0.0, 0
            for chosen in torch.randperm(len(targets), generator=generator).split(config.batch_size):
                batch_targets = targets.index_select(0, chosen)
                logits = network(lay(images.index_select(0, chosen)))
                loss = nn.functional.cross_entropy(logits, batch_targets)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                loss_sum += loss.item() * len(chosen)
                correct += int((logits.argmax(1) == batch_targets).sum())
            network.eval()
            with torch.inference_mode():
                val_logits = torch.cat([network(lay(part)) for part in val_images.split(val_batch)])
                val_loss = nn.functional.cross_entropy(val_logits, val_targets).item()
                val_accuracy = (val_logits.argmax(1) == val_targets).float().mean().item()
            history.append((loss_sum / len(targets), correct / len(targets), val_loss, val_accuracy))
    return network.state_dict(), taken[0]


@contextmanager
def stopwatch() -> Iterator[list[Block]]:
    """The seconds of the block, put into the list when it ends."""
    taken: list[Block] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield taken
    taken.append(Block(time.perf_counter() - wall, time.process_time() - cpu))


if __name__ == "__main__":
    main()
