"""Protocol Buffers as they lie on disk: the fields of a message, read without its schema."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple


class WireError(ValueError):
    """Bytes that are no message."""


class Field(NamedTuple):
    """One field. value: a whole number, or the bytes of a text, of a message inside, or of a fixed-size number."""

    number: int
    value: int | bytes

    @property
    def inner(self) -> bytes:
        """The bytes of a message inside. Raises WireError where the field holds a number."""
        if isinstance(self.value, int):
            raise WireError(f"field {self.number} is a number")
        return self.value

    @property
    def text(self) -> str:
        """The text it holds; what is not UTF-8 is replaced."""
        return self.inner.decode("utf-8", "replace")

    @property
    def signed(self) -> int:
        """A whole number that may be below 0."""
        value = self.value if isinstance(self.value, int) else 0
        return value - (1 << 64) if value >= 1 << 63 else value

    @property
    def real(self) -> float:
        """A float or a double."""
        sizes = {4: "<f", 8: "<d"}
        if isinstance(self.value, int) or len(self.value) not in sizes:
            raise WireError(f"field {self.number} is no floating-point number")
        return float(struct.unpack(sizes[len(self.value)], self.value)[0])


_FIXED = {1: 8, 5: 4}


def fields_of(message: bytes) -> Iterator[Field]:
    """The fields of a message, in its order. Raises WireError for bytes that are none."""
    place, end = 0, len(message)
    while place < end:
        key, place = varint(message, place)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise WireError("not a message")
        if kind == 0:
            value, place = varint(message, place)
            yield Field(number, value)
            continue
        size = _FIXED.get(kind)
        if kind == 2:
            size, place = varint(message, place)
        if size is None or place + size > end:
            raise WireError("not a message")
        yield Field(number, message[place : place + size])
        place += size


def varint(message: bytes, place: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and where the next thing begins."""
    value = shift = 0
    while shift < 70 and place < len(message):
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
        shift += 7
    raise WireError("a number that does not end")


def first(message: bytes, number: int) -> Field | None:
    """The first field of that number."""
    return next((field for field in fields_of(message) if field.number == number), None)
