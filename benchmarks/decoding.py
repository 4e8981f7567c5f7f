"""Decoding a folder of images: in one process, in threads, in processes; the same pixels bit for bit.

`python benchmarks/decoding.py [--images 2000] [--side 300] [--rounds 3] [--workers 2]`: median milliseconds an image
by the wall clock and of the processors, then each over one process. `--side 48` shows what small images cost, most of
which is Python. Rounds are interleaved; read them where nothing else runs.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ablate.training.config import DataConfig
from ablate.training.data import spreading
from ablate.training.data.decode import ScannedImage
from ablate.training.data.scan import inspect_image
from ablate.training.data.spreading import spread


def write_images(folder: Path, count: int, side: int) -> list[str]:
    """JPEGs whose spectrum falls as that of photographs, quality 85 to 95; a hundred kinds, each written often."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    frequency[0, 0] = 1
    paths = []
    contents: list[bytes] = []
    for index in range(count):
        path = folder / f"{index:06}.jpg"
        if index < 100:
            noise = rng.normal(size=(2, 3, *frequency.shape))
            planes = np.fft.irfft2((noise[0] + 1j * noise[1]) / frequency, (side, side))
            pixels = np.clip(128 + 45 * planes / planes.std(), 0, 255).astype(np.uint8).transpose(1, 2, 0)
            Image.fromarray(pixels).save(path, quality=int(rng.integers(85, 96)))
            contents.append(path.read_bytes())
        path.write_bytes(contents[index % 100])
        paths.append(str(path))
    return paths


def decoded(paths: list[str], config: DataConfig, workers: int, *, in_processes: bool) -> list[ScannedImage]:
    """All of them, as the product does it."""
    spreading.processors = lambda: workers
    with closing(spread(partial(inspect_image, config=config), paths, in_processes=in_processes)) as found:
        return list(found)


def seconds_of_processors() -> float:
    """Of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--side", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    config = DataConfig.model_validate({"source": {"name": "digits"}, "classes": 2, "image_size": 64})
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder), asked.images, asked.side)
        ways: dict[str, Callable[[], list[ScannedImage]]] = {
            "one process": lambda: decoded(paths, config, 1, in_processes=False),
            f"{asked.workers} threads": lambda: decoded(paths, config, asked.workers, in_processes=False),
            f"{asked.workers} processes": lambda: decoded(paths, config, asked.workers, in_processes=True),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        first: list[ScannedImage] = []
        for _ in range(asked.rounds):
            for name, decode in ways.items():
                wall, used = time.perf_counter(), seconds_of_processors()
                found = decode()
                taken[name].append((time.perf_counter() - wall, seconds_of_processors() - used))
                first = first or found
                assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, found, strict=True))
    alone = statistics.median(wall for wall, _ in taken["one process"])
    for name, rounds in taken.items():
        wall, used = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(
            f"{name:12} {1000 * wall / asked.images:6.2f} ms an image, {1000 * used / asked.images:6.2f} ms of the "
            f"processors; {wall / alone:.2f} of one process"
        )


if __name__ == "__main__":
    main()
