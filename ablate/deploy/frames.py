"""What goes between a measurement and the process that holds one network: a line of JSON, then arrays as bytes.

No pickles: the process has opened a file that may be anybody's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_LINE = 10_000_000


class Frame(NamedTuple):
    """content: plain data. arrays: float32."""

    content: dict[str, Any]
    arrays: tuple[NDArray[np.float32], ...] = ()


def send(stream: BinaryIO, content: dict[str, Any], arrays: Sequence[NDArray[np.float32]] = ()) -> None:
    """Write one frame."""
    import numpy as np

    stream.write(json.dumps([content, [one.shape for one in arrays]]).encode() + b"\n")
    for one in arrays:
        stream.write(np.ascontiguousarray(one, dtype=np.float32).data.cast("B") if one.size else b"")
    stream.flush()


def receive(stream: BinaryIO) -> Frame:
    """The next frame. Raises EOFError where the other end is gone, ValueError for what is no frame."""
    import numpy as np

    line = stream.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise EOFError
    content, shapes = json.loads(line)
    arrays = []
    for shape in shapes:
        size = math.prod(shape)
        data = stream.read(4 * size)
        if len(data) < 4 * size:
            raise EOFError
        arrays.append(np.frombuffer(data, np.float32).reshape(shape))
    return Frame(content, tuple(arrays))
