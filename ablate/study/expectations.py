"""What may stand at a place of a config, read off the classes of settings and put into words."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic.fields import FieldInfo

from ablate.settings import Settings, is_settings, name_form, options_of


class Slot(NamedTuple):
    """A place for a value: its type as annotated, the bounds on it, its documentation."""

    annotation: Any
    bounds: tuple[Any, ...] = ()
    description: str = ""


def slot_at(model: type[Settings], path: Sequence[str | int], data: Any) -> Slot:
    """The place a path within `data` leads to; one for any value where that cannot be told."""
    slot = Slot(model)
    for part in path:
        slot = slot_below(slot, part, data)
        data = data[part] if _holds(data, part) else None
    return slot


def slot_below(slot: Slot, part: str | int, data: Any) -> Slot:
    """The place one step further; `data` is what stands in `slot`, which tells blocks of one choice apart."""
    block = block_of(slot.annotation, data)
    if block is not None and (info := fields_of(block).get(str(part))) is not None:
        return Slot(info.annotation, tuple(info.metadata), info.description or "")
    for option in options_of(slot.annotation):
        items = [item for item in typing.get_args(option) if item is not Ellipsis]
        if typing.get_origin(option) is not Literal and items:
            return Slot(items[-1], (), slot.description)  # of a list, a tuple, or the values of a mapping
    return Slot(Any)


def _holds(data: Any, part: str | int) -> bool:
    if isinstance(data, Mapping):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def block_of(annotation: Any, data: Any) -> type[Settings] | None:
    """The block that is meant by the data: the one of that name, or the only one; else None."""
    blocks = [option for option in options_of(annotation) if is_settings(option)]
    name = data.get("name") if isinstance(data, Mapping) else None
    named = [block for block in blocks if name in names_of(block) or _is_of_form(block, name)]
    return (named or blocks)[0] if named or len(blocks) == 1 else None


def fields_of(block: type[Settings]) -> dict[str, FieldInfo]:
    """The fields under the keys they have in the file."""
    return {info.alias or name: info for name, info in block.model_fields.items()}


def names_of(block: type[Settings]) -> tuple[str, ...]:
    """What `name` may be in a block, or what it may look like; empty where it has none."""
    tag = block.model_fields.get("name")
    if tag is None:
        return ()
    return (
        typing.get_args(tag.annotation) if typing.get_origin(tag.annotation) is Literal else tuple(tag.examples or ())
    )


def _is_of_form(block: type[Settings], name: Any) -> bool:
    """Whether a block is told by the form of its name, and this is one."""
    form = name_form(block)
    return form is not None and isinstance(name, str) and re.search(form, name) is not None


def choices_of(slot: Slot) -> list[str]:
    """The words, or the names of blocks, that may stand in a place."""
    choices: list[str] = []
    for option in options_of(slot.annotation):
        if is_settings(option):
            choices += names_of(option)
        elif typing.get_origin(option) is Literal:
            choices += [_word(value) for value in typing.get_args(option)]
        elif isinstance(option, type) and issubclass(option, Enum):
            choices += [_word(member.value) for member in option]
    return choices


def is_choice(slot: Slot) -> bool:
    """Whether nothing but certain words, or null, may stand in a place."""
    return all(
        option is type(None)
        or typing.get_origin(option) is Literal
        or (isinstance(option, type) and issubclass(option, Enum))
        for option in options_of(slot.annotation)
    )


def expectation(slot: Slot) -> str:
    """`a number above 0 and below 1, or a whole number of at least 1`."""
    words = list(dict.fromkeys(_in_words(option, bounds) for option, bounds in _bounded(slot.annotation, slot.bounds)))
    words.sort(key=lambda word: word == "null")
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])}{',' if ' and ' in words[0] or len(words) > 2 else ''} or {words[-1]}"


def _bounded(annotation: Any, bounds: tuple[Any, ...]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The options of an annotation, each with the bounds on it."""
    if typing.get_origin(annotation) is Annotated:
        bare, *more = typing.get_args(annotation)
        yield from _bounded(bare, (*bounds, *more))
        return
    options = options_of(annotation)
    if len(options) > 1:
        for argument in typing.get_args(annotation):
            yield from _bounded(argument, bounds)
        return
    flat = [m for bound in bounds for m in (bound.metadata if isinstance(bound, FieldInfo) else [bound])]
    names = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")
    yield options[0], {name: getattr(m, name) for m in flat for name in names if hasattr(m, name)}


def _in_words(option: Any, bounds: Mapping[str, Any]) -> str:
    origin = typing.get_origin(option) or option
    if origin is Literal:
        return " or ".join(_word(value) for value in typing.get_args(option))
    if is_settings(option):
        return "a block with a name" if names_of(option) else "a block"
    if origin in (list, tuple, set, frozenset):
        return f"a list{_size(bounds, 'value')}"
    if origin is dict:
        return f"a block{_size(bounds, 'key')}"
    if isinstance(option, type) and issubclass(option, Enum):
        return " or ".join(_word(member.value) for member in option)
    plain = {type(None): "null", bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    plain |= {Path: "a path", Any: "a value"}
    return f"{plain.get(option) or getattr(option, '__name__', str(option))}{_range(bounds)}"


def _range(bounds: Mapping[str, Any]) -> str:
    words = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below", "pattern": "of the form"}
    said = [f"{words[name]} {bound}" for name, bound in bounds.items() if name in words]
    return f" {' and '.join(said)}" if said else ""


def _size(bounds: Mapping[str, Any], noun: str) -> str:
    """` of 2 values`, ` of at least 1 key`; nothing where any number will do."""
    least, most = bounds.get("min_length"), bounds.get("max_length")
    if least is None and most is None:
        return ""
    words = f"{least}" if least == most else f"at least {least}" if most is None else f"at most {most}"
    return f" of {words} {noun}{'' if words.endswith(' 1') else 's'}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def shown(value: Any) -> str:
    """A value as the file spells it, short."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Mapping():
            return "a block" if value else "an empty block"
        case list():
            return "a list" if value else "an empty list"
        case _:
            return repr(value) if len(repr(value)) < 60 else f"{repr(value)[:57]}..."
