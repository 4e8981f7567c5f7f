"""Predictions by stored weights: many images at once, and the recorded accuracy once more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ablate.errors import DataError
from ablate.execute.inline import InlineExecutor
from ablate.records import Finished, RunSpec
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from ablate.training import predict, retest
from ablate.training.data.unlabelled import unlabelled_files
from ablate.workflows.predict import images_in, trained_on_sentence
from ablate.workflows.reopened_run import reopened
from tests.training_builders import LOADED, a_config, a_spec, a_task, carried_out, finished


@pytest.fixture(scope="module")
def trained(decoded_digits: Path) -> tuple[Path, RunSpec, Finished]:
    """A finished run with everything that has a state of its own switched on."""
    spec = a_spec(a_config(LOADED))
    attempt = carried_out(InlineExecutor(), a_task(decoded_digits, spec))
    return decoded_digits, spec, finished(read_result(attempt))


def test_the_stored_weights_give_the_recorded_metrics_again_exactly(trained: tuple[Path, RunSpec, Finished]) -> None:
    """Not nearly: the same bits, in a network built anew."""
    work, spec, result = trained
    torch.manual_seed(1234)

    with reopened(spec, Store(work)) as once_more:
        assert retest(spec, result, once_more) == result.metrics


def test_other_weights_do_not_pass(trained: tuple[Path, RunSpec, Finished], tmp_path: Path) -> None:
    """One changed layer is seen."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    work, spec, result = trained
    with safe_open(result.folder / result.files["weights"], framework="pt") as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
        metadata = stored.metadata()
    tensors["head.out.weight"] = -tensors["head.out.weight"]
    save_file(tensors, tmp_path / "weights.safetensors", metadata=metadata)
    with reopened(spec, Store(work)) as once_more:
        again = retest(spec, replace(result, folder=tmp_path, digests={}), once_more)

    assert again["accuracy"] != result.metrics["accuracy"]


def test_images_that_changed_since_are_told(trained: tuple[Path, RunSpec, Finished]) -> None:
    """Another accuracy on other images would say nothing of the weights."""
    work, spec, result = trained
    stamp = replace(result.stamp, data_digest="another")

    with (
        reopened(spec, Store(work)) as once_more,
        pytest.raises(DataError, match="no longer those this run was trained"),
    ):
        retest(spec, replace(result, stamp=stamp), once_more)


def test_weights_that_are_gone_are_named(trained: tuple[Path, RunSpec, Finished], tmp_path: Path) -> None:
    """With what to do."""
    _, spec, result = trained

    with pytest.raises(DataError, match="weights of this run are gone"):
        next(iter(predict(spec, replace(result, folder=tmp_path), [])), None)


def test_weights_in_which_a_bit_has_changed_answer_nothing(
    trained: tuple[Path, RunSpec, Finished], tmp_path: Path
) -> None:
    """They would load without a word."""
    _, spec, result = trained
    content = bytearray((result.folder / result.files["weights"]).read_bytes())
    content[-1000] ^= 1
    (tmp_path / result.files["weights"]).write_bytes(content)

    with pytest.raises(DataError, match="weights of this run are damaged"):
        next(iter(predict(spec, replace(result, folder=tmp_path), [])), None)


def test_a_test_image_as_a_file_is_predicted_as_it_was_tested(
    trained: tuple[Path, RunSpec, Finished], tmp_path: Path
) -> None:
    """Decoding and normalising are those of training; more images than a batch holds come in their order."""
    from sklearn.datasets import load_digits

    _, spec, result = trained
    with np.load(result.folder / str(result.images)) as stored:
        ids, prob = stored["id"], stored["prob"]
    scans = np.round(load_digits().images * 255 / 16).astype(np.uint8)
    files = []
    for name in ids:
        files.append(tmp_path / f"{name.replace(':', '-')}.png")
        Image.fromarray(scans[int(name.split(":")[1])]).save(files[-1])
    many = files * 10  # 600 images; a batch holds 512
    found = np.array([list(row.values()) for row in predict(spec, result, many)])

    assert np.allclose(found[:60], prob, atol=2e-3)
    assert np.allclose(found[540:], found[:60], atol=1e-6)
    assert list(next(iter(predict(spec, result, files)))) == list("0123456789")


def test_unreadable_images_are_named(trained: tuple[Path, RunSpec, Finished], tmp_path: Path) -> None:
    """With the reason, in the image's place: the others have their answers."""
    _, spec, result = trained
    (tmp_path / "torn.png").write_bytes(b"no image")
    Image.new("L", (8, 8)).save(tmp_path / "whole.png")
    torn, whole = predict(spec, result, [tmp_path / "torn.png", tmp_path / "whole.png"])
    (lone,) = predict(spec, result, [tmp_path / "torn.png"])

    assert isinstance(torn, DataError)
    assert isinstance(lone, DataError)
    assert isinstance(whole, dict)
    assert "torn.png (not an image" in torn.message


def test_a_folder_stands_for_all_images_below_it(tmp_path: Path) -> None:
    """By path, whatever the file system's order; hidden files and other files are passed over."""
    for name in ("b/2.PNG", "a.jpg", "b/1.png", ".hidden/3.png", "b/.4.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert [path.relative_to(tmp_path).as_posix() for path in images_in([tmp_path])] == [
        "a.jpg",
        "b/1.png",
        "b/2.PNG",
    ]
    assert images_in([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]  # named by itself
    with pytest.raises(DataError, match="there is no image"):
        images_in([tmp_path / "c.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        images_in([tmp_path / "empty"])


def test_the_unlabelled_part_is_what_lies_beside_the_labelled_ones(tmp_path: Path) -> None:
    """Food-11's folder `test`, whose file names are numbers alone."""
    for name in ("train/0_1.jpg", "valid/1_2.jpg", "test/0002.jpg", "test/0001.jpg", "test/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    source = {"name": "labelled_files", "root": str(tmp_path), "test": "valid"}
    config = a_config(data={"source": source, "classes": 11}).data

    assert [path.name for path in unlabelled_files(config)] == ["0001.jpg", "0002.jpg"]
    assert unlabelled_files(a_config().data) == []


@pytest.mark.parametrize(
    ("known", "asked", "alone", "sentence"),
    [
        ([(0, 1)], 1, False, "the image was trained or validated on: 0.png is 'a', by replicates 0, 1."),
        ([(0,), (0,)], 3, False, "2 of the 3 images were trained or validated on: 0.png is 'a', by replicate 0."),
        (
            [(0,)],
            2,
            True,
            "1 of the 2 images was trained or validated on by this run: 0.png is 'a'. What it says of it is flattered.",
        ),
    ],
)
def test_images_trained_on_are_counted_in_english(
    known: list[tuple[int, ...]],
    asked: int,
    alone: bool,  # noqa: FBT001
    sentence: str,
) -> None:
    """One image, several, and a run that is asked alone."""
    found = [(Path(f"{place}.png"), ("a", replicates)) for place, replicates in enumerate(known)]
    assert trained_on_sentence(found, asked, alone=alone) == sentence
