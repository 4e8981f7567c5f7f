"""What every engine checks of a network: one batch of images in, one logit a class out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Answer = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class FileEngine(ABC):
    """What the engines of files share: the shape of their input, and answers that are logits."""

    def __init__(self, path: Path, shapes: Sequence[Sequence[int | None]]) -> None:
        """shapes: of all its inputs, see `input_shape`."""
        self._path = path
        self._size = input_shape(path, shapes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self._size[1:]

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C, H, W) -> (N, K)."""
        return in_pieces(
            batch, self._size[0], lambda piece: checked_logits(self._path, self._answer(piece), len(piece))
        )

    @abstractmethod
    def _answer(self, batch: NDArray[np.float32]) -> object:
        """What the library gives for a batch of a size that it takes."""


def input_shape(path: object, shapes: Sequence[Sequence[int | None]]) -> tuple[int | None, int, int, int]:
    """(N, C, H, W) of a network's one input, N None where any will do. shapes: of all its inputs, None for free sizes.

    Raises DataError for a network of another kind.
    """
    if len(shapes) != 1:
        raise DataError(f"{path} has {len(shapes)} inputs, and a classifier of images has one")
    shape = list(shapes[0])
    if len(shape) != 4 or None in shape[1:]:
        shown = " x ".join("?" if side is None else str(side) for side in shape)
        raise DataError(
            f"{path} takes an input of {shown}, not images x channels x height x width",
            hint="Export it with a fixed image size; the number of images may be free.",
        )
    n, c, h, w = shape
    return n, int(c or 0), int(h or 0), int(w or 0)


def in_pieces(batch: NDArray[np.float32], size: int | None, answer: Answer) -> NDArray[np.float32]:
    """The answers of a network that takes exactly `size` images a call, or any number; a last piece is filled up."""
    import numpy as np

    if size is None or len(batch) == size:
        return answer(batch)
    found = []
    for start in range(0, len(batch), size):
        piece = batch[start : start + size]
        missing = size - len(piece)
        whole = piece if not missing else np.concatenate([piece, np.repeat(piece[-1:], missing, axis=0)])
        found.append(answer(whole)[: len(piece)])
    return np.concatenate(found)


def checked_logits(path: object, found: object, images: int) -> NDArray[np.float32]:
    """What a network gave, as (N, K) float32. Raises DataError where it is nothing of the kind."""
    import numpy as np

    logits = np.asarray(found)
    if logits.dtype.kind != "f" or logits.ndim != 2 or len(logits) != images:
        raise DataError(
            f"{path} gives {logits.dtype} of shape {logits.shape} for {images} images, not one logit for each class",
            hint="Export the classifier alone, without further outputs.",
        )
    return np.ascontiguousarray(logits, dtype=np.float32)
