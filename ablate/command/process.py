"""A command as a process: no shell, no terminal, and nothing of it left when it has ended."""

from __future__ import annotations

import contextlib
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ablate.command.output import SHOWN_LINES, Output, log_the_end
from ablate.errors import TrainerError

CHUNK_BYTES = 65536
MOST_CHUNKS = 64
"""Waiting to be read; a command that prints faster waits."""
DRAIN_SECONDS = 0.5
"""How long to read on behind its end: a child may hold its streams open for ever."""
GRACE_SECONDS = 20.0
"""Between asking a command to end and ending it."""
_BY_SIGNAL = (128 + 9, 128 + 15)
"""Exit codes of a launcher whose program was ended by a signal."""
_STDOUT, _STDERR = 0, 1


@dataclass(slots=True)
class Command:
    """A command that was started. out: its streams, which share a log. errors: the last lines of standard error."""

    process: subprocess.Popen[bytes]
    own_group: bool
    out: tuple[Output, Output]
    errors: deque[str] = field(default_factory=deque)
    _chunks: queue.Queue[tuple[int, bytes]] = field(default_factory=lambda: queue.Queue(MOST_CHUNKS))
    _open: int = 2
    _ended: float | None = None
    """When it was first seen to have ended."""

    def wait(self, seconds: float) -> int | None:
        """Read what it prints for so long; its exit code once it has ended and all that it printed was read."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._open == 0 and self._chunks.empty():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return self.process.wait(left)
                return None
            if self._ended is None and self.process.poll() is not None:
                self._ended = time.monotonic()
            if not self._read(left) and self._ended is not None and time.monotonic() - self._ended >= DRAIN_SECONDS:
                return self.process.returncode  # what still holds its streams is a child that outlived it
        return None

    def _read(self, seconds: float) -> bool:
        """Take one piece; False where none came."""
        try:
            stream, content = self._chunks.get(timeout=seconds)
        except queue.Empty:
            return False
        if content:
            self.out[stream].take(content)
        else:
            self._open -= 1
        return True

    def pump(self, stream: int, pipe: IO[bytes]) -> None:
        """Hand on what comes from a pipe, in a thread of its own."""
        with pipe, contextlib.suppress(OSError, ValueError):
            while content := os.read(pipe.fileno(), CHUNK_BYTES):
                self._chunks.put((stream, content))
        self._chunks.put((stream, b""))

    def ask_to_end(self, grace: float = GRACE_SECONDS) -> bool:
        """SIGTERM to all its processes, then the end of those that are left; whether it ended by itself."""
        if self.process.poll() is None:
            self._signal_all()
            deadline = time.monotonic() + grace
            while self.process.poll() is None and time.monotonic() < deadline:
                self.wait(min(0.2, grace))
        code = self.process.poll()
        self.end()
        return os.name != "nt" and code is not None and code >= 0 and code not in _BY_SIGNAL

    def _signal_all(self) -> None:
        if not hasattr(os, "killpg"):
            self.process.terminate()
        elif self.own_group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGTERM)
        else:
            was = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # this process is of the group, too
            os.killpg(0, signal.SIGTERM)
            signal.signal(signal.SIGTERM, was)

    def end(self) -> None:
        """End it now. Where it shares the worker's group, its children end with the worker."""
        if self.own_group and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        elif os.name == "nt" and self.process.poll() is None:
            tree = ["taskkill", "/T", "/F", "/PID", str(self.process.pid)]
            with contextlib.suppress(OSError):
                subprocess.run(tree, capture_output=True, check=False)
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for output in self.out:
            output.close()
        log_the_end(self.out[_STDOUT])


def start(
    words: Sequence[str], *, cwd: Path, environment: Mapping[str, str], on_line: Callable[[str], None]
) -> Command:
    """Start it with nothing on its standard input. on_line: told each line of its standard output.

    In a worker it shares the worker's process group, so that whoever ends the worker ends it with all its children.
    Raises TrainerError where it cannot be started.
    """
    own_group = not _leads_its_group()
    try:
        process = subprocess.Popen(
            list(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(environment),
            start_new_session=own_group,
            close_fds=True,
            preexec_fn=_tie_to_worker(),
        )
    except (OSError, ValueError) as error:
        raise TrainerError(
            f"the command could not be started: {error}",
            hint=f"It was: {shown(words)}. Try that line in {cwd}.",
        ) from error
    first, errors = Output(on_line), deque[str](maxlen=SHOWN_LINES)
    second = Output(errors.append, ending=first.ending, budget=first.budget)
    command = Command(process, own_group, (first, second), errors)
    for stream, pipe in ((_STDOUT, process.stdout), (_STDERR, process.stderr)):
        threading.Thread(target=command.pump, args=(stream, pipe), daemon=True).start()
    return command


def _tie_to_worker() -> Callable[[], None] | None:
    """Asks Linux, in the new process, for a SIGTERM when the worker is gone: a launcher can then end its own."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl, pr_set_pdeathsig = ctypes.CDLL(None, use_errno=True).prctl, 1
    return lambda: prctl(pr_set_pdeathsig, signal.SIGTERM)  # nothing is loaded between fork and exec


def _leads_its_group() -> bool:
    """Whether this is a worker, whose group is ended behind it; not so where a run is carried out inline."""
    return sys.platform != "win32" and os.getsid(0) == os.getpid() == os.getpgid(0) and not _has_terminal()


def _has_terminal() -> bool:
    """A shell makes its commands leaders, too, but of a session with a terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


def shown(words: Sequence[str]) -> str:
    """The command as one could type it."""
    text = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    return text if len(text) <= 2000 else f"{text[:2000]}..."
