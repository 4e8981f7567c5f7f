"""YAML with line numbers: a small, strict dialect without surprises.

`1e-4` is a number, `no` a string. Duplicate keys, aliases, tags, several documents, files over
1 MB and nesting over 20 levels are refused, each with its line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ablate.errors import StudyError, near_match

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

Path_ = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")  # NUL, and halves of surrogate pairs
_WORDS: Mapping[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain data, and the line on which each value stands."""

    name: str
    data: Any
    lines: Mapping[Path_, int]

    def where(self, path: Path_) -> str:
        """`studies/x.yaml:7`, the line of the value or of the nearest block around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.name}:{self.lines.get(path, 1)}"


def read_document(path: Path) -> Document:
    """Parse a file. Raises StudyError naming the file and the line."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise StudyError(f"there is no file {path}", hint=_others_beside(path)) from None
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}", hint="Give the path of a study file.") from error
    if len(content) > MAX_BYTES:
        raise StudyError(f"{path} is larger than 1 MB", hint="A study file has a few dozen lines; is it another file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(f"{path}:{line}: not UTF-8 text", hint="Save the file as UTF-8.") from None
    return read_text(text, name=str(path))


def _others_beside(path: Path) -> str:
    beside = sorted(str(other) for other in path.parent.glob("*.y*ml"))
    below = sorted(str(other) for other in (path.parent / "studies").glob("*.y*ml"))
    if named := [other for other in (*beside, *below) if path.name in (Path(other).name, Path(other).stem)]:
        return f"Did you mean {named[0]!r}? A study is given by its file here."
    if not beside:
        return "Give the path of a study file, or write one with `ablate init`."
    shown = ", ".join(beside[:5]) + (f" and {len(beside) - 5} more" if len(beside) > 5 else "")
    return f"{near_match(str(path), beside)}Study files there: {shown}."


def read_text(text: str, *, name: str) -> Document:
    """Parse text; `name` stands for the file in messages."""
    builder = _Builder(name)
    try:
        data = builder.build(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else builder.line
        message, hint = _describe(error, text, line)
        raise StudyError(f"{name}:{line}: {message}", hint=hint) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        message = f"the character U+{error.character:04X} is not allowed in YAML"
        raise StudyError(f"{name}:{line}: {message}", hint="Remove it; is this a text file?") from None
    except (ValueError, OverflowError):  # from chr() and int(), of an escape or a version no one can mean
        raise StudyError(
            f"{name}:{builder.line}: from here on, an escape or a directive has a number out of range",
            hint=_QUOTING,
        ) from None
    return Document(name=name, data=data, lines=builder.lines)


def read_value(text: str, *, name: str) -> Any:
    """One value as it would be written in a study file: `0.1`, `null`, `{name: gap}`; `name` is for messages."""
    try:
        return read_text(text, name=name).data
    except StudyError as error:
        raise StudyError(error.message.replace(f"{name}:1: ", f"{name}: ", 1), hint=error.hint) from None


_QUOTING = "Check the indentation and the brackets, and quote a text that begins with or holds one of : # @ * & % \\"


def _describe(error: yaml.MarkedYAMLError, text: str, line: int) -> tuple[str, str]:
    lines = text.splitlines()
    if "\t" in (lines[line - 1] if line <= len(lines) else "") and "\\t" in str(error.problem):
        return "a tab where YAML allows only spaces", "Replace it by spaces."
    context = ""
    if error.context:
        begun = error.context_mark.line + 1 if error.context_mark else line
        context = f" ({error.context}{f' that begins on line {begun}' if begun < line else ''})"
    return f"not valid YAML: {error.problem}{context}", _QUOTING


class _Builder:
    """Builds plain data from parser events and remembers where each value stood."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Path_, int] = {}
        self.line = 1
        self._name = name

    def build(self, events: Iterator[Any]) -> Any:
        documents = 0
        data = None
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        self._refuse(event, "a second document begins", "A study is one document; remove the ---.")
                case yaml.StreamStartEvent() | yaml.StreamEndEvent() | yaml.DocumentEndEvent():
                    pass
                case _:
                    data = self._value(event, events, ())
        return data

    def _value(self, event: Any, events: Iterator[Any], path: Path_) -> Any:
        self._check(event)
        self.lines.setdefault(path, self.line)
        if len(path) >= MAX_DEPTH and not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, f"nested more than {MAX_DEPTH} levels deep", "No setting lies that deep.")
        match event:
            case yaml.MappingStartEvent():
                return self._mapping(events, path)
            case yaml.SequenceStartEvent():
                return self._sequence(events, path)
            case _:
                return self._scalar(event)

    def _check(self, event: Any) -> None:
        """Refuse what YAML allows and a study does not need."""
        self.line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"*{event.anchor} is an alias", "Write the value out, or quote the text.")
        if getattr(event, "tag", None) is not None:
            self._refuse(event, f"{event.tag} is a tag", "Write the plain value, or quote the text.")

    def _mapping(self, events: Iterator[Any], path: Path_) -> dict[str, Any]:
        content: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            self._check(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(event, "a key must be plain text", "Is a bracket or a brace out of place?")
            key = self._text(event)
            if key in content:
                first = self.lines[(*path, key)]
                self._refuse(event, f"duplicate key {key!r} (first on line {first})", "Keep one of the two.")
            self.lines[(*path, key)] = self.line
            content[key] = self._value(next(events), events, (*path, key))
        return content

    def _sequence(self, events: Iterator[Any], path: Path_) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._value(event, events, (*path, len(items))))
        return items

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = self._text(event)
        if event.style is not None:  # quoted or block text
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text) and len(text) < 20:
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                self._refuse(event, f"the number {_short(text)} is too large", "Quote it if it is meant as text.")
            return number
        return text

    def _text(self, event: yaml.ScalarEvent) -> str:
        """The text of a scalar; an escape may spell characters that no file, name or database takes."""
        found = _UNUSABLE.search(event.value)
        if found:
            self._refuse(event, f"the character U+{ord(found[0]):04X} cannot be used", "Remove the escape.")
        return str(event.value)

    def _refuse(self, event: Any, message: str, hint: str) -> NoReturn:
        raise StudyError(f"{self._name}:{_line(event)}: {message}", hint=hint)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _short(text: str) -> str:
    return text if len(text) <= 20 else f"{text[:17]}..."
