"""How many runs share a graphics card, by the memory that runs before them have taken of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.records import Failed, RunResult

CONTEXT = 2**30
"""Bytes that a process takes of a card beside what torch's allocator counts: CUDA's context, cuDNN's and cuBLAS's
workspaces. Measured values are from 0.3 to 0.8 GiB; rounded up."""
FRAGMENTED = 1.25
"""What the allocator holds for what it hands out: its blocks do not fit into each other exactly."""
USED = 0.95
"""The share of a card's memory that is handed out."""
MOST = 8
"""Runs on one card: above it they only wait for each other."""


@dataclass(slots=True)
class MeasuredFit:
    """Runs per card: one until the first has ended, then as many as fit beside each other by the largest peak so far.

    totals: card -> bytes of its memory; a card that is not among them carries one run. most: never more than these.
    A run that runs out of memory beside others lowers it by one for good; the coordinator tries it again, as any that
    runs out of memory.
    """

    totals: Mapping[str, int]
    most: int = MOST
    peak: int = 0

    def runs_on(self, card: str) -> int:
        """How many may run on it at once now. card: its name or UUID."""
        total = self.totals.get(card, 0)
        if not self.peak or not total:
            return 1
        return max(1, min(self.most, int(USED * total / (FRAGMENTED * self.peak + CONTEXT))))

    def learn(self, result: RunResult | None, *, beside: int) -> None:
        """Take note of a run that has ended while so many others were on its card."""
        if isinstance(result, Failed):
            if result.reason == "oom" and beside:
                self.most = max(1, min(self.most, beside))
        elif result is not None and result.cost.peak_bytes:
            self.peak = max(self.peak, result.cost.peak_bytes)


def card_totals() -> dict[str, int]:
    """Number and UUID of each NVIDIA card -> bytes of its memory, by nvidia-smi; empty where it does not answer."""
    command = ["nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    found = {}
    for line in told.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and re.fullmatch("[0-9]+", parts[2]):  # and not a warning of the driver's
            found[parts[0]] = found[parts[1]] = int(parts[2]) * 2**20
    return found
