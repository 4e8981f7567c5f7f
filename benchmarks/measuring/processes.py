"""A command from its start to its end: seconds, the lines it prints, and the memory of all its processes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

LOOK_SECONDS = 0.5


class Watched(NamedTuple):
    """What a command took.

    lines: the JSON objects it printed, with the second since the start each came at. processor: seconds of all
    processors in all its processes. peak_bytes: the most memory these held at once, shared pages counted once.
    """

    began: float
    seconds: float
    processor: float
    peak_bytes: int
    lines: tuple[tuple[float, dict[str, Any]], ...]


def watch(command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> Watched:
    """Carry out a command. Raises SystemExit with the end of what it said where it fails."""
    with tempfile.TemporaryFile("w+") as said:
        began, started, before = time.time(), time.perf_counter(), _spent()
        process = subprocess.Popen(
            command, env=os.environ | environment, cwd=folder, stdout=subprocess.PIPE, stderr=said, text=True
        )
        peak = Peak(process.pid)
        assert process.stdout is not None
        lines = []
        text = []
        for line in process.stdout:
            text.append(line)
            if line.startswith("{") and line.rstrip().endswith("}"):
                lines.append((time.perf_counter() - started, json.loads(line)))
        code = process.wait()
        seconds = time.perf_counter() - started
        if code:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {code}:\n{said.read()[-3000:]}")
    if not lines and text:  # one object over many lines
        lines.append((seconds, json.loads("".join(text))))
    return Watched(began, seconds, _spent() - before, peak.stop(), tuple(lines))


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


class Peak:
    """Watches the memory of a process and its descendants from a thread."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most = pid, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The most bytes that were seen."""
        self._ended.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                root = psutil.Process(self._pid)
                family = [root, *root.children(recursive=True)]
            except psutil.Error:
                continue
            self._most = max(self._most, sum(map(_held, family)))


def _held(process: psutil.Process) -> int:
    """A process's share of the memory; where the system does not say, what is its alone."""
    try:
        found = process.memory_full_info()
    except (psutil.Error, OSError):
        return 0
    return int(getattr(found, "pss", 0) or getattr(found, "uss", found.rss))
