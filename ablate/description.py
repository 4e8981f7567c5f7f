"""What a trainer knows about a configuration without data or training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Layer(NamedTuple):
    """One layer of a network: its own parameters, those of them that are trained, its output for one image."""

    name: str
    kind: str
    parameters: int
    trained: int
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a trainer knows about a configuration without data or training. None: it cannot say.

    trained: those of the parameters that training changes. flops, output_bytes (of all layers
    together): of one image's forward pass. notes: what else is worth knowing before a run.
    """

    parameters: int | None = None
    trained: int | None = None
    flops: int | None = None
    output_bytes: int | None = None
    layers: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()
