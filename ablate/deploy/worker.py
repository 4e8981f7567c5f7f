"""The process that holds one network: opens it, answers, takes the time of its calls. `python -m ablate.deploy.worker`.

One a network, so that its peak memory is its own, threads of two libraries never meet, and a file that crashes its
library ends this process alone.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from ablate.deploy.frames import receive, send
from ablate.deploy.records import Engine
from ablate.errors import AblateError


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer frame by frame until the other end is closed."""
    engine: Engine | None = None
    while True:
        try:
            frame = receive(asked)
        except EOFError:
            return
        try:
            if engine is None:
                engine, told = _open(**frame.content)
                send(answers, told)
            elif "calls" in frame.content:
                send(answers, {"seconds": _timed(engine, frame.arrays[0], frame.content), "peak": peak_bytes()})
            else:
                send(answers, {}, [engine.logits(frame.arrays[0])])
        except AblateError as error:
            send(answers, {"error": type(error).__name__, "message": error.message, "hint": error.hint})
        except Exception as error:  # noqa: BLE001 - told where it is waited for
            send(answers, {"error": "", "message": f"{type(error).__name__}: {error}", "hint": ""})


def _open(opener: str, path: str, threads: int) -> tuple[Engine, dict[str, Any]]:
    module, _, name = opener.partition(":")
    opening = getattr(import_module(module), name)
    opening(path, threads=threads)  # once for what it imports, for the looks at the file and for the disk's cache
    forget_peak()
    started = time.perf_counter()
    engine: Engine = opening(path, threads=threads)
    seconds = time.perf_counter() - started
    shape = getattr(engine, "image_shape", None)
    told = {"engine": engine.name, "precision": engine.precision, "load_seconds": seconds, "shape": shape}
    return engine, told


def _timed(engine: Engine, batch: Any, asked: dict[str, Any]) -> list[float]:
    """Seconds of as many calls as asked, or as begin within `at_most` seconds; one that warms up is not counted."""
    found: list[float] = []
    engine.logits(batch)
    ends = time.perf_counter() + asked["at_most"]
    while len(found) < asked["calls"] and (not found or time.perf_counter() < ends):
        started = time.perf_counter()
        engine.logits(batch)
        found.append(time.perf_counter() - started)
    return found


def forget_peak() -> None:
    """Give memory that is not in use back, and count the peak from here, where the system can (Linux)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def peak_bytes() -> int | None:
    """The most memory this process has had in use.

    Of Linux's VmHWM: `ru_maxrss` begins with the size of the process that started this one.
    """
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows
        return None
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # pragma: no cover - macOS, in bytes


def _pin(threads: int) -> None:
    """Leave as many processors to this process as it has threads: the last ones it may use."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[-threads:])


def main() -> None:
    """Frames go over what were the standard streams; whatever a library prints goes to the standard error."""
    threads = int(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with suppress(OSError):  # where memory runs out this process goes, and not the one that asked
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="utf-8")
    _pin(threads)
    with suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
