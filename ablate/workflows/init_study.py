"""Study files to start from: the quick start that comes with the package, and one for a folder of images."""

from __future__ import annotations

from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import AblateError, StudyError
from ablate.files import write_text
from ablate.store.work_folder import Store
from ablate.workflows.beginning.folder import Folder, find_folder
from ablate.workflows.beginning.folder_study import Tell, study_by_names, study_of_folder
from ablate.workflows.beginning.measuring import can_measure
from ablate.workflows.examine_data import cached, look_at_variants
from ablate.workflows.study_schema import write_schema_beside

if TYPE_CHECKING:
    from ablate.workflows.beginning.request import ScriptRequest

MINUTES = 20.0
"""What a first `ablate run` may take."""


def quickstart_path(work: Path) -> Path:
    """`studies/quickstart.yaml` in the work folder, written there from the package where it is missing."""
    path = work / "studies" / "quickstart.yaml"
    if not path.exists():
        packaged = resources.files("ablate") / "packaged" / "quickstart.yaml"
        write_text(path, packaged.read_text(encoding="utf-8"))
        write_schema_beside(path)
    return path


def write_starter(  # noqa: PLR0913 - what is asked for, and where
    path: Path,
    root: Path | None,
    *,
    work: Path | str = ".",
    minutes: float = MINUTES,
    look: bool = True,
    measure: bool = True,
    tell: Tell = lambda line: None,
) -> tuple[str, ...]:
    """A study over a folder of images; returns what is worth a note about the folder and the proposal.

    look: decode every image, so that what a run would refuse is known now. measure: train candidates for seconds.
    tell: what is being done. Raises where the file exists, or the folder holds what no run would take.
    """
    refuse_existing(path)
    name = study_name(path)
    folder = Folder({"name": "image_folder", "root": "data/images"}, ["a", "b"]) if root is None else find_folder(root)
    if root is not None and look and can_measure():
        store = Store(Path(work).resolve())
        found = study_of_folder(name, folder, partial(cached, store), minutes=minutes, measure=measure, tell=tell)
    else:
        found = study_by_names(name, folder)
    write_text(path, found.text)
    write_schema_beside(path)
    return (*folder.notes, *found.notes)


def remember_looks(path: Path, work: Path | str = ".") -> None:
    """Look at the data of every variant of a written study, so that `plan` knows what was decoded for it."""
    from ablate.study.load import load_study

    if can_measure():
        look_at_variants(load_study(path), Store(Path(work).resolve()))


def adopt_study(path: Path, original: Path, root: Path | None) -> tuple[str, ...]:
    """Another study's question, asked of the images of a folder; returns what was changed beside the source.

    Raises StudyError where no folder is named, the file exists, or nothing would come of it.
    """
    from ablate.workflows.beginning.adoption import adopted_text

    refuse_existing(path)
    if root is None:
        raise StudyError("--from needs a folder of images", hint=f"Such as: ablate init data/mine --from {original}")
    folder = find_folder(root)
    text, notes = adopted_text(original, folder, study_name(path))
    _write_checked(path, text)
    return (*folder.notes, *folder.by_name, *notes)


def write_command_study(path: Path, request: ScriptRequest) -> None:
    """A study of somebody's script, by its options or by a sweep. Raises StudyError for what cannot be carried out."""
    from ablate.workflows.beginning.command_study import command_text
    from ablate.workflows.beginning.request import command_study

    refuse_existing(path)
    _write_checked(path, command_text(study_name(path), command_study(request)))


def _write_checked(path: Path, text: str) -> None:
    """Write a study file that was made of somebody's text; nothing is left where it is no good study."""
    from ablate.study.load import load_study
    from ablate.study.plan import make_plan

    write_text(path, text)
    try:
        make_plan(load_study(path))
    except AblateError:
        path.unlink()
        raise
    write_schema_beside(path)


def refuse_existing(path: Path) -> None:
    """Raise StudyError where a study file is to be written over something."""
    if path.exists():
        raise StudyError(f"{path} exists already", hint="Choose another name, or remove it.")


def study_name(path: Path) -> str:
    """A study's name, made of its file's."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in path.stem.lower())[:64].strip("-") or "my-study"
