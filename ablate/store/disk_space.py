"""Whether a work folder can take what a study will write: asked before the first run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ablate.errors import StudyError
from ablate.records import RunSpec
from ablate.store.work_folder import Store

SPARE = 64 << 20
"""Bytes that must be left for reports, journals and the tracking store."""


def refuse_unwritable(work: Path) -> None:
    """Raise StudyError where nothing can be written below the work folder; leaves nothing there."""
    above = next(folder for folder in (work, *work.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=above):
            return
    except OSError as error:
        raise StudyError(
            f"nothing can be written to the work folder {work}: {error.strerror}",
            hint="Choose another by --work FOLDER.",
        ) from None


def refuse_full(store: Store, specs: Iterable[RunSpec], finished: Iterable[Path], *, weights: int = 0) -> None:
    """Raise StudyError where the disk cannot take the runs, as far as is known how large one is.

    finished: folders of runs of the same study. weights: bytes of those that a run keeps; 0 where nobody knows.
    """
    count = sum(1 for _ in specs)
    if not count:
        return
    needed = count * max([weights, *map(bytes_in, finished)]) + SPARE
    free = shutil.disk_usage(next(f for f in (store.root, *store.root.parents) if f.exists())).free
    if needed > free:
        raise StudyError(
            f"{count} runs need about {needed / 1e9:.1f} GB and {store.work} has {free / 1e9:.1f} GB left",
            hint="`ablate clean` says what can go; `keep: {weights: none}` in the study file keeps no weights.",
        )


def bytes_in(folder: Path) -> int:
    """What a folder takes; files that lie elsewhere as well (hard links) are not counted."""
    files = [path.stat() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(file.st_size for file in files if file.st_nlink == 1)
