"""Requests to stop: from the keyboard, from the system, or because the time given is over."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

STOP_SECONDS = 15.0
"""How long runs have to write their checkpoints after SIGTERM; the command then has 5 s of the usual 20 left."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupted(KeyboardInterrupt):
    """A command that a stop request met where nothing has to be finished; its exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


@contextlib.contextmanager
def stop_requests_raised() -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise Interrupted in the main thread, as Ctrl-C raises KeyboardInterrupt.

    For the phases of a command in which no run is at work: locks are released, no file is left half written, and
    the last line is said. The second request ends the process at once, whatever it does.
    """

    def hear(number: int, _: FrameType | None) -> None:
        for one in heard:
            signal.signal(one, signal.SIG_DFL)
        raise Interrupted(128 + number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)


@dataclass(slots=True)
class Interruption:
    """Stop requests while runs are at work.

    The first asks every run to finish its step and write a checkpoint, the second ends them at once,
    the third ends the command itself, whatever it waits for. After SIGTERM, SIGHUP or the end of the
    time given, runs that have not obeyed within STOP_SECONDS are ended; after Ctrl-C a person decides.

    until: `time.monotonic()` at which the time given is over; None for no limit.
    on_first: called once, from the signal's handler where it is a signal. notice: called once, later, by
    whoever watches: a handler must not print.
    """

    until: float | None = None
    signal_number: int = 0
    count: int = 0
    since: float = 0.0
    on_first: Callable[[], None] | None = None
    notice: Callable[[], None] | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[Interruption]:
        """Listen to SIGINT, SIGTERM and SIGHUP while the block runs (in the main thread only)."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        # What is ignored stays ignored: `nohup` means it.
        heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._hear) for number in heard}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _: FrameType | None) -> None:
        self.signal_number = self.signal_number or number
        self._ask()
        if self.count > 2:
            raise Interrupted(self.exit_code)

    def _ask(self) -> None:
        self.count += 1
        self.since = self.since or time.monotonic()
        if self.count == 1 and self.on_first is not None:
            self.on_first()

    def watch(self) -> None:
        """Ask for a stop where the time given is over; give notice of one. Called again and again while runs work."""
        if self.until is not None and not self.asked and time.monotonic() >= self.until:
            self._ask()
        if self.asked and self.notice is not None:
            notice, self.notice = self.notice, None
            notice()

    def is_to_end(self) -> bool:
        """Whether a stop was asked for, or the time given is over by now."""
        self.watch()
        return self.asked

    def end_here(self) -> None:
        """Raise Interrupted where a stop was asked for: between runs there is nothing to finish."""
        if self.is_to_end():
            raise Interrupted(self.exit_code)

    @property
    def asked(self) -> bool:
        """True once a stop was asked for."""
        return self.count > 0

    @property
    def at_once(self) -> bool:
        """True when runs get no more time to write their checkpoints."""
        patient = self.signal_number == signal.SIGINT
        return self.count > 1 or (self.asked and not patient and time.monotonic() - self.since > STOP_SECONDS)

    @property
    def exit_code(self) -> int:
        """128 + the signal's number, as shells have it; 130 where the time given is over."""
        return 128 + (self.signal_number or signal.SIGINT)
