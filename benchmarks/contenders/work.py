"""What every contender is asked for, and the two lines by which it is watched."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

SIZE = 64
BATCH = 32
LEARNING_RATE = 1e-3


class Work(NamedTuple):
    """root: has train/ and test/. val: how many images of train/ to validate on. seed: of split, weights and order."""

    root: Path
    epochs: int
    val: int
    seed: int


def read_arguments() -> Work:
    """The work, from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    for name in ("epochs", "val", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    return Work(**vars(parser.parse_args()))


def tell_epoch(number: int, accuracy: float) -> None:
    """An epoch is over and validated."""
    print(json.dumps({"epoch": number, "val": accuracy}), flush=True)


def tell_end(accuracy: float) -> None:
    """The test images have been looked at, once."""
    print(json.dumps({"test": accuracy}), flush=True)
