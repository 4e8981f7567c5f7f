"""Clips decoded a second beside a plain loop over PyAV's frames, and what they take in the cache.

Both decode every frame of the same files by one thread, keep sixteen of them as RGB, and resize these by Pillow; ours
also computes the digests of files and frames and looks for damage. Pixels must be equal. Rounds alternate, because a
machine is never quiet: only their ratio means something.

    python benchmarks/clips.py                 # 24 H.264 clips of 75 frames at 320x240, kept at 112x112
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ablate.training.config import DataConfig
from ablate.training.data.clips import look_at_clip

FRAMES, SIZE = 75, (320, 240)
"""Of a file: three seconds, as in the usual sets of clips."""
KEPT, EVERY, SIDE = 16, 2, 112


def main() -> None:
    """Write clips, time both, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        files = [write_clip(Path(name) / f"{number:02}.mp4", number) for number in range(arguments.clips)]
        print(json.dumps(compare(files, arguments.rounds), indent=1))


def compare(files: list[Path], rounds: int) -> dict[str, Any]:
    """Seconds of one processor a round, ours and theirs; a ratio above 1: ours is faster."""
    ways: dict[str, Callable[[Path], NDArray[np.uint8]]] = {"ours": ours, "theirs": theirs}
    same = all(np.array_equal(ours(file), theirs(file)) for file in files)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways) if number % 2 == 0 else list(reversed(ways)):
            started = time.thread_time()
            for file in files:
                ways[name](file)
            taken[name].append(time.thread_time() - started)
    seconds = {name: statistics.median(values) for name, values in taken.items()}
    ratios = [slow / fast for fast, slow in zip(taken["ours"], taken["theirs"], strict=True)]
    return {
        "clips": len(files),
        "same_pixels": same,
        "clips_per_second": {name: round(len(files) / value, 1) for name, value in seconds.items()},
        "decoded_frames_per_second": round(len(files) * FRAMES / seconds["ours"]),
        "ratio": {"median": round(statistics.median(ratios), 3), "all": [round(value, 3) for value in sorted(ratios)]},
        "kilobytes_per_clip": {
            "file": round(sum(file.stat().st_size for file in files) / len(files) / 1000, 1),
            "cache": round(KEPT * SIDE**2 * 3 / 1000, 1),
        },
        "av": av.__version__,
    }


def ours(file: Path) -> NDArray[np.uint8]:
    """(KEPT * SIDE, SIDE, 3), as the cache has them."""
    config = DataConfig.model_validate(
        {
            "source": {"name": "video_folder", "root": "clips"},
            "classes": 2,
            "clip": {"frames": KEPT, "every": EVERY, "size": SIDE},
        }
    )
    pixels = look_at_clip(str(file), config).pixels
    assert pixels is not None
    return pixels


def theirs(file: Path) -> NDArray[np.uint8]:
    """The same by hand."""
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frames = list(container.decode(stream))
    first = (len(frames) - ((KEPT - 1) * EVERY + 1)) // 2
    kept = []
    for frame in frames[first : first + KEPT * EVERY : EVERY]:
        image = Image.fromarray(frame.to_ndarray(format="rgb24"))
        kept.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)))
    return np.concatenate(kept)


def write_clip(path: Path, number: int) -> Path:
    """Coarse noise that is shifted a pixel a frame: something for a codec to follow."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    still = np.asarray(coarse.resize(SIZE, Image.Resampling.BILINEAR))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for step in range(FRAMES):
            shown = np.ascontiguousarray(np.roll(still, step, axis=1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())
    return path


if __name__ == "__main__":
    main()
