"""What somebody's file or folder is: told by its name and its first bytes, never by trial."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from ablate.errors import StudyError
from ablate.readers import lightning_csv, optuna_study, tensorboard_events, trackio_project, wandb_run
from ablate.readers.database import is_database, open_readonly, tables_of
from ablate.readers.logged import LoggedRun, files_below

Kind = Literal["tensorboard", "lightning", "wandb", "trackio", "optuna", "optuna journal"]
FORMATS = "event files of TensorBoard, Lightning's metrics.csv, W&B's run folders, or trackio's PROJECT.db"
SHOWN = {
    "tensorboard": "TensorBoard",
    "lightning": "Lightning",
    "wandb": "W&B",
    "trackio": "trackio",
    "optuna": "Optuna",
}


def kind_of(path: Path) -> Kind | None:
    """The format of a file, or of what lies below a folder; None where it is none of those known here.

    Raises StudyError for a folder with runs of several formats, and for a database that is nobody's.
    """
    if path.is_dir():
        return _of_folder(path)
    if tensorboard_events.NAMED in path.name:
        return "tensorboard"
    if path.name.endswith(wandb_run.LOG) or path.name == wandb_run.SUMMARY:
        return "wandb"
    if is_database(path):
        return _of_database(path)
    return "optuna journal" if optuna_study.is_journal(path) else None


def _of_database(path: Path) -> Kind:
    with open_readonly(path) as database:
        tables = tables_of(database)
    if optuna_study.is_study(tables):
        return "optuna"
    if trackio_project.is_project(tables):
        return "trackio"
    hint = f"Known are {FORMATS}, and a study of Optuna."
    if {"experiments", "runs"} <= tables.keys():
        hint = f"It is MLflow's: `ablate judge EXPERIMENT --by KEY --tracking-uri sqlite:///{path}`."
    raise StudyError(f"{path} is a database of neither Optuna nor trackio", hint=hint)


def _of_folder(folder: Path) -> Kind | None:
    found = files_below(folder, [tensorboard_events.NAMED, lightning_csv.NAMED, wandb_run.LOG, wandb_run.SUMMARY])
    places: dict[Kind, set[Path]] = {}
    for path in found:
        if tensorboard_events.NAMED in path.name:
            places.setdefault("tensorboard", set()).add(path.parent)
        elif path.name == lightning_csv.NAMED:
            places.setdefault("lightning", set()).add(path.parent)
        elif path.name.endswith(wandb_run.LOG) or path.name == wandb_run.SUMMARY:
            places.setdefault("wandb", set()).add(path.parent)
    if len(projects := [path for path in sorted(folder.glob("*.db")) if is_database(path)]) == 1 and not places:
        raise StudyError(f"{folder} is a folder", hint=f"Give the file: {projects[0]}.")
    if "wandb" in places:  # which copies what other loggers write
        inside = [place for kind in places if kind != "wandb" for place in places[kind]]
        if all(any(run in place.parents for run in places["wandb"]) for place in inside):
            return "wandb"
    if places.keys() == {"tensorboard", "lightning"} and places["tensorboard"] == places["lightning"]:
        return "lightning"  # both loggers of the same runs
    if len(places) > 1:
        counts = " and ".join(f"{SHOWN[kind]} ({len(places[kind])})" for kind in get_args(Kind) if kind in places)
        raise StudyError(f"{folder} holds runs of {counts}", hint="Name the folder of one of them.")
    return next(iter(places), None)


def read_logs(path: Path, kind: Kind) -> list[LoggedRun]:
    """The runs of a logger, the oldest first where that is known."""
    match kind:
        case "tensorboard":
            return tensorboard_events.read_runs(path)
        case "lightning":
            return lightning_csv.read_runs(path)
        case "wandb":
            return wandb_run.read_runs(path)
        case "trackio":
            return trackio_project.read_runs(path)
        case "optuna":
            return optuna_study.read_study(path).as_runs(str(path))
        case "optuna journal":
            return optuna_study.read_journal(path).as_runs(str(path))
