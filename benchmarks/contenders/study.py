"""The same work as study files of `ablate`: one run alone, and six variants by three replicates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contenders.work import BATCH, LEARNING_RATE, SIZE, Work

CHANGES: dict[str, dict[str, Any]] = {
    "higher rate": {"optimizer.lr": 2 * LEARNING_RATE},
    "lower rate": {"optimizer.lr": LEARNING_RATE / 2},
    "weight decay": {"optimizer.weight_decay": 1e-4},
    "smoothing": {"smoothing": {"alpha": 0.1}},
    "cosine": {"schedule": {"name": "cosine"}},
}
"""Changes that cost nothing by themselves: a run of each is the same work."""


def write_study(folder: Path, work: Work, *, variants: int, replicates: int, threads: int) -> Path:
    """A study file in the folder. threads: what `ablate plan` proposes for so many runs on this machine."""
    classes = sum(1 for child in (work.root / "train").iterdir() if child.is_dir())
    content: dict[str, Any] = {
        "study": "peers",
        "base": {
            "data": {
                "source": {"name": "image_folder", "root": str(work.root), "train": "train", "test": "test"},
                "classes": classes,
                "image_size": SIZE,
                "normalize": "imagenet",
                "train": sum(1 for _ in (work.root / "train").glob("*/*.jpg")),
                "seed": work.seed,
            },
            "model": {"name": "vgg16", "width": 16, "norm": {"name": "batch"}, "head": {"name": "gap"}},
            "optimizer": {"name": "adam", "lr": LEARNING_RATE},
            "numerics": {"threads": threads},
            "batch_size": BATCH,
            "epochs": work.epochs,
        },
        # A study compares something; of a lone run's, only the baseline is carried out.
        "one_at_a_time": dict(list(CHANGES.items())[: max(1, variants - 1)]),
        "evidence": {"test": "official", "val": work.val, "replicates": [replicates]},
    }
    path = folder / "peers.yaml"
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path
