"""Tiny data sets in the layouts of their sources: CIFAR-10's batches, Food-11's folders, a table of paths.

No two images are equal; each class has its own shade, so that a small network can learn them.
`write_image_folder` in `image_fixtures` writes the layout with one folder per class.
"""

from __future__ import annotations

import csv
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tests.image_fixtures import rgb_pixels, write_image

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOOD11_CLASSES = (
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles-Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable-Fruit",
)
SHAPES = ("disc", "frame", "bar")
"""Labels of the multi-label table."""


def write_cifar10(root: Path, *, train: int = 20, test: int = 10, seed: int = 0) -> Path:
    """`root/cifar-10-batches-py/` as torchvision.datasets.CIFAR10 reads it, classes in turn; returns root.

    train, test: images in all. Its checksums are not CIFAR-10's: read it with `verify: false`.
    """
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    numbers = np.array_split(np.arange(train), 5)
    for batch, members in enumerate(numbers, start=1):
        _write_batch(folder / f"data_batch_{batch}", members.tolist(), seed=seed)
    _write_batch(folder / "test_batch", list(range(train, train + test)), seed=seed)
    meta = {"label_names": list(CIFAR10_CLASSES), "num_cases_per_batch": len(numbers[0]), "num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta))
    return root


def _write_batch(path: Path, numbers: Sequence[int], *, seed: int) -> None:
    labels = [number % 10 for number in numbers]
    pixels = [
        rgb_pixels(np.random.default_rng((seed, number)), shade=label / 10, size=(32, 32))
        for number, label in zip(numbers, labels, strict=True)
    ]
    rows = np.array([one.transpose(2, 0, 1).ravel() for one in pixels], dtype=np.uint8).reshape(-1, 3072)
    names = [f"image_s_{number:06}.png" for number in numbers]
    path.write_bytes(pickle.dumps({"data": rows, "labels": labels, "filenames": names, "batch_label": path.name}))


def write_food11(root: Path, *, train: int = 4, valid: int = 2, test: int = 3, classes: int = 11) -> Path:
    """`train/` and `valid/` of `<label>_<index>.jpg`, that many a class, and an unlabelled `test/`; returns root."""
    for part, count in (("train", train), ("valid", valid)):
        (root / part).mkdir(parents=True)
        for label in range(classes):
            for index in range(count):
                path = root / part / f"{label}_{index}.jpg"
                _write_jpeg(path, seed=(len(part), label, index), shade=label / classes)
    (root / "test").mkdir()
    for index in range(test):
        _write_jpeg(root / "test" / f"{index:04}.jpg", seed=(9, index), shade=index / max(1, test))
    return root


def _write_jpeg(path: Path, *, seed: tuple[int, ...], shade: float) -> None:
    Image.fromarray(rgb_pixels(np.random.default_rng(seed), shade=shade)).save(path, quality=90)


def write_table(root: Path, *, per_class: int = 4, test: int = 2, classes: Sequence[str] = ("cat", "dog")) -> Path:
    """`root/images.csv` with the columns path, label, part and owner, and its images; returns the table.

    test: images of each class in the part `test`. Two images in turn have the same owner.
    """
    rows = []
    for label, name in enumerate(classes):
        for index in range(per_class + test):
            stem = root / "images" / f"{name}-{index:02}"
            stem.parent.mkdir(parents=True, exist_ok=True)
            path = write_image(stem, "rgb_png", seed=(label, index), shade=label / len(classes))
            part = "train" if index < per_class else "test"
            rows.append([path.relative_to(root).as_posix(), name, part, f"{name}-owner-{index // 2}"])
    return _write_rows(root / "images.csv", ["path", "label", "part", "owner"], rows)


def write_shapes_table(root: Path, *, images: int = 24) -> Path:
    """`root/shapes.csv`: images with any of three shapes on them, labels such as `disc|bar`; returns the table."""
    (root / "shapes").mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(images):
        shown = [shape for bit, shape in enumerate(SHAPES) if index >> bit & 1]
        path = root / "shapes" / f"{index:03}.png"
        Image.fromarray(_shapes(shown, np.random.default_rng(index))).save(path)
        rows.append([path.relative_to(root).as_posix(), "|".join(shown)])
    return _write_rows(root / "shapes.csv", ["path", "label"], rows)


def _shapes(shown: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    pixels = rng.integers(0, 60, size=(16, 16, 3)).astype(np.uint8)
    rows, columns = np.mgrid[:16, :16]
    if "disc" in shown:
        pixels[(rows - 8) ** 2 + (columns - 8) ** 2 < 16, 0] = 255
    if "frame" in shown:
        pixels[np.minimum.reduce([rows, columns, 15 - rows, 15 - columns]) < 2, 1] = 255
    if "bar" in shown:
        pixels[:, 7:9, 2] = 255
    return pixels


def _write_rows(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([columns, *rows])
    return path
