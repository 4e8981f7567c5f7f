"""Synthetic data in place of a study's own: where they lie, how they are made, how they are called."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ablate.errors import DataMissing, TrainerError
from ablate.files import build_once
from ablate.safety.own_modules import import_named
from ablate.study.study import Study


def stand_in_folder(work: Path, file: Path) -> Path:
    """Where a study file's synthetic data lie in a work folder: beside the runs, drawn once."""
    return work / ".ablate" / "stand-in" / file.stem


def make_stand_in(study: Study) -> None:
    """Draw the study's synthetic data where they are not drawn yet. Raises TrainerError where nothing can draw them."""
    if study.stand_in is None or study.stand_in_root is None:
        return
    make = _maker(study.stand_in.make, study.document.where(("stand_in", "make")))

    def build(folder: Path) -> None:
        folder.mkdir()
        make(folder)

    build_once(study.stand_in_root, build)


def synthetic_notes(study: Study) -> tuple[str, ...]:
    """A sentence for whoever sees the results; none where the data are the study's own."""
    if study.stand_in is None or study.stand_in_root is None:
        return ()
    return (
        f"Synthetic stand-in data, drawn by {study.stand_in.make}, not the data of {study.document.data['study']}: "
        "what is found here holds for the drawings alone.",
    )


def with_way_out(error: DataMissing, study: Study, *, work: Path) -> DataMissing:
    """The error with what the study file says about its data, and the command that needs none as its last line."""
    lines = [error.hint, study.about_data]
    if study.stand_in is not None and study.stand_in_root is None:
        words = ["ablate", "run", shlex.quote(study.document.name), "--stand-in"]
        if Path(os.getcwd()) != work:
            words += ["--work", shlex.quote(str(work))]
        lines += ["Without them, the same steps on synthetic data at a small scale:", " ".join(words)]
    return DataMissing(error.message, hint="\n".join(filter(None, lines)))


def _maker(path: str, where: str) -> Callable[[Path], Any]:
    module, _, name = path.partition(":")
    try:
        make = getattr(import_named(module), name)
    except (ImportError, AttributeError) as error:
        raise TrainerError(
            f"{where}: stand_in.make: {path} leads nowhere: {error}",
            hint="It is package.module:function, a function of one folder that it fills.",
        ) from error
    found: Callable[[Path], Any] = make
    return found
