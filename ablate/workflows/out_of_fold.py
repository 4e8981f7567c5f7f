"""The out-of-fold answers of a variant: for each image what the replicates said that were tested on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.errors import DataError
from ablate.harness.known import read_class_names
from ablate.report.wording.escape import csv_lines
from ablate.store.outcome_columns import read_columns
from ablate.workflows.predict import FinishedRun, open_members

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OutOfFold(NamedTuple):
    """The table as CSV: image, target, predicted, replicates, a probability a class. notes: for people."""

    text: str
    images: int
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Answered:
    """One image: its target, the sum of the probabilities, and whose they are."""

    target: Any
    total: NDArray[Any]
    replicates: list[int] = field(default_factory=list)


def out_of_fold(run: str, *, work: Path | str = ".") -> OutOfFold:
    """The stored test answers of all finished replicates of STUDY/VARIANT; of an image tested twice the mean.

    Raises StudyError where none has finished, DataError where its answers are not kept.
    """
    members = open_members(run, work)
    answered: dict[str, _Answered] = {}
    for member in members:
        _add(answered, member)
    count = len(next(iter(answered.values())).total)
    classes = next(filter(None, (read_class_names(member.result) for member in members)), ())
    notes = [f"{len(answered):,} images, from {len(members)} finished replicates."]
    if len(classes) != count:
        classes = tuple(map(str, range(count)))
        notes.append("The names of the classes are not known here, so their numbers stand for them.")
    rows = [_row(name, one, classes) for name, one in sorted(answered.items())]
    text = csv_lines(["image", "target", "predicted", "replicates", *classes], rows)
    return OutOfFold(text, len(answered), tuple(notes))


def _add(answered: dict[str, _Answered], member: FinishedRun) -> None:
    if member.result.images is None:
        raise DataError(f"{member.name} keeps no answers to single images", hint="Its trainer returns numbers alone.")
    path = member.result.folder / member.result.images
    try:
        stored = read_columns(path, "id", "target", "prob")
    except (OSError, ValueError) as error:
        raise DataError(f"the answers of {member.name} cannot be read: {error}", hint=f"See {path}.") from error
    if not {"id", "target", "prob"} <= set(stored):
        raise DataError(
            f"the answers of {member.name} have no probabilities",
            hint="A command's answers hold the predicted class alone: they are in answers.csv of each run's folder."
            if member.trainer.is_command
            else "The trainer's npz needs id, target and prob.",
        )
    for name, target, prob in zip(stored["id"].tolist(), stored["target"], stored["prob"].astype(float), strict=True):
        one = answered.setdefault(str(name), _Answered(target, 0.0 * prob))
        one.total = one.total + prob
        one.replicates.append(member.spec.replicate.index)


def _row(name: str, one: _Answered, classes: Sequence[str]) -> list[str]:
    mean = one.total / len(one.replicates)
    if one.target.ndim:  # any number of labels an image
        target, predicted = (
            ";".join(label for label, is_on in zip(classes, on, strict=True) if is_on)
            for on in (one.target, mean > 0.5)
        )
    else:
        target, predicted = classes[int(one.target)], classes[int(mean.argmax())]
    return [name, target, predicted, " ".join(map(str, one.replicates)), *(f"{value:.4g}" for value in mean)]
