"""Vectors of images' texts in an npz: read without running code in it, checked, found by the image's id."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ablate.errors import DataError
from ablate.training.config.text import Embeddings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

MOST_BYTES = 8 * 2**30
"""What the vectors may take in memory: a small file can ask for more than there is."""

NAMED = 5
"""How many ids an error names."""

_HINT = (
    "Write it by numpy: np.savez(file, id=np.array(ids), vector=vectors), the ids as text, such as "
    "'cat/001.jpg', and one row of float32 for each."
)


class Vectors(NamedTuple):
    """places: id -> row. rows: (N, size)."""

    places: Mapping[str, int]
    rows: Rows


def read_vectors(config: Embeddings) -> Vectors:
    """The vectors of a file. Raises DataError where it is no such npz, or holds what is no vector of that size."""
    import numpy as np

    path = Path(config.file).expanduser().resolve()
    try:
        _refuse_headers(path, config.size)
        with np.load(path, allow_pickle=False) as stored:
            ids, rows = [str(name) for name in stored["id"]], stored["vector"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"base.model.text.file: {path} cannot be read as vectors: {error}", hint=_HINT) from error
    if len(ids) != len(rows):
        raise DataError(f"base.model.text.file: {path} has {len(ids)} ids and {len(rows)} vectors", hint=_HINT)
    places = {name: place for place, name in enumerate(ids)}
    if len(places) < len(ids):
        twice = next(name for place, name in enumerate(ids) if places[name] != place)
        raise DataError(f"base.model.text.file: {path}: the id {twice!r} appears twice", hint=_HINT)
    wrong = [ids[place] for place in np.flatnonzero(~np.isfinite(rows).all(1))]
    if wrong:
        raise DataError(
            f"base.model.text.file: {path}: {_vectors(len(wrong))} not finite: {_first(wrong)}",
            hint="Look at what computed them: a NaN or an infinity would end the training.",
        )
    return Vectors(places, rows)


def find_vectors(vectors: Vectors, ids: Sequence[str], config: Embeddings) -> Rows:
    """(n, size) float32. Raises DataError where an image has none."""
    missing = [name for name in ids if name not in vectors.places]
    if missing:
        raise DataError(
            f"base.model.text.file: {config.file} holds no vector for {len(missing)} of {len(ids)} images: "
            f"{_first(missing)}",
            hint="Its ids must be those of the images: their paths below the source's root, with /. "
            f"It has {_first(list(vectors.places))}.",
        )
    return vectors.rows[[vectors.places[name] for name in ids]]


def _refuse_headers(path: Path, size: int) -> None:
    """Raise ValueError by the arrays' headers alone, before anything of them is unpacked."""
    with zipfile.ZipFile(path) as archive:
        for name, dimensions in (("id", 1), ("vector", 2)):
            if f"{name}.npy" not in archive.namelist():
                raise ValueError(f"it has no array {name!r}")
            shape, kind, itemsize = _header(archive, f"{name}.npy")
            if kind == "O":
                raise ValueError(f"its array {name!r} holds Python objects (pickled), and reading these would run code")
            if kind not in ("U" if name == "id" else "f") or len(shape) != dimensions:
                raise ValueError(f"its array {name!r} has shape {shape} and the type {kind}{itemsize}")
            if name == "vector" and shape[1] != size:
                raise ValueError(f"its vectors have {shape[1]} numbers, and base.model.text.size is {size}")
            if shape[0] * max(size, itemsize) * itemsize > MOST_BYTES:
                raise ValueError(f"its array {name!r} has shape {shape}, which is more than {MOST_BYTES} bytes")


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], str, int]:
    from numpy.lib import format as npy

    with archive.open(name) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(stream)
    return shape, dtype.kind, dtype.itemsize


def _vectors(count: int) -> str:
    return "1 vector is" if count == 1 else f"{count} vectors are"


def _first(names: Sequence[str]) -> str:
    more = f", and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
