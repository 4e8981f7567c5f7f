"""Validation errors in the user's own words: the place, the key, what was expected, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from ablate.errors import StudyError, near_match
from ablate.settings import Settings
from ablate.study.expectations import (
    Slot,
    block_of,
    choices_of,
    expectation,
    fields_of,
    is_choice,
    names_of,
    shown,
    slot_at,
    slot_below,
)

M = TypeVar("M", bound=Settings)
Path_ = tuple[str | int, ...]
Where = Callable[[Path_], str]


def validate(model: type[M], data: Any, where: Where) -> M:
    """The validated model. Raises StudyError with place, key, near match and choices.

    where: turns a path within `data` into the place to name, such as `studies/x.yaml:7`.
    """
    if not isinstance(data, Mapping):
        raise StudyError(
            f"{where(())}: expected keys and values, got {shown(data)}",
            hint=f"Known keys: {', '.join(sorted(fields_of(model)))}.",
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problem = _worst([_problem(item, model, data) for item in error.errors(include_url=False)])
    path, message, hint = _explain(problem, model, data)
    raise StudyError(f"{where(path)}: {message}", hint=hint)


class Problem(NamedTuple):
    """One of pydantic's complaints.

    path: where in the data. slot: what may stand there. of_key: it is about the key, not its value.
    """

    path: Path_
    slot: Slot
    kind: str
    input: Any
    context: Mapping[str, Any]
    of_key: bool


def _problem(item: Any, model: type[Settings], data: Any) -> Problem:
    """The complaint at its place in the data: pydantic's location names members of unions, too."""
    path: list[str | int] = []
    location = item["loc"]
    here, slot = data, Slot(model)
    for depth, part in enumerate(location):
        absent = item["type"] == "missing" and depth == len(location) - 1
        if absent or (part in here if isinstance(here, Mapping) else isinstance(here, list) and isinstance(part, int)):
            path.append(part)
            slot = slot_below(slot, part, here)
            here = None if absent else here[part]
        elif isinstance(part, int):
            slot = slot_below(slot, part, here)  # one value was written for a list of one
    return Problem(tuple(path), slot, item["type"], item["input"], item.get("ctx", {}), location[-1:] == ("[key]",))


_RANKS = {"extra_forbidden": 0, "union_tag_invalid": 1, "union_tag_not_found": 1, "missing": 2, "value_error": 3}


def _worst(problems: Sequence[Problem]) -> Problem:
    """Which of several to report: an unknown key first, then the one deepest in the file."""
    return min(problems, key=lambda problem: (_RANKS.get(problem.kind, 4), -len(problem.path)))


def _explain(problem: Problem, model: type[Settings], data: Any) -> tuple[Path_, str, str]:
    """Place, message and remedy."""
    path, slot = problem.path, problem.slot
    key = dotted(path)
    match problem.kind:
        case "extra_forbidden":
            return path, *_unknown_key(path, model, data)
        case "missing":
            return path, f"{key!r} is missing", _sentences(f"Add it: {expectation(slot)}.", slot.description)
        case "union_tag_not_found" if isinstance(problem.input, Mapping):
            return path, f"{key!r} needs a name", f"Choices: {', '.join(choices_of(slot))}."
        case "union_tag_invalid":
            return path, *_unknown_choice(key, problem.context["tag"], choices_of(slot))
        case "value_error" | "assertion_error":
            return _validators(problem, model, data)
        case _ if is_choice(slot):
            return path, *_unknown_choice(key, problem.input, choices_of(slot))
        case _:
            message = f"{key!r}: expected {expectation(slot)}, got {shown(problem.input)}"
            return path, message, _sentences(_choices(slot, problem.input), slot.description, _keys(slot))


def _unknown_key(path: Path_, model: type[Settings], data: Any) -> tuple[str, str]:
    *around, name = path
    here = data
    for part in around:
        here = here[part]
    block = block_of(slot_at(model, around, data).annotation, here)
    known = sorted(fields_of(block)) if block else []
    inside = f" in {dotted(around)!r}" if around else ""
    return f"unknown key {name!r}{inside}", f"{near_match(str(name), known)}Known keys: {', '.join(known)}."


def _unknown_choice(key: str, given: Any, choices: Sequence[str]) -> tuple[str, str]:
    # The name of a block is a choice for the block: `unknown norm 'layer'`, not `unknown name`.
    noun = key.removesuffix(".name").rsplit(".", 1)[-1]
    return f"unknown {noun} {shown(given)} ({key})", f"{near_match(str(given), choices)}Choices: {', '.join(choices)}."


def _validators(problem: Problem, model: type[Settings], data: Any) -> tuple[Path_, str, str]:
    """What a validator says: see `Settings` for how it is best written."""
    message, _, remedy = str(problem.context["error"]).partition("; ")
    hint = f"{remedy[:1].upper()}{remedy[1:]}." if remedy else problem.slot.description
    if problem.of_key:
        return problem.path, message, hint
    named = re.match(r"\w+(\.\w+)*", message)
    parts = named[0].split(".") if named else []
    block = block_of(slot_at(model, problem.path, data).annotation, problem.input)
    if parts and block and parts[0] in fields_of(block):
        return (*problem.path, *parts), dotted((*problem.path, message)), hint
    return problem.path, ": ".join(filter(None, [dotted(problem.path), message])), hint


def _choices(slot: Slot, given: Any) -> str:
    """The words that could stand there, where any could."""
    choices = choices_of(slot)
    if not choices:
        return ""
    if given in choices:
        return f"Write {{name: {given}, ...}}."  # the name of a block without the block
    return f"{near_match(str(given), choices)}Choices: {', '.join(choices)}."


def _keys(slot: Slot) -> str:
    """The keys of the block that should stand there, where it has no names to choose by."""
    block = block_of(slot.annotation, None)
    return (
        f"Keys of the block: {', '.join(sorted(fields_of(block)))}."
        if block is not None and not names_of(block)
        else ""
    )


def _sentences(*parts: str) -> str:
    return " ".join(filter(None, parts))


def dotted(path: Sequence[str | int]) -> str:
    """A path as the user writes it: `optimizer.lr`."""
    return ".".join(str(part) for part in path)
