"""Any program as a trainer: a command whose words hold the settings, and a place where its numbers are.

It knows nothing of the harness: what it is told stands in its arguments, what it tells is read from its files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.trainer import Trainer


def load(path: str) -> Trainer:
    """The trainer of a record's path. Raises TrainerError where it cannot be read."""
    from ablate.command.trainer import load as loaded

    return loaded(path)


def source_digest(path: str) -> str:
    """Digest of the files that a command's source is. Raises TrainerError where they are not there."""
    from ablate.command.trainer import source_digest as digest

    return digest(path)
