"""YAML with line numbers: a small, strict dialect without surprises.

`1e-4` is a number, `no` a string. Duplicate keys, aliases, tags, several documents, files over
1 MB and nesting over 20 levels are refused, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ablate.errors import StudyError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

Path_ = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
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


def read_file(path: Path) -> Document:
    """Parse a file. Raises StudyError naming the file and the line."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        near = ", ".join(sorted(str(p) for p in path.parent.glob("*.yaml"))) if path.parent.is_dir() else ""
        hint = f"Study files there: {near}." if near else "Give the path of a study file, or run `ablate init`."
        raise StudyError(f"there is no file {path}", hint=hint) from None
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise StudyError(f"{path} is larger than 1 MB; a study file has a few dozen lines")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise StudyError(f"{path}:{line}: not UTF-8 text", hint="Save the file as UTF-8.") from None
    return read_text(text, name=str(path))


def read_text(text: str, *, name: str) -> Document:
    """Parse text; `name` stands for the file in messages."""
    builder = _Builder(name)
    try:
        data = builder.build(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise StudyError(f"{name}:{line}: {_describe(error, text, line)}") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise StudyError(f"{name}:{line}: character {error.character!r} is not allowed in YAML") from None
    return Document(name=name, data=data, lines=builder.lines)


def read_value(text: str) -> Any:
    """One value as it would be written in a study file: `0.1`, `null`, `{name: gap}`."""
    return read_text(text, name=f"value {text!r}").data


def _describe(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    lines = text.splitlines()
    if "\t" in (lines[line - 1] if line <= len(lines) else "") and "\\t" in str(error.problem):
        return "a tab is used for indentation. Use spaces"
    context = f" ({error.context})" if error.context else ""
    return f"not valid YAML: {error.problem}{context}"


class _Builder:
    """Builds plain data from parser events and remembers where each value stood."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Path_, int] = {}
        self._name = name

    def build(self, events: Iterator[Any]) -> Any:
        documents = 0
        data = None
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        self._refuse(event, "a second document begins; a study is one document")
                case yaml.StreamStartEvent() | yaml.StreamEndEvent() | yaml.DocumentEndEvent():
                    pass
                case _:
                    data = self._value(event, events, ())
        return data

    def _value(self, event: Any, events: Iterator[Any], path: Path_) -> Any:
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"alias *{event.anchor}: write the value out")
        if getattr(event, "tag", None) is not None and event.tag != "!":
            self._refuse(event, f"tag {event.tag}: plain values only")
        if len(path) > MAX_DEPTH:
            self._refuse(event, f"nested more than {MAX_DEPTH} levels deep")
        match event:
            case yaml.MappingStartEvent():
                return self._mapping(events, path)
            case yaml.SequenceStartEvent():
                return self._sequence(events, path)
            case _:
                return _scalar(event)

    def _mapping(self, events: Iterator[Any], path: Path_) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(event, "a key must be plain text")
            key, line = str(event.value), _line(event)
            if key in content:
                first = self.lines[(*path, key)]
                self._refuse(event, f"duplicate key {key!r} (first on line {first})")
            self.lines[(*path, key)] = line
            content[key] = self._value(next(events), events, (*path, key))
        return content

    def _sequence(self, events: Iterator[Any], path: Path_) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, events, (*path, len(items))))
        return items

    def _refuse(self, event: Any, message: str) -> NoReturn:
        raise StudyError(f"{self._name}:{_line(event)}: {message}")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    if event.style is not None:  # quoted or block text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 20:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
