"""A network's files answer as the network does in torch, on image files of every kind that people have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.deploy import onnx_files
from ablate.deploy.quantization import to_openvino
from ablate.errors import DataError
from ablate.store.run_names import find_run
from ablate.store.work_folder import Store
from ablate.training import exported
from ablate.training.compress.export import export_run
from ablate.workflows.deploy.predict_file import open_preprocessing, predict_with_file
from ablate.workflows.deploy.study_tests import preprocessing_of_run
from ablate.workflows.predict import predict_with_run
from tests.command_line import ablate

pytestmark = pytest.mark.slow

STUDY = """\
study: mixed
base:
  data: {source: {name: image_folder, root: images}, classes: 2, image_size: 24, normalize: imagenet, train: 120,
         exif: EXIF, depth: scale, resize: RESIZE}
  model: {name: vgg, blocks: [1, 1], width: 8, norm: {name: batch}, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-2}
  batch_size: 20
  epochs: 2
chain:
  Flip: {augment.flip: {probability: 0.5}}
evidence: {test: {share: 0.2}, replicates: [2]}
"""
COUNT = 200


def write_images(folder: Path, shape: tuple[int, int] | None) -> list[Path]:
    """200 that differ in mode, format and orientation, and in size where none is given; none is square."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(COUNT):
        label = ("cool", "warm")[number % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        width, height = rng.integers(20, 60, 2).tolist()
        height += width == height
        found.append(write_image(folder / label / f"{number:03}", number, rng, shape or (height, width)))
    return found


def write_image(stem: Path, number: int, rng: np.random.Generator, shape: tuple[int, int]) -> Path:
    """One of eight kinds, by its number."""
    levels = np.clip(rng.normal(90 + 60 * (number % 2), 40, (*shape, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(levels)
    turned = Image.Exif()
    turned[0x0112] = 1 + number // 8 % 8
    match number // 2 % 8:
        case 0:
            image.save(path := stem.with_suffix(".jpg"), exif=turned, quality=90)
        case 1:
            image.convert("CMYK").save(path := stem.with_suffix(".jpg"), quality=90)
        case 2:
            image.convert("L").save(path := stem.with_suffix(".jpg"), exif=turned)
        case 3:
            image.convert("P").save(path := stem.with_suffix(".png"), transparency=0)
        case 4:
            image.convert("RGBA").save(path := stem.with_suffix(".png"))
        case 5:
            deep = levels[:, :, 0].astype(np.uint16) * 257
            Image.fromarray(deep).save(path := stem.with_suffix(".png"))
        case 6:
            image.convert("LA").save(path := stem.with_suffix(".png"))
        case _:
            image.save(path := stem.with_suffix(".webp"), exif=turned, lossless=True)
    return path


@pytest.mark.parametrize(("resize", "exif", "shape"), [("pil", "transpose", None), ("device", "ignore", (40, 30))])
def test_every_engine_answers_as_predict_does(
    tmp_path: Path, resize: str, exif: str, shape: tuple[int, int] | None
) -> None:
    """200 non-square, EXIF-rotated, CMYK, grey, palette, 16-bit images: the same classes, probabilities to rounding."""
    images = write_images(tmp_path / "images", shape)
    (tmp_path / "mixed.yaml").write_text(STUDY.replace("RESIZE", resize).replace("EXIF", exif), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        done = ablate(tmp_path, "run", "mixed.yaml", "--executor", "inline", "--no-tracking")
        assert done.exit_code == 0, done.output
        spec, result = find_run("mixed/baseline/0", Store(tmp_path))
        how = preprocessing_of_run("mixed/baseline/0", spec, result)
        expected = [row for _, row in predict_with_run("mixed/baseline/0", images, work=tmp_path)]
    for ending in (".onnx", ".pt2"):
        export_run(spec, result, tmp_path / f"net{ending}")
    onnx_files.write_metadata(tmp_path / "net.onnx", how)
    exported.write_metadata(tmp_path / "net.pt2", how)
    to_openvino(tmp_path / "net.onnx", tmp_path / "net.xml")

    assert len({max(row, key=row.__getitem__) for row in expected}) == 2
    for name, engine in (("net.onnx", "onnx"), ("net.xml", "openvino"), ("net.pt2", "torch")):
        told = open_preprocessing(tmp_path / name, engine)
        assert told == how
        found = list(predict_with_file(tmp_path / name, told, images))
        for path, row, other in zip(images, expected, found, strict=True):
            assert not isinstance(other, DataError), other
            assert max(row, key=row.__getitem__) == max(other, key=other.__getitem__), path
            np.testing.assert_allclose(list(other.values()), list(row.values()), atol=1e-5, err_msg=str(path))
