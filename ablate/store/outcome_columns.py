"""The columns of a run's outcomes (npz), read only after their sizes were looked at.

A file of three megabytes can say that it holds terabytes, and one of zeros can really hold thousands of times its size.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ablate.safety.plain_files import open_plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALWAYS_READ = 256_000_000
"""Bytes of columns that are read however small the file is they come from."""
LARGEST_RATIO = 50
"""More bytes are read where the file itself is at least a so manyth of them: probabilities halve, zeros vanish."""
MOST_ROWS = 5_000_000
MOST_COLUMNS = 1000

GROUP = "group"
"""The column that names the group of each test image; empty for one on its own."""

CLASSES = "classes"
"""The names of the classes, in the order of their numbers in `target` and of the columns of `prob`."""
MOST_NUMBERED = 1000
"""Classes up to this number may go by their number; what is larger is a code, such as an eight-digit one: a name."""
VAL_TARGET, VAL_PROB = "val_target", "val_prob"
"""The same of the validation images, of which no more is kept: what a threshold may be set on."""


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names of classes sorted, numbers by their size."""
    known = set(names)
    are_numbers = all(name.isascii() and name.isdecimal() for name in known)
    return tuple(sorted(known, key=lambda name: (int(name) if are_numbers else 0, name)))


def read_columns(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Those of the named columns that the file has; all of them where none is named.

    Raises FileNotFoundError where there is no file, another OSError where it is no plain one, and ValueError where it
    is damaged or what it holds is larger than any outcomes are.
    """
    with open_plain(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                members = _checked_members(archive, path.stat().st_size)
                wanted = names or tuple(members)
                return {name: _read(archive, members[name]) for name in wanted if name in members}
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
            raise ValueError(f"it is damaged: {error}") from error


def _checked_members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    members = archive.infolist()
    if len(members) > MOST_COLUMNS:
        raise ValueError(f"it has {len(members)} columns")
    total = sum(member.file_size for member in members)
    if total > max(ALWAYS_READ, LARGEST_RATIO * size):
        raise ValueError(f"its {size} bytes would become {total}, which no outcomes do")
    return {member.filename.removesuffix(".npy"): member for member in members}


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    import numpy as np

    with archive.open(member) as stream:
        shape, dtype = _header(stream)  # type: ignore[arg-type]
        claimed = math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are not read")
        if claimed > member.file_size or max(shape, default=0) > MOST_ROWS:
            raise ValueError(f"{member.filename[:80]} claims the shape {str(shape)[:80]}")
    with archive.open(member) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    import numpy as np

    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype
