"""Files of a study's own networks: judged on the test images of their replicate, and answering as `ablate predict`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from ablate.deploy import onnx_files
from ablate.records import Finished, RunSpec
from ablate.store.run_names import find_run
from ablate.store.work_folder import Store
from ablate.training.compress.export import export_run
from ablate.workflows.deploy.study_tests import preprocessing_of_run
from tests.command_line import ablate

pytestmark = pytest.mark.slow

STUDY = """\
study: told
base:
  data: {source: {name: digits}, classes: 10, image_size: 8, channels: 1, train: 300,
         normalize: {mean: [0.3], std: [0.4]}}
  model: {name: vgg, blocks: [1], width: 4, norm: {name: batch}, head: {name: gap}}
  optimizer: {name: adam, lr: 2e-2}
  batch_size: 50
  epochs: 1
chain:
  Crop: {augment.crop: {padding: 1}}
evidence: {test: {folds: 6}, replicates: [2]}
"""


def run_of(work: Path, name: str) -> tuple[RunSpec, Finished]:
    """A finished run."""
    return find_run(name, Store(work))


def export(work: Path, name: str, file: str) -> Path:
    """Its network as a file with its preprocessing."""
    spec, result = run_of(work, name)
    path = work / file
    export_run(spec, result, path)
    how = preprocessing_of_run(name, spec, result)
    onnx_files.write_metadata(path, how)
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study has run; the networks of two replicates lie there as files."""
    folder = tmp_path_factory.mktemp("told")
    (folder / "told.yaml").write_text(STUDY, encoding="utf-8")
    done = ablate(folder, "run", "told.yaml", "--executor", "inline", "--no-tracking")
    assert done.exit_code == 0, done.output
    path = export(folder, "told/baseline/0", "zero.onnx")
    shutil.copy(path, folder / "one.onnx")
    onnx_files.write_metadata(
        folder / "one.onnx", preprocessing_of_run("told/baseline/1", *run_of(folder, "told/baseline/1"))
    )
    bare = onnx.load(path)
    del bare.metadata_props[:]
    onnx.save(bare, folder / "bare.onnx")
    return folder


@pytest.mark.parametrize("replicate", [0, 1])
def test_a_file_scores_on_the_study_what_its_run_scored(work: Path, replicate: int) -> None:
    """On the test images of its own replicate, found by the file alone; to the last bit."""
    name = "zero.onnx" if replicate == 0 else "second.onnx"
    if replicate:
        export(work, "told/baseline/1", name)
    done = ablate(work, "deploy", name, "--on", "told", "--json")

    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    _, recorded = run_of(work, f"told/baseline/{replicate}")
    assert result["rows"][0]["accuracy"] == [recorded.metrics["accuracy"]]
    assert result["images"] in range(295, 306)  # a sixth of 1,797
    assert result["classes"] == list("0123456789")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["zero.onnx", "--on", "told/baseline/1"], "replicate 0, which was trained on test images of told/baseline/1"),
        (["zero.onnx", "one.onnx", "--on", "told"], "one.onnx is of replicate 1"),
        (["zero.onnx", "--on", "tolt"], "nor a study 'tolt' that has run here"),
        (["zero.onnx", "--on", "told/Crops"], "no variant 'Crops'"),
        (["zero.onnx", "--on", "told/baseline/7"], "no replicate '7'"),
    ],
)
def test_a_network_is_not_judged_on_images_it_was_trained_on(work: Path, words: list[str], said: str) -> None:
    """Nor on those of a run that is not there."""
    done = ablate(work, "deploy", *words)
    assert done.exit_code == 2, done.output
    assert said in done.output.replace("\n", " ")


def test_a_file_that_does_not_know_its_replicate_is_judged_where_it_is_told(work: Path) -> None:
    """Each replicate of folds has test images of its own."""
    _, result = run_of(work, "told/baseline/0")

    done = ablate(work, "deploy", "bare.onnx", "--on", "told")
    assert done.exit_code == 2
    assert "--on told/baseline/0" in done.output.replace("\n", " ")
    told = ablate(work, "deploy", "bare.onnx", "--on", "told/baseline/0", "--json")
    assert json.loads(told.stdout)["rows"][0]["accuracy"] == [result.metrics["accuracy"]]


def test_a_file_predicts_as_its_run_does(work: Path) -> None:
    """The same answers, in the same words."""
    rng = np.random.default_rng(0)
    for number in range(4):
        Image.fromarray(rng.integers(0, 256, (11, 7), dtype=np.uint8)).save(work / f"{number}.png")
    (work / "torn.png").write_bytes(b"no image")
    images = [f"{number}.png" for number in range(4)] + ["torn.png"]

    by_run = ablate(work, "predict", "told/baseline/0", *images)
    by_file = ablate(work, "predict", "--engine", "onnx", "zero.onnx", *images)

    assert by_run.exit_code == by_file.exit_code == 1
    assert by_file.stdout == by_run.stdout
    assert "torn.png (not an image" in by_file.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "openvino", "zero.onnx", "0.png"], "opened by onnxruntime"),
        (["--engine", "tensorrt", "zero.onnx", "0.png"], "onnx, onnxruntime, openvino, torch"),
        (["--engine", "onnx", "zero.onnx"], "nothing to predict"),
        (["--engine", "onnx", "zero.onnx", "--check"], "--engine predicts by a file alone"),
        (["--engine", "onnx", "zero.onnx", "none.png"], "there is no image none.png"),
    ],
)
def test_what_a_file_cannot_predict_is_said(work: Path, words: list[str], said: str) -> None:
    """Exit code 2, with what to do."""
    done = ablate(work, "predict", *words)
    assert done.exit_code == 2, done.output
    assert said in done.output.replace("\n", " ")
