"""Several runs at once on this machine, one process each."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ablate.errors import AblateError
from ablate.execute import worker
from ablate.execute.devices import DeviceSlots
from ablate.execute.environment import PYTHON, worker_environment
from ablate.execute.live import Task
from ablate.protocols import Exit
from ablate.safety.plain_files import open_for_appending
from ablate.store.leftovers import end_leftovers
from ablate.store.work_folder import LOG

CAN_FORK = sys.platform == "linux"
"""macOS can fork, but its system libraries do not survive it; Windows cannot."""


class ForkPool:
    """Starts runs by forking a warm server: hundredths of a second each instead of an import of torch."""

    def __init__(
        self,
        *,
        slots: int,
        work: Path,
        warm: Sequence[str] = (),
        cards: DeviceSlots | None = None,
        first: Path | None = None,
    ) -> None:
        self.slots = slots
        self._work = work
        self._warm = warm
        self._cards = cards or DeviceSlots(())
        self._running: set[Path] = set()
        self._open_server(first)

    def start(self, attempt: Path) -> None:
        """Ask the server for a process; it has a graphics card of its own where there are any."""
        command = {"start": str(attempt)}
        if len(self._cards):
            card = self._cards.take(attempt, Task.read(attempt).spec.replicate.index)
            command["gpu"] = card.name if card is not None else ""
        self._running.add(attempt)
        self._send(command)

    def accepts(self, replicate: int) -> bool:
        """Whether a card of the kind this replicate runs on is free; always where there are none."""
        return not len(self._cards) or self._cards.accepts(replicate)

    def finished(self, timeout: float) -> Sequence[Exit]:
        """Attempts that ended; all that were running where the server itself died, which is then replaced.

        Raises AblateError where a server died before it could start anything: so would the next one.
        """
        answers = self._read(timeout)
        if answers is None:
            self._refuse_to_go_on_without_server()
            lost = [self._ended(attempt, -signal.SIGKILL) for attempt in list(self._running)]
            self._close_server()
            self._open_server()
            return lost
        return [self._ended(Path(answer["exit"]), answer["code"]) for answer in answers if "exit" in answer]

    def kill(self, attempt: Path) -> None:
        """End the attempt's processes now."""
        self._send({"kill": str(attempt)})

    def close(self) -> None:
        """The server ends what it started when its input ends."""
        if not self._ready:
            self._read(0)
        if not self._ready:
            self._server.terminate()  # still importing; an attempt that was begun early dies with it
        self._close_server()

    def _refuse_to_go_on_without_server(self) -> None:
        if not self._ready:
            code = self._server.wait()
            raise AblateError(
                f"the process that starts runs exited with code {code} while it imported {', '.join(self._warm)}",
                hint="What it printed is above. `--executor inline` runs without it.",
            )

    def _open_server(self, first: Path | None = None) -> None:
        """first: an attempt that begins while the server is still importing."""
        self._ready = False
        self._running |= {first} if first is not None else set()
        self._buffer = b""
        self._server = subprocess.Popen(
            [*PYTHON, "-m", "ablate.execute.server", str(self._work), str(first or ""), *self._warm],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=worker_environment(),
            start_new_session=True,  # Ctrl-C is for the coordinator, which stops runs in order
        )

    def _close_server(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with contextlib.suppress(OSError):
            self._server.stdin.close()
        try:
            self._server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._server.stdout.close()

    def _read(self, timeout: float) -> list[dict[str, Any]] | None:
        """What the server has said since the last call; None when it has died."""
        stream = self._server.stdout
        assert stream is not None
        readable, _, _ = select.select([stream], [], [], timeout)
        if not readable:
            return []
        content = os.read(stream.fileno(), 65536)
        if not content:
            return None
        *lines, self._buffer = (self._buffer + content).split(b"\n")
        answers: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self._ready = self._ready or any("ready" in answer for answer in answers)
        return answers

    def _ended(self, attempt: Path, code: int) -> Exit:
        self._running.discard(attempt)
        self._cards.release(attempt)
        return Exit(attempt, code)

    def _send(self, command: dict[str, str]) -> None:
        assert self._server.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # a dead server is noticed by `finished`
            self._server.stdin.write(json.dumps(command).encode() + b"\n")
            self._server.stdin.flush()


class SpawnPool:
    """Starts each run as a fresh Python process, where processes cannot be forked.

    here: the folder from which relative paths lead; the current one where it is None.
    """

    def __init__(self, *, slots: int, work: Path, here: Path | None = None) -> None:
        self.slots = slots
        self._here = here
        self._environment = worker_environment()
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}

    def start(self, attempt: Path) -> None:
        """Start a Python process for the attempt; it ends itself when the pipe to it closes."""
        with open_for_appending(attempt / LOG) as log:
            self._processes[attempt] = subprocess.Popen(
                [*PYTHON, "-m", "ablate.execute.worker", str(attempt), worker.TIED],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=self._here,
                start_new_session=True,
            )

    def accepts(self, replicate: int) -> bool:
        """Any, in any order."""
        return True

    def finished(self, timeout: float) -> Sequence[Exit]:
        """Attempts whose process ended."""
        deadline = time.monotonic() + timeout
        while True:
            ended = [attempt for attempt, process in self._processes.items() if process.poll() is not None]
            if ended or time.monotonic() >= deadline:
                break
            time.sleep(0.01)
        return [Exit(attempt, self._end(attempt)) for attempt in ended]

    def kill(self, attempt: Path) -> None:
        """End the attempt's processes now."""
        if attempt in self._processes:
            _kill_session(self._processes[attempt])

    def close(self) -> None:
        """End everything that was started."""
        for process in self._processes.values():
            _kill_session(process)
        for attempt in list(self._processes):
            self._end(attempt)

    def _end(self, attempt: Path) -> int:
        """Wait for the process, end what it may have started itself; its exit code."""
        process = self._processes.pop(attempt)
        code = process.wait()
        _kill_session(process)
        end_leftovers(attempt)
        assert process.stdin is not None
        process.stdin.close()
        return code


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """End the process and, where sessions exist, all that it started."""
    process.kill()
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def open_pool(
    *,
    slots: int,
    work: Path,
    warm: Sequence[str] = (),
    cards: DeviceSlots | None = None,
    first: Path | None = None,
) -> ForkPool | SpawnPool:
    """The pool this platform can have. first: where processes are forked, an attempt that begins at once."""
    if CAN_FORK:
        return ForkPool(slots=slots, work=work, warm=warm, cards=cards, first=first)
    return SpawnPool(slots=slots, work=work)
