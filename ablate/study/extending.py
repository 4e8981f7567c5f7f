"""`extends:` and `from:`: a study file that begins where a variant of another one ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.study.reader import Document
from ablate.study.schema import DESIGNS

OWN = ("study", "published", "search", "tune", "compare", "derive", "extends", "from")
"""Keys that belong to one file alone."""

SUFFIXES = (".yaml", ".yml", ".json")


def extended(document: Document, *, seen: tuple[Path, ...] = ()) -> Document:
    """The file with what it takes from the one it extends; unchanged where it extends none.

    Everything the other file says holds here too, but for what stands in this one, key by key at the top
    level, and for what belongs to the other alone: its name, its published figures, its own search. With
    `from:` the base is the config of that variant, and the design, which led there, stays behind.
    Raises StudyError for a file that is not there, extends itself, or has no such variant.
    """
    data = document.data
    if not isinstance(data, dict) or ("extends" not in data and "from" not in data):
        return document
    if "extends" not in data:
        raise StudyError(
            f"{document.where(('from',))}: from: without extends:", hint="Name the study file that has the variant."
        )
    path = _path_of(document)
    if path in seen or path == Path(document.name).resolve():
        raise StudyError(f"{document.where(('extends',))}: the file extends itself", hint="Name another study file.")
    if "base" in data:
        raise StudyError(
            f"{document.where(('base',))}: base: beside extends:, which brings the base along",
            hint="Leave base out; what differs from it is a factor, or `from:` another variant.",
        )
    parent, base = _parent(document, path, (*seen, Path(document.name).resolve()))
    inherited = {key: value for key, value in parent.items() if key not in OWN}
    if "from" in data or any(design in data for design in DESIGNS):
        inherited = {key: value for key, value in inherited.items() if key not in DESIGNS}
        evidence = inherited.get("evidence")
        if isinstance(evidence, dict):  # families are about the steps that stay behind
            inherited["evidence"] = {key: value for key, value in evidence.items() if key != "families"}
    own = {key: value for key, value in data.items() if key not in ("extends", "from")}
    return replace(document, data=inherited | {"base": base} | own)


def _path_of(document: Document) -> Path:
    name = document.data["extends"]
    if not isinstance(name, str):
        raise StudyError(
            f"{document.where(('extends',))}: 'extends': expected the path of a study file",
            hint="Example: extends: hollywood.yaml, beside this file.",
        )
    path = (Path(document.name).parent / name).resolve()
    if path.suffix not in SUFFIXES:  # what a message quotes of a file must not be a password's
        raise StudyError(
            f"{document.where(('extends',))}: {name[:80]!r} is no study file",
            hint=f"The names of study files end in {' or '.join(SUFFIXES)}.",
        )
    if not _is_file(path):
        raise StudyError(
            f"{document.where(('extends',))}: there is no study file {str(path)[:300]}",
            hint="The path is read from the folder of this file.",
        )
    return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # longer than any file's name
        return False


def _parent(document: Document, path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], Any]:
    """The other file's data, whole, and the base to begin with."""
    from ablate.study.load import load_study  # which extends files itself
    from ablate.study.plan import make_plan

    study = load_study(path, seen=seen)
    name = document.data.get("from", "baseline")
    data = study.document.data
    if name == "baseline":
        return data, study.base
    try:
        variant = make_plan(study).variant(str(name))
    except StudyError as error:
        raise StudyError(f"{document.where(('from',))}: {error.message}", hint=error.hint) from None
    return data, dict(variant.config)
