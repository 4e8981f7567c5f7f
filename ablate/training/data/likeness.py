"""Images that look alike though no pixel need be equal: scaled, recompressed, a little brighter.

A 64-bit difference hash finds candidates, a small grey copy decides. See docs/adr on why no library.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.training.data.spreading import spread

MOST_BITS = 10
"""Of 64: candidates' hashes differ in at most so many."""

LEAST_LIKENESS = 0.97
"""Correlation of the small grey copies from which a pair counts as alike."""

SIDE = 16
"""Of the small grey copies."""

_BLOCK = 1024
"""Rows compared by one worker at a time."""

_COLUMNS = 4096
"""Columns compared at once: what lies between is 32 MB, however many images there are."""


class Pair(NamedTuple):
    """Two images by their indices, the smaller first, and the correlation of their small copies."""

    first: int
    second: int
    likeness: float


def near_pairs(pixels: NDArray[np.uint8]) -> Iterator[Pair]:
    """Every pair that looks alike, by index. pixels: uint8, (N, H, W, C).

    Difference hash: is a pixel of the 9x8 grey copy brighter than its right neighbour? Krawetz 2013,
    "Kind of Like That". All pairs are compared, on all processors: N * N / 2 steps of a nanosecond or so.
    """
    hashes, copies = _hashes_and_copies(pixels)
    starts = range(0, len(hashes), _BLOCK)
    with closing(spread(partial(_pairs_from, hashes, copies), starts, in_processes=True, at_once=1)) as found:
        for pairs in found:
            yield from pairs


def _pairs_from(hashes: NDArray[np.uint64], copies: NDArray[np.float32], start: int) -> list[Pair]:
    """The pairs whose first image is in the block that begins at `start`, by index."""
    rows = hashes[start : start + _BLOCK, None]
    pairs = []
    for left in range(start, len(hashes), _COLUMNS):
        apart = np.bitwise_count(rows ^ hashes[None, left : left + _COLUMNS])
        near_rows, near_columns = np.nonzero(apart <= MOST_BITS)
        firsts, seconds = near_rows + start, near_columns + left
        ahead = seconds > firsts
        for first, second in zip(firsts[ahead].tolist(), seconds[ahead].tolist(), strict=True):
            likeness = float(copies[first] @ copies[second])
            if likeness >= LEAST_LIKENESS:
                pairs.append(Pair(first, second, likeness))
    return sorted(pairs)


def _hashes_and_copies(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    """Hashes (N,) and small grey copies (N, SIDE * SIDE) of mean 0 and length 1; a plain image's is 0."""
    bits = np.zeros((len(pixels), 64), dtype=np.uint8)
    copies = np.zeros((len(pixels), SIDE * SIDE), dtype=np.float32)
    with closing(spread(partial(_small, pixels), range(len(pixels)), in_processes=True)) as found:
        for index, (brighter, copy) in enumerate(found):
            bits[index], copies[index] = brighter, copy
    copies -= copies.mean(axis=1, keepdims=True)
    length = np.linalg.norm(copies, axis=1, keepdims=True)
    np.divide(copies, length, out=copies, where=length > 0)
    return np.packbits(bits, axis=1).view(np.uint64).ravel(), copies


def _small(pixels: NDArray[np.uint8], index: int) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Which pixels of an image's 9x8 grey copy are brighter than their right neighbour, and its small grey copy."""
    from PIL import Image

    one = pixels[index]
    grey = Image.fromarray(one.squeeze(-1) if one.shape[-1] == 1 else one).convert("L")
    small = np.asarray(grey.resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    copy = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX)).ravel()
    return (small[:, :-1] > small[:, 1:]).ravel(), copy
