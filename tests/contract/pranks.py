"""A trainer that misbehaves on request; copied into a work folder, as a user's own trainer is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import ablate

METRICS = {"accuracy": "max"}
SEEN: list[int] = []
"""Runs that this process has carried out."""


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class Config(ablate.Settings):
    """What to do, and a number that tells runs apart."""

    do: Literal["finish", "raise", "exit", "die", "oom", "sleep", "children", "print", "wait"] = "finish"
    number: int = 0


def train(config: Config, run: ablate.Run) -> dict[str, float]:
    """Do it."""
    SEEN.append(config.number)
    match config.do:
        case "raise":
            raise ValueError("as asked")
        case "exit":
            sys.exit(3)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "oom":
            raise OutOfMemoryError("tried to allocate 3 GiB")
        case "sleep":
            leave_pids(run.folder)
            time.sleep(120)
        case "children":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
            leave_pids(run.folder, child.pid)
            time.sleep(120)
        case "print":
            sys.stdout.write("to standard output\n")
            sys.stderr.write("to standard error\n")
        case "wait":
            wait_for_a_stop(run)
    return {
        "accuracy": 0.5,
        "seen": float(len(SEEN)),
        "gpu": float(os.environ.get("CUDA_VISIBLE_DEVICES") or -1),
        "node": float(os.environ.get("RAY_RAYLET_PID") or -1),
        "threads": float(os.environ.get("OMP_NUM_THREADS") or -1),
    }


def leave_pids(folder: Path, *more: int) -> None:
    """Write down this process and others, in one step."""
    half = folder / "pids.half"
    half.write_text(" ".join(map(str, (os.getpid(), *more))))
    half.rename(folder / "pids")


def wait_for_a_stop(run: ablate.Run) -> None:
    """Tick until a checkpoint is asked for; a second attempt goes on from it and finishes."""
    if run.resume() is not None:
        return
    leave_pids(run.folder)
    for step in range(1, 1200):
        time.sleep(0.05)
        if run.tick(1, step, 1200):
            run.checkpoint(lambda path: path.write_text("state") and None)
