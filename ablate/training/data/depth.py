"""How many bits the values in an image's file have, and how those of more than 8 become 8."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.errors import DataError
from ablate.training.config.data import Depth, ScaledDepth
from ablate.training.data.listing import first_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

NAMED = 5
"""Files of a kind that a sentence names before it counts the others."""


class Kind(NamedTuple):
    """What an image's file holds, as its header tells.

    mode: Pillow's. bits: of one value in the file. number: unsigned, signed or float.
    """

    mode: str
    bits: int
    number: str = "unsigned"

    @property
    def is_deep(self) -> bool:
        """Whether it is decoded to values above 255, which 8 bits cannot hold."""
        return self.mode.startswith("I") or self.mode == "F"

    @property
    def is_halved(self) -> bool:
        """Whether Pillow itself reads only the upper 8 bits of each value."""
        return self.bits > 8 and not self.is_deep

    @property
    def largest(self) -> int | None:
        """The largest value the mode can hold; None where it states no range that an image would fill."""
        return 2**self.bits - 1 if self.number == "unsigned" and self.bits <= 16 else None

    @property
    def words(self) -> str:
        """For people: `16-bit grey (mode I;16)`."""
        if self.is_deep:
            integers = " signed" if self.bits == 16 else " integer"  # of 32 bits Pillow tells both kinds alike
            number = {"unsigned": "", "signed": integers, "float": " float"}[self.number]
            return f"{self.bits}-bit{number} grey (mode {self.mode})"
        return f"{self.bits}-bit{' a channel' if self.bits > 8 else ''} (mode {self.mode})"


class Kinds(NamedTuple):
    """The kinds of image in a data set.

    counts: kind -> images. examples: kind -> a few ids. several: ids and frames of the first files that hold
    several frames, and how many such files there are.
    """

    counts: Mapping[Kind, int] = {}
    examples: Mapping[Kind, Sequence[str]] = {}
    several: Sequence[tuple[str, int]] = ()
    several_count: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        rows = [[*kind, count, list(self.examples[kind])] for kind, count in self.counts.items()]
        return {"kinds": rows, "several": [list(one) for one in self.several], "several_count": self.several_count}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Kinds:
        """The kinds that plain data hold."""
        rows = [(Kind(mode, bits, number), count, names) for mode, bits, number, count, names in data["kinds"]]
        return cls(
            counts={kind: count for kind, count, _ in rows},
            examples={kind: names for kind, _, names in rows},
            several=[(name, frames) for name, frames in data["several"]],
            several_count=data["several_count"],
        )


def kind_of(image: Image.Image) -> Kind:
    """The kind of an opened image that has not been decoded yet."""
    raw, largest = _raw_mode(image)
    if found := re.search(r";(\d+)", raw):
        bits = int(found[1]) if not raw.startswith("BGR") else 8
    else:
        bits = {"1": 1, "I": 32, "F": 32}.get(image.mode, 16 if image.mode.startswith("I;16") else 8)
    if largest > 255:  # PGM and PPM: Pillow spreads the values over all of 16, or 8, bits
        bits = 16
    if image.mode == "F":
        return Kind(image.mode, bits, "float")
    is_signed = image.mode == "I" and (bits > 16 or raw.endswith("S"))
    return Kind(image.mode, bits, "signed" if is_signed else "unsigned")


def _raw_mode(image: Image.Image) -> tuple[str, int]:
    """How the values lie in the file, as Pillow's decoder is told, and the largest value of a PGM or PPM."""
    tile: Any = next(iter(getattr(image, "tile", ())), None)
    arguments = () if tile is None or tile[3] is None else tile[3]
    if isinstance(arguments, str):
        return arguments, 0
    raw = next((one for one in arguments[:1] if isinstance(one, str)), "") if isinstance(arguments, tuple) else ""
    counts = [one for one in arguments[1:2] if isinstance(one, int)] if image.format == "PPM" else []
    return raw, counts[0] if counts else 0


def frames_of(image: Image.Image) -> int:
    """How many frames a file holds; a camera's preview beside its photograph (MPO) is no frame."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def kinds_among(seen: Iterable[tuple[str, Kind, int]]) -> Kinds:
    """Sum up ids, kinds and frames."""
    counts: Counter[Kind] = Counter()
    examples: dict[Kind, list[str]] = defaultdict(list)
    several = []
    for name, kind, frames in seen:
        counts[kind] += 1
        if len(examples[kind]) < NAMED:
            examples[kind].append(name)
        if frames > 1:
            several.append((name, frames))
    return Kinds(dict(counts.most_common()), examples, several[:NAMED], len(several))


# --- to 8 bits --------------------------------------------------------------------------------


def values_of(image: Image.Image) -> NDArray[Any]:
    """The values of a deep image, (H, W). Raises ValueError where one is not a number."""
    import numpy as np

    values = np.asarray(image)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("it holds values that are not numbers (NaN or infinity)")
    return values


def in_8_bits(values: NDArray[Any], kind: Kind, depth: Depth | None) -> NDArray[np.uint8]:
    """The values of a deep image as the setting asks. Raises ValueError where it does not say how."""
    import numpy as np

    if depth is None:
        raise ValueError(f"{kind.words}: data.depth does not say how it becomes 8 bits")
    if depth == "clip":
        # As Pillow: what lies between two values is cut off.
        return np.asarray(np.clip(values, 0, 255), dtype=values.dtype).astype(np.uint8)
    if isinstance(depth, ScaledDepth):
        low, high = depth.scale
    elif kind.largest is None:
        raise ValueError(f"{kind.words}: it states no range; data.depth: {{scale: [lo, hi]}} gives one")
    else:
        low, high = 0, kind.largest
    return scaled(values, low, high)


def scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """`low` becomes 0 and `high` 255, rounded; what lies outside is cut at the ends."""
    import numpy as np

    spread = (values.astype(np.float64) - low) * 255 / (high - low)
    return np.rint(np.clip(spread, 0, 255)).astype(np.uint8)


# --- told -------------------------------------------------------------------------------------


def refuse_deep(kinds: Kinds, depth: Depth | None) -> None:
    """Raise DataError where images of more than 8 bits would be decoded in a way nobody asked for."""
    deep = [kind for kind in kinds.counts if kind.is_deep]
    if depth == "scale":
        deep = [kind for kind in deep if kind.largest is None]
    if not deep or not (depth is None or depth == "scale"):
        return
    named = "; ".join(f"{kind.words}, {kinds.counts[kind]}: {_some(kinds, kind)}" for kind in deep)
    count = sum(kinds.counts[kind] for kind in deep)
    images = "1 image holds" if count == 1 else f"{count} images hold"
    if depth == "scale":
        raise DataError(
            f"base.data.depth: scale needs the range of the values, and {images} values of no stated range: {named}",
            hint="Give the range that becomes 0 to 255: data.depth: {scale: [lo, hi]}; `clip` cuts at 0 and 255.",
        )
    raise DataError(
        f"{images} more than 8 bits per value: {named}. As torchvision decodes them, every value above 255 is white",
        hint="Say how they become 8 bits: data.depth: scale (0 to the largest value of the file's mode, 65535 for 16 "
        "bits), {scale: [lo, hi]} for a range of your own, or clip (cut at 255); or read them by a function of "
        "yours: data.reader: my_pkg.io:read.",
    )


def notes_on_kinds(kinds: Kinds, depth: Depth | None) -> list[str]:
    """Sentences on images of more than 8 bits per value, and on files of several frames."""
    notes = []
    for kind, count in kinds.counts.items():
        images = "1 image is" if count == 1 else f"{count} images are"
        if kind.is_deep and depth is not None:
            notes.append(f"{images} {kind.words}, {_how(kind, depth)}: {_some(kinds, kind)}")
        elif kind.is_halved:
            notes.append(
                f"{images} {kind.words}, of which Pillow reads the upper 8 bits (data.reader can read all): "
                f"{_some(kinds, kind)}"
            )
    if kinds.several_count:
        files = "1 file holds" if kinds.several_count == 1 else f"{kinds.several_count} files hold"
        shown = [f"{name} ({frames})" for name, frames in kinds.several]
        more = [f"and {kinds.several_count - len(shown)} more"] if kinds.several_count > len(shown) else []
        notes.append(f"{files} several frames, of which the first is used: {', '.join([*shown, *more])}")
    return notes


def _how(kind: Kind, depth: Depth) -> str:
    if depth == "clip":
        return "cut at 255 (data.depth: clip)"
    low, high = depth.scale if isinstance(depth, ScaledDepth) else (0, kind.largest)
    return f"scaled to 8 bits from {low:g} to {high:g} (data.depth)"


def _some(kinds: Kinds, kind: Kind) -> str:
    names = list(kinds.examples[kind])
    more = kinds.counts[kind] - len(names)
    return first_of(names) + (f", and {more} more" if more else "")
