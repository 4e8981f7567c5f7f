"""Synthetic data in place of a study's own: where they lie, how they are made, how they are called."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ablate.errors import DataError, DataMissing, TrainerError
from ablate.files import build_once
from ablate.safety.own_modules import import_beside
from ablate.study.study import Study


def stand_in_folder(work: Path, file: Path) -> Path:
    """Where a study file's synthetic data lie in a work folder: beside the runs, drawn once."""
    return work / ".ablate" / "stand-in" / file.stem


def make_stand_in(study: Study) -> None:
    """Draw the study's synthetic data where they are not drawn yet. Raises TrainerError where nothing can draw them."""
    if study.stand_in is None or study.stand_in_root is None:
        return
    path, where = study.stand_in.make, study.document.where(("stand_in", "make"))
    beside = Path(study.document.name).resolve().parent

    def build(folder: Path) -> None:
        make = find_maker(path, where, beside)
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
        words = ["ablate", "run", shlex.quote(study.document.name), *_options(study)]
        if Path(os.getcwd()) != work:
            words += ["--work", shlex.quote(str(work))]
        lines += ["Without them, the same steps on synthetic data at a small scale:", " ".join(words)]
    return DataMissing(error.message, hint="\n".join(filter(None, lines)))


def _options(study: Study) -> list[str]:
    """What asks a study's file for its synthetic data at a small scale."""
    if study.small is None:
        return ["--stand-in"]
    return ["--small"] if study.small.stand_in else ["--stand-in", "--small"]


PORTRAITS = "stand_in_portraits.portraits:write_portraits"
"""The example of a maker: drawings in place of the photographs of studies/hollywood.yaml."""
_MOVED = "The drawings lie beside the studies of ablate's repository now: copy studies/stand_in_portraits there, "
_MOVED += f"and write make: {PORTRAITS}."


def _wanted(top: str, beside: Path) -> str:
    return (
        "It is package.module:function, a function of one folder that it fills. "
        f"{top!r} is looked for in the work folder, among the installed packages and beside the study file, in "
        f"{beside}: a study that was copied from somewhere needs a copy of it, too."
    )


def find_maker(path: str, where: str, beside: Path) -> Callable[[Path], Any]:
    """The function of a dotted path, from the work folder, the installed packages or the study file's folder.

    Raises TrainerError where none of them has it.
    """
    module, _, name = path.partition(":")
    try:
        make = getattr(import_beside(module, beside), name)
    except (ImportError, AttributeError) as error:
        raise TrainerError(
            f"{where}: stand_in.make: {path} cannot be loaded: {error}",
            hint=_MOVED if module.startswith("ablate.stand_ins") else _wanted(module.partition(".")[0], beside),
        ) from error
    found: Callable[[Path], Any] = make
    return found


def find_portraits() -> Callable[[Path], Any]:
    """What draws the portraits, from the clone that this is installed from or that the command is called in.

    Raises DataError outside a clone.
    """
    for clone in (Path(__file__).parents[2], Path.cwd()):
        if (clone / "studies" / PORTRAITS.partition(".")[0]).is_dir():
            return find_maker(PORTRAITS, "ablate data portraits", clone / "studies")
    raise DataError(
        "the drawing of portraits is not part of the installed package",
        hint="It lies in studies/stand_in_portraits of ablate's repository: call this in a clone of it.",
    )
