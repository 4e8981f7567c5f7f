"""The `deploy:` block that a name of runs means: of the study file in it, or of the one that its study was run from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ablate.errors import AblateError
from ablate.store.run_names import read_plan
from ablate.store.work_folder import Store
from ablate.study.deploy_schema import DEFAULT, DeployBlock
from ablate.study.load import load_study
from ablate.study.study import Study


def block_of(study: Study | None, tell: Callable[[str], None] = lambda _: None) -> DeployBlock:
    """The block of a study; the usual one, which is then said, where it has none or is not to be found."""
    if study is None:
        tell("The study's file is not to be found, so that the usual is made of its runs; name it: FILE.yaml/VARIANT.")
        return DEFAULT
    if study.deploy is None:
        tell(f"{study.document.name} has no `deploy:` block, so that the usual is made of its runs.")
        return DEFAULT
    return study.deploy


def study_of(text: str, work: Path) -> Study | None:
    """The study of STUDY/VARIANT, by the file in the text or by the one its plan names; None where there is none.

    Raises StudyError where the file in the text cannot be read.
    """
    parts = text.split("/")
    for count in range(1, len(parts)):
        file = Path("/".join(parts[:count]) or "/")
        if file.suffix in (".yaml", ".yml") and file.is_file():
            return load_study(file)
    return next((found for name in _studies(parts[0]) if (found := _planned(name, work)) is not None), None)


def _studies(name: str) -> list[str]:
    """The study itself, and the one that it is the search or the confirmation of."""
    return [name, name.removesuffix("-confirm").removesuffix("-search")]


def _planned(name: str, work: Path) -> Study | None:
    plan = read_plan(Store(work.resolve()).study(name)) or {}
    for file in (Path(str(plan.get("file") or "")), work / "studies" / f"{name}.yaml"):
        try:
            study = load_study(file) if file.is_file() else None
        except AblateError:
            continue
        if study is not None and study.name == name:
            return study
    return None
