"""Graphics cards: which there are, and which run gets which.

All runs of a replicate go to one kind of card, so that the kind is never confounded with a variant.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ablate.execute.card_memory import MeasuredFit
from ablate.store.journal import read_result

APPLE = "Apple GPU"
DRIVER = Path("/proc/driver/nvidia/gpus")


class Device(NamedTuple):
    """One card: how CUDA_VISIBLE_DEVICES names it, and what it is."""

    name: str
    kind: str


def devices(driver: Path = DRIVER) -> tuple[Device, ...]:
    """NVIDIA cards this process may use, in the order of their bus addresses; found without importing torch."""
    cards = [_card(folder / "information") for folder in sorted(driver.glob("*"))]
    by_name = {str(number): kind for number, (kind, _) in enumerate(cards)} | {uuid: kind for kind, uuid in cards}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return tuple(Device(str(number), kind) for number, (kind, _) in enumerate(cards))
    asked = [name.strip() for name in visible.split(",")]
    return tuple(Device(name, by_name[name]) for name in asked if name in by_name)


def apple_gpu() -> tuple[Device, ...]:
    """The one of a Mac with Apple's own processor, which needs no name; found without importing torch."""
    here = sys.platform == "darwin" and platform.machine() == "arm64"
    return (Device("", APPLE),) if here else ()


def _card(information: Path) -> tuple[str, str]:
    """Model and UUID."""
    try:
        lines = dict(line.split(":", 1) for line in information.read_text().splitlines() if ":" in line)
    except OSError:
        lines = {}
    return lines.get("Model", "").strip(), lines.get("GPU UUID", "").strip()


def bundles(cards: Sequence[Device], each: int) -> tuple[Device, ...]:
    """The cards in sets of `each` of one kind, which a run gets together; those left over are in none."""
    found = []
    for kind in dict.fromkeys(card.kind for card in cards):
        names = [card.name for card in cards if card.kind == kind]
        found += [Device(",".join(names[i : i + each]), kind) for i in range(0, len(names) - each + 1, each)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class SharedHomes:
    """On which kind of device the runs of each replicate are made, agreed on by processes that share a folder."""

    folder: Path

    def claim(self, replicate: int, kind: str) -> str:
        """The replicate's kind, which is this one where nobody was earlier."""
        path = self.folder / str(replicate)
        with contextlib.suppress(FileNotFoundError):
            return path.read_text(encoding="utf-8")
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self.folder, prefix=".", encoding="utf-8") as mine:
            mine.write(kind)
            mine.flush()
            with contextlib.suppress(FileExistsError):
                os.link(mine.name, path)  # whole or not at all, and by one of them only, also on a network
        return path.read_text(encoding="utf-8")


@dataclass(slots=True)
class DeviceSlots:
    """Gives cards to runs.

    each: runs that share a card, or what finds that out from the memory they take.
    homes: replicate -> kind of card its earlier runs were made on.
    shared: what the other processes that train the same study have chosen; None where there are none.
    """

    devices: Sequence[Device]
    each: int | MeasuredFit = 1
    homes: Mapping[int, str] = field(default_factory=dict)
    shared: SharedHomes | None = None
    _homes: dict[int, str] = field(init=False)
    _taken: dict[Path, Device] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = {device.kind for device in self.devices}
        self._homes = {index: kind for index, kind in self.homes.items() if kind in kinds}

    def __len__(self) -> int:
        return len(self.devices) * (self.each.most if isinstance(self.each, MeasuredFit) else self.each)

    def accepts(self, replicate: int) -> bool:
        """Whether a card of the replicate's kind is free."""
        return self._free(replicate) is not None

    def take(self, attempt: Path, replicate: int) -> Device | None:
        """The card with the fewest runs among those of the replicate's kind; None where all are taken."""
        device = self._free(replicate)
        if device is not None:
            self._taken[attempt] = device
            self._homes.setdefault(replicate, device.kind)
        return device

    def _home(self, replicate: int) -> str | None:
        if self.shared is None:
            return self._homes.get(replicate)
        here = min(self.devices, key=list(self._taken.values()).count)
        return self.shared.claim(replicate, self._homes.get(replicate, here.kind))

    def release(self, attempt: Path) -> None:
        """The run has ended."""
        card = self._taken.pop(attempt, None)
        if card is not None and isinstance(self.each, MeasuredFit):
            self.each.learn(read_result(attempt), beside=list(self._taken.values()).count(card))

    def _free(self, replicate: int) -> Device | None:
        taken = list(self._taken.values())
        home = self._home(replicate)
        free = [d for d in self.devices if taken.count(d) < self._most(d) and (home is None or d.kind == home)]
        return min(free, key=taken.count, default=None)

    def _most(self, card: Device) -> int:
        return self.each.runs_on(card.name) if isinstance(self.each, MeasuredFit) else self.each
