"""`Settings`: the base of every trainer's config, and what of it makes two runs the same run.

This is the one module of the ground that needs pydantic: a config is untrusted input, so unknown
keys, wrong types and numbers that are not finite are refused when a study is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


class _NotIdentity:
    """Marks a field that cannot change a run's outcome: a root, a cache path, a device."""


class _DefinesTest:
    """Marks a field that decides which images are the test images: the source, the split's seed."""


T = TypeVar("T")
NotIdentity = Annotated[T, _NotIdentity()]
"""`root: NotIdentity[Path]`: the field is no part of the fingerprint."""

DefinesTest = Annotated[T, _DefinesTest()]
"""`seed: DefinesTest[int]`: a change means other test images, so no step of a design may make it."""


class Settings(BaseModel):
    """Base class of a trainer's config: strict types, no unknown keys, no NaN, frozen."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def identity_of(settings: Settings) -> dict[str, Any]:
    """The values that make two runs the same run, as plain JSON data.

    Left out: values equal to their default, so that a new block with a default orphans no finished
    run, and fields marked NotIdentity.
    """
    content: dict[str, Any] = {}
    for name, info in type(settings).model_fields.items():
        if any(isinstance(mark, _NotIdentity) for mark in info.metadata):
            continue
        value = _plain(getattr(settings, name))
        if not info.is_required() and value == _plain(_default_of(info)):
            continue
        content[name] = value
    return content


def _default_of(info: FieldInfo) -> Any:
    default = info.get_default(call_default_factory=True, validated_data={})
    return None if default is PydanticUndefined else default


def _plain(value: Any) -> Any:
    match value:
        case Settings():
            return identity_of(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def defining_test(settings: Settings, path: str = "") -> dict[str, Any]:
    """Dotted key -> identity of every field marked DefinesTest."""
    found: dict[str, Any] = {}
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        if any(isinstance(mark, _DefinesTest) for mark in info.metadata):
            found[path + name] = _plain(value)
        elif isinstance(value, Settings):
            found |= defining_test(value, f"{path}{name}.")
    return found
