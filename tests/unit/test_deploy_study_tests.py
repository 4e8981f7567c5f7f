"""The test images of finished runs, without training anything: a folder of answers and the study's images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate import files
from ablate.deploy.records import Preprocessing
from ablate.errors import DataError
from ablate.records import Finished, RunSpec, Stamp
from ablate.store.work_folder import Store
from ablate.training.config import Config
from ablate.training.data.cache import load_images
from ablate.workflows.deploy import study_tests
from ablate.workflows.deploy.study_tests import IMAGENET, preprocessing_of_run
from tests.training_builders import a_config, a_spec

DIGITS = {"source": {"name": "digits"}, "classes": 10, "image_size": 8, "channels": 1}


def a_run(
    folder: Path, ids: list[str], changes: dict[str, Any] | None = None, **columns: Any
) -> tuple[RunSpec, Finished]:
    """A finished run whose answers are to these images."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"id": np.array(ids), "classes": np.array(list("0123456789"))} | columns
    np.savez(folder / "outcomes.npz", **{name: value for name, value in kept.items() if value is not None})
    spec = a_spec(a_config(data={**DIGITS, **(changes or {})}))
    data = Config.model_validate(spec.config).data
    digest = load_images(data, lambda key, build: files.build_once(Store(folder.parent).cache / key, build)).digest
    stamp = Stamp(data_digest=digest)
    return spec, Finished(folder=folder, metrics={"accuracy": 0.5}, images="outcomes.npz", stamp=stamp)


def test_the_images_are_those_of_the_runs_test_part_in_its_order(tmp_path: Path) -> None:
    """With their labels, and their pixels as the study decodes them, or a file otherwise."""
    from sklearn.datasets import load_digits

    ids = ["digits:0003", "digits:0001", "digits:0010"]
    runs = [("s/baseline/0", *a_run(tmp_path / "0", ids)), ("s/baseline/1", *a_run(tmp_path / "1", ids[:2]))]

    found = study_tests.test_set_of_runs(runs, Store(tmp_path), "s/baseline")

    data = load_digits()
    assert [part.ids for part in found.parts] == [tuple(ids), tuple(ids[:2])]
    assert found.parts[0].labels == tuple((str(data.target[number]),) for number in (3, 1, 10))
    how = found.preprocessing
    assert how is not None
    pixels = found.parts[0].load(how, [1])[0]
    np.testing.assert_array_equal(pixels[:, :, 0], np.round(data.images[1] * 255 / 16).astype(np.uint8))
    other = found.parts[0].load(Preprocessing(image_size=12, classes=how.classes, channels=3), [0])[0]
    assert other.shape == (12, 12, 3)


def test_a_preprocessing_tells_all_of_a_run(tmp_path: Path) -> None:
    """What its images become, its classes and whose it is."""
    spec, result = a_run(tmp_path, ["digits:0001"], {"normalize": {"mean": [0.5], "std": [0.25]}, "depth": "clip"})
    how = preprocessing_of_run("s/a b/3", spec, result)
    assert (how.mean, how.std, how.depth, how.channels) == ((0.5,), (0.25,), "clip", 1)
    assert (how.study, how.variant, how.replicate) == ("s", "a b", spec.replicate.index)
    assert (how.classes, how.fingerprint) == (tuple("0123456789"), spec.fingerprint)
    colour, result = a_run(tmp_path, ["digits:0001"], {"channels": 3, "normalize": "imagenet"})
    assert (preprocessing_of_run("s/x/0", colour, result).mean, IMAGENET[0]) == (IMAGENET[0],) * 2


def test_what_runs_have_not_left_is_said(tmp_path: Path) -> None:
    """Images that are gone, answers that were not kept, classes of an earlier version."""
    store = Store(tmp_path)
    with pytest.raises(DataError, match=r"'digits:9999'.*data have changed"):
        study_tests.test_set_of_runs([("s/b/0", *a_run(tmp_path / "a", ["digits:9999"]))], store, "s")
    spec, result = a_run(tmp_path / "b", ["digits:0001"], classes=None)
    with pytest.raises(DataError, match="names of its classes"):
        preprocessing_of_run("s/b/0", spec, result)
    (tmp_path / "b" / "outcomes.npz").write_bytes(b"torn")
    with pytest.raises(DataError, match="cannot be read"):
        preprocessing_of_run("s/b/0", spec, result)
    bare = Finished(folder=tmp_path, metrics={})
    with pytest.raises(DataError, match="no answers to single images"):
        preprocessing_of_run("s/b/0", spec, bare)


def test_images_that_are_not_those_of_the_run_are_refused(tmp_path: Path) -> None:
    """Their numbers of classes would be read by the names of others."""
    spec, result = a_run(tmp_path / "0", ["digits:0001"])
    other = replace(result, stamp=Stamp(data_digest="of other images"))

    with pytest.raises(DataError, match=r"no longer those this run was trained on.*--retrain"):
        study_tests.test_set_of_runs([("s/b/0", spec, other)], Store(tmp_path), "s")


def test_a_files_own_reader_is_not_imported(tmp_path: Path) -> None:
    """Only the study's own reader is."""
    found = study_tests.test_set_of_runs([("s/b/0", *a_run(tmp_path / "0", ["digits:0001"]))], Store(tmp_path), "s")
    assert found.preprocessing is not None
    how = Preprocessing(image_size=8, classes=found.preprocessing.classes, channels=1, reader="os:system")
    with pytest.raises(DataError, match="code that its file only names"):
        found.parts[0].load(how, [0])
