"""Portraits in the layouts of other data sets: what the small versions of the studies are asked of without the data.

Each function fills an empty folder, with the same images every time, and says in SYNTHETIC.txt what they are.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from stand_in_portraits.portraits import encoded_portrait

NOTICE = """\
SYNTHETIC. These images are portraits drawn by a program, {people} invented people, in the layout of {layout}.

They stand in for its images where these cannot be had; a class is a person, whatever its name says. What is measured
on them says nothing about {layout}.
"""

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOOD = 11
BREEDS = 37
STRANGERS = range(BREEDS, BREEDS + 24)
"""Places of the people that the breeds' first weights were trained on: nobody of the study."""


def write_cifar10(folder: Path, *, train: int = 3000, test: int = 1000) -> None:
    """CIFAR-10's batches as torchvision reads them, of portraits at 32x32; its checksums are not CIFAR-10's."""
    root = folder / "cifar-10-batches-py"
    root.mkdir()
    for part, numbers in enumerate(np.array_split(np.arange(train), 5), start=1):
        _write_batch(root / f"data_batch_{part}", numbers.tolist())
    _write_batch(root / "test_batch", list(range(train, train + test)))
    meta = {"label_names": list(CIFAR10), "num_cases_per_batch": train // 5, "num_vis": 3072}
    (root / "batches.meta").write_bytes(pickle.dumps(meta))
    _write_notice(folder, people=len(CIFAR10), layout="CIFAR-10")


def _write_batch(path: Path, numbers: list[int]) -> None:
    labels = [number % len(CIFAR10) for number in numbers]
    jobs = [(label, number // len(CIFAR10)) for label, number in zip(labels, numbers, strict=True)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(_row, jobs))
    names = [f"drawn_{number:05}.png" for number in numbers]
    batch = {"batch_label": path.name, "labels": labels, "data": np.array(rows, dtype=np.uint8), "filenames": names}
    path.write_bytes(pickle.dumps(batch))


def _row(job: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    image = Image.open(BytesIO(encoded_portrait(*job))).resize((32, 32), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.uint8).transpose(2, 0, 1).ravel()


def write_food11(folder: Path, *, train: int = 110, valid: int = 40) -> None:
    """Food-11's folders, the label in each file's name; train, valid: images of each of the 11 classes."""
    jobs = [(part, label, number) for part, label, number in _numbered(FOOD, ("train", train), ("valid", valid))]
    _write_files([(folder / part / f"{label}_{number}.jpg", label, number) for part, label, number in jobs])
    _write_notice(folder, people=FOOD, layout="Food-11")


def write_breeds(folder: Path, *, train: int = 16, test: int = 24, others: int = 60, epochs: int = 12) -> None:
    """Folders of 37 classes, and first.safetensors: first weights from other people's portraits.

    train, test: images of each class. others: of each of the people whom the first weights are learnt from; epochs: of
    that training.
    """
    from stand_in_portraits.first_weights import write_first_weights

    jobs = [(part, label, number) for part, label, number in _numbered(BREEDS, ("train", train), ("test", test))]
    _write_files(
        [(folder / part / f"breed {label:02}" / f"{number:03}.jpg", label, number) for part, label, number in jobs]
    )
    write_first_weights(folder / "first.safetensors", people=STRANGERS, each=others, epochs=epochs)
    _write_notice(folder, people=BREEDS, layout="Oxford-IIIT Pet")


def _numbered(classes: int, *parts: tuple[str, int]) -> Iterator[tuple[str, int, int]]:
    """Part, class and number of each image; numbers go on from part to part, so that no image is in two."""
    first = 0
    for part, count in parts:
        yield from ((part, label, number) for label in range(classes) for number in range(first, first + count))
        first += count


def _write_files(files: list[tuple[Path, int, int]]) -> None:
    for path in {path.parent for path, _, _ in files}:
        path.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda file: file[0].write_bytes(encoded_portrait(*file[1:])), files))


def _write_notice(folder: Path, *, people: int, layout: str) -> None:
    (folder / "SYNTHETIC.txt").write_text(NOTICE.format(people=people, layout=layout), encoding="utf-8")
