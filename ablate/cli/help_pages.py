"""`--help` in the reader's language: every command's summary, every option's help, and the headings between them."""

from __future__ import annotations

import unicodedata
from typing import Any

from ablate.cli.translation import Catalogue, paragraphs, translated

_HELP: tuple[Catalogue, ...] = ("help",)


def translate_help(command: Any) -> None:
    """Put a command, its options and the commands below it into the language that is spoken."""
    if command.help:
        command.help = "\n\n".join(_in_words(part) for part in paragraphs(command.help))
        command.short_help = paragraphs(command.help)[0]
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _in_words(" ".join(parameter.help.split()))
    command.context_class = _context_class(command.context_class)
    for child in getattr(command, "commands", {}).values():
        translate_help(child)


def _in_words(text: str) -> str:
    return translated(text, _HELP)


def _context_class(plain: Any) -> Any:
    class Formatter(plain.formatter_class):  # type: ignore[misc]
        """A page whose headings are translated, and whose lines are as wide as they look."""

        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix=prefix or f"{_in_words('Usage:')} ")

        def write_heading(self, heading: str) -> None:
            super().write_heading(_in_words(heading))

        def write_text(self, text: str) -> None:
            indent = " " * self.current_indent
            parts = [wrapped(part, self.width - len(indent)) for part in text.split("\n\n")]
            self.write("\n".join("".join(f"{indent}{line}\n" for line in lines) for lines in parts))

        def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
            rows = [(first, _in_words(second)) for first, second in rows]
            column = min(max(map(width, (first for first, _ in rows))), col_max) + col_spacing
            margin = " " * self.current_indent
            for first, second in rows:
                lines = wrapped(second, max(self.width - column - len(margin), 10))
                if width(first) > column - col_spacing:
                    lines = ["", *lines]
                self.write(f"{margin}{first}{' ' * (column - width(first))}{lines[0]}".rstrip() + "\n")
                self.write("".join(f"{margin}{' ' * column}{line}\n" for line in lines[1:]))

    class Context(plain):  # type: ignore[misc]
        formatter_class = Formatter

    return Context


def width(text: str) -> int:
    """Columns of a terminal that a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


_NEVER_FIRST, _NEVER_LAST = "，。；：？！、）", "（"
"""Marks that begin no line, and that end none."""


def wrapped(text: str, columns: int) -> list[str]:
    """The lines of a text: broken at blanks, and between Chinese characters."""
    lines = [""]
    for piece in _pieces(" ".join(text.split())):
        if lines[-1] and width(lines[-1] + piece.rstrip()) > columns:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines]


def _pieces(text: str) -> list[str]:
    """What is not broken: a word with the blank behind it, a Chinese character with the marks around it."""
    found: list[str] = []
    for letter in text:
        if found and _is_joined(found[-1][-1], letter):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _is_joined(before: str, letter: str) -> bool:
    if letter in _NEVER_FIRST or letter == " " or before in _NEVER_LAST:
        return True
    return before != " " and width(before) == 1 and width(letter) == 1
