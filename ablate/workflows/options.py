"""How a command is to run a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run, none of which changes a result.

    workers: runs at once; None for as many as the cores (or GPUs) carry.
    stale: what to do with finished runs that other code or other data made; `ask` raises DecisionNeeded.
    only: names of variants; the others are left for another time.
    replicates: indices, counted from 0; the others are left for another time.
    look: up to which planned look, counted from 1; 0 for as far as the study has been taken already, so
    that a plain call after a later look does not fall back behind it.
    seconds: how long the call may take; then runs write their checkpoints and it ends. until: the moment that is,
    as `time.monotonic()` tells it; `clocked` fills it in, once a command.
    final: the time after which the study is closed for good, as it was written; None where the call only pauses.
    slots_per_gpu: runs that share a graphics card; None for as many as its memory holds.
    joined: others train the same study, and agree on which kind of device each replicate is made.
    slices: a table about the test images, by whose columns the report gives accuracies.
    patient: wait for runs that others hold; they are left to them otherwise.
    ray_address: the cluster, for the executor `ray`; None for RAY_ADDRESS, else one of this machine alone.
    """

    executor: Literal["pool", "inline", "ray"] = "pool"
    workers: int | None = None
    tracking_uri: str | None = None
    track: bool = True
    look: int = 0
    only: tuple[str, ...] = ()
    replicates: tuple[int, ...] = ()
    stale: Literal["ask", "reuse", "retrain"] = "ask"
    retry_failed: bool = False
    checkpoint_seconds: float = 300.0
    seconds: float | None = None
    until: float | None = None
    final: str | None = None
    slots_per_gpu: int | None = 1
    ray_address: str | None = None
    joined: bool = False
    patient: bool = True
    reports: Path | None = None
    slices: Path | None = None
