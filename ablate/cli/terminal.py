"""The one place that writes to the terminal: in any encoding, to readers that may be gone, never a control sequence.

Names of files and classes, messages of journals, tags of servers and variants of tables may hold anything. What a
terminal would obey, or what would turn the direction of a line, is written out as the escape it is in Python.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import logging
import os
import re
import sys
from typing import Any, TextIO

from ablate.cli.translation import translated

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but for tab and line feed, DEL, C1
    "\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # direction, line ends, unseen marks
    "\ud800-\udfff"  # bytes of a file name that are no UTF-8
    "\U000e0000-\U000e007f]"
)
_PLAIN = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "×": "x",
    "·": ".", "±": "+/-", "≤": "<=", "≥": ">=", "→": "->", "α": "alpha", "°": " degrees", "µ": "u", "✗": "x", "†": "*",
    "●": "o", "┊": ":", "├": "|", "┼": "+", "┤": "|", "─": "-", "━": "-", "◂": "<", "▸": ">", "\u00a0": " ",
}  # fmt: skip
"""What ablate itself writes, in ASCII: a minus must not become a question mark."""
_NOBODY_READS = {errno.EPIPE, errno.EIO, errno.ESHUTDOWN, errno.EBADF}
_ERRORS = "ablate.plain"


def visible(text: str) -> str:
    """The text with everything a terminal would obey written out, such as `\\x1b`; lines and tabs stay."""
    return _OBEYED.sub(lambda found: _escape(found.group()), text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The visible text on one line, a line feed written out: a name that holds one begins no line of its own."""
    return visible(text).replace("\n", "\\n")


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def say(text: str = "") -> None:
    """A line of the result, in the reader's language where there is a translation."""
    _print(one_line(translated(text)), sys.stdout)


def note(text: str) -> None:
    """A line about the result."""
    _print(one_line(translated(text)), sys.stderr)


def note_lines(text: str) -> None:
    """Several lines about the result; those after the first are indented, so that none passes for another note."""
    first, *more = visible(translated(text)).split("\n")
    indented = [line if not line or line.startswith(" ") else f"  {line}" for line in more]
    _print("\n".join([first, *indented]), sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    # Not by click, which writes UTF-8 past the stream where its encoding is ASCII.
    stream.write(f"{text}\n")
    stream.flush()


def say_json(content: Any) -> None:
    """One object on standard output; what this terminal cannot show is escaped, so that nothing is lost."""
    text = json.dumps(content, indent=1, ensure_ascii=not _is_unicode(sys.stdout), allow_nan=False)
    _print(_OBEYED.sub(lambda found: _json_escape(found.group()), text), sys.stdout)


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"


def _is_unicode(stream: TextIO) -> bool:
    return str(getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


class _Stream(io.TextIOWrapper):
    """A standard stream that goes on in silence once nobody reads it: training must not end for that."""

    def write(self, text: str) -> int:
        """Write, or pass over what nobody reads."""
        try:
            return super().write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        """Flush, or pass over what nobody reads."""
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        if error.errno not in _NOBODY_READS:
            raise error
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def prepare_streams() -> None:
    """Make standard output and standard error fit for any text and any reader; called once, by the command."""
    codecs.register_error(_ERRORS, _in_plain_letters)
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        _open_if_closed(descriptor)
        stream = getattr(sys, name)
        if name == "stdin":
            continue
        if stream is None:
            fresh = _Stream(open(descriptor, "wb", closefd=False), "utf-8", _ERRORS)  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and not isinstance(stream, _Stream):
            encoding, lines = stream.encoding, stream.line_buffering
            stream.flush()
            fresh = _Stream(stream.detach(), encoding, _ERRORS, line_buffering=lines)
        else:
            continue
        setattr(sys, name, fresh)
        setattr(sys, f"__{name}__", fresh)
    logging.lastResort = _Notes(logging.WARNING)


def _open_if_closed(descriptor: int) -> None:
    """Leave no standard descriptor free: the next file to be opened would get it, with what is printed."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks: our own signs in ASCII, `?` for the rest."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in found), error.end


class _Notes(logging.Handler):
    """Warnings of the program, as notes."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        note_lines(self.format(record))
