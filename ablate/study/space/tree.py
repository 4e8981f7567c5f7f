"""What a search may ask for: a tree of parameters, each range and choice tried against the trainer's schema.

A point is what Optuna stores of one suggestion: parameter -> number, or the label of a choice. Factors
that are searched are parameters like any other, named as in the study file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.errors import StudyError, near_match
from ablate.records import Variant
from ablate.settings import Settings, flattened, identity_of
from ablate.study.designs.catalogue import join_overrides
from ablate.study.expectations import shown
from ablate.study.factors import Overrides, Place
from ablate.study.overrides import is_within
from ablate.study.study import Study

Stored = float | int | str | bool | None
"""What can be stored of a parameter's value."""
Point = Mapping[str, Stored]
OFF = "off"
"""The label of a factor that is not switched on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A range of a number. name: as stored; key: where it goes in the config."""

    name: str
    key: str
    low: float | int
    high: float | int
    log: bool = False
    step: float | int | None = None
    is_whole: bool = False

    def label_of(self, value: Any) -> float | int | None:
        """The value as stored; None where it lies outside the range, or between its steps."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not self.low <= value <= self.high or (self.is_whole and value != int(value)):
            return None
        steps = (value - self.low) / self.step if self.step is not None else 0
        return value if abs(steps - round(steps)) < 1e-9 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice. label: as stored; overrides: what it sets; space: what is searched as well where it is chosen."""

    label: Stored
    overrides: Overrides
    space: tuple[Number | Choice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A choice of one of several. key: the config's key, or empty for a factor."""

    name: str
    key: str
    options: tuple[Option, ...]

    def option(self, label: Stored) -> Option:
        """The option of that label. Raises KeyError."""
        for option in self.options:
            if option.label == label and isinstance(option.label, bool) == isinstance(label, bool):
                return option
        raise KeyError(label)


Parameter = Number | Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What is searched, over the base of a study."""

    study: Study
    parameters: tuple[Parameter, ...]
    place: Place = ("search", "space")

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter, those under a choice included, in the order of the file."""
        return tuple(parameter.name for parameter in walk(self.parameters))

    @property
    def keys(self) -> tuple[str, ...]:
        """The settings that parameters stand for, those under a choice included; factors stand for several."""
        return tuple(parameter.key for parameter in walk(self.parameters) if parameter.key)

    def overrides(self, point: Point) -> dict[str, Any]:
        """What a point sets, by dotted key."""
        return join_overrides(*_bundles(self.parameters, point))

    def settings(self, point: Point) -> Settings:
        """The complete config of a point. Raises StudyError for a combination the trainer refuses."""
        overrides = self.overrides(point)
        settings = self.study.resolve(overrides, self.place)
        self.study.check(settings, overrides, self.place)
        return settings

    def variant(self, name: str, point: Point) -> Variant:
        """The base with this point's values laid on it."""
        settings = self.settings(point)
        return Variant(
            name=name,
            config=settings.model_dump(mode="json"),
            identity=identity_of(settings),
            changes=self.overrides(point),
            reference=None,
        )

    def baseline(self) -> Point | None:
        """The base's own values; None where one of them is outside the space."""
        return _baseline(self.study, self.parameters, {})

    def holds(self, point: Point) -> bool:
        """Whether a stored point is one of this space."""
        return _holds(self.parameters, point) and set(point) <= set(self.names)

    def point_of(self, values: Mapping[str, Any], place: Place) -> Point:
        """A stored point from values as a person writes them. Raises StudyError for what is outside the space."""
        point: dict[str, Stored] = {}
        left = dict(values)
        _read_point(self.parameters, left, point, self._outside(place))
        for name in left:
            raise StudyError(
                f"{self.study.document.where((*place, name))}: {name!r} is not searched here",
                hint=f"{near_match(name, self.names)}Parameters: {', '.join(self.names)}.",
            )
        return point

    def _outside(self, place: Place) -> Any:
        def refuse(parameter: Parameter, value: Any) -> StudyError:
            where = self.study.document.where((*place, parameter.name))
            return StudyError(
                f"{where}: {parameter.name}: {shown(value)} is outside the space",
                hint=f"It is {_in_words(parameter)}.",
            )

        return refuse

    def as_json(self) -> dict[str, str]:
        """Parameter -> its range or choices in words: what must not change while a search goes on."""
        return {parameter.name: _in_words(parameter) for parameter in walk(self.parameters)}


def walk(parameters: Sequence[Parameter]) -> Iterator[Parameter]:
    """Every parameter of a tree, each before those under its choices."""
    for parameter in parameters:
        yield parameter
        if isinstance(parameter, Choice):
            for option in parameter.options:
                yield from walk(option.space)


def _bundles(parameters: Sequence[Parameter], point: Point) -> Iterator[Overrides]:
    for parameter in parameters:
        if isinstance(parameter, Number):
            yield {parameter.key: point[parameter.name]}
        else:
            option = parameter.option(point[parameter.name])
            yield option.overrides
            yield from _bundles(option.space, point)


def _in_words(parameter: Parameter) -> str:
    if isinstance(parameter, Choice):
        return f"one of {', '.join(str(option.label) for option in parameter.options)}"
    kind = "whole number" if parameter.is_whole else "number"
    extra = ", log" if parameter.log else f", step {parameter.step:g}" if parameter.step is not None else ""
    return f"{kind} from {parameter.low:g} to {parameter.high:g}{extra}"


def _holds(parameters: Sequence[Parameter], point: Point) -> bool:
    for parameter in parameters:
        if parameter.name not in point:
            return False
        value = point[parameter.name]
        if isinstance(parameter, Number):
            if parameter.label_of(value) is None:
                return False
            continue
        try:
            option = parameter.option(value)
        except KeyError:
            return False
        if not _holds(option.space, point):
            return False
    return True


def _baseline(study: Study, parameters: Sequence[Parameter], chosen: Overrides) -> dict[str, Stored] | None:
    base = study.resolve({}, ("base",)).model_dump(mode="json")
    point: dict[str, Stored] = {}
    for parameter in parameters:
        if isinstance(parameter, Number):
            value = parameter.label_of(_value_at(base, parameter.key))
            if value is None:
                return None
            point[parameter.name] = value
            continue
        for option in parameter.options:
            inner = {found.key for found in walk(option.space)}
            if _agrees(study, base, option, inner):
                below = _baseline(study, option.space, option.overrides)
                if below is None:
                    return None
                point |= {parameter.name: option.label} | below
                break
        else:
            return None
    return point


def _agrees(study: Study, base: Mapping[str, Any], option: Option, searched: set[str]) -> bool:
    """Whether an option leaves the base as it is, but for what is searched below the option."""
    try:
        mine = flattened(study.resolve(option.overrides).model_dump(mode="json"))
    except StudyError:
        return False
    theirs = flattened(base)
    return all(
        mine.get(key) == theirs.get(key)
        for key in mine | theirs
        if not any(key == inner or is_within(key, inner) or is_within(inner, key) for inner in searched)
    )


def _value_at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, Mapping) else None
    return config


def _read_point(parameters: Sequence[Parameter], left: dict[str, Any], point: dict[str, Stored], outside: Any) -> None:
    for parameter in parameters:
        if parameter.name not in left:
            continue
        value = left.pop(parameter.name)
        if isinstance(parameter, Number):
            label = parameter.label_of(value)
            if label is None:
                raise outside(parameter, value)
            point[parameter.name] = label
            continue
        for option in parameter.options:
            if _means(parameter, option, value):
                point[parameter.name] = option.label
                _read_point(option.space, left, point, outside)
                break
        else:
            raise outside(parameter, value)


def _means(choice: Choice, option: Option, value: Any) -> bool:
    if not choice.key:  # a factor: on or off, or the name of a level
        is_on = option.label != OFF
        return value == option.label or (isinstance(value, bool) and value == is_on)
    given = option.overrides[choice.key]
    return same(value, given) or (value == option.label and isinstance(value, str))


def same(a: Any, b: Any) -> bool:
    """Whether two values are one; true is not 1."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
