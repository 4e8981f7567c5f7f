"""The test images of a study's finished runs, from the names and the decoded images that its runs left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate import files
from ablate.deploy.records import Preprocessing
from ablate.errors import DataError, StudyError
from ablate.records import BASELINE, Finished, RunSpec
from ablate.settings import settings_of_record
from ablate.splits.rules import Folds
from ablate.store.outcome_columns import read_columns
from ablate.store.run_names import find_members, find_run, read_names
from ablate.store.work_folder import Store
from ablate.trainer import BUILT_IN
from ablate.workflows.deploy.decoding import HOW
from ablate.workflows.deploy.test_sets import TestPart, TestSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ablate.training.config import DataConfig

    Pixels = NDArray[np.uint8]

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""What `normalize: imagenet` stands for."""


def study_tests(name: str, work: Path, how: Preprocessing | None = None) -> TestSet:
    """The test part of one replicate of STUDY, STUDY/VARIANT or STUDY/VARIANT/REPLICATE.

    how: of the network's file, which says of which run it is; the part is that of its replicate, whose images it was
    not trained on. Raises StudyError for what has not run, and where nobody can tell which replicate it is.
    """
    store = Store(work.resolve())
    run, spec, result = _run_of(name, store, how)
    refuse_sealed(name, [spec])
    return test_set_of_runs([(run, spec, result)], store, name)


def refuse_sealed(name: str, specs: Iterable[RunSpec]) -> None:
    """Raise StudyError for trials of a search, which are not to see a test image."""
    if any(spec.protocol.sealed for spec in specs):
        raise StudyError(
            f"{name} is a trial of a search, whose test images are sealed until it is confirmed",
            hint="Confirm it: `search: {confirm: {top: 1, replicates: 5}}`, then `ablate optuna STUDY` again.",
        )


def test_set_of_runs(runs: Sequence[tuple[str, RunSpec, Finished]], store: Store, name: str) -> TestSet:
    """The test parts of some runs, one a replicate, in their order. Raises DataError where the images are gone."""
    parts = tuple(_part(spec, result, store) for _, spec, result in runs)
    run, spec, result = runs[0]
    how = preprocessing_of_run(run, spec, result)
    return TestSet(name=name, classes=how.classes, parts=parts, preprocessing=how)


def preprocessing_of_run(name: str, spec: RunSpec, result: Finished) -> Preprocessing:
    """How a run of the built-in trainer makes its input of an image. name: STUDY/VARIANT/REPLICATE."""
    config = _data_of(spec)
    study, _, rest = name.partition("/")
    mean, std = _normalization(config)
    depth = config.model_dump(mode="json")["depth"]
    return Preprocessing(
        image_size=config.image_size,
        classes=classes_of_run(result),
        channels=config.channels,
        resize=config.resize,
        exif=config.exif,
        depth=depth,
        reader=config.reader,
        mean=mean,
        std=std,
        multi_label=config.multi_label,
        study=study,
        variant=rest.rpartition("/")[0] or rest,
        replicate=spec.replicate.index,
        fingerprint=spec.fingerprint,
    )


def classes_of_run(result: Finished) -> tuple[str, ...]:
    """The names of the classes, in the order of a run's logits. Raises DataError for a run that has not kept them."""
    columns = _columns(result)
    if "classes" not in columns:
        raise DataError(
            f"the run in {result.folder} has not kept the names of its classes",
            hint="It is of an earlier version; train it again, or give a folder or a table by --on.",
        )
    return tuple(str(one) for one in columns["classes"])


def _normalization(config: DataConfig) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    if config.normalize == "imagenet":
        return IMAGENET
    return (None, None) if config.normalize is None else (tuple(config.normalize.mean), tuple(config.normalize.std))


def _run_of(name: str, store: Store, how: Preprocessing | None) -> tuple[str, RunSpec, Finished]:
    study, _, rest = name.partition("/")
    variant, _, replicate = rest.partition("/")
    asked = None if how is None else how.replicate
    if replicate:
        found = (name, *find_run(name, store))
        if asked is not None and found[1].replicate.index != asked:
            raise StudyError(
                f"the network is of replicate {asked}, which was trained on test images of {name}",
                hint=f"Judge it on {study}/{variant}/{asked}.",
            )
        return found
    members = find_members(f"{study}/{variant or _any_variant(study, store, how)}", store)
    wanted = [one for one in members if one[1].replicate.index == asked]
    if wanted:
        return wanted[0]
    if asked is not None:
        raise StudyError(f"replicate {asked} of {name}, whose test images the network is judged on, has not finished")
    if isinstance(members[0][1].protocol.test, Folds):
        raise StudyError(
            f"each replicate of {name} has test images of its own, and the file does not say of which it is",
            hint=f"Name it: --on {members[0][0]}.",
        )
    return members[0]


def _any_variant(study: str, store: Store, how: Preprocessing | None) -> str:
    """All are tested on the same images; the network's own if it is one of them."""
    names = read_names(store.study(study)) or {}
    if how is not None and how.variant in names:
        return how.variant
    finished = [one for one, runs in names.items() if any(store.finished(run) for run in runs.values())]
    return next(iter(finished), BASELINE)


def _part(spec: RunSpec, result: Finished, store: Store) -> TestPart:
    import numpy as np

    from ablate.training.data.cache import load_images
    from ablate.training.data.same import is_of

    config = _data_of(spec)

    def cached(key: str, build: Callable[[Path], None]) -> Path:
        return files.build_once(store.cache / key, build)

    ids = tuple(str(one) for one in _columns(result)["id"])

    def decoded(how: Preprocessing | None) -> tuple[Pixels, list[int], tuple[str, ...], NDArray[np.generic]]:
        changed = config if how is None else config.model_copy(update=_changes(config, how))
        images = load_images(changed, cached)
        place = {name: number for number, name in enumerate(images.ids)}
        if any(name not in place for name in ids):
            missing = next(name for name in ids if name not in place)
            raise DataError(
                f"{missing!r}, which the run was tested on, is not among the study's images any more",
                hint="The data have changed since; give a folder or a table of images by --on.",
            )
        # The run's classes and answers are those of the images it saw, whatever these are called now.
        if how is None and not is_of(result.stamp.data_digest, images, config, cached):
            raise DataError(
                "the images are no longer those this run was trained on",
                hint="Put the old ones back, or train again: `ablate run STUDY --retrain`.",
            )
        rows = [place[name] for name in ids]
        groups = tuple(images.ids[first] for first in images.groups[rows])
        return images.pixels, rows, groups, images.targets[rows]

    _, _, groups, targets = decoded(None)
    opened: dict[tuple[object, ...], tuple[Pixels, list[int]]] = {}

    def load(how: Preprocessing, chosen: Sequence[int]) -> Sequence[Pixels]:
        key = tuple(repr(getattr(how, name)) for name in HOW)
        if key not in opened:
            opened[key] = decoded(how)[:2]
        pixels, rows = opened[key]
        return [np.asarray(pixels[rows[one]]) for one in chosen]

    classes = classes_of_run(result)
    labels = tuple(
        (classes[int(one)],) if targets.ndim == 1 else tuple(classes[k] for k in np.flatnonzero(one)) for one in targets
    )
    alone = len(set(groups)) == len(groups)
    return TestPart(ids=ids, labels=labels, load=load, groups=() if alone else groups, replicate=spec.replicate.index)


def _changes(config: DataConfig, how: Preprocessing) -> dict[str, object]:
    """What a network's file decodes otherwise than the study. A reader must be the study's own: it is code."""
    from ablate.workflows.deploy.decoding import data_config

    if how.reader is not None and how.reader != config.reader:
        data_config(how, config.source)  # refuses it
    plain = Preprocessing(**{name: getattr(how, name) for name in HOW if name != "reader"}, classes=how.classes)
    changed = data_config(plain, config.source)
    return {name: getattr(changed, name) for name in HOW if name != "reader"} | {"reader": how.reader}


def _data_of(spec: RunSpec) -> DataConfig:
    from ablate.training.config import Config

    if spec.trainer != BUILT_IN:
        raise DataError(
            f"the runs are of the trainer {spec.trainer}, and only it can read its images",
            hint="Give the test images as a folder with a sub-folder a class, or as a CSV file: --on FOLDER.",
        )
    return settings_of_record(Config, spec.config).data


def _columns(result: Finished) -> dict[str, NDArray[np.generic]]:
    if result.images is None:
        raise DataError(f"the run in {result.folder} has kept no answers to single images")
    try:
        return read_columns(result.folder / result.images, "id", "classes")
    except (OSError, ValueError) as error:
        raise DataError(f"the answers of the run in {result.folder} cannot be read: {error}") from error
