"""Images that look alike though no pixel need be equal: scaled, recompressed, a little brighter.

A 64-bit difference hash finds candidates, a small grey copy decides. See docs/adr on why no library.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 10
"""Of 64: candidates' hashes differ in at most so many."""

LEAST_LIKENESS = 0.97
"""Correlation of the small grey copies from which a pair counts as alike."""

SIDE = 16
"""Of the small grey copies."""

_BLOCK = 1024


class Pair(NamedTuple):
    """Two images by their indices, the smaller first, and the correlation of their small copies."""

    first: int
    second: int
    likeness: float


def near_pairs(pixels: NDArray[np.uint8]) -> Iterator[Pair]:
    """Every pair that looks alike, by index. pixels: uint8, (N, H, W, C).

    Difference hash: is a pixel of the 9x8 grey copy brighter than its right neighbour? Krawetz 2013,
    "Kind of Like That". All pairs are compared: N * N / 2 steps of a nanosecond or so.
    """
    hashes, copies = _hashes_and_copies(pixels)
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        apart = np.bitwise_count(block[:, None] ^ hashes[None, start:])
        rows, columns = np.nonzero(apart <= MOST_BITS)
        ahead = columns > rows
        for row, column in zip(rows[ahead].tolist(), columns[ahead].tolist(), strict=True):
            likeness = float(copies[start + row] @ copies[start + column])
            if likeness >= LEAST_LIKENESS:
                yield Pair(start + row, start + column, likeness)


def _hashes_and_copies(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Hashes (N,) and small grey copies (N, SIDE * SIDE) of mean 0 and length 1; a plain image's is 0."""
    from PIL import Image

    bits = np.zeros((len(pixels), 64), dtype=np.uint8)
    copies = np.zeros((len(pixels), SIDE * SIDE), dtype=np.float32)
    for index, one in enumerate(pixels):
        grey = Image.fromarray(one.squeeze(-1) if one.shape[-1] == 1 else one).convert("L")
        small = np.asarray(grey.resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
        bits[index] = (small[:, :-1] > small[:, 1:]).ravel()
        copies[index] = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX)).ravel()
    copies -= copies.mean(axis=1, keepdims=True)
    length = np.linalg.norm(copies, axis=1, keepdims=True)
    copies = np.divide(copies, length, out=np.zeros_like(copies), where=length > 0)
    return np.packbits(bits, axis=1).view(np.uint64).ravel(), copies
