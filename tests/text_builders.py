"""A small data set of images with captions, and the settings that read it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FUSION: Mapping[str, Any] = {
    "name": "fusion",
    "image": {"name": "vgg", "blocks": [1, 1], "width": 4, "head": {"name": "gap"}},
    "text": {"name": "tfidf", "words": 50},
    "hidden": [16],
}

CLASSES = ("cat", "dog")

Caption = Callable[[str, int], str]
"""Class and number of an image -> its caption."""


def tells_class(name: str, number: int) -> str:
    """A caption whose first word is the class's own, beside words of no meaning."""
    return f"{'purring' if name == 'cat' else 'barking'} animal seen on day{number % 5}"


def write_captioned(
    root: Path, *, per_class: int = 80, caption: Caption = tells_class, rows: Sequence[str] = ()
) -> Path:
    """Write root/<class>/<number>.png of 8x8 noise and root/captions.csv; its path. rows: further lines."""
    rng = np.random.default_rng(0)
    table = [("path", "label", "caption")]
    for name in CLASSES:
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            path = root / name / f"{number:03}.png"
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
            table.append((f"{name}/{number:03}.png", name, caption(name, number)))
    with (root / "captions.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(table)
        stream.writelines(rows)
    return root / "captions.csv"


def captioned(table: Path, **model: Any) -> dict[str, Any]:
    """Changes of the tiny training that read a table of captions by the fusion network; model: changes of that."""
    source = {"name": "csv", "file": str(table), "text": "caption"}
    return {"data": {"source": source, "classes": 2, "train": 80}, "model": {**FUSION, **model}}
