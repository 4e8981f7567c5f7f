"""The schema of a study file, and validation errors in the user's own words."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from ablate.errors import StudyError, near_match
from ablate.settings import Settings

DESIGNS = ("chain", "one_at_a_time", "leave_one_out", "factorial")

ShareOrCount = Annotated[float, Field(gt=0, lt=1)] | Annotated[int, Field(ge=1)]
Overrides = Annotated[dict[str, Any], Field(min_length=1)]
M = TypeVar("M", bound=BaseModel)
NAME_RULE = "at most 80 printable characters, no '/'"


class FoldsBlock(Settings):
    """Replicate r tests on fold r mod `folds` of repetition r // `folds`."""

    folds: Annotated[int, Field(ge=2)]


class ShareBlock(Settings):
    """One fixed test part, the same for all replicates."""

    share: ShareOrCount


class EvidenceBlock(Settings):
    """How the question is judged; fixed before the first run, out of reach of any factor."""

    metric: str = "accuracy"
    test: FoldsBlock | ShareBlock | Literal["official"] = FoldsBlock(folds=5)
    val: ShareOrCount | None = None
    weights: Literal["last", "best"] = "last"
    replicates: list[Annotated[int, Field(ge=1)]] = Field(default=[5, 10, 20], min_length=1)
    worthwhile: Annotated[float, Field(gt=0)] = 3.0
    """Points; a smaller gain is not worth having."""
    negligible: Annotated[float, Field(gt=0)] = 1.0
    """Points; a smaller difference counts as none."""

    @field_validator("replicates", mode="before")
    @classmethod
    def _one_look(cls, value: Any) -> Any:
        return [value] if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _consistent(self) -> EvidenceBlock:
        if sorted(set(self.replicates)) != self.replicates:
            raise ValueError(f"replicates must grow from look to look, got {self.replicates}")
        if self.negligible > self.worthwhile:
            raise ValueError(f"negligible ({self.negligible}) is larger than worthwhile ({self.worthwhile})")
        if self.weights == "best" and self.val is None:
            raise ValueError("weights: best needs val, the images the best epoch is chosen on")
        return self


class CompareBlock(Settings):
    """A question outside the design: `with` another variant, `set` what changes."""

    with_: Annotated[str, Field(alias="with")] = "baseline"
    set: Overrides


class RangeBlock(Settings):
    """A range of numbers to search."""

    low: float | int
    high: float | int
    log: bool = False
    step: float | int | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> RangeBlock:
        if self.low >= self.high:
            raise ValueError(f"the range is empty: low {self.low}, high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log: true needs a low above 0, got {self.low}")
        if self.log and self.step is not None:
            raise ValueError("log: true and step exclude each other")
        return self


class SearchBlock(Settings):
    """What `ablate optuna` searches: ranges and choices by dotted key."""

    space: Annotated[dict[str, RangeBlock | Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]
    val: ShareOrCount = 0.1
    """Share (or number) of all images, out of the training part, that trials are judged on."""


class TrackingBlock(Settings):
    """Where the study appears."""

    experiment: str | None = None


class StudyFile(Settings):
    """A study file as written."""

    study: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    question: str = ""
    trainer: str = "ablate.training:train"
    base: dict[str, Any]
    chain: Annotated[dict[str, Overrides], Field(min_length=1)] | None = None
    one_at_a_time: Annotated[dict[str, Overrides], Field(min_length=1)] | None = None
    leave_one_out: Annotated[dict[str, Overrides], Field(min_length=1)] | None = None
    factorial: Annotated[dict[str, Overrides], Field(min_length=1)] | None = None
    compare: dict[str, CompareBlock] = Field(default={})
    evidence: EvidenceBlock = Field(default=EvidenceBlock())
    published: dict[str, Any] | None = None
    search: SearchBlock | None = None
    tracking: TrackingBlock = Field(default=TrackingBlock())

    @field_validator("chain", "one_at_a_time", "leave_one_out", "factorial", "compare", mode="after")
    @classmethod
    def _names(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for name in value or {}:
            if not name.strip() or len(name) > 80 or "/" in name or not name.isprintable():
                raise ValueError(f"{name[:90]!r} cannot be a name: {NAME_RULE}")
            if name == "baseline":
                raise ValueError("'baseline' is the name of the base itself; choose another")
        return value

    @model_validator(mode="after")
    def _one_design(self) -> StudyFile:
        given = [design for design in DESIGNS if getattr(self, design) is not None]
        if len(given) > 1:
            raise ValueError(f"one design a study, got {' and '.join(given)}")
        if not given and not self.compare and self.search is None:
            raise ValueError(f"nothing to compare: give one of {', '.join(DESIGNS)}, compare or search")
        return self


Where = Callable[[tuple[str | int, ...]], str]


def validate(model: type[M], data: Any, where: Where) -> M:
    """The validated model. Raises StudyError with place, key, near match and choices.

    where: turns a path within `data` into the place to name, such as `studies/x.yaml:7`.
    """
    if not isinstance(data, Mapping):
        raise StudyError(f"{where(())}: expected keys and values, got {_kind(data)}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problem = min(error.errors(include_url=False), key=lambda item: _rank(item, data))
    path = _clean(problem["loc"], data)
    message, hint = _explain(problem, path, model, data)
    raise StudyError(f"{where(path)}: {message}", hint=hint)


_RANKS = {"extra_forbidden": 0, "union_tag_invalid": 1, "union_tag_not_found": 1, "missing": 2}


def _rank(problem: Any, data: Any) -> tuple[int, int]:
    """Which of several problems to report: an unknown key first, then the one deepest in the file."""
    return _RANKS.get(problem["type"], 3), -len(_clean(problem["loc"], data))


def _clean(location: Sequence[str | int], data: Any) -> tuple[str | int, ...]:
    """The location without the names of union members, which stand in no file."""
    path: list[str | int] = []
    here = data
    for depth, part in enumerate(location):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (depth == len(location) - 1 and isinstance(here, Mapping) and isinstance(part, str)):
            continue
        path.append(part)
    return tuple(path)


def _explain(problem: Any, path: tuple[str | int, ...], model: type[BaseModel], data: Any) -> tuple[str, str]:
    key = _dotted(path)
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            known = known_keys(model, path[:-1], data)
            return f"unknown key {path[-1]!r}{_in(path[:-1])}", (
                f"{near_match(str(path[-1]), known)}Known keys: {', '.join(sorted(known))}."
            )
        case "missing":
            return f"{key!r} is missing", ""
        case "union_tag_invalid" | "union_tag_not_found" | "literal_error":
            return _unknown_choice(problem, key, context)
        case "value_error":
            return f"{key + ': ' if key else ''}{context['error']}", ""
        case _:
            return f"{key!r}: {_expectation(problem)}, got {_kind(problem['input'])}", ""


def _unknown_choice(problem: Any, key: str, context: Any) -> tuple[str, str]:
    text = context.get("expected_tags") or context.get("expected") or ""
    choices = [word.strip(" '") for word in text.replace(" or ", ", ").split(",") if word.strip()]
    listed = f"Choices: {', '.join(choices)}." if choices else ""
    if problem["type"] == "union_tag_not_found":
        return f"{key!r} needs a 'name'", listed
    given = context.get("tag", problem["input"])
    name = key.rsplit(".", 1)[-1]
    return f"unknown {name} {given!r} ({key})", f"{near_match(str(given), choices)}{listed}"


_WORDS = {
    "int_type": "expected a whole number", "int_from_float": "expected a whole number",
    "float_type": "expected a number", "bool_type": "expected true or false",
    "string_type": "expected text", "dict_type": "expected keys and values",
    "list_type": "expected a list", "model_type": "expected keys and values",
    "finite_number": "expected a finite number", "too_short": "must not be empty",
}  # fmt: skip


def _expectation(problem: Any) -> str:
    if problem["type"] == "string_pattern_mismatch":
        return "must be lower-case letters, digits, '.', '_' and '-', at most 64, starting with a letter or digit"
    words: str = _WORDS.get(problem["type"]) or problem["msg"].removeprefix("Input ").replace("Input ", "")
    return words


def known_keys(model: type[BaseModel], path: Sequence[str | int], data: Any) -> list[str]:
    """The keys a block of the data may have, found by walking the models along the path."""
    block = block_at(model, path, data)
    return [info.alias or name for name, info in block.model_fields.items()] if block else []


def block_at(model: type[BaseModel], path: Sequence[str | int], data: Any) -> type[BaseModel] | None:
    """The model that validates the block at `path`, or None where it cannot be told."""
    current: type[BaseModel] | None = model
    for part in path:
        data = data[part] if isinstance(data, Mapping) and part in data else None
        field = current.model_fields.get(str(part)) if current else None
        current = _member(field.annotation, data) if field else None
    return current


def _member(annotation: Any, data: Any) -> type[BaseModel] | None:
    members = [m for m in _members(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
    name = data.get("name") if isinstance(data, Mapping) else None
    for member in members:
        tag = member.model_fields.get("name")
        if tag is not None and name in typing.get_args(tag.annotation):
            return member
    return members[0] if len(members) == 1 else None


def _members(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [m for argument in typing.get_args(annotation) for m in _members(argument)]
    return [annotation]


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in path)


def _in(path: Sequence[str | int]) -> str:
    return f" in {_dotted(path)!r}" if path else ""


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case Mapping():
            return "a block"
        case list():
            return "a list"
        case _:
            return repr(value) if len(repr(value)) < 60 else f"{repr(value)[:57]}..."
