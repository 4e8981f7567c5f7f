"""From a file to an engine that answers: by the file's ending, after a look at what it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ablate.deploy.records import Engine, Preprocessing
from ablate.errors import DataError

LARGEST_FILE = 20_000_000_000
"""Bytes of a network's file; the largest classifiers in use have a tenth."""


class Kind(NamedTuple):
    """What reads files of one ending. module: of this package, with `open_file`, `read_metadata`, `files_of`
    and `weight_shapes`."""

    engine: str
    module: str


KINDS = {
    ".onnx": Kind("onnxruntime", "ablate.deploy.onnx_files"),
    ".xml": Kind("openvino", "ablate.deploy.openvino_files"),
    # torch has one owner; its module is loaded where such a file is opened.
    ".pt2": Kind("torch", "ablate.training.exported"),
}


def open_engine(path: str, *, threads: int = 1) -> Engine:
    """The network of a file, with so many threads and no more.

    Raises DataError for a file that is not there, is no network, or asks for more than its own folder; NotInstalled
    where its library is missing.
    """
    found: Engine = _function("open_file", path)(Path(path), threads=threads)
    return found


def read_metadata(path: str) -> Preprocessing | None:
    """What a file says of its input; None where it says nothing. Raises DataError for an entry that is damaged."""
    found: Preprocessing | None = _function("read_metadata", path)(Path(path))
    return found


def bytes_of(path: str) -> int:
    """The size of a network on disk, with the files that its own names: an IR's weights, external data."""
    return sum(file.stat().st_size for file in files_of(path))


def files_of(path: str) -> list[Path]:
    """A network's file and those that it names itself: an IR's weights, external data."""
    found: list[Path] = _function("files_of", path)(Path(path))
    return found


def weights_of(path: str) -> int:
    """How many numbers the layers' matrices and filters hold, whatever their precision: the same after quantising.

    Vectors (biases, the scales of a norm, of a quantised layer) are left out: engines fold and add them.
    """
    shapes: list[tuple[int, ...]] = _function("weight_shapes", path)(Path(path))
    return sum(math.prod(shape) for shape in shapes if sum(side > 1 for side in shape) > 1)


def engine_of(path: str) -> str:
    """The library that opens a file of this ending. Raises DataError for one that none does."""
    return _kind(path).engine


def _function(name: str, path: str) -> Callable[..., Any]:
    kind = _kind(path)
    _refuse_other_than_a_file(Path(path))
    found: Callable[..., Any] = getattr(import_module(kind.module), name)
    return found


def _kind(path: str) -> Kind:
    ending = Path(path).suffix.lower()
    if ending not in KINDS:
        raise DataError(
            f"{path} does not end as a network's file does",
            hint="ONNX files end in .onnx, OpenVINO's in .xml (with a .bin beside it), torch.export's in .pt2.",
        )
    return KINDS[ending]


def _refuse_other_than_a_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"there is no file {path}", hint=f"A relative path starts at the current folder, {Path.cwd()}.")
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{path} is empty", hint="Write it again.")
    if size > LARGEST_FILE:
        raise DataError(f"{path} has {size:,} bytes, and no classifier is that large", hint="Is it the right file?")
