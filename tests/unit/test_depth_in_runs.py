"""Depth and readers from the first look to predictions: one way of decoding for all of a run's images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ablate.errors import DataError
from ablate.execute.inline import InlineExecutor
from ablate.readers.image_folders import is_image, takes_all
from ablate.splits.rules import Folds, Protocol
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from ablate.trainer import load_trainer
from ablate.training import predict
from ablate.training.config import Config
from ablate.training.data.unlabelled import unlabelled_files
from ablate.training.preparation import prepare_data
from ablate.workflows.predict import FinishedRun, files_taken_by, images_in
from tests.training_builders import BUILT_IN, a_config, a_live_run, a_spec, a_task, carried_out, finished

PROTOCOL = Protocol(test=Folds(count=2))


def write_data(root: Path) -> Path:
    """Two classes of 16-bit images, as PNG and as arrays, in folders of their own."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(("blank", "cell")):
        for index in range(6):
            values = (rng.random((8, 8)) * 20000 + 30000 * label).astype(np.uint16)
            for kind in ("png", "npy"):
                (root / kind / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(root / "png" / name / f"{index}.png")
            np.save(root / "npy" / name / f"{index}.npy", values)
    return root


def config_of(root: Path, **data: Any) -> Config:
    source = {"name": "image_folder", "root": str(root)}
    return a_config(data={"source": source, "classes": 2, "train": 0.5, **data}, batch_size=3)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A reader of arrays, in the work folder."""
    (tmp_path / "array_reader.py").write_text(
        "import numpy as np\n\ndef read(path):\n    return np.load(path), (0, 65535)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "array_reader", raising=False)
    return "array_reader:read"


def test_deep_images_are_refused_before_any_is_decoded(tmp_path: Path) -> None:
    """The look before the first run ends with the sentence, and nothing is cached but what headers say."""
    config = config_of(write_data(tmp_path) / "png")

    with pytest.raises(DataError, match="12 images hold more than 8 bits per value"):
        prepare_data(config, a_live_run(tmp_path, a_spec(config, protocol=PROTOCOL)))

    assert not list((Store(tmp_path).cache / "pictures").rglob("pixels.bin"))


def test_the_look_before_the_first_run_tells_the_conversion(tmp_path: Path) -> None:
    """A report passes it on."""
    config = config_of(write_data(tmp_path) / "png", depth="clip")

    notes = prepare_data(config, a_live_run(tmp_path, a_spec(config, protocol=PROTOCOL))).notes

    assert any(note.startswith("12 images are 16-bit grey (mode I;16), cut at 255") for note in notes)


def test_a_file_is_predicted_as_the_runs_images_were_decoded(tmp_path: Path, reader: str) -> None:
    """By depth and by reader: a test image as a file gets the answer it got in the test; other depths are refused."""
    data = write_data(tmp_path)
    for kind, settings in (("png", {"depth": "scale"}), ("npy", {"reader": reader})):
        spec = a_spec(config_of(data / kind, **settings), protocol=PROTOCOL)
        result = finished(read_result(carried_out(InlineExecutor(), a_task(tmp_path, spec))))
        assert result.images is not None
        with np.load(result.folder / result.images) as columns:
            tested = dict(zip(columns["id"].tolist(), columns["prob"].astype(float).tolist(), strict=True))
        found = list(predict(spec, result, [data / kind / name for name in tested]))
        for row, expected in zip(found, tested.values(), strict=True):
            assert not isinstance(row, DataError)
            assert list(row.values()) == pytest.approx(expected, abs=1e-3)
        if kind == "png":
            Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "float.tif")
            (refused,) = predict(spec, result, [tmp_path / "float.tif"])
            assert "it states no range" in str(refused)


def test_folders_to_predict_hold_whatever_the_reader_reads(tmp_path: Path, reader: str) -> None:
    """As training did: every file but hidden and system ones."""
    folder = write_data(tmp_path) / "npy" / "cell"
    (folder / ".hidden").write_bytes(b"x")
    spec = a_spec(config_of(tmp_path / "npy", reader=reader), protocol=PROTOCOL)
    run = FinishedRun("s/v/0", spec, None, load_trainer(BUILT_IN))  # type: ignore[arg-type]

    assert files_taken_by(run) is takes_all
    assert len(images_in([folder], takes=files_taken_by(run))) == 6
    assert files_taken_by(run._replace(spec=a_spec(a_config()))) is is_image


def test_unlabelled_parts_too(tmp_path: Path, reader: str) -> None:
    """Arrays beside the labelled part."""
    for name in ("train/0_1.npy", "train/1_1.npy", "test/0001.npy", "test/0002.npy"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "data" / name, np.zeros((8, 8), np.uint8))
    source = {"name": "labelled_files", "root": str(tmp_path / "data")}
    with_reader = a_config(data={"source": source, "classes": 2, "reader": reader}).data

    assert [path.name for path in unlabelled_files(with_reader)] == ["0001.npy", "0002.npy"]
    assert unlabelled_files(with_reader.model_copy(update={"reader": None})) == []
