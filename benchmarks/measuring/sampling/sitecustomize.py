"""Notes a hundred times a second what every Python process of a command is doing; for `peers.py --profile`.

The interpreter imports a module of this name by itself when its folder is on PYTHONPATH, in every process the command
starts. Each process leaves a file in the folder $SAMPLES: for every stack that was seen, its seconds. No thread of
this is alive while a process forks.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from _thread import start_new_thread
from types import FrameType

FOLDER = os.environ.get("SAMPLES")
EVERY = 0.01


class Sampler:
    """One a process."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, ...], float] = {}
        self.began = time.time()
        self.stopped, self.ended = threading.Event(), threading.Event()
        self.ended.set()

    def start(self) -> None:
        self.stopped, self.ended = threading.Event(), threading.Event()
        # No thread that `threading` counts: a command that forks only while it has one must not behave differently.
        start_new_thread(self.watch, (self.stopped, self.ended))

    def stop(self) -> None:
        self.stopped.set()
        self.ended.wait()

    def start_anew(self) -> None:
        """In a forked child: nothing of the parent's counts."""
        self.seconds, self.began = {}, time.time()
        self.start()

    def watch(self, stopped: threading.Event, ended: threading.Event) -> None:
        own, before = threading.get_ident(), time.perf_counter()
        while not stopped.wait(EVERY):
            now = time.perf_counter()
            for ident, frame in sys._current_frames().items():
                if ident != own:
                    stack = stack_of(frame)
                    self.seconds[stack] = self.seconds.get(stack, 0.0) + now - before
            before = now
        ended.set()

    def write(self) -> None:
        self.stop()
        path = os.path.join(str(FOLDER), f"{os.getpid()}-{self.began:.3f}.json")
        with open(path, "w", encoding="utf-8") as stream:
            stacks = [[list(stack), seconds] for stack, seconds in self.seconds.items()]
            json.dump({"argv": sys.orig_argv, "began": self.began, "ended": time.time(), "stacks": stacks}, stream)


def stack_of(frame: FrameType | None) -> tuple[str, ...]:
    """`path:function`, innermost first."""
    found = []
    while frame is not None:
        found.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
        frame = frame.f_back
    return tuple(found)


def begin() -> None:
    """Sample this process and its forks until they end."""
    sampler = Sampler()
    leave = os._exit

    def write_and_leave(code: int) -> None:
        sampler.write()
        leave(code)

    os._exit = write_and_leave  # type: ignore[assignment]
    atexit.register(sampler.write)
    os.register_at_fork(before=sampler.stop, after_in_parent=sampler.start, after_in_child=sampler.start_anew)
    sampler.start()


if FOLDER:
    begin()
