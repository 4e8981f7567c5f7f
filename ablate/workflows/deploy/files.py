"""`ablate deploy FILE FILE --on ...`: files that exist, measured and judged against the first. Needs no study."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ablate.deploy.opening import engine_of, read_metadata, weights_of
from ablate.deploy.preprocessing import preprocessing_of_text, read_preprocessing
from ablate.deploy.records import DeployResult, MeasureOptions, Preprocessing, Step
from ablate.errors import DataError
from ablate.store.run_names import read_names, studies_hint
from ablate.store.work_folder import Store
from ablate.workflows.deploy.measure import Progress, measure_and_judge
from ablate.workflows.deploy.test_sets import TestSet, folder_or_table

LARGEST_JSON = 10_000_000


def deploy_files(
    paths: Sequence[Path],
    on: str,
    options: MeasureOptions | None = None,
    *,
    work: Path | str = ".",
    preprocessing: Path | None = None,
    on_progress: Progress = lambda _: None,
) -> DeployResult:
    """Files of networks on one test set: STUDY[/VARIANT[/REPLICATE]], a folder with a sub-folder a class, or a table.

    preprocessing: a JSON file for the networks whose own file says nothing of it. Raises DataError and NotInstalled
    for files that cannot be used, StudyError for a study that cannot be used; all before anything is measured.
    """
    told = None if preprocessing is None else read_file(preprocessing)
    hows = [read_metadata(str(path)) or told for path in paths]
    test_set = _test_set(on, paths, hows, Path(work))
    steps = [
        replace(step, preprocessing=how or test_set.preprocessing)
        for step, how in zip(steps_of(paths), hows, strict=True)
    ]
    _refuse_trained_on(steps, test_set)
    return measure_and_judge([[step] for step in steps], test_set, options, on_progress=on_progress)


def steps_of(paths: Sequence[Path]) -> list[Step]:
    """A step for each file, called as the file is; by its path where two are called alike.

    Networks with as many weights are taken for one network, by another library or in another precision.
    """
    names = [path.name for path in paths]
    counts = [weights_of(str(path)) for path in paths]
    return [
        Step(
            name=path.name if names.count(path.name) == 1 else os.fspath(path),
            path=os.fspath(path),
            engine=engine_of(str(path)),
            network="original" if count == counts[0] else f"{count:,} weights",
            parameters=count,
        )
        for path, count in zip(paths, counts, strict=True)
    ]


def read_file(path: Path) -> Preprocessing:
    """A preprocessing that somebody wrote down. Raises DataError for what is none."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise DataError(f"{path} is too large to say how an image becomes an input")
        return read_preprocessing(json.loads(path.read_text(encoding="utf-8")), str(path))
    except OSError as error:
        raise DataError(f"--preprocessing {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"--preprocessing {path} is no JSON file: {error}") from error


def _test_set(on: str, paths: Sequence[Path], hows: Sequence[Preprocessing | None], work: Path) -> TestSet:
    place = Path(on)
    if not place.exists():
        _refuse_unknown(on, Store(work.resolve()))
    if place.is_dir() or place.suffix.lower() in (".csv", ".tsv"):
        for path, how in zip(paths, hows, strict=True):
            if how is None:
                preprocessing_of_text(None, str(path))
        return folder_or_table(place, hows[0] or preprocessing_of_text(None, str(paths[0])))
    from ablate.workflows.deploy.study_tests import study_tests

    return study_tests(on, work, next(_that_know_their_run(hows), None))


def _refuse_unknown(on: str, store: Store) -> None:
    """Raise DataError for what is neither there nor a study's name."""
    study = on.split("/")[0]
    if Path(on).suffix.lower() in (".csv", ".tsv"):
        raise DataError(
            f"--on {on}: there is no such table", hint=f"A relative path starts at the current folder, {Path.cwd()}."
        )
    if not study or read_names(store.study(study)) is None:
        raise DataError(
            f"--on {on}: there is neither such a folder or table, nor a study {study!r} that has run here",
            hint=studies_hint(study, store),
        )


def _that_know_their_run(hows: Sequence[Preprocessing | None]) -> Iterator[Preprocessing]:
    yield from (how for how in hows if how is not None and how.replicate is not None)


def _refuse_trained_on(steps: Sequence[Step], test_set: TestSet) -> None:
    """Raise DataError where a network of another replicate would be judged on images that it was trained on."""
    replicate = test_set.parts[0].replicate
    for step in steps:
        own = None if step.preprocessing is None else step.preprocessing.replicate
        if replicate is not None and own is not None and own != replicate:
            raise DataError(
                f"{step.path} is of replicate {own}, which may have been trained on test images of replicate "
                f"{replicate}",
                hint="Hold files of one replicate against each other.",
            )
