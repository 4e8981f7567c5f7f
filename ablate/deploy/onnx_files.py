"""ONNX files, by onnxruntime on the CPU; the only reader and writer of their metadata."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.deploy.packages import load_package
from ablate.deploy.preprocessing import preprocessing_of_text, text_of
from ablate.deploy.records import KEY, Preprocessing
from ablate.deploy.shapes import FileEngine
from ablate.errors import DataError, NotInstalled
from ablate.files import write_atomically
from ablate.safety.plain_files import is_inside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_GRAPH = 2**31
"""Bytes of the file itself: protobuf reads no more. Larger weights lie beside it."""
_PRECISIONS = {10: "fp16", 16: "bf16"}
"""ONNX's number of a type of weights -> its name."""


class OnnxEngine(FileEngine):
    """Implements records.Engine."""

    name = "onnxruntime"

    def __init__(self, path: Path, session: Any, precision: str) -> None:
        super().__init__(path, [_sizes(one.shape) for one in session.get_inputs()])
        self.precision = precision
        self._session = session
        self._input = session.get_inputs()[0].name

    def _answer(self, batch: NDArray[np.float32]) -> object:
        try:
            found = self._session.run(None, {self._input: batch})
        except Exception as error:  # its classes are not public
            raise _refused(self._path, error) from error
        return found[0]


class _Facts(NamedTuple):
    """What is read of a checked file. said: its preprocessing, None without one."""

    said: str | None
    places: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    precision: str


def open_file(path: Path, *, threads: int) -> OnnxEngine:
    """The network of a file, one thread pool of that size, nothing optimised away between calls.

    Raises DataError for a file that is damaged, reads outside its folder, or has an operator nobody knows.
    """
    facts = _facts(path)
    runtime = load_package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise _refused(path, error) from error
    return OnnxEngine(path, session, facts.precision)


def read_metadata(path: Path) -> Preprocessing | None:
    """What the file says of its input; None where it says nothing."""
    said = _facts(path).said
    return None if said is None else preprocessing_of_text(said, str(path))


def write_metadata(path: Path, preprocessing: Preprocessing) -> None:
    """Put it into the file, in the place of what is there."""
    onnx = load_package("onnx")
    model = _checked_model(path)
    kept = [one for one in model.metadata_props if one.key != KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=KEY, value=text_of(preprocessing))
    write_atomically(path, lambda to: onnx.save_model(model, str(to), format="protobuf"))


def files_of(path: Path) -> list[Path]:
    """The file and those its weights lie in."""
    return [path, *sorted({path.parent / place for place in _facts(path).places})]


def weight_shapes(path: Path) -> list[tuple[int, ...]]:
    """Of every tensor that is stored."""
    return list(_facts(path).shapes)


def _facts(path: Path) -> _Facts:
    """Read once for as long as the file stays as it is: the graph of a large network fills the memory."""
    seen = path.stat()
    return _read_facts(path, (seen.st_ino, seen.st_size, seen.st_mtime_ns))


@lru_cache(maxsize=64)
def _read_facts(path: Path, _version: tuple[int, ...]) -> _Facts:
    model = _checked_model(path)
    texts = {one.key: one.value for one in model.metadata_props}
    shapes = tuple(tuple(one.dims) for one in model.graph.initializer)
    return _Facts(texts.get(KEY), tuple(_places(model)), shapes, _precision(model))


def _checked_model(path: Path) -> Any:
    """The graph without external data, none of which lies outside the file's folder."""
    onnx = load_package("onnx")
    if path.stat().st_size >= LARGEST_GRAPH:
        raise DataError(
            f"{path} has {path.stat().st_size:,} bytes; an ONNX file of 2 GiB or more cannot be read",
            hint="Export it with external data.",
        )
    try:
        model = onnx.load_model(str(path), load_external_data=False, format="protobuf")
    except NotInstalled:
        raise
    except Exception as error:
        raise _refused(path, error) from error
    if not model.graph.node or not model.graph.output:
        raise DataError(f"{path} is not an ONNX file, or one without a network", hint="Write it again.")
    for place in _places(model):
        data = path.parent / place
        if not is_inside(place) or not data.resolve().is_relative_to(path.parent.resolve()):
            raise DataError(
                f"{path} reads weights from {place!r}, which lies outside its folder",
                hint="Nothing was read. Files that ablate writes name none such; where is this one from?",
            )
        if not data.is_file():
            raise DataError(f"{path} keeps weights in {place!r}, which is not there", hint="Copy both files.")
    return model


def _places(model: Any) -> list[str]:
    """The files that tensors lie in, wherever in the model they are."""
    found: dict[str, None] = {}
    for tensor in _tensors(model):
        if tensor.data_location == 1 or tensor.external_data:
            place = {one.key: one.value for one in tensor.external_data}.get("location", "")
            found.setdefault(place)
    return list(found)


def _tensors(message: Any) -> Iterator[Any]:
    """Every TensorProto of a message, by a walk over all its fields: none can hide in a subgraph or a function."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        if one.DESCRIPTOR.name == "TensorProto":
            yield one
            continue
        for field, value in one.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend([value] if hasattr(value, "DESCRIPTOR") else value)


def _precision(model: Any) -> str:
    if any(node.op_type in ("QuantizeLinear", "QLinearConv", "ConvInteger") for node in model.graph.node):
        return "int8"
    largest = max(model.graph.initializer, key=lambda one: _count(one.dims), default=None)
    return "fp32" if largest is None else _PRECISIONS.get(largest.data_type, "fp32")


def _count(dims: Any) -> int:
    size = 1
    for side in dims:
        size *= side
    return size


def _sizes(shape: Any) -> list[int | None]:
    return [side if isinstance(side, int) and side > 0 else None for side in shape]


def _refused(path: Path, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return DataError(f"{path} cannot be used by onnxruntime: {reason}", hint="Is it a whole ONNX file?")
