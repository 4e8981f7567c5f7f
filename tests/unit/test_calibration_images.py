"""INT8's ranges are found on training images: never on those of the test, nor on those a run was chosen by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ablate.errors import DataError
from ablate.execute.inline import InlineExecutor
from ablate.records import Finished, RunSpec
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from ablate.training.compress.calibration import calibration_batches
from ablate.training.config import Config
from ablate.training.data.parts import Subset, load_parts
from ablate.training.numerics import set_up
from ablate.workflows.reopened_run import reopened
from tests.training_builders import a_config, a_spec, a_task, carried_out, finished

AUGMENTED = {"augment": {"crop": {"padding": 1}, "flip": {}}}


@pytest.fixture(scope="module")
def trained(decoded_digits: Path) -> tuple[Path, RunSpec, Finished]:
    """A finished run on 50 fit, 20 validation and 60 test images, which augments."""
    spec = a_spec(a_config(AUGMENTED, epochs=1))
    attempt = carried_out(InlineExecutor(), a_task(decoded_digits, spec))
    return decoded_digits, spec, finished(read_result(attempt))


def test_only_fit_images_are_read_each_once_as_the_network_is_given_them(
    trained: tuple[Path, RunSpec, Finished],
) -> None:
    """Normalised, not augmented; the same each time."""
    work, spec, result = trained
    config = Config.model_validate(spec.config)
    with reopened(spec, Store(work)) as run:
        batches = list(calibration_batches(spec, result, run))
        again = list(calibration_batches(spec, result, run))
        parts = load_parts(config, run, set_up(config))

    assert [batch.shape for batch in batches] == [(32, 1, 8, 8), (18, 1, 8, 8)]
    assert {batch.dtype for batch in batches} == {np.dtype(np.float32)}
    assert contents(np.concatenate(batches)) == contents(images_of(parts.fit))
    assert not set(contents(np.concatenate(batches))) & {
        *contents(images_of(parts.test)),
        *contents(images_of(parts.val)),
    }
    np.testing.assert_array_equal(np.concatenate(batches), np.concatenate(again))


def test_a_large_fit_part_gives_three_hundred_images(digits: Path) -> None:
    """More take longer and change nothing that can be measured."""
    spec = a_spec(a_config(epochs=1, data={"train": 500}))
    result = finished(read_result(carried_out(InlineExecutor(), a_task(digits, spec))))
    with reopened(spec, Store(digits)) as run:
        batches = list(calibration_batches(spec, result, run))

    assert sum(map(len, batches)) == 300
    assert len(set(contents(np.concatenate(batches)))) == 300


def test_a_fit_part_that_is_too_small_is_refused_with_the_bound(digits: Path) -> None:
    """Before any work."""
    spec = a_spec(a_config(epochs=1, data={"train": 51}))
    result = finished(read_result(carried_out(InlineExecutor(), a_task(digits, spec))))

    with reopened(spec, Store(digits)) as run, pytest.raises(DataError, match="there are 31; at least 32 are needed"):
        calibration_batches(spec, result, run)


def test_images_that_changed_since_are_told(trained: tuple[Path, RunSpec, Finished]) -> None:
    """Ranges of other images would be of another network."""
    work, spec, result = trained
    other = replace(result, stamp=replace(result.stamp, data_digest="of others"))

    with reopened(spec, Store(work)) as run, pytest.raises(DataError, match="no longer those this run was trained on"):
        calibration_batches(spec, other, run)


def images_of(part: Subset) -> NDArray[np.float32]:
    """All of a part."""
    return np.asarray(part.images_of(part.places()))


def contents(images: NDArray[np.float32]) -> list[bytes]:
    """Of each image its bytes, in an order that is theirs."""
    return sorted(image.tobytes() for image in np.ascontiguousarray(images))
