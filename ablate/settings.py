"""`Settings`: the base of every trainer's config, and what of it makes two runs the same run.

This is the one module of the ground that needs pydantic: a config is untrusted input, so unknown
keys, wrong types and numbers that are not finite are refused when a study is read.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping, Set
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class _NotIdentity:
    """Marks a field that cannot change a run's outcome: a root, a cache path, a device."""


class _Place:
    """Marks a field that says where data lie."""


class _DefinesTest:
    """Marks a field that decides which images are the test images: the source, the split's seed."""


@dataclasses.dataclass(frozen=True, slots=True)
class IdentityDefault:
    """`fast: Annotated[bool, IdentityDefault(False)] = True`: a field whose default has changed.

    The identity goes on leaving out `value`, the default of before, and writes the new one out: no earlier run is
    taken for one of the new default, nor the other way round. A record that says nothing of the field means `value`.
    """

    value: Any


T = TypeVar("T")
S = TypeVar("S", bound="Settings")
NotIdentity = Annotated[T, _NotIdentity()]
"""`root: NotIdentity[Path]`: the field is no part of the fingerprint."""

DataPath = Annotated[T, _NotIdentity(), _Place()]
"""`root: Place[str]`: no part of the fingerprint, but what tells two data sets apart until they are looked at."""

DefinesTest = Annotated[T, _DefinesTest()]
"""`seed: DefinesTest[int]`: a change means other test images, so no step of a design may make it."""


class Settings(BaseModel):
    """Base class of a trainer's config: strict types, no unknown keys, no NaN, frozen.

    A field's docstring is shown where its value is refused. A validator's ValueError reads best as
    `key (value) is wrong; what to do`: the key it begins with gives the line, the part behind the
    last semicolon is shown as the remedy.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:  # the options of the method it overrides
        """The settings in plain JSON data: as strict as ever, but a list becomes a tuple, a text a path."""
        if options or not isinstance(obj, Mapping):
            return super().model_validate(obj, **options)
        try:
            text = json.dumps(obj)
        except TypeError:  # objects, from a Python caller
            return super().model_validate(obj)
        return cls.model_validate_json(text)


def identity_of(settings: Settings) -> dict[str, Any]:
    """The values that make two runs the same run, as plain JSON data.

    Left out: values equal to their default, so that a new block with a default orphans no finished
    run (where the default has changed: to that of before, see IdentityDefault), and fields marked NotIdentity.
    """
    content: dict[str, Any] = {}
    for name, info in type(settings).model_fields.items():
        if _is_marked(info, _NotIdentity):
            continue
        value = _plain(getattr(settings, name))
        if info.is_required() or value != _plain(_identity_default(info)):
            content[name] = value
    content.update(_plain(settings.model_extra or {}))
    return content


def _identity_default(info: FieldInfo) -> Any:
    """The value that an identity leaves out, and that a record means which leaves the field out."""
    mark = _former(info)
    default = info.get_default(call_default_factory=True, validated_data={})
    return _as_recorded(default) if mark is None else mark.value


def _former(info: FieldInfo) -> IdentityDefault | None:
    return next((item for item in info.metadata if isinstance(item, IdentityDefault)), None)


def settings_of_record(config: type[S], data: Mapping[str, Any]) -> S:
    """The settings in a stored record: what it leaves out has the default of the time before any default changed."""
    recorded: S = _as_recorded(config.model_validate(data))
    return recorded


def _as_recorded(value: Any) -> Any:
    match value:
        case Settings():
            meant = {name: _as_recorded(getattr(value, name)) for name in type(value).model_fields}
            for name, info in type(value).model_fields.items():
                mark = _former(info)
                if mark is not None and name not in value.model_fields_set:
                    meant[name] = mark.value
            return value.model_copy(update=meant)
        case Mapping():
            return {key: _as_recorded(item) for key, item in value.items()}
        case list():
            return [_as_recorded(item) for item in value]
        case tuple() if type(value) is tuple:
            return tuple(_as_recorded(item) for item in value)
        case _:
            return value


class ChangedDefault(NamedTuple):
    """A setting that was left to its default, which is `now` and was `before`. key: dotted."""

    key: str
    now: Any
    before: Any


def changed_defaults(settings: Settings, path: str = "") -> list[ChangedDefault]:
    """What these settings leave to a default that has changed since."""
    found = []
    for name, info in type(settings).model_fields.items():
        value, mark = getattr(settings, name), _former(info)
        if isinstance(value, Settings):
            found += changed_defaults(value, f"{path}{name}.")
        elif mark is not None and name not in settings.model_fields_set:
            found.append(ChangedDefault(path + name, _plain(value), _plain(mark.value)))
    return found


def _is_marked(info: FieldInfo, mark: type) -> bool:
    return any(isinstance(item, mark) for item in info.metadata)


def _plain(value: Any) -> Any:
    match value:
        case Settings():
            return identity_of(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Set():
            return sorted((_plain(item) for item in value), key=repr)  # a set has no order of its own
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def defining_test(settings: Settings) -> dict[str, Any]:
    """Dotted key -> identity of every field marked DefinesTest."""
    return _marked(settings, _DefinesTest)


def places_of(settings: Settings) -> dict[str, Any]:
    """Dotted key -> value of every field marked Place."""
    return _marked(settings, _Place)


def _marked(settings: Settings, mark: type, path: str = "") -> dict[str, Any]:
    """Dotted key -> plain value of every field with a mark, in blocks inside as well."""
    found: dict[str, Any] = {}
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        if _is_marked(info, mark):
            found[path + name] = _plain(value)
        elif isinstance(value, Settings):
            found |= _marked(value, mark, f"{path}{name}.")
    return found


class Complaint(NamedTuple):
    """What is wrong with a class of settings, and what to do."""

    what: str
    remedy: str


@cache
def schema_complaint(config: type[Settings]) -> Complaint | None:
    """Why a class cannot serve as a config, or None: every block in it must be as strict as itself.

    A block that is no Settings would take unknown keys silently, and two blocks that only their
    defaults tell apart would have one fingerprint.
    """
    for owner, name, info in _fields_below(config, seen=set()):
        where = f"{owner.__name__}.{name}"
        for options in _choices(info.annotation):
            lax = next((option for option in options if _is_lax(option)), None)
            if lax is not None:
                return Complaint(
                    f"{where} holds {lax.__name__}, which is not derived from ablate.Settings",
                    f"Unknown keys in it would pass silently; write `class {lax.__name__}(ablate.Settings): ...`.",
                )
            blocks = [option for option in options if is_settings(option)]
            unnamed = next((block for block in blocks if not _has_tag(block)), None) if len(blocks) > 1 else None
            if unnamed is not None:
                return Complaint(
                    f"{where} may be one of several blocks, and {unnamed.__name__} has no name to tell it by",
                    f'Write `name: Literal["..."]`, without a default, into {unnamed.__name__}.',
                )
    return None


def _fields_below(config: type[Settings], seen: set[type]) -> Iterator[tuple[type[Settings], str, FieldInfo]]:
    seen.add(config)
    for name, info in config.model_fields.items():
        yield config, name, info
        for options in _choices(info.annotation):
            for option in options:
                if is_settings(option) and option not in seen:
                    yield from _fields_below(option, seen)


def _choices(annotation: Any) -> Iterator[list[Any]]:
    """The options of an annotation, then those of what it contains: lists, mappings, tuples."""
    options = options_of(annotation)
    yield options
    for option in options:
        if typing.get_origin(option) not in (None, Literal):
            for argument in typing.get_args(option):
                yield from _choices(argument)


def options_of(annotation: Any) -> list[Any]:
    """What a value may be: the members of a union, bare of their constraints, or the one type."""
    annotation = getattr(annotation, "__value__", annotation)  # a `type X = ...` alias
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return options_of(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [option for argument in typing.get_args(annotation) for option in options_of(argument)]
    return [annotation]


def is_settings(option: Any) -> bool:
    """Whether a type is a block of settings."""
    return isinstance(option, type) and issubclass(option, Settings)


def _has_tag(block: type[Settings]) -> bool:
    tag = block.model_fields.get("name")
    if tag is None or not tag.is_required():
        return False
    return typing.get_origin(tag.annotation) is Literal or name_form(block) is not None


def name_form(block: type[Settings]) -> str | None:
    """The pattern of a block's `name`, where a form tells the block and no fixed names; else None."""
    tag = block.model_fields.get("name")
    patterns = (getattr(item, "pattern", None) for item in tag.metadata) if tag is not None else ()
    return next((pattern for pattern in patterns if isinstance(pattern, str)), None)


def _is_lax(option: Any) -> bool:
    if not isinstance(option, type) or issubclass(option, Settings):
        return False
    is_typed_dict = hasattr(option, "__required_keys__")
    return issubclass(option, BaseModel) or dataclasses.is_dataclass(option) or is_typed_dict


def flattened(config: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Dotted key -> value; lists and empty blocks stay whole."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{path}{key}.")
        else:
            flat[path + key] = value
    return flat
