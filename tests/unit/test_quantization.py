"""INT8 after training: a quarter of the bytes, nearly the same answers, the metadata kept, refusals that say why."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ablate.deploy import quantization
from ablate.deploy.quantization import FEWEST_IMAGES, quantize_onnx, quantize_openvino, to_openvino
from ablate.errors import DataError
from tests.network_files import (
    METADATA,
    answers_of_onnx,
    answers_of_openvino,
    digits,
    metadata_of_onnx,
    write_onnx,
)


@pytest.fixture(scope="module")
def fp32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained network."""
    return write_onnx(tmp_path_factory.mktemp("trained") / "fp32.onnx")


@pytest.fixture(scope="module")
def int8(fp32: Path) -> Path:
    """The same in INT8 for a processor with VNNI."""
    out = fp32.with_name("int8.onnx")
    quantize_onnx(fp32, calibration(), out, reduce_range=False)
    return out


def calibration(images: int = 200) -> Iterator[NDArray[np.float32]]:
    """Training images, batch by batch; the last batch is smaller."""
    yield from (digits()[0].images[start : min(start + 64, images)] for start in range(0, images, 64))


def weights_of(path: Path) -> dict[str, NDArray[np.int8]]:
    """The INT8 weights of a file by name."""
    arrays = {one.name: numpy_helper.to_array(one) for one in onnx.load(str(path)).graph.initializer}
    return {name: array for name, array in arrays.items() if array.dtype == np.int8 and array.ndim > 1}


def test_int8_takes_a_quarter_of_the_bytes_and_answers_nearly_the_same(fp32: Path, int8: Path) -> None:
    """Four bytes a weight become one; scales, one a channel, and the graph come on top."""
    test = digits()[1]
    before, after = answers_of_onnx(fp32, test.images), answers_of_onnx(int8, test.images)

    assert fp32.stat().st_size == pytest.approx(4 * 109_386, rel=0.01)
    assert 0.25 < int8.stat().st_size / fp32.stat().st_size < 0.29
    assert test.accuracy(before) > 0.9
    assert test.accuracy(after) == pytest.approx(test.accuracy(before), abs=0.01)
    assert 0 < np.abs(after - before).max() < 0.05 * np.ptp(before)


def test_each_channel_has_a_scale_of_its_own(int8: Path) -> None:
    """The largest weight of each channel is at the edge of the range, whatever those of the others are."""
    largest = [np.abs(weight).reshape(len(weight), -1).max(axis=1) for weight in weights_of(int8).values()]

    assert sorted(len(one) for one in largest) == [10, 32, 32, 192]
    assert {int(value) for one in largest for value in one} == {127}


def test_a_reduced_range_leaves_weights_seven_bits(fp32: Path, tmp_path: Path) -> None:
    """Pairs of products of 8 and 7 bits fit in 16; the answers stay close."""
    out = tmp_path / "reduced.onnx"
    quantize_onnx(fp32, calibration(), out, reduce_range=True)
    test = digits()[1]

    assert {int(np.abs(weight).max()) for weight in weights_of(out).values()} <= {63, 64}
    assert test.accuracy(answers_of_onnx(out, test.images)) > 0.9


@pytest.mark.parametrize(("exact", "largest"), [(True, 127), (False, 64)])
def test_the_processor_decides_on_the_range_where_nobody_else_does(
    fp32: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exact: bool, largest: int
) -> None:
    """Without VNNI it is reduced."""
    instructions = ("avx2", "avx-vnni") if exact else ("avx2",)
    cpu = quantization.this_cpu().__class__(name="a CPU", architecture="x86_64", instructions=instructions)
    monkeypatch.setattr(quantization, "this_cpu", lambda: cpu)
    quantize_onnx(fp32, calibration(FEWEST_IMAGES), tmp_path / "int8.onnx")

    assert max(int(np.abs(weight).max()) for weight in weights_of(tmp_path / "int8.onnx").values()) == largest


def test_the_same_calibration_gives_the_same_file(fp32: Path, int8: Path, tmp_path: Path) -> None:
    """Nothing in it is drawn at random."""
    quantize_onnx(fp32, calibration(), tmp_path / "again.onnx", reduce_range=False)

    assert (tmp_path / "again.onnx").read_bytes() == int8.read_bytes()


def test_openvino_says_the_same_of_the_same_file(fp32: Path, int8: Path, tmp_path: Path) -> None:
    """Its own format, in fp32 and in INT8, and onnxruntime's INT8 as it is."""
    test = digits()[1]
    to_openvino(fp32, tmp_path / "fp32.xml")
    to_openvino(int8, tmp_path / "int8.xml")
    exact, near = answers_of_onnx(fp32, test.images), answers_of_onnx(int8, test.images)

    np.testing.assert_allclose(answers_of_openvino(tmp_path / "fp32.xml", test.images), exact, atol=1e-4)
    assert np.abs(answers_of_openvino(tmp_path / "int8.xml", test.images) - near).max() < 0.05 * np.ptp(near)


@pytest.mark.parametrize("reduced", [False, True])
def test_nncf_quantises_an_ir(fp32: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], *, reduced: bool) -> None:
    """To a quarter of the bytes, with nearly the same answers, and in silence."""
    test = digits()[1]
    to_openvino(fp32, tmp_path / "fp32.xml")
    quantize_openvino(tmp_path / "fp32.xml", calibration(64), tmp_path / "int8.xml", reduce_range=reduced)
    sizes = [(tmp_path / name).stat().st_size for name in ("fp32.bin", "int8.bin")]

    assert 0.25 < sizes[1] / sizes[0] < 0.29
    assert test.accuracy(answers_of_openvino(tmp_path / "int8.xml", test.images)) > 0.9
    assert (capfd.readouterr(), logging.getLoggerClass()) == (("", ""), logging.Logger)


def test_what_a_file_carries_goes_with_it(int8: Path, tmp_path: Path) -> None:
    """The preprocessing in particular; marks of the tools do not."""
    from ablate.deploy.packages import load_package

    to_openvino(int8, tmp_path / "int8.xml")
    carried = load_package("openvino").Core().read_model(str(tmp_path / "int8.xml")).get_rt_info("ablate")

    assert metadata_of_onnx(int8) == {"ablate": METADATA}
    assert carried.astype(str) == METADATA


def test_a_file_without_metadata_gets_none(tmp_path: Path) -> None:
    """A stranger's network can be converted, too."""
    from ablate.deploy.packages import load_package

    to_openvino(write_onnx(tmp_path / "plain.onnx", metadata=None), tmp_path / "plain.xml")

    assert "ablate" not in load_package("openvino").Core().read_model(str(tmp_path / "plain.xml")).get_rt_info()


@pytest.mark.parametrize("quantize", [quantize_onnx, quantize_openvino])
def test_too_few_images_are_refused_before_any_work(quantize: object, tmp_path: Path) -> None:
    """The bound is in the message; the file need not even be read."""
    assert callable(quantize)
    with pytest.raises(DataError, match=r"there are 31; at least 32 are needed.*`int8`"):
        quantize(tmp_path / "nowhere", calibration(31), tmp_path / "out")


def test_a_quantised_network_is_not_quantised_again(int8: Path, tmp_path: Path) -> None:
    """It would lose twice."""
    to_openvino(int8, tmp_path / "int8.xml")

    with pytest.raises(DataError, match="quantised already"):
        quantize_onnx(int8, calibration(), tmp_path / "out.onnx")
    with pytest.raises(DataError, match="quantised already"):
        quantize_openvino(tmp_path / "int8.xml", calibration(), tmp_path / "out.xml")


def test_what_is_no_network_is_named(fp32: Path, tmp_path: Path) -> None:
    """Whatever kind of error an engine raises."""
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(fp32.read_bytes()[:1000])

    with pytest.raises(DataError, match=r"torn\.onnx cannot be read as ONNX"):
        quantize_onnx(torn, calibration(), tmp_path / "out.onnx")
    with pytest.raises(DataError, match=r"torn\.onnx cannot be read by OpenVINO"):
        to_openvino(torn, tmp_path / "out.xml")
    with pytest.raises(DataError, match=r"nowhere\.onnx is not there"):
        to_openvino(tmp_path / "nowhere.onnx", tmp_path / "out.xml")
    assert not list(tmp_path.glob("out*"))


def test_images_of_another_size_are_refused_with_the_sizes(fp32: Path, tmp_path: Path) -> None:
    """The engine knows what the network takes."""
    wrong = np.zeros((64, 1, 9, 9), dtype=np.float32)

    with pytest.raises(DataError, match=r"fp32\.onnx cannot be quantised by onnxruntime: .*9.*8"):
        quantize_onnx(fp32, [wrong], tmp_path / "out.onnx")


def test_a_network_without_layers_to_quantise_is_refused(tmp_path: Path) -> None:
    """A file in which nothing changed would be called INT8 for nothing. Two inputs are none of an image classifier."""
    shape = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, 8, 8])
    other = helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 1, 8, 8])
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1, 8, 8])
    for inputs, name in [([shape], "none.onnx"), ([shape, other], "two.onnx")]:
        graph = helper.make_graph([helper.make_node("Erf", ["images"], ["logits"])], "g", inputs, [out])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.save(model, str(tmp_path / name))

    with pytest.raises(DataError, match="nothing in this network can be quantised"):
        quantize_onnx(tmp_path / "none.onnx", calibration(), tmp_path / "out.onnx")
    with pytest.raises(DataError, match="has one input; this has 2"):
        quantize_onnx(tmp_path / "two.onnx", calibration(), tmp_path / "out.onnx")
    to_openvino(tmp_path / "none.onnx", tmp_path / "none.xml")
    with pytest.raises(DataError, match="nothing in this network can be quantised"):
        quantize_openvino(tmp_path / "none.xml", calibration(), tmp_path / "out.xml")
