"""A folder of noisy grey images, a sub-folder a class, that a linear network tells apart by their brightness."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.linear_networks import Linear, brightness_network, preprocessing_of, write_onnx

CLASSES = ("dark", "grey", "light")
NETWORK = brightness_network(3, side=8)
HOW = preprocessing_of(NETWORK, CLASSES)


def write_grey_folder(folder: Path, per_class: int = 20, seed: int = 0) -> Path:
    """None is square; the noise makes a few of them hard."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    for k, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            level = np.clip(k * 127 + rng.normal(0, 25), 0, 255)
            pixels = np.clip(rng.normal(level, 10, size=(9, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")
    return folder


def biased(amount: float) -> Linear:
    """The same network, drawn to `grey`."""
    return NETWORK._replace(bias=NETWORK.bias + np.array([0, amount, 0], np.float32))


def write_three(folder: Path) -> None:
    """good.onnx, same.onnx with a twin's answers, worse.onnx."""
    write_onnx(folder / "good.onnx", NETWORK, HOW)
    write_onnx(folder / "same.onnx", biased(1e-4), HOW)
    write_onnx(folder / "worse.onnx", biased(8), HOW)
