"""From a command's arguments to a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ablate.study.study import Study


def load(
    path: Path,
    work: Path,
    sets: list[str] | None,
    design: str | None,
    *,
    stand_in: bool = False,
    small: bool = False,
) -> Study:
    """The study file, found with the work folder importable; on its synthetic stand-in or in small where asked."""
    from ablate.cli.show import note
    from ablate.cli.translation import speak
    from ablate.safety.own_modules import shadows
    from ablate.study.load import load_study
    from ablate.study.stand_in import stand_in_folder

    work_on_path(work)
    folder = stand_in_folder(work.resolve(), path)
    study = load_study(
        path, sets=sets or (), design=design, stand_in=folder if stand_in else None, small=folder if small else False
    )
    speak(study.lang)
    for line in shadows(study.trainer.path):
        note(line)
    return study


def work_on_path(work: Path) -> None:
    """Let dotted paths lead into the work folder."""
    from ablate.trainer import search_first

    search_first(work.resolve())


def study_name(text: str, work: Path) -> str:
    """The name of a study that is given by its file, or by its name."""
    return load(Path(text), work, None, None).name if Path(text).is_file() else text


def run_name(text: str, work: Path) -> str:
    """The name of a run, STUDY/VARIANT/REPLICATE, of which STUDY may be a study's file."""
    parts = text.split("/")
    for count in range(1, len(parts)):
        file = Path("/".join(parts[:count]) or "/")
        if file.suffix in (".yaml", ".yml") and file.is_file():
            return "/".join([study_name(str(file), work), *parts[count:]])
    return text


def seconds_of(option: str, text: str | None) -> float | None:
    """The span of time an option was given."""
    from ablate.errors import StudyError
    from ablate.study.durations import read_duration

    try:
        return None if text is None else read_duration(text)
    except ValueError as error:
        raise StudyError(f"{option}: {error}") from None


def workers_of(text: str) -> int | None:
    """How many runs at once; None for as many as fit."""
    from ablate.errors import StudyError

    if text == "auto":
        return None
    if not text.isdecimal() or not int(text):
        raise StudyError(f"--workers {text}: expected auto, or a number of runs of at least 1")
    return int(text)


def slots_of(text: str) -> int | None:
    """How many runs share a graphics card; None for as many as its memory holds."""
    from ablate.errors import StudyError

    if text == "auto":
        return None
    if not text.isdecimal():
        raise StudyError(f"--slots-per-gpu {text}: expected auto, or a number of runs of at least 1")
    return int(text)


def study_and_variant(text: str) -> tuple[Path, str]:
    """The study file and the variant's name in `STUDY/VARIANT`; no name where the text is a study alone.

    Raises StudyError where there is no such study file.
    """
    from ablate.errors import StudyError

    for study, variant in ((text, ""), text.rpartition("/")[::2]):
        for path in (Path(study), Path("studies") / f"{study}.yaml"):
            if study and path.is_file():
                return path, variant
    raise StudyError(
        f"{text!r} does not begin with a study file", hint="Examples: studies/quickstart.yaml/BN, or quickstart/BN."
    )
