"""From a file of a trained network in fp32 to one in INT8, calibrated on images; and from ONNX to OpenVINO's format."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.deploy.cpu import this_cpu
from ablate.deploy.packages import load_package, no_warnings_logged
from ablate.deploy.records import KEY
from ablate.errors import DataError
from ablate.files import write_atomically

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Batches = Iterable[NDArray[np.float32]]

FEWEST_IMAGES = 32
"""To calibrate on. With fewer the ranges are too narrow: on digits the largest logit difference is ten times that of
300 images and more (docs/adr/0052)."""
ENOUGH_IMAGES = 300
"""More change nothing that can be measured, and take longer."""

QUANTISED = frozenset({"QuantizeLinear", "QLinearConv", "QLinearMatMul", "DynamicQuantizeLinear", "ConvInteger"})


def quantize_onnx(path: Path, calibration_batches: Batches, out: Path, reduce_range: bool | None = None) -> None:  # noqa: FBT001 - None is the third
    """Write the network of an ONNX file in INT8: QDQ, each channel's weights by their own scale.

    calibration_batches: (n, C, H, W) float32 as the network is given them, of training images; never of test images.
    reduce_range: weights in 7 bits, for x86 processors that add 8-bit products up in 16; None: where this processor is
    one, or does not say. The file's metadata are kept. Raises DataError for a file that cannot be read or has nothing
    to quantise, and for fewer than FEWEST_IMAGES images.
    """
    onnx, quantization = load_package("onnx"), load_package("onnxruntime.quantization")
    batches = _enough(calibration_batches)
    name = _input_of(onnx, path)
    kinds, tools = quantization.QuantType, load_package("onnxruntime.quantization.shape_inference")
    with tempfile.TemporaryDirectory() as folder, _about(path, "quantised by onnxruntime"), no_warnings_logged():
        prepared = Path(folder) / "prepared.onnx"
        tools.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        made = Path(folder) / "int8.onnx"
        quantization.quantize_static(
            str(prepared),
            str(made),
            _reader(quantization.CalibrationDataReader, name, batches),
            per_channel=True,
            reduce_range=must_reduce_range() if reduce_range is None else reduce_range,
            activation_type=kinds.QUInt8,
            weight_type=kinds.QInt8,
        )
        model = onnx.load(str(made))
    if not _kinds_of_nodes(model) & QUANTISED:
        raise DataError(
            f"{path}: nothing in this network can be quantised",
            hint="Convolutions and linear layers can.",
        )
    _tidy(model)
    write_atomically(out, lambda temporary: onnx.save(model, str(temporary)))


def to_openvino(onnx_path: Path, out: Path) -> None:
    """Write an ONNX file, INT8 or not, as OpenVINO's IR: `out` (.xml) and a .bin beside it, all weights as they are.

    Raises DataError for a file that OpenVINO cannot read.
    """
    openvino, onnx = load_package("openvino"), load_package("onnx")
    with _about(onnx_path, "read by OpenVINO"):
        metadata = {one.key: one.value for one in onnx.load(str(onnx_path), load_external_data=False).metadata_props}
        model = openvino.Core().read_model(str(onnx_path))
    _save_ir(openvino, model, out, metadata.get(KEY))


def quantize_openvino(xml: Path, batches: Batches, out: Path, reduce_range: bool | None = None) -> None:  # noqa: FBT001 - None is the third
    """Write an OpenVINO IR in INT8 by nncf, calibrated as `quantize_onnx` is; the metadata are kept."""
    openvino, nncf = load_package("openvino"), load_package("nncf")
    advanced = load_package("nncf.quantization.advanced_parameters")
    images = [batch[row : row + 1] for batch in _enough(batches) for row in range(len(batch))]
    fix = advanced.OverflowFix
    reduced = must_reduce_range() if reduce_range is None else reduce_range
    with _about(xml, "quantised by nncf"), _unheard():
        model = openvino.Core().read_model(str(xml))
        metadata = _metadata_of(model)
        if any(node.get_type_name() == "FakeQuantize" for node in model.get_ops()):
            raise DataError(f"{xml}: this network is quantised already", hint="Start from its file in fp32.")
        model = nncf.quantize(
            model,
            nncf.Dataset(images),
            subset_size=len(images),
            advanced_parameters=advanced.AdvancedQuantizationParameters(
                overflow_fix=fix.ENABLE if reduced else fix.DISABLE
            ),
        )
    if not any(node.get_type_name() == "FakeQuantize" for node in model.get_ops()):
        raise DataError(f"{xml}: nothing in this network can be quantised")
    _save_ir(openvino, model, out, metadata)


def must_reduce_range() -> bool:
    """Whether INT8 products could overflow on this processor, so that weights are kept to 7 bits."""
    return not this_cpu().adds_bytes_exactly


def refuse_too_few(images: int) -> None:
    """Raise DataError where a part has too few images to calibrate on."""
    if images < FEWEST_IMAGES:
        raise DataError(
            f"INT8 is calibrated on training images, and there are {images}; at least {FEWEST_IMAGES} are needed",
            hint="Leave `int8` out of the `deploy:` block, or train on more images.",
        )


def _enough(batches: Batches) -> Sequence[NDArray[np.float32]]:
    found = [batch for batch in batches if len(batch)]
    refuse_too_few(sum(len(batch) for batch in found))
    return found


def _reader(base: Any, name: str, batches: Sequence[NDArray[np.float32]]) -> Any:
    """What onnxruntime asks for the next batch, until there is none."""

    class Reader(base):  # type: ignore[misc] # a class of a package that is loaded late
        def __init__(self) -> None:
            self.left = iter(batches)

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self.left, None)
            return None if batch is None else {name: batch}

    return Reader()


def _input_of(onnx: Any, path: Path) -> str:
    """The name of the one input. Raises DataError for more, and for a network that is quantised already."""
    with _about(path, "read as ONNX"):
        model = onnx.load(str(path), load_external_data=False)
        stored = {one.name for one in model.graph.initializer}
        names = [one.name for one in model.graph.input if one.name not in stored]
    if _kinds_of_nodes(model) & QUANTISED:
        raise DataError(f"{path}: this network is quantised already", hint="Start from its file in fp32.")
    if len(names) != 1:
        raise DataError(f"{path}: a network of images has one input; this has {len(names)}")
    return str(names[0])


def _kinds_of_nodes(model: Any) -> frozenset[str]:
    return frozenset(node.op_type for node in model.graph.node)


def _tidy(model: Any) -> None:
    """Forget the marks of the tools, and sets of operators that are named and not used: other readers refuse some."""
    kept = [one for one in model.metadata_props if not one.key.startswith("onnx.")]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    used = {node.domain for node in model.graph.node} | {""}
    sets = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(sets)


def _save_ir(openvino: Any, model: Any, out: Path, metadata: str | None) -> None:
    """The .bin first: whoever finds the .xml finds both whole."""
    if metadata is not None:
        model.set_rt_info(metadata, KEY)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "network.xml"
        openvino.save_model(model, str(made), compress_to_fp16=False)
        for suffix in (".bin", ".xml"):
            _put(made.with_suffix(suffix), out.with_suffix(suffix))


def _put(made: Path, path: Path) -> None:
    write_atomically(path, lambda temporary: _discard(shutil.copyfile(made, temporary)))


def _discard(_: object) -> None:
    return None


def _metadata_of(model: Any) -> str | None:
    return str(model.get_rt_info(KEY).astype(str)) if KEY in model.get_rt_info() else None


@contextmanager
def _about(path: Path, what: str) -> Iterator[None]:
    """Say of which file an engine complains; its own kinds of errors are no kinds that anybody could name."""
    try:
        yield
    except (DataError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:400] or type(error).__name__
        raise DataError(f"{path} cannot be {what}: {reason}") from error


@contextmanager
def _unheard() -> Iterator[None]:
    """nncf draws bars of its progress, and asks nobody where."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield
