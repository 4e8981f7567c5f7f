"""From the name of a run, `STUDY/VARIANT/REPLICATE`, to predictions by its weights."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

from ablate import files
from ablate.errors import DataError, TrainerError
from ablate.readers.image_folders import EXTENSIONS, is_image, is_system_entry, nobodys_note, takes_all
from ablate.records import Finished, RunSpec
from ablate.report.wording.escape import csv_lines
from ablate.splits.rules import Protocol, Replicate
from ablate.store.run_names import find_run, fingerprint_of, full_name, newest_finished
from ablate.store.work_folder import Store
from ablate.trainer import Trainer, former_source_digests, load_trainer, source_digest

IMAGE_ENDINGS = EXTENSIONS
"""What is taken for an image in a folder, in any case; a file named by itself is always taken for one."""


Prediction = tuple[Path, Mapping[str, float]]
"""An image, and class name -> probability."""


class FinishedRun(NamedTuple):
    """A finished run under its name, with its trainer."""

    name: str
    spec: RunSpec
    result: Finished
    trainer: Trainer


class Reevaluation(NamedTuple):
    """A run's metrics as they were recorded, and once more by its stored weights.

    same_code: the trainer's code is what it was.
    """

    recorded: Mapping[str, float]
    again: Mapping[str, float]
    same_code: bool

    @property
    def is_exact(self) -> bool:
        """Whether every accuracy is reproduced to the last bit; a mean loss may differ by rounding elsewhere."""
        shared = [name for name in self.again if "accuracy" in name and name in self.recorded]
        return bool(shared) and all(self.again[name] == self.recorded[name] for name in shared)

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        if self.is_exact:
            return "The stored weights give the recorded accuracy again, exactly."
        code = "" if self.same_code else " The trainer's code has changed since the run; that may be why."
        return f"The stored weights do NOT give the recorded accuracy.{code}"


def open_run(run: str, work: Path | str = ".") -> FinishedRun:
    """A finished run by its name. Raises StudyError for one that is not there."""
    store = Store(Path(work).resolve())
    spec, result = find_run(run, store)
    return FinishedRun(full_name(run, store), spec, result, load_trainer(spec.trainer))


def predict_with_run(
    run: str,
    images: Sequence[Path],
    *,
    work: Path | str = ".",
    on_unreadable: Callable[[DataError], None] | None = None,
) -> Iterator[Prediction]:
    """Class name -> probability for each image, one after the other as they are computed.

    on_unreadable: told of each image that cannot be read, which then is left out.
    Raises StudyError for a run that is not there; DataError for an image that is not, and, where nobody is told,
    for one that cannot be read.
    """
    missing = [str(image) for image in images if not image.is_file()]
    if missing:
        raise DataError(f"there is no image {missing[0]}")
    opened = open_run(run, work)
    predict = companion(opened, opened.trainer.predict, "predict")
    found: Iterable[Mapping[str, float] | DataError] = predict(opened.spec, opened.result, images)
    return _readable(zip(images, found, strict=True), on_unreadable)


def _readable(
    found: Iterable[tuple[Path, Mapping[str, float] | DataError]], on_unreadable: Callable[[DataError], None] | None
) -> Iterator[Prediction]:
    for image, answer in found:
        if not isinstance(answer, DataError):
            yield image, answer
        elif on_unreadable is None:
            raise answer
        else:
            on_unreadable(answer)


def images_in(
    paths: Sequence[Path], tell: Callable[[str], None] | None = None, *, takes: Callable[[str], bool] = is_image
) -> list[Path]:
    """The images of a request: files as they are, folders with all images below them, by path.

    takes: whether a file of a folder counts, by its name. tell: told in one sentence which hidden and system
    entries of the folders are passed over.
    Raises DataError for a path that is not there and for a folder without an image.
    """
    found: list[Path] = []
    nobodys: list[str] = []
    for path in paths:
        if not path.is_dir():
            if not path.is_file():
                raise DataError(f"there is no image {path}", hint="Give image files, or folders of them.")
            found.append(path)
            continue
        below = sorted(_images_below(path, nobodys, takes), key=lambda file: file.relative_to(path).as_posix())
        if not below:
            raise DataError(f"{path} holds no image", hint=f"Images end in {', '.join(IMAGE_ENDINGS)}.")
        found += below
    if nobodys and tell is not None:
        tell(nobodys_note(sorted(nobodys)))
    return found


def _images_below(folder: Path, nobodys: list[str], takes: Callable[[str], bool]) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        nobodys += [os.path.relpath(Path(place, name), folder) for name in [*folders, *names] if is_system_entry(name)]
        folders[:] = [name for name in folders if not is_system_entry(name)]
        yield from (Path(place, name) for name in names if takes(name))


def unlabelled_images(run: str, *, work: Path | str = ".") -> list[Path]:
    """The images without labels that come with the data set a run was trained on.

    Raises DataError where its source has none.
    """
    opened = open_run(run, work)
    unlabelled = companion(opened, opened.trainer.unlabelled, "unlabelled")
    found: list[Path] = unlabelled(opened.spec)
    if not found:
        raise DataError("the data set of this run has no unlabelled part", hint="Give images, or a folder of them.")
    return found


def has_several_labels(run: FinishedRun) -> bool:
    """Whether an image of the run's data set may have any number of labels."""
    data = run.spec.config.get("data")
    return isinstance(data, Mapping) and bool(data.get("multi_label"))


def files_taken_by(run: FinishedRun) -> Callable[[str], bool]:
    """Which files of a folder count as images for a run: with a reader of the user's, all that are somebody's."""
    data = run.spec.config.get("data")
    return takes_all if isinstance(data, Mapping) and data.get("reader") else is_image


def reevaluate(run: str, *, work: Path | str = ".") -> Reevaluation:
    """Test a finished run again from its stored weights."""
    opened = open_run(run, work)
    retest = companion(opened, opened.trainer.retest, "retest")
    with reopened(opened.spec, Store(Path(work).resolve())) as once_more:
        again: Mapping[str, float] = retest(opened.spec, opened.result, once_more)
    return compare_metrics(opened, again)


def compare_metrics(run: FinishedRun, again: Mapping[str, float]) -> Reevaluation:
    """Recorded metrics beside those that were computed once more."""
    trainer = run.spec.trainer
    same_code = run.result.stamp.source_digest in (source_digest(trainer), *former_source_digests(trainer))
    return Reevaluation(run.result.metrics, again, same_code)


def companion(run: FinishedRun, found: Callable[..., Any] | None, name: str) -> Callable[..., Any]:
    """The function of that name beside the trainer. Raises TrainerError where there is none."""
    if found is None:
        raise TrainerError(
            f"the trainer {run.trainer.path} cannot do this: its module has no `{name}`",
            hint=f"Give the module a function `{name}`; docs/own_trainer.md says what it is handed.",
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """Implements protocols.Run for a run that is over: it reads the shared caches and reports nothing.

    As a block it takes its folder with it when it ends.
    """

    replicate: Replicate
    protocol: Protocol
    folder: Path
    store: Store

    def __enter__(self) -> Reopened:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing of what was computed is kept here."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def cached(self, key: str, build: Callable[[Path], None]) -> Path:
        """A file or folder shared by all runs, built once under a lock."""
        return files.build_once(self.store.cache / key, build)

    def earlier(self, name: str) -> tuple[RunSpec, Finished] | None:
        """The same replicate of a variant, `STUDY/VARIANT`; None where it has not finished."""
        return newest_finished(fingerprint_of(f"{name}/{self.replicate.index}", self.store), self.store)

    def resume(self, fits: Callable[[Path], bool] | None = None) -> None:
        """There is nothing to go on with."""

    def tick(self, epoch: int, step: int, of: int, *, state_bytes: float = math.inf) -> bool:
        """No checkpoint is ever due."""
        return False

    def alive(self, done: int, of: int) -> None:
        """Nobody watches."""

    def checkpoint(self, write: Callable[[Path], None]) -> None:
        """Nothing is stored."""

    def epoch(self, number: int, metrics: Mapping[str, float]) -> None:
        """Nothing is told."""


def reopened(spec: RunSpec, store: Store) -> Reopened:
    """What a trainer is handed to look at a finished run again; its folder is a fresh, temporary one."""
    folder = Path(mkdtemp(prefix="ablate-again-"))
    return Reopened(replicate=spec.replicate, protocol=spec.protocol, folder=folder, store=store)


def submission(predictions: Sequence[tuple[Path, Mapping[str, float]]]) -> str:
    """Columns Id and Category, one line per image, in the order of the ids.

    Id: the number that is the file's name, else its place in the order given, counted from 1; four digits,
    padded with zeros. Category: see `categories`.
    Raises DataError where two files have the same number.
    """
    numbers = [_number(path) for path, _ in predictions]
    if None in numbers:
        ids = list(range(1, len(predictions) + 1))
    else:
        ids = [number for number in numbers if number is not None]
        twice = next((path for path, number in zip(predictions, ids, strict=True) if ids.count(number) > 1), None)
        if twice is not None:
            raise DataError(f"two images have the number of {twice[0]}", hint="Predict one folder at a time.")
    rows = []
    for number, (_, found) in sorted(zip(ids, predictions, strict=True), key=lambda item: item[0]):
        rows.append([f"{number:04d}", str(categories(list(found))[best_class(found)])])
    return csv_lines(["Id", "Category"], rows)


def categories(classes: Sequence[str]) -> dict[str, int]:
    """Class name -> the number that stands for it: the name itself where all names are numbers, else its place.

    Food-11's classes are called 0 to 10, as its file names have them, so they keep their numbers whatever
    their order; other classes are numbered from 0 as the training data list them.
    """
    if all(name.isascii() and name.isdecimal() for name in classes):
        return {name: int(name) for name in classes}
    return {name: place for place, name in enumerate(classes)}


def probability_table(predictions: Sequence[tuple[Path, Mapping[str, float]]]) -> str:
    """Columns image, class, then one probability a class."""
    classes = list(predictions[0][1]) if predictions else []
    rows = [[str(path), best_class(found), *(f"{found[name]:.6g}" for name in classes)] for path, found in predictions]
    return csv_lines(["image", "class", *classes], rows)


def best_class(probabilities: Mapping[str, float]) -> str:
    """The likeliest class; of equal ones the first."""
    return max(probabilities, key=probabilities.__getitem__)


def _number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isascii() and path.stem.isdecimal() else None
