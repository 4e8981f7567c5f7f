"""From the name of a run, `STUDY/VARIANT/REPLICATE`, or of a variant to predictions by its weights."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from ablate.errors import DataError, TrainerError
from ablate.readers.image_folders import (
    EXTENSIONS,
    VIDEOS,
    is_image,
    is_system_entry,
    is_video,
    nobodys_note,
    takes_all,
)
from ablate.records import Finished, RunSpec
from ablate.store.run_names import find_members, find_run, full_name
from ablate.store.work_folder import Store
from ablate.trainer import Trainer, former_source_digests, load_trainer, source_digest
from ablate.workflows.reopened_run import reopened
from ablate.workflows.submission import Prediction

IMAGE_ENDINGS = EXTENSIONS
"""What is taken for an image in a folder, in any case; a file named by itself is always taken for one."""


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
    return _open(full_name(run, store), *find_run(run, store))


def open_members(run: str, work: Path | str = ".") -> tuple[FinishedRun, ...]:
    """The run of that name, or for STUDY/VARIANT all its finished replicates.

    Raises StudyError where there is none.
    """
    return tuple(_open(*one) for one in find_members(run, Store(Path(work).resolve())))


def _open(name: str, spec: RunSpec, result: Finished) -> FinishedRun:
    return FinishedRun(name, spec, result, load_trainer(spec.trainer))


def predict_with_run(
    run: str,
    images: Sequence[Path],
    *,
    texts: Sequence[str] | None = None,
    work: Path | str = ".",
    on_unreadable: Callable[[DataError], None] | None = None,
) -> Iterator[Prediction]:
    """Class name -> probability for each image: as one run computes them, or for STUDY/VARIANT the replicates' mean.

    texts: one an image, for a network that reads them.
    on_unreadable: told of each image that cannot be read, which then is left out.
    Raises StudyError for a run that is not there; DataError for an image that is not, and, where nobody is told,
    for one that cannot be read.
    """
    missing = [str(image) for image in images if not image.exists()]
    if missing:
        raise DataError(f"there is no image {missing[0]}")
    members = open_members(run, work)
    if len(members) == 1:
        found = answers_of(members[0], images, texts)
    else:
        found = iter(_mean_answers(members, images, texts))
    return _readable(zip(images, found, strict=True), on_unreadable)


Answer = Mapping[str, float] | DataError


def answers_of(member: FinishedRun, images: Sequence[Path], texts: Sequence[str] | None) -> Iterator[Answer]:
    """What one run answers to each image. texts: one an image; TrainerError where its trainer takes none."""
    predict = companion(member, member.trainer.predict, "predict")
    if texts is None:
        return iter(predict(member.spec, member.result, images))
    if "texts" not in inspect.signature(predict).parameters:
        raise TrainerError(
            f"the trainer {member.trainer.shown} takes no texts beside the images",
            hint="Its module's `predict` would need a parameter `texts`: one an image.",
        )
    return iter(predict(member.spec, member.result, images, texts=texts))


def _mean_answers(members: Sequence[FinishedRun], images: Sequence[Path], texts: Sequence[str] | None) -> list[Answer]:
    """One network after the other, so that no two have to fit into memory together."""
    sums: list[Answer] = []
    for member in members:
        found = list(answers_of(member, images, texts))
        sums = [_added(*pair) for pair in zip(sums, found, strict=True)] if sums else found
    count = len(members)
    return [one if isinstance(one, DataError) else {name: total / count for name, total in one.items()} for one in sums]


def _added(total: Answer, more: Answer) -> Answer:
    if isinstance(total, DataError) or isinstance(more, DataError):
        return total if isinstance(total, DataError) else more
    return {name: value + more[name] for name, value in total.items()}


def refuse_trained_on(
    members: Sequence[FinishedRun], images: Sequence[Path], *, work: Path | str = ".", alone: bool = False
) -> str:
    """Raise DataError where a replicate was fitted or chosen on one of the images, told by their decoded pixels.

    alone: one run is asked by its own name, on purpose: then it is said, and not refused.
    Returns the sentence to say, also where nobody can tell; else empty.
    """
    first = members[0]
    look = first.trainer.trained_on
    unchecked = f"Not checked whether {'this run was' if alone else 'replicates were'} trained on these images: "
    if look is None:
        return f"{unchecked}the trainer {first.trainer.shown} does not tell which images its runs were trained on"
    store = Store(Path(work).resolve())
    try:
        with ExitStack() as stack:
            runs = [(one.spec, stack.enter_context(reopened(one.spec, store))) for one in members]
            seen = look(runs, images)
    except DataError as error:
        return f"{unchecked}the images of the study cannot be read: {error.message}"
    known = [(path, found) for path, found in zip(images, seen, strict=True) if found is not None]
    if not known:
        return ""
    sentence = trained_on_sentence(known, len(images), alone=alone)
    if alone:
        return sentence
    replicates = known[0][1][1]
    variant = first.name.rpartition("/")[0]
    others = [one.spec.replicate.index for one in members if one.spec.replicate.index not in replicates]
    raise DataError(
        f"{sentence} The mean over the replicates would be flattered",
        hint=(f"One that has not seen it: {variant}/{others[0]}. " if others else f"One alone: {variant}/0. ")
        + "For the answers of each replicate to the images it was tested on: --oof FILE.",
    )


def trained_on_sentence(known: Sequence[tuple[Path, tuple[str, Sequence[int]]]], asked: int, *, alone: bool) -> str:
    """How many of the images asked for the runs know already, and the first. known: path, then its id and by whom."""
    path, (name, replicates) = known[0]
    count = "the image was" if asked == 1 else f"{len(known)} of the {asked} images {_were(len(known))}"
    whom = f", by replicate{'' if len(replicates) == 1 else 's'} {', '.join(map(str, replicates))}"
    flattered = f" What it says of {'it' if len(known) == 1 else 'them'} is flattered." if alone else ""
    by = " by this run" if alone else ""
    return f"{count} trained or validated on{by}: {path} is {name!r}{'' if alone else whom}.{flattered}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


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
    paths: Sequence[Path],
    tell: Callable[[str], None] | None = None,
    *,
    takes: Callable[[str], bool] = is_image,
    clips: bool = False,
) -> list[Path]:
    """The images of a request: files as they are, folders with all images below them, by path.

    takes: whether a file of a folder counts, by its name. tell: told in one sentence which hidden and system
    entries of the folders are passed over. clips: a folder of images is one clip, by its numbered frames.
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
        found_below = _images_below(path, nobodys, takes, clips=clips)
        below = sorted(found_below, key=lambda file: file.relative_to(path).as_posix())
        if not below:
            kind, endings = ("clip", VIDEOS) if clips else ("image", IMAGE_ENDINGS)
            raise DataError(f"{path} holds no {kind}", hint=f"{kind.title()}s end in {', '.join(endings)}.")
        found += below
    if nobodys and tell is not None:
        tell(nobodys_note(sorted(nobodys)))
    return found


def _images_below(folder: Path, nobodys: list[str], takes: Callable[[str], bool], *, clips: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        nobodys += [os.path.relpath(Path(place, name), folder) for name in [*folders, *names] if is_system_entry(name)]
        folders[:] = [name for name in folders if not is_system_entry(name)]
        yield from (Path(place, name) for name in names if takes(name))
        if clips and any(is_image(name) for name in names):
            yield Path(place)


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
    if takes_clips(run):
        return is_video
    return takes_all if isinstance(data, Mapping) and data.get("reader") else is_image


def takes_clips(run: FinishedRun) -> bool:
    """Whether a run's network is given clips."""
    data = run.spec.config.get("data")
    return isinstance(data, Mapping) and bool(data.get("clip"))


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
    if found is None and run.trainer.is_command:
        raise TrainerError(
            f"the run is of a command, {run.trainer.shown}, and ablate knows nothing of its network",
            hint="What the script left is in the run's folder, below files/.",
        )
    if found is None:
        raise TrainerError(
            f"the trainer {run.trainer.shown} cannot do this: its module has no `{name}`",
            hint=f"Give the module a function `{name}`; docs/own_trainer.md says what it is handed.",
        )
    return found
