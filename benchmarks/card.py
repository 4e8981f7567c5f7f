"""What a graphics card gives: our training loop beside a hand-tuned one, in every precision, and several runs a card.

VGG16 with batch norm and global average pooling at 224x224, batches of 64, Adam, pixels of noise that lie on the
card. Both loops train the same network on the same batches and read no number before the epoch is over; blocks
alternate. Rows: fp32 (torch's own: convolutions in TF32), fp32 without TF32, TF32 everywhere, bf16, fp16; channels
last and first; compiled and not. Beside images a second stand the share of the card's matrix peak, measured by a
product of two 8192x8192 matrices in the same precision, and how busy nvidia-smi saw the card. Then 1, 2 and 4 runs
share the card, by `ablate run`, without tracking.

    python benchmarks/card.py --json card.json
    python benchmarks/card.py --device cpu --small     # a check that all of it works; its figures mean nothing
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ablate.execute.live import LiveRun, Task
from ablate.records import RunSpec
from ablate.settings import identity_of
from ablate.splits.rules import Protocol, Replicate, Share
from ablate.store.journal import Journal
from ablate.training.config import Config
from ablate.training.cost import describe_network
from ablate.training.data.parts import Subsets, load_parts
from ablate.training.loop import train_epochs
from ablate.training.models import make_network
from ablate.training.numerics import Mode, device_name, set_up
from ablate.training.start import untrained

BACKWARD = 3
"""Operations of a training step over those of a forward pass: two products of the same size more."""


class Size(NamedTuple):
    """images: trained on in a block. matrix: rows of the product that is timed."""

    images: int
    side: int
    batch: int
    width: int
    pairs: int
    matrix: int


FULL = Size(images=768, side=224, batch=64, width=64, pairs=3, matrix=8192)
SMALL = Size(images=16, side=32, batch=8, width=4, pairs=1, matrix=256)

CASES: dict[str, dict[str, Any]] = {
    "fp32": {},
    "fp32 without TF32": {"tf32": False},
    "TF32": {"tf32": True},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "bf16, channels first": {"precision": "bf16", "channels_last": False},
    "TF32, compiled": {"tf32": True, "compile": True},
    "bf16, compiled": {"precision": "bf16", "compile": True},
}


def read_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="few small images: a check, not a measurement")
    parser.add_argument("--only", nargs="+", choices=CASES, metavar="CASE")
    parser.add_argument("--runs", nargs="*", type=int, default=[1, 2, 4], metavar="N", help="runs that share the card")
    parser.add_argument("--seconds", type=float, default=270.0, help="after so many no further case is begun")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    return parser.parse_args()


def main() -> None:
    """Measure, print a line a case, and write the JSON."""
    asked = read_arguments()
    size = SMALL if asked.small else FULL
    begun = time.monotonic()
    found: dict[str, Any] = {"machine": machine(asked.device), "size": size._asdict(), "loop": {}, "runs": {}}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_images(work / "images", size)
        for case in asked.only or CASES:
            if time.monotonic() - begun > asked.seconds:
                found["loop"][case] = {"skipped": f"no time left after {asked.seconds:g} s"}
            else:
                found["loop"][case] = guarded(lambda case=case: compare(work, case, size, asked.device))
            say(f"{case}: {json.dumps(found['loop'][case])}")
        for runs in asked.runs:
            found["runs"][runs] = guarded(lambda runs=runs: side_by_side(work, runs, size, asked.device))
            say(f"{runs} a card: {json.dumps(found['runs'][runs])}")
    print(json.dumps(found, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def guarded(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What it measures, or why it could not: one case that fails leaves the others."""
    try:
        return measure()
    except Exception as error:  # noqa: BLE001 - the reason stands in the JSON
        return {"failed": f"{type(error).__name__}: {str(error)[:300]}"}


def machine(device: str) -> dict[str, Any]:
    """What it was measured on."""
    return {
        "device": device_name(torch.device(device)),
        "processor": device_name(torch.device("cpu")),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "date": time.strftime("%Y-%m-%d"),
    }


def write_images(root: Path, size: Size) -> None:
    """Noise in four classes; a fifth of the images beside those of a block are for validation and test."""
    rng = np.random.default_rng(0)
    for number in range(size.images * 5 // 4):
        path = root / f"class{number % 4}" / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (size.side // 8, size.side // 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((size.side, size.side)).save(path)


def config_of(root: Path, size: Size, device: str, numerics: dict[str, Any]) -> dict[str, Any]:
    """The training of a block: one epoch."""
    return {
        "data": {
            "source": {"name": "image_folder", "root": str(root)},
            "classes": 4,
            "image_size": size.side,
            "normalize": "imagenet",
            "train": size.images,
        },
        "model": {"name": "vgg16", "width": size.width, "norm": {"name": "batch"}, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 1e-4},
        "batch_size": size.batch,
        "epochs": 1,
        "numerics": numerics,
        "device": device,
    }


def compare(work: Path, case: str, size: Size, device: str) -> dict[str, Any]:
    """Images a second of both loops, their ratio (above 1: ours is faster), and what of the card they use."""
    config = Config.model_validate(config_of(work / "images", size, device, CASES[case]))
    protocol = Protocol(test=Share(share=max(4, size.images // 16)))
    spec = RunSpec(
        trainer="ablate.training:train",
        config=config.model_dump(mode="json"),
        identity=identity_of(config),
        protocol=protocol,
        replicate=Replicate(index=0),
    )
    attempt = Path(tempfile.mkdtemp(dir=work))
    run = LiveRun(task=Task(spec=spec, work=work), folder=attempt, journal=Journal(attempt))
    mode = set_up(config)
    parts = load_parts(config, run, mode)
    trained = untrained(config, run, mode)
    network = mode.place(make_network(config))
    if config.numerics.compile:
        trained.network.compile()
        network.compile()
    adam = torch.optim.Adam(network.parameters(), lr=config.optimizer.lr, fused=True)
    scaler = mode.scaler()

    def ours() -> None:
        trained.progress.epoch = 0
        train_epochs(config, run, parts, mode, trained)

    def theirs() -> None:
        tuned_epoch(network, adam, scaler, parts, mode, size.batch)

    for warm in (ours, theirs):
        seconds_of(warm, mode)
    peak_bytes = torch.cuda.max_memory_allocated() if mode.device.type == "cuda" else None
    blocks: dict[str, list[float]] = {"ours": [], "theirs": []}
    with watched_card() as busy:
        for pair in range(size.pairs):
            for name, block in (("ours", ours), ("theirs", theirs))[:: 1 if pair % 2 == 0 else -1]:
                blocks[name].append(seconds_of(block, mode))
    images = {name: size.images / statistics.median(taken) for name, taken in blocks.items()}
    flops = BACKWARD * (describe_network(config).flops or 0)
    peak = matrix_peak(mode, size.matrix)
    return {
        "ratio": round(statistics.median(t / o for o, t in zip(*blocks.values(), strict=True)), 3),
        "images_per_second": {name: round(value, 1) for name, value in images.items()},
        "matrix_tflops": round(peak / 1e12, 2),
        "share_of_matrix_peak": {name: round(value * flops / peak, 3) for name, value in images.items()},
        "busy_percent": round(statistics.mean(busy), 1) if busy else None,
        "peak_gib": None if peak_bytes is None else round(peak_bytes / 2**30, 2),
    }


def tuned_epoch(
    network: nn.Module, adam: torch.optim.Optimizer, scaler: Any, parts: Subsets, mode: Mode, batch: int
) -> None:
    """What an engineer writes for one card: data on it, fused Adam, no number read before the end."""
    network.train()
    fit = parts.fit
    losses: list[Tensor] = []
    for rows in torch.randperm(len(fit), device=fit.rows.device).split(batch):
        images, targets = fit.images_of(rows), fit.targets_of(rows)
        with mode.autocast():
            loss = nn.functional.cross_entropy(network(images), targets)
        adam.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(adam)
        scaler.update()
        losses.append(loss.detach())
    assert torch.stack(losses).isfinite().all()


def seconds_of(block: Callable[[], None], mode: Mode) -> float:
    """From a card that has nothing to do until it has nothing to do."""
    wait = torch.cuda.synchronize if mode.device.type == "cuda" else lambda: None
    wait()
    started = time.perf_counter()
    block()
    wait()
    return time.perf_counter() - started


def matrix_peak(mode: Mode, rows: int) -> float:
    """Operations a second of a product of two square matrices of noise, in the mode's precision."""
    one, other = (torch.randn(rows, rows, device=mode.device, dtype=mode.dtype) for _ in range(2))
    times = [seconds_of(lambda: torch.mm(one, other), mode) for _ in range(8)][3:]
    return 2 * rows**3 / statistics.median(times)


@contextmanager
def watched_card() -> Iterator[list[float]]:
    """Per cent of the time in which the card computed, read five times a second; empty without nvidia-smi."""
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "200"]
    busy: list[float] = []
    try:
        watch = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        yield busy
        return

    def read() -> None:
        assert watch.stdout is not None
        busy.extend(float(line) for line in watch.stdout if line.strip().isdigit())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield busy
    finally:
        watch.terminate()
        watch.wait()
        reader.join()


def side_by_side(work: Path, runs: int, size: Size, device: str) -> dict[str, Any]:
    """Seconds that four replicates take by `ablate run`, so many at once, start-up and decoding included."""
    numerics = {"precision": "bf16"} if device == "cuda" else {}
    base = config_of(work / "images", size, device, numerics) | {"epochs": 2}
    content = {
        "study": f"side-by-side-{runs}",
        "base": base,
        "one_at_a_time": {"faster": {"optimizer.lr": 2e-4}},
        "evidence": {"replicates": 2, "test": {"share": max(4, size.images // 16)}},
    }
    study = work / f"side{runs}.yaml"
    study.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    command = [sys.executable, "-m", "ablate", "run", str(study), "--work", str(work / f"side{runs}"), "--no-tracking"]
    command += ["--workers", str(runs), "--slots-per-gpu", str(runs)]
    started = time.perf_counter()
    with watched_card() as busy:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode:
        return {"failed": (done.stderr or done.stdout)[-600:]}
    seconds = time.perf_counter() - started
    return {"seconds": round(seconds, 1), "busy_percent": round(statistics.mean(busy), 1) if busy else None}


def say(line: str) -> None:
    """Beside the JSON, which is what standard output is for."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
