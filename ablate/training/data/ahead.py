"""Decoding before anything else: without torch, so that it can begin while a warm server is still importing it."""

from __future__ import annotations

from contextlib import suppress

from ablate.errors import AblateError
from ablate.protocols import Run
from ablate.training.config import Config
from ablate.training.data.cache import open_told
from ablate.training.data.problems import Problems


def decode_images(config: Config, run: Run) -> None:
    """Fill the cache that the look at the data will read; what is wrong with the images is told by that look."""
    with suppress(AblateError):
        open_told(config.data, run.cached, Problems(), progress=run.alive)
