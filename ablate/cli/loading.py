"""From a command's arguments to a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.study.load import Study


def load(path: Path, work: Path, sets: list[str] | None, design: str | None) -> Study:
    """The study file, found with the work folder importable."""
    from ablate.study.load import load_study

    work_on_path(work)
    return load_study(path, sets=sets or (), design=design)


def work_on_path(work: Path) -> None:
    """Let dotted paths lead into the work folder."""
    from ablate.resolve import search_first

    search_first(work.resolve())
