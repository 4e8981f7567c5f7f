"""In a worker: a finished run asked about other images, and whether runs were trained on any of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate import files
from ablate.errors import AblateError, DataError, TrainerError
from ablate.execute.live import LiveRun, Task
from ablate.records import Finished, RunSpec
from ablate.store.journal import Journal, read_result
from ablate.store.outcome_columns import CLASSES, GROUP, VAL_PROB, VAL_TARGET, read_columns
from ablate.trainer import Trainer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

ASKED, TOLD = "other-images.json", "other-answers.json"
"""What the job is handed, and what it hands back."""
ANSWERS = "answers.npz"
NAMED = 3
"""How many images an error names before it counts the others."""


def ask_about_others(task: Task, attempt: Path, trainer_of: Callable[[Task], Trainer]) -> int:
    """The answers of a run (`answers`), or which images runs were trained on (`seen`), for the folder of the job."""
    try:
        asked = files.read_json(attempt / ASKED)
        images = files.read_json(Path(asked["images"]))["images"]
        trainer = trainer_of(task)
        if task.kind == "seen":
            told: dict[str, Any] = {"seen": _seen(task, attempt, trainer, asked["specs"], images)}
        else:
            told = _answers(task, attempt, trainer, asked, images)
    except Exception as error:  # noqa: BLE001 - told beside the set, and the others go on
        traceback.print_exc()
        is_ours = isinstance(error, AblateError)
        told = {"error": error.message if is_ours else f"{type(error).__name__}: {error}", "hint": ""}  # type: ignore[attr-defined]
        if is_ours:
            told["hint"] = error.hint  # type: ignore[attr-defined]
    files.write_json(attempt / TOLD, told)
    return int("error" in told)


def _seen(
    task: Task, attempt: Path, trainer: Trainer, specs: Sequence[Any], images: Sequence[Mapping[str, str]]
) -> list[list[Any]]:
    """[id here, id there, replicates] of each image that one of the runs is fitted or chosen on."""
    assert trainer.trained_on is not None
    runs = []
    for one in specs:
        spec = RunSpec.from_json(one)
        runs.append((spec, LiveRun(task=replace(task, spec=spec), folder=attempt, journal=Journal(attempt))))
    found = trainer.trained_on(runs, [Path(image["path"]) for image in images])
    return [[image["id"], one[0], sorted(one[1])] for image, one in zip(images, found, strict=True) if one is not None]


def _answers(
    task: Task, attempt: Path, trainer: Trainer, asked: Mapping[str, Any], images: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    result = read_result(Path(asked["run"]))
    if trainer.predict is None or not isinstance(result, Finished):
        raise TrainerError(f"trainer {trainer.shown} has no predict, or the run no result")
    own: Columns = {}
    if result.images is not None:
        own = read_columns(result.folder / result.images, "id", "target", GROUP, CLASSES, VAL_TARGET, VAL_PROB)
    known = {_stem(str(name)): place for place, name in enumerate(own.get("id", ()))}
    if asked["copies"]:
        images = [image for image in images if _stem(image["id"]) in known]
        if not images:
            raise DataError(
                "none of its images has the name of a test image of this run",
                hint="copies: true asks for copies under the names of the originals, such as cat/001.png.",
            )
    named, rows = _asked(trainer, task.spec, result, images)
    classes = [str(name) for name in own.get(CLASSES, named)]
    if sorted(classes) != sorted(named):
        classes = named
    columns = _columns(images, named, rows, classes)
    if asked["copies"]:
        _take_from_originals(columns, own, [known[_stem(image["id"])] for image in images])
    if classes == [str(name) for name in own.get(CLASSES, ())]:
        # A threshold stays the one that the study's own validation images give.
        columns |= {name: own[name] for name in (VAL_TARGET, VAL_PROB) if name in own}
    import numpy as np

    np.savez_compressed(attempt / ANSWERS, **columns)  # type: ignore[arg-type]
    return {
        "images": ANSWERS,
        "metrics": {name: float(columns[column].mean()) for name, column in (("accuracy", "score"), ("loss", "loss"))},
        "test_digest": files.sha256_json(sorted(str(name) for name in columns["id"])),
        "alike": 0 if asked["copies"] else _alike(images, known),
    }


def _alike(images: Sequence[Mapping[str, str]], known: Mapping[str, int]) -> int:
    """How many images have the name of a test image of the run, where most of these have a namesake; else 0."""
    found = sum(_stem(image["id"]) in known for image in images)
    return found if 2 * found >= len(known) else 0


def _stem(name: str) -> str:
    """An id without the ending of a file's name: a copy may be of another format."""
    head, dot, ending = name.rpartition(".")
    return head if dot and head and "/" not in ending else name


def _asked(
    trainer: Trainer, spec: RunSpec, result: Finished, images: Sequence[Mapping[str, str]]
) -> tuple[list[str], NDArray[np.float64]]:
    """The names of the classes as the run has them, and a row of probabilities an image."""
    import numpy as np

    assert trainer.predict is not None
    answers = list(trainer.predict(spec, result, [Path(image["path"]) for image in images]))
    if wrong := [one for one in answers if isinstance(one, DataError)]:
        more = f", and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise DataError(
            f"{'; '.join(one.message for one in wrong[:NAMED])}{more}",
            hint="Give whole image files, or take these out of the set.",
        )
    named = list(answers[0])
    return named, np.array([[answer[name] for name in named] for answer in answers], np.float64)


def _columns(
    images: Sequence[Mapping[str, str]], named: Sequence[str], rows: NDArray[np.float64], classes: Sequence[str]
) -> Columns:
    """One row an image, as a run's own outcomes have it."""
    import numpy as np

    unknown = sorted({image["label"] for image in images} - set(classes))
    if unknown:
        raise DataError(
            f"the run does not know the class {unknown[0]!r}",
            hint=f"Say under classes: what the study calls it. The study's classes: {', '.join(classes)}.",
        )
    prob = rows[:, [named.index(name) for name in classes]]
    target = np.array([classes.index(image["label"]) for image in images], np.int32)
    columns = {
        "id": np.array([image["id"] for image in images]),
        "target": target,
        "score": (prob.argmax(1) == target).astype(np.float32),
        "prob": prob.astype(np.float16),
        "loss": -np.log(np.maximum(prob[np.arange(len(target)), target], np.finfo(np.float32).tiny)),
        CLASSES: np.array(classes),
    }
    if any(image["group"] for image in images):
        columns[GROUP] = np.array([image["group"] for image in images])
    return columns


def _take_from_originals(columns: Columns, own: Columns, places: Sequence[int]) -> None:
    """A copy is of its original's class and group. Raises DataError where the set says otherwise."""
    differ = columns["target"] != own["target"][list(places)]
    if differ.any():
        name = columns["id"][differ.argmax()]
        raise DataError(
            f"{name} has another class than the image it is a copy of, as {int(differ.sum())} of its images have",
            hint="Copies lie under the class of the original; without copies: true they are images of their own.",
        )
    if GROUP in own:
        columns[GROUP] = own[GROUP][list(places)]
