"""Images read by a function of the user's: `data.reader: my_pkg.io:read`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.errors import DataError
from ablate.trainer import source_digest, source_files
from ablate.training.data.depth import scaled
from ablate.training.own_functions import find_function

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NATURAL = {"uint8": (0, 255), "uint16": (0, 65535)}
"""The range of a type's values where the reader gives none."""

PROMISE = "an array (H, W, C) of uint8, uint16 or float32, C 1 or 3, and the range (lo, hi) that becomes black to white"


class ReadImage(NamedTuple):
    """What a reader gave: pixels in 8 bits, (H, W) or (H, W, 3); the digest and the type of its values."""

    pixels: NDArray[np.uint8]
    digest: str
    kind: str


def find_reader(reader: str) -> Callable[[str], Any]:
    """The function at a dotted path. Raises DataError where there is none."""
    return find_function(reader, "base.data.reader", hint=f"It must take a path and return {PROMISE}.")


def digest_of_reader(reader: str) -> str:
    """Digest of the reader's source, as a trainer's is taken."""
    find_reader(reader)
    return source_digest(reader)


def files_of_reader(reader: str) -> list[str]:
    """The source files that digest is of: an edit of one is a change of the data."""
    find_reader(reader)
    return [str(Path(file).resolve()) for _, file in source_files(reader)]


def read_image(path: str, reader: str) -> ReadImage:
    """One image by the user's function. Raises ValueError where it fails, or returns something else."""
    import numpy as np

    try:
        given = find_reader(reader)(path)
    except DataError:
        raise
    except Exception as error:
        raise ValueError(f"{reader} raised {type(error).__name__}: {error}") from error
    values, bounds = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    problem = _problem(values)
    if problem:
        raise ValueError(f"{reader} returned {problem}, not {PROMISE}")
    if bounds is None and values.dtype.name not in NATURAL:
        raise ValueError(f"{reader} returned float32 values without the range (lo, hi) that becomes black to white")
    low, high = _bounds(NATURAL[values.dtype.name] if bounds is None else bounds, reader)
    if not np.isfinite(values).all():
        raise ValueError(f"{reader} returned values that are not numbers (NaN or infinity)")
    is_plain = values.dtype == np.uint8 and (low, high) == (0, 255)
    pixels = np.ascontiguousarray(values if is_plain else scaled(values, low, high))
    digest = hashlib.sha256(f"{values.shape}:{values.dtype.name}:{low!r}:{high!r}:".encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    plane = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return ReadImage(np.ascontiguousarray(plane), digest.hexdigest(), f"{values.dtype.name} array")


def _problem(values: Any) -> str:
    """What is wrong with an array; nothing where it is one the reader promised."""
    import numpy as np

    if not isinstance(values, np.ndarray):
        return type(values).__name__
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3)) or 0 in values.shape:
        return f"an array of shape {values.shape}"
    return "" if values.dtype.name in ("uint8", "uint16", "float32") else f"values of {values.dtype.name}"


def _bounds(bounds: Any, reader: str) -> tuple[float, float]:
    try:
        low, high = (float(one) for one in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"{reader} returned the range {bounds!r}, not two numbers (lo, hi)") from None
    if not low < high or high - low == float("inf"):
        raise ValueError(f"{reader} returned the range ({low:g}, {high:g}), which is empty or not finite")
    return low, high
