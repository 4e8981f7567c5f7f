"""What a command prints: into the log up to a limit, its end kept, its lines handed on; whatever bytes it sends."""

from __future__ import annotations

import codecs
import re
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

LOGGED = 10_000_000
"""Characters of a command's output that go into run.log; of the rest only the end does."""
KEPT = 16_000
"""Characters of the end."""
PIECE = 1000
"""Smaller ones are joined."""
LONGEST_LINE = 1_000_000
_SEQUENCES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
SHOWN_LINES = 20


@dataclass(slots=True)
class Output:
    """Takes what comes from one stream of a command. on_line: told each line, without its end."""

    on_line: Callable[[str], None] = lambda _: None
    ending: deque[str] = field(default_factory=deque)
    """The last pieces, of both streams where they share it."""
    budget: list[int] = field(default_factory=lambda: [LOGGED])
    """Characters that may still be logged, likewise."""
    _line: list[str] = field(default_factory=list)
    """The pieces of the line that has not ended."""
    _length: int = 0
    _skips: bool = False
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("backslashreplace")
    )

    def take(self, content: bytes) -> None:
        """More bytes."""
        text = self._decoder.decode(content)
        if not text:
            return
        self._log(text)
        *lines, rest = re.split(r"\r\n|\n|\r", text)
        for line in lines:
            self._line.append(line)
            self.close()
            self._skips = False
        self._line.append(rest)
        self._length += len(rest)
        if self._length > LONGEST_LINE:
            self._line, self._length, self._skips = [], 0, True

    def close(self) -> None:
        """A line has ended; the last may have no end."""
        line = "".join(self._line)
        self._line, self._length = [], 0
        if not self._skips:
            self.on_line(line)

    def _log(self, text: str) -> None:
        whole = text[: max(0, self.budget[0])]
        self.budget[0] -= len(text)
        if whole:
            sys.stdout.write(_UNPRINTABLE.sub(_spelled, whole))
        small = len(text) < PIECE and bool(self.ending) and len(self.ending[-1]) < PIECE
        self.ending.append((self.ending.pop() if small else "") + text[-KEPT:])
        while sum(map(len, self.ending)) - len(self.ending[0]) >= KEPT:
            self.ending.popleft()


def _spelled(found: re.Match[str]) -> str:
    """A sign that a terminal would obey, written out; the ends of lines stay."""
    return "\n" if found[0] == "\r" else f"\\x{ord(found[0]):02x}" if found[0] != "\x1b" else "\\e"


def log_the_end(output: Output) -> None:
    """Where not everything was logged, say how much was not, and log the end."""
    left_out = -output.budget[0]
    if left_out > 0:
        shown = "".join(output.ending)[-min(KEPT, left_out) :]
        sys.stdout.write(f"\n[... {left_out - len(shown):,} characters left out ...]\n{printable(shown)}\n")
    sys.stdout.flush()


def printable(text: str) -> str:
    """Without colours, with what a progress bar wrote over a line once, and nothing that a terminal would obey."""
    lines = _SEQUENCES.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(_UNPRINTABLE.sub("?", line.rstrip("\r").rpartition("\r")[2]) for line in lines)


def tail_of(output: Output) -> str:
    """The last lines, for a message."""
    lines = [line.rstrip()[:300] for line in printable("".join(output.ending)).split("\n") if line.strip()]
    return "\n".join(lines[-SHOWN_LINES:])
