"""What a network is given of an image, without torch: bit for bit what `ablate predict` computes with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ablate.deploy.inputs import answers_of, is_correct, network_input, probabilities
from ablate.deploy.records import Preprocessing
from ablate.training.data.parts import IMAGENET, resized


def images(count: int = 5, side: int = 12, channels: int = 3) -> list[np.ndarray]:
    """Drawn pixels, all values among them."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (side, side, channels), dtype=np.uint8) for _ in range(count)]


def by_torch(pixels: list[np.ndarray], mean: list[float] | None, std: list[float] | None) -> np.ndarray:
    """As `training.predictions` does it."""
    found = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div_(255)
    if mean is not None and std is not None:
        found = found.sub_(torch.tensor(mean).view(-1, 1, 1)).div_(torch.tensor(std).view(-1, 1, 1))
    return found.contiguous().numpy()


@pytest.mark.parametrize(("mean", "std"), [(None, None), (IMAGENET.mean, IMAGENET.std), ([0.5], [0.25])])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_input_is_torchs_bit_for_bit(mean: list[float] | None, std: list[float] | None, channels: int) -> None:
    """Scaled and normalised in the same order, in float32."""
    if mean is not None and len(mean) not in (1, channels):
        mean, std = mean[:1], (std or [])[:1]
    how = Preprocessing(
        image_size=12,
        classes=("a", "b"),
        channels=channels,
        mean=None if mean is None else tuple(mean),
        std=None if std is None else tuple(std),
    )
    found = network_input(images(channels=channels), how)
    np.testing.assert_array_equal(found, by_torch(images(channels=channels), mean, std))
    assert found.dtype == np.float32
    assert found.flags["C_CONTIGUOUS"]


def test_images_of_their_own_sizes_are_resized_as_torch_does_to_rounding() -> None:
    """`resize: device`: bilinear, antialiased, in floating point."""
    how = Preprocessing(image_size=8, classes=("a", "b"), resize="device")
    for side in (5, 8, 13, 40):
        pixels = images(1, side)
        expected = resized(torch.from_numpy(by_torch(pixels, None, None)), 8).numpy()
        np.testing.assert_allclose(network_input(pixels, how), expected, atol=2e-6)


def test_probabilities_are_torchs_to_rounding() -> None:
    """Softmax of one label, sigmoid of several; no warning for logits of any size."""
    logits = np.array([[1000.0, -1000.0, 3.0], [0.1, 0.2, 0.3]], np.float32)
    np.testing.assert_allclose(
        probabilities(logits, multi_label=False), torch.from_numpy(logits).softmax(1).numpy(), atol=1e-7
    )
    np.testing.assert_allclose(
        probabilities(logits, multi_label=True), torch.from_numpy(logits).sigmoid().numpy(), atol=1e-7
    )


def test_answers_are_right_as_runs_count_them() -> None:
    """Of several labels each must be right."""
    logits = np.array([[0.1, 2.0], [3.0, 1.0]], np.float32)
    assert is_correct(answers_of(logits, multi_label=False), np.array([1, 1])).tolist() == [True, False]
    several = answers_of(np.array([[0.1, -2.0], [3.0, 1.0]], np.float32), multi_label=True)
    assert is_correct(several, np.array([[1, 0], [1, 0]])).tolist() == [True, False]
