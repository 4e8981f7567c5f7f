"""From decoded images to what a network takes, as `ablate predict` does it with torch, and back to answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ablate.deploy.records import Preprocessing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


def network_input(pixels: Sequence[NDArray[np.uint8]], how: Preprocessing) -> Floats:
    """(n, C, S, S) of decoded images, (S, S, C) each, or (H, W, C) of their own sizes with `resize: device`.

    Bit for bit what torch computes from them, but for `resize: device`, where its filter rounds otherwise.
    """
    import numpy as np

    images = np.stack([_scaled(one, how.image_size) for one in pixels]).transpose(0, 3, 1, 2)
    if how.mean is not None and how.std is not None:
        mean, std = (np.array(one, np.float32).reshape(-1, 1, 1) for one in (how.mean, how.std))
        images = (images - mean) / std
    return np.ascontiguousarray(images, dtype=np.float32)


def _scaled(pixels: NDArray[np.uint8], side: int) -> Floats:
    """In [0, 1], (side, side, C)."""
    import numpy as np

    scaled: Floats = pixels.astype(np.float32) / np.float32(255)
    if scaled.shape[:2] == (side, side):
        return scaled
    from PIL import Image

    bilinear = Image.Resampling.BILINEAR
    planes = [
        np.asarray(Image.fromarray(scaled[:, :, channel]).resize((side, side), bilinear))
        for channel in range(scaled.shape[2])
    ]
    return np.stack(planes, axis=2)


def probabilities(logits: Floats, *, multi_label: bool) -> Floats:
    """(n, K): of one class against the others, or of each label by itself."""
    import numpy as np

    if multi_label:
        with np.errstate(over="ignore"):
            alone: Floats = np.float32(1) / (np.float32(1) + np.exp(-logits))
            return alone
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def answers_of(logits: Floats, *, multi_label: bool) -> NDArray[np.int64]:
    """The class of each image, (n,); with several labels whether each is guessed, (n, K)."""
    import numpy as np

    return (logits > 0).astype(np.int64) if multi_label else logits.argmax(axis=1).astype(np.int64)


def is_correct(answers: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether the class is right; of several labels, whether each of them is."""
    hits = (answers == targets).reshape(len(targets), -1)
    whole: NDArray[np.bool_] = hits.all(axis=1)
    return whole
