"""OpenVINO's intermediate representation, an .xml with a .bin beside it; the only reader of its metadata."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ablate.deploy.packages import load_package
from ablate.deploy.preprocessing import preprocessing_of_text, text_of
from ablate.deploy.records import KEY, Preprocessing
from ablate.deploy.shapes import FileEngine
from ablate.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BEGINNING = b"<?xml"
_WEIGHTS = {"f16": "fp16", "bf16": "bf16"}


class OpenvinoEngine(FileEngine):
    """Implements records.Engine."""

    name = "openvino"

    def __init__(self, path: Path, model: Any, compiled: Any) -> None:
        super().__init__(path, [_sizes(one.partial_shape) for one in model.inputs])
        self.precision = _precision(model)
        self._compiled = compiled
        self._request = compiled.create_infer_request()

    def _answer(self, batch: NDArray[np.float32]) -> object:
        try:
            found = self._request.infer({0: batch}, share_inputs=True)
        except RuntimeError as error:
            raise _refused(self._path, error) from error
        return found[0]


def open_file(path: Path, *, threads: int) -> OpenvinoEngine:
    """The network of a file on the CPU, one stream of so many threads.

    Numbers of the file's own precision: on processors with bf16 OpenVINO would else compute fp32 networks in it.
    """
    core, model = _read(path)
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    try:
        compiled = core.compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise _refused(path, error) from error
    return OpenvinoEngine(path, model, compiled)


def read_metadata(path: Path) -> Preprocessing | None:
    """What the file says of its input; None where it says nothing."""
    _, model = _read(path)
    if not model.has_rt_info([KEY]):
        return None
    return preprocessing_of_text(str(model.get_rt_info([KEY]).value), str(path))


def set_metadata(model: Any, preprocessing: Preprocessing) -> None:
    """Put it into a model in memory, before it is saved."""
    model.set_rt_info(text_of(preprocessing), [KEY])


def write_metadata(path: Path, preprocessing: Preprocessing) -> None:
    """Put it into the file, in the place of what is there."""
    openvino = load_package("openvino")
    _, model = _read(path, mapped=False)
    set_metadata(model, preprocessing)
    with TemporaryDirectory(dir=path.parent) as folder:
        # Elsewhere first: the weights are read while they are written.
        written = Path(folder, path.name)
        openvino.save_model(model, written, compress_to_fp16=False)
        del model
        for made, place in ((written.with_suffix(".bin"), path.with_suffix(".bin")), (written, path)):
            made.replace(place)


def files_of(path: Path) -> list[Path]:
    """The graph and its weights."""
    return [path, path.with_suffix(".bin")]


def weight_shapes(path: Path) -> list[tuple[int, ...]]:
    """Of every tensor that is stored."""
    _, model = _read(path)
    return [tuple(one.get_output_shape(0)) for one in model.get_ops() if one.get_type_name() == "Constant"]


def _read(path: Path, *, mapped: bool = True) -> tuple[Any, Any]:
    weights = path.with_suffix(".bin")
    with path.open("rb") as stream:
        if not stream.read(64).lstrip().startswith(BEGINNING):
            raise DataError(f"{path} is not an OpenVINO file: it does not begin with {BEGINNING.decode()}")
    if not weights.is_file():
        raise DataError(f"{path} has no weights beside it: {weights} is not there", hint="Copy both files.")
    core = load_package("openvino").Core()
    core.set_property({"ENABLE_MMAP": mapped})
    try:
        return core, core.read_model(path, weights)
    except RuntimeError as error:
        raise _refused(path, error) from error


def _sizes(shape: Any) -> list[int | None]:
    if shape.rank.is_dynamic:
        return []
    return [side.get_length() if side.is_static else None for side in shape]


def _precision(model: Any) -> str:
    kinds: dict[str, int] = {}
    for node in model.get_ops():
        if node.get_type_name() == "FakeQuantize":
            return "int8"
        if node.get_type_name() == "Constant":
            name = node.get_element_type().get_type_name()
            kinds[name] = kinds.get(name, 0) + node.get_byte_size()
    largest = max(kinds, key=lambda name: kinds[name], default="f32")
    return "int8" if largest in ("i8", "u8") else _WEIGHTS.get(largest, "fp32")


def _refused(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[-300:] or type(error).__name__
    return DataError(f"{path} cannot be used by openvino: {reason}", hint="Is it whole, with its .bin?")
