"""Where the time of a command went, from the samples of its processes."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

WAITING = (
    "threading.py:",
    "selectors.py:",
    "/select.py",
    "subprocess.py:",
    "queue.py:",
    "socket.py:",
    "popen_fork.py:",
)
PHASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # The first that fits any frame of a stack, from the top of this list. Files and functions, ends of paths first.
    ("imports", ("<frozen importlib._bootstrap>:_find_and_load", "/safety/own_modules.py:")),
    ("report", ("/ablate/report/", "/ablate/workflows/report.py:", "/ablate/stats/", "/ablate/results/")),
    ("MLflow", ("/ablate/track/", "/mlflow/", "/sqlalchemy/", "/alembic/")),
    ("checkpoints", ("/training/checkpoint.py:save", "/ablate/execute/live.py:checkpoint")),
    ("outcome", ("/training/outcome.py:",)),
    ("evaluation", ("/training/evaluate.py:",)),
    ("backward", ("_engine_run_backward", "/torch/autograd/__init__.py:backward")),
    ("optimiser", ("/torch/optim/", "grad_scaler.py:step")),
    ("forward", ("/training/loop.py:add_gradients", "/training/loop.py:take_step")),
    ("decode", ("/training/data/scan.py:", "/training/data/cache.py:_build", "/PIL/")),
    ("copy", ("/training/loop.py:make_batch", "/training/data/parts.py:")),
    ("first look at the data", ("/training/data/", "/training/preparation.py:", "/training/data/cache.py:")),
    ("journal", ("/store/journal.py:", "/ablate/execute/live.py:")),
    ("network described", ("/training/cost.py:", "/training/start.py:", "/training/models/")),
    ("start-up (server)", ("/ablate/training/warm.py:", "/execute/server.py:", "/execute/worker.py:warm_up")),
    ("run, else", ("/ablate/training/", "/execute/worker.py:")),
    ("plan and coordination", ("/ablate/",)),
)
LARGE = ("torch", "torchvision", "mlflow", "optuna", "pandas", "matplotlib", "scipy", "sklearn")
"""Packages whose imports are told apart."""
LOOP_WAITS = (
    "/execute/pool.py:",
    "/harness/coordinator.py:",
    "/execute/server.py:main",
    "/harness/interruption.py:",
    "/track/courier.py:",
    "/cli/show.py:",
)
"""Functions of ours that do nothing but wait when they are the innermost frame."""


def phases(folder: Path) -> dict[str, float]:
    """Seconds of all threads of all processes together, waiting left out, by what they did; the largest first."""
    found: dict[str, float] = defaultdict(float)
    for path in folder.glob("*.json"):
        for stack, seconds in json.loads(path.read_text(encoding="utf-8"))["stacks"]:
            found[phase_of(stack)] += seconds
    found.pop("", None)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def phase_of(stack: list[str]) -> str:
    """What a thread with this stack, innermost first, is at; empty where it waits."""
    if any(part in stack[0] for part in WAITING + LOOP_WAITS):
        return ""
    for name, marks in PHASES:
        if any(mark in frame for frame in stack for mark in marks):
            return f"{name} of {_imported(stack)}" if name == "imports" else name
    return "else"


def _imported(stack: list[str]) -> str:
    """The package on whose account something is being imported."""
    for frame in reversed(stack):
        path, _, function = frame.rpartition(":")
        if function == "<module>" and "/site-packages/" in path:
            package = path.rsplit("/site-packages/", 1)[1].split("/")[0]
            return package if package in LARGE else "other packages"
    return "other packages"
