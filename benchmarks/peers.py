"""One piece of work by `ablate` and by its peers, each a command, timed from its start to its end.

2,600 JPEGs of 300x300; VGG16 at a quarter of its width with batch norm and global average pooling at 64x64; Adam,
batches of 32, two epochs, validation after each, one test at the end: by the notebook loop (a), Lightning as
documented (b) and tuned (c), a hand-tuned loop (d) and the same decoding by all processors (d+), and `ablate run` to
its report and with MLflow: one run alone (e), and a study of six variants by three replicates (f). Contenders take
turns, forwards and backwards; a ratio is taken within a round. (f) is compared with eighteen times (d), which is
measured three times a round; --whole carries out all eighteen (g).

    python benchmarks/peers.py                       # three rounds, all contenders
    python benchmarks/peers.py --only d e --rounds 5
    python benchmarks/peers.py --profile --only e f  # also where the time goes
    python benchmarks/peers.py --profile --into docs/performance.md    # and put both into the page
    python benchmarks/peers.py --small               # a check that all of it works; its figures mean nothing

Lightning is no dependency: `pip install --group bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from contenders.field import Contender, Score, Study, contenders, of_ablate
from contenders.work import Work
from measuring.phases import phases
from measuring.photographs import TEST_SHARE, write_photographs
from measuring.table import Row, as_json, page, replace_block

ROUND = ("d", "e", "b", "d+", "f", "d", "c", "g", "a", "e", "d")
"""The order within a round; every second round runs backwards."""
ONCE = ("d", "e", "b", "d+", "f", "c", "g", "a")
MISSING = "not installed: pip install --group bench"


def read_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="LETTER", help="some of a b c d d+ e f g")
    parser.add_argument("--images", type=int, default=2600)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--whole", action="store_true", help="carry out (d) as often as (f) has runs: contender g")
    parser.add_argument("--small", action="store_true", help="100 images, one epoch, one round, a study of two runs")
    parser.add_argument("--profile", action="store_true", help="sample (e) and (f) afterwards, by phase")
    parser.add_argument("--photographs", type=Path, help="keep the images in this folder, and use those that are there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument("--into", type=Path, metavar="FILE", help="replace the block of figures in a Markdown file")
    asked = parser.parse_args()
    if asked.small:
        asked.images, asked.epochs, asked.rounds = 100, 1, 1
        os.environ["OMP_WAIT_POLICY"] = "passive"  # on a busy machine threads that spin would wait for each other
    return asked


def main() -> None:
    """Measure, and print the table."""
    asked = read_arguments()
    study = Study(2, 1) if asked.small else Study(6, 3)
    keys = asked.only or [one.key for one in contenders(study) if one.key != "g"]
    field = [one for one in contenders(study) if one.key in keys or (one.key == "g" and asked.whole)]
    about = machine() | {"images": asked.images, "epochs": asked.epochs, "rounds": asked.rounds}
    with tempfile.TemporaryDirectory() as name:
        root = asked.photographs or Path(name, "photographs")
        if not root.exists():
            say(f"Writing {asked.images} images ...")
            write_photographs(root, asked.images)
        if not asked.small:
            warm_up(root, field)
        folder = Path(name, "work")
        folder.mkdir()
        work = Work(root, asked.epochs, round(asked.images * TEST_SHARE), 0)
        order = ONCE if asked.small else ROUND
        samples = measure(
            field, work, folder, [order if turn % 2 == 0 else order[::-1] for turn in range(asked.rounds)]
        )
        profiles = profile(keys, study, work, folder, Path(name)) if asked.profile else {}
    rows = [Row(one.key, one.name, one.runs, samples[one.key], "" if one.is_there else MISSING) for one in field]
    said = page(rows, about, profiles=profiles)
    print(said)
    if asked.into:
        replace_block(asked.into, said)
    if asked.json:
        asked.json.write_text(json.dumps(as_json(rows, about | {"profile": profiles}), indent=1), encoding="utf-8")


def measure(
    field: Sequence[Contender], work: Work, folder: Path, rounds: Sequence[Sequence[str]]
) -> dict[str, list[list[dict[str, float]]]]:
    """Samples by contender and round."""
    by_key = {one.key: one for one in field}
    taken: dict[str, list[list[dict[str, float]]]] = {key: [] for key in by_key}
    for turn, order in enumerate(rounds):
        for key, one in by_key.items():
            if one.is_there:
                taken[key].append([])
        for place, key in enumerate(order):
            if key not in by_key or not by_key[key].is_there:
                continue
            score = by_key[key].carry_out(work._replace(seed=1 + turn * len(order) + place), folder)
            taken[key][turn].append(score._asdict())
            say(f"round {turn + 1}: ({key}) {describe(score)}")
    return taken


def describe(score: Score) -> str:
    """One line while it goes on."""
    seconds = f"{score.seconds:.1f} s ({score.processor:.1f} of processors)"
    return f"{seconds}, first epoch after {score.first_epoch:.1f} s, accuracy {100 * score.accuracy:.1f} %"


def profile(keys: Sequence[str], study: Study, work: Work, folder: Path, place: Path) -> dict[str, dict[str, float]]:
    """Seconds by phase of (e) and (f), in runs of their own, which take some per cent longer."""
    found = {}
    for key, size in (("e", Study(1, 1)), ("f", study)):
        if key in keys:
            samples = place / f"samples-{key}"
            samples.mkdir()
            score = of_ablate(size, samples=samples)(work._replace(seed=1000), folder)
            found[f"({key}), {score.seconds:.1f} s from command to end"] = phases(samples)
    return found


def warm_up(root: Path, field: Sequence[Contender]) -> None:
    """Images and packages are read once, so that nobody has to be the first."""
    for path in root.glob("*/*/*.jpg"):
        path.read_bytes()
    needed = {"torch", "torchvision", "mlflow", *(one.needs for one in field if one.is_there)}
    subprocess.run([sys.executable, "-c", f"import {', '.join(sorted(needed))}"], check=True, stderr=subprocess.DEVNULL)


def machine() -> dict[str, object]:
    """What it was measured on."""
    from ablate.training.numerics import device_name

    return {
        "processor": device_name(torch.device("cpu")),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
        "load": round(os.getloadavg()[0], 1),
    }


def say(line: str) -> None:
    """Beside the table, which is what standard output is for."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
