"""What a report says of rows made without training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRow:
    """One row made without training, in percent and points.

    n: groups of networks that answered; networks: in each. reason: why there is no number, else empty.
    """

    name: str
    sources: tuple[str, ...]
    words: str
    networks: int
    n: int = 0
    mean: float | None = None
    lo: float | None = None
    hi: float | None = None
    difference: float | None = None
    difference_lo: float | None = None
    difference_hi: float | None = None
    reason: str = ""
