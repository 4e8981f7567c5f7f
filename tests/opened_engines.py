"""Openers for processes of networks, as a step may name them: engines that do what a library may do at its worst."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from ablate.errors import DataError, NotInstalled


class Engine:
    """Answers the mean of each channel; prints and dies where it is asked to."""

    name, precision = "torch", "bf16"

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Three channels, three classes."""
        print("a library's own words")  # noqa: T201 - some do
        if batch.max() > 100:
            os.abort()
        if batch.max() > 10:
            raise ValueError("out of range")
        return batch.mean(axis=(2, 3)) + np.float32(self.threads)


def open_talking(path: str, *, threads: int) -> Engine:
    """By the last word of the path: an engine, or what an opener may raise."""
    match path.rpartition("/")[2]:
        case "refused":
            raise DataError(f"{path} is refused", hint="Give another.")
        case "missing":
            raise NotInstalled("this needs a library", hint="Install it.")
        case "broken":
            raise RuntimeError("no such operator")
        case "deadly":
            os._exit(7)
        case _:
            return Engine(threads)
