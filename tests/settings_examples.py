"""Examples of settings, found from their classes: of a block that is added, too, without a line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from ablate.settings import Settings, is_settings

ByHand = Mapping[tuple[str, str], Any]
"""(name of the class, field) -> its only example: where text or a list means something outside the settings."""


def examples(block: type[Settings], by_hand: ByHand) -> list[dict[str, Any]]:
    """Those the class accepts of: what it requires, then this with each alternative of each setting in turn.

    Numbers lie in the middle of their bounds.
    """
    values = {name: list(alternatives(block, name, by_hand)) for name in block.model_fields}
    required = {
        name: values[name][0] for name, info in block.model_fields.items() if info.is_required() and values[name]
    }
    tried = [required, *({**required, name: value} for name in values for value in values[name])]
    found = [one for number, one in enumerate(tried) if one not in tried[:number] and _is_accepted(block, one)]
    assert found, f"no example of {block.__name__} is found; name a value of a setting it requires by hand"
    return found


def alternatives(block: type[Settings], name: str, by_hand: ByHand) -> Iterator[Any]:
    """Values of one setting."""
    if (block.__name__, name) in by_hand:
        yield by_hand[block.__name__, name]
    else:
        info = block.model_fields[name]
        yield from _values(info.annotation, tuple(info.metadata), by_hand)


def kinds(block: type[Settings], name: str, by_hand: ByHand) -> Iterator[Any]:
    """One value of each kind a setting may be: an example of each class, every other value."""
    yield from alternatives(block, name, {**by_hand, ("", ""): "one of each"})


def _values(annotation: Any, bounds: tuple[Any, ...], by_hand: ByHand) -> Iterator[Any]:  # noqa: C901 - a case a kind
    match get_origin(annotation):
        case origin if origin is Annotated:
            inner, *more = get_args(annotation)
            own = [bound for one in more for bound in (one.metadata if isinstance(one, FieldInfo) else [one])]
            yield from _values(inner, (*bounds, *own), by_hand)
        case origin if origin in (Union, UnionType):
            for option in get_args(annotation):
                yield from _values(option, bounds, by_hand)
        case origin if origin is Literal:
            yield from get_args(annotation)
        case origin if origin is list:
            length = next((bound.min_length for bound in bounds if isinstance(bound, MinLen)), 1)
            for value in _values(get_args(annotation)[0], (), by_hand):
                yield [value] * length
        case _ if is_settings(annotation):
            found = examples(annotation, by_hand)
            yield from found[:1] if ("", "") in by_hand else found
        case _ if annotation is NoneType:
            yield None
        case _ if annotation is bool:
            yield from (True, False)
        case _ if annotation in (int, float):
            yield _number(annotation, bounds)


def _number(kind: type, bounds: tuple[Any, ...]) -> int | float:
    """In the middle of the bounds; without an upper one a little above the lower."""
    low = next((one.gt if isinstance(one, Gt) else one.ge for one in bounds if isinstance(one, Gt | Ge)), 0)
    high = next((one.lt if isinstance(one, Lt) else one.le for one in bounds if isinstance(one, Lt | Le)), None)
    if kind is int:
        return max(1, int(low))
    return float(low + 0.1 if high is None else (low + high) / 2)


def _is_accepted(block: type[Settings], values: dict[str, Any]) -> bool:
    try:
        block.model_validate(values)
    except ValidationError:
        return False
    return True
