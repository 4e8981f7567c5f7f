"""Folders and tables that networks are judged on: labels, groups, and what is refused of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.deploy.process import EngineProcess
from ablate.deploy.records import MeasureOptions
from ablate.errors import DataError
from ablate.workflows.deploy.decoding import decode_files
from ablate.workflows.deploy.files import read_file, steps_of
from ablate.workflows.deploy.measure import measure_and_judge
from ablate.workflows.deploy.test_sets import folder_or_table
from tests.grey_folder import CLASSES, HOW, NETWORK, biased, write_grey_folder
from tests.linear_networks import a_linear, preprocessing_of, write_onnx

UNTIMED = MeasureOptions(timed=False)


def write_table(path: Path, rows: Sequence[str], head: str = "path,label") -> Path:
    """A CSV file."""
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_folder_may_lack_a_class_and_says_so(tmp_path: Path) -> None:
    """Files that are no images are passed over, and told."""
    scans = write_grey_folder(tmp_path / "scans", 2)
    (scans / "dark" / "notes.txt").write_text("x")
    for file in (scans / "light").iterdir():
        file.unlink()
    (scans / "light").rmdir()

    found = folder_or_table(scans, HOW)

    assert sorted(label for (label,) in found.parts[0].labels) == ["dark", "dark", "grey", "grey"]
    assert any("'light'" in note for note in found.notes)
    assert any("passed over" in note for note in found.notes)


def test_an_image_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    """An accuracy over the others would be another test set's."""
    scans = write_grey_folder(tmp_path / "scans", 2)
    (scans / "dark" / "torn.png").write_bytes(b"\x89PNG")
    write_onnx(tmp_path / "a.onnx", NETWORK, HOW)
    with pytest.raises(DataError, match=r"1 of 7 images cannot be read: dark/torn\.png"):
        measure_and_judge([steps_of([tmp_path / "a.onnx"])], folder_or_table(scans, HOW), UNTIMED)


def test_all_images_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    """Also those beyond the images that are decoded together."""
    scans = write_grey_folder(tmp_path / "scans", 30)
    for name in ("dark/torn.png", "light/torn.png"):
        (scans / name).write_bytes(b"\x89PNG")
    write_onnx(tmp_path / "a.onnx", NETWORK, HOW)
    told: list[str] = []
    with pytest.raises(DataError, match=r"2 of 92 images cannot be read: dark/torn\.png .*light/torn\.png"):
        measure_and_judge(
            [steps_of([tmp_path / "a.onnx"])], folder_or_table(scans, HOW), UNTIMED, on_progress=told.append
        )
    assert told == ["Asking 1 file about 92 images"]


def test_no_call_is_of_more_images_than_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peak memory of a process would be that of larger ones."""
    sizes: list[int] = []
    logits = EngineProcess.logits

    def told(self: EngineProcess, batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        return logits(self, batch)

    monkeypatch.setattr(EngineProcess, "logits", told)
    scans = write_grey_folder(tmp_path / "scans", 3)
    write_onnx(tmp_path / "a.onnx", NETWORK, HOW)
    options = MeasureOptions(timed=False, batch=2)
    measure_and_judge([steps_of([tmp_path / "a.onnx"])], folder_or_table(scans, HOW), options)
    assert sizes == [2, 2, 2, 2, 1]


def test_a_table_may_give_several_labels(tmp_path: Path) -> None:
    """An answer is right where each label is."""
    network = a_linear(classes=2, side=4)._replace(
        weights=np.zeros((48, 2), np.float32), bias=np.array([1, -1], np.float32)
    )
    how = preprocessing_of(network, ("a", "b"), multi_label=True)
    for number in range(3):
        Image.new("RGB", (5, 4)).save(tmp_path / f"{number}.png")
    table = write_table(tmp_path / "t.csv", ["0.png,a", "1.png,a|b", "2.png,b"])
    write_onnx(tmp_path / "a.onnx", network, how)

    found = measure_and_judge([steps_of([tmp_path / "a.onnx"])], folder_or_table(table, how), UNTIMED)

    assert found.rows[0].accuracy == (1 / 3,)


def test_what_is_no_test_set_is_refused(tmp_path: Path) -> None:
    """Neither folder nor table; without images."""
    with pytest.raises(DataError, match="neither a folder"):
        folder_or_table(tmp_path / "x.zip", HOW)
    (tmp_path / "empty" / "dark").mkdir(parents=True)
    with pytest.raises(DataError):
        folder_or_table(tmp_path / "empty", HOW)


def test_columns_are_set_in_the_first_files_order(tmp_path: Path) -> None:
    """A network that lists its classes otherwise gives the same answers."""
    scans = write_grey_folder(tmp_path / "scans", 4)
    turned = NETWORK._replace(weights=NETWORK.weights[:, ::-1].copy(), bias=NETWORK.bias[::-1].copy())
    write_onnx(tmp_path / "a.onnx", NETWORK, HOW)
    write_onnx(tmp_path / "b.onnx", turned, replace(HOW, classes=CLASSES[::-1]))
    steps = steps_of([tmp_path / "a.onnx", tmp_path / "b.onnx"])

    found = measure_and_judge([[one] for one in steps], folder_or_table(scans, HOW), UNTIMED)

    assert found.rows[1].largest_difference == pytest.approx(0, abs=1e-5)
    assert found.rows[1].changed == 0
    assert found.rows[1].single is None


def test_replicates_are_judged_together(tmp_path: Path) -> None:
    """Two files a row, each on the images of its own part."""
    part = folder_or_table(write_grey_folder(tmp_path / "one", 8), HOW)
    other = folder_or_table(write_grey_folder(tmp_path / "two", 8, seed=1), HOW)
    both = replace(
        part, parts=(part.parts[0], replace(other.parts[0], ids=tuple(f"two/{one}" for one in other.parts[0].ids)))
    )
    for name, network in (("a", NETWORK), ("b", biased(0.1))):
        write_onnx(tmp_path / f"{name}.onnx", network, HOW)
    rows = [[step, step] for step in steps_of([tmp_path / "a.onnx", tmp_path / "b.onnx"])]

    found = measure_and_judge(rows, both, UNTIMED)

    assert (found.replicates, found.images) == (2, 48)
    assert [len(row.accuracy) for row in found.rows] == [2, 2]
    assert found.rows[1].claim is not None
    assert found.rows[1].claim.basis == "images and replicates"
    with pytest.raises(DataError, match="1 files for 2 test parts"):
        measure_and_judge([rows[0][:1]], both, UNTIMED)


def test_files_of_one_name_go_by_their_paths_and_other_weights_are_another_network(tmp_path: Path) -> None:
    """Rows are told apart; a speed-up by fewer weights is no engine's."""
    (tmp_path / "x").mkdir()
    paths = [write_onnx(tmp_path / "a.onnx", NETWORK, HOW), write_onnx(tmp_path / "x" / "a.onnx", a_linear(), HOW)]
    first, second = steps_of(paths)
    assert (first.name, second.name) == (str(paths[0]), str(paths[1]))
    assert (first.network, second.network) == ("original", "144 weights")
    assert first.parameters == 8 * 8 * 3 * 3


def test_files_are_decoded_as_runs_decode(tmp_path: Path) -> None:
    """To the network's size and channels; of those that cannot be, the reason."""
    Image.new("RGB", (9, 5), (10, 20, 30)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    first, second = decode_files([tmp_path / "a.png", tmp_path / "b.png"], HOW)
    assert not isinstance(first, str)
    assert (first.shape, first[0, 0].tolist()) == ((8, 8, 3), [10, 20, 30])
    assert second == "the file is empty"


@pytest.mark.parametrize(
    ("content", "said"), [("{", "no JSON file"), ("[]", "not a mapping"), ('{"classes": ["a", "b"]}', "image_size")]
)
def test_a_preprocessing_file_that_is_none_is_refused(tmp_path: Path, content: str, said: str) -> None:
    """With its name."""
    (tmp_path / "how.json").write_text(content)
    with pytest.raises(DataError, match=said):
        read_file(tmp_path / "how.json")
    with pytest.raises(DataError, match="No such file"):
        read_file(tmp_path / "none.json")
