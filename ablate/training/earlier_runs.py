"""Weights of an earlier run: which run that is, and whether it has seen test images of this one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ablate.errors import DataError
from ablate.files import sha256_json
from ablate.protocols import Run
from ablate.records import Finished, RunSpec
from ablate.settings import identity_of, settings_of_record
from ablate.store.work_folder import state_of_file
from ablate.training.config import Config, DataConfig
from ablate.training.data.cache import load_images
from ablate.training.data.parts import SplitRequest, split_images
from ablate.training.data.same import is_of
from ablate.training.data.scan import hashes_of
from ablate.training.data.sources import list_images

WEIGHTS = "weights"
"""Name of the weights among a run's files."""


class Donor(NamedTuple):
    """A run whose weights another begins with. digest: of what was asked of it and the data it saw."""

    weights: Path
    digest: str


def donor_of(config: Config, run: Run) -> Donor:
    """The same replicate of the variant that `weights.run` names.

    Raises DataError where it has not finished, was made by another trainer, has lost its weights, or
    was fitted or chosen on images that this run is tested on.
    """
    assert config.weights is not None
    assert config.weights.run is not None
    name = config.weights.run
    spec, result = _finished(name, run)
    stored = result.files.get(WEIGHTS)
    state = "gone" if stored is None else state_of_file(result, stored)
    if stored is None or state != "whole":
        raise DataError(
            f"the run {name} (replicate {run.replicate.index}) has no stored weights: they are {state}",
            hint=f"Remove {result.folder}; then `ablate run` trains it again.",
        )
    _refuse_leak(config, run, name)
    return Donor(result.folder / stored, digest_of_donor(spec, result))


def digest_of_donor(spec: RunSpec, result: Finished) -> str:
    """Of what was asked of a run and the data it saw: what its weights came from."""
    asked = [spec.trainer, spec.identity, spec.protocol.identity()]
    return sha256_json([*asked, result.stamp.data_digest, result.stamp.weights_digest])


def _finished(name: str, run: Run) -> tuple[RunSpec, Finished]:
    found = run.earlier(name)
    if found is None:
        raise DataError(
            f"weights.run: {name} has not finished replicate {run.replicate.index} yet",
            hint="Run that study first, with as many replicates.",
        )
    spec, _ = found
    if spec.trainer.partition(":")[0] != "ablate.training":
        raise DataError(
            f"weights.run: {name} was trained by {spec.trainer}, which does not say what its weights have seen",
            hint="Give the file of its weights under weights.file, if it saw none of the test images.",
        )
    return found


def _refuse_leak(config: Config, run: Run, name: str) -> None:
    """Raise DataError where the donor, or one that it began with itself, has seen test images of this run."""
    images = load_images(config.data, run.cached)
    tested = {images.ids[i] for i in split_images(config.data, run, images).test}
    origin: str | None = name
    while origin is not None:
        spec, result = _finished(origin, run)
        donor = settings_of_record(Config, spec.config)
        same_data = is_of(result.stamp.data_digest, images, config.data, run.cached)
        # By the same rule on the same images the donor was tested on just these, and has seen none of them.
        if not (same_data and _rule(config.data, run) == _rule(donor.data, spec)):
            seen, known = _seen(donor.data, spec, run), tested
            if not same_data:
                seen, known = _contents(donor.data, seen), _contents(config.data, tested)
            if both := seen & known:
                raise DataError(
                    f"weights.run: {origin} was fitted or chosen on {len(both)} of the {len(tested)} images that "
                    f"replicate {run.replicate.index} is tested on",
                    hint="Give both studies the same evidence.test and data.seed, or take weights of another origin.",
                )
        origin = None if donor.weights is None else donor.weights.run


def _rule(data: DataConfig, seat: SplitRequest) -> list[object]:
    """Everything the choice of test images rests on, beside the images themselves."""
    return [{**identity_of(data), "train": None}, seat.protocol.test, seat.protocol.sealed, seat.replicate.index]


def _seen(data: DataConfig, spec: RunSpec, run: Run) -> set[str]:
    """Ids of the images a run was fitted on or chosen by."""
    images = load_images(data, run.cached)
    parts = split_images(data, spec, images)
    return {images.ids[i] for i in (*parts.fit, *parts.val)}


def _contents(data: DataConfig, ids: set[str]) -> set[str]:
    """Digests of the files of some images: equal files are told whatever data set they lie in."""
    chosen = [image for image in list_images(data).read().images if image.id in ids]
    return set(hashes_of(chosen))
