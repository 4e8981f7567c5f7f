"""Validation errors in the user's own words."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, field_validator, model_validator

from ablate.errors import StudyError
from ablate.settings import Settings
from ablate.study.expectations import Slot, expectation, shown, slot_at
from ablate.study.validation import validate


class Colour(Enum):
    """Two of them."""

    red = "red"
    blue = "blue"


class Step(Settings):
    """A schedule."""

    name: Literal["step", "steps"]
    every: Annotated[int, Field(ge=1)]


class Cosine(Settings):
    """Another."""

    name: Literal["cosine"]
    end: float = 0.0


class Only(Settings):
    """A block with a name and no alternative."""

    name: Literal["only"]


class Range(Settings):
    """A block without a name."""

    low: int
    high: int

    @model_validator(mode="after")
    def _grows(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) is not below high ({self.high}); swap them")
        return self


class Root(Settings):
    """Every shape a place can have."""

    lr: Annotated[float, Field(gt=0)] = 0.1
    """Step size."""
    train: Annotated[float, Field(gt=0, lt=1)] | Annotated[int, Field(ge=1)] = 0.5
    mode: Literal["last", "best"] = "last"
    channels: Literal[1, 3] | None = None
    colour: Colour = Colour.red
    flag: bool = False
    word: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    schedule: Annotated[Step | Cosine, Field(discriminator="name")] | None = None
    only: Only | None = None
    free: Range | Literal["all"] = "all"
    space: dict[str, Range | Annotated[list[Any], Field(min_length=1)]] = Field(default={})
    pair: Annotated[list[float], Field(min_length=2, max_length=2)] = Field(default=[0.0, 1.0])
    few: Annotated[list[float], Field(max_length=1)] = Field(default=[])
    aliased: Annotated[int, Field(alias="with")] = 1
    sums: int = 0

    @field_validator("sums")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise AssertionError("must be even")
        return value

    @model_validator(mode="after")
    def _together(self) -> Root:
        if self.flag and self.mode == "best":
            raise ValueError("it takes more than a flag")
        return self


def refused(data: Any) -> tuple[str, str]:
    """Message and remedy; the place is shown as the path within the data."""
    with pytest.raises(StudyError) as caught:
        validate(Root, data, lambda path: "at " + "/".join(map(str, path)))
    return caught.value.message, caught.value.hint


CASES: list[tuple[Mapping[str, Any], str, str]] = [
    (
        {"mod": 1},
        "at mod: unknown key 'mod'",
        "Did you mean 'mode'? Known keys: channels, colour, few, flag, free, lr, mode, only, pair, schedule, space, "
        "sums, train, with, word.",
    ),
    (
        {"schedule": {"name": "step", "evry": 4}},
        "at schedule/evry: unknown key 'evry' in 'schedule'",
        "Did you mean 'every'? Known keys: every, name.",
    ),
    (
        {"free": {"lowe": 4}},
        "at free/lowe: unknown key 'lowe' in 'free'",
        "Did you mean 'low'? Known keys: high, low.",
    ),
    (
        {"space": {"a.b": {"low": 1, "high": 2, "lag": True}}},
        "at space/a.b/lag: unknown key 'lag' in 'space.a.b'",
        "Known keys: high, low.",
    ),
    ({"schedule": {"name": "step"}}, "at schedule/every: 'schedule.every' is missing",
     "Add it: a whole number of at least 1."),
    ({"schedule": {"every": 1}}, "at schedule: 'schedule' needs a name", "Choices: step, steps, cosine."),
    (
        {"schedule": {"name": "cosin"}},
        "at schedule: unknown schedule 'cosin' (schedule)",
        "Did you mean 'cosine'? Choices: step, steps, cosine.",
    ),
    ({"only": {"name": "onyl"}}, "at only/name: unknown only 'onyl' (only.name)",
     "Did you mean 'only'? Choices: only."),
    (
        {"schedule": "step"},
        "at schedule: 'schedule': expected a block with a name or null, got 'step'",
        "Write {name: step, ...}.",
    ),
    (
        {"schedule": 5},
        "at schedule: 'schedule': expected a block with a name or null, got 5",
        "Choices: step, steps, cosine.",
    ),
    ({"free": "al"}, "at free: 'free': expected a block or all, got 'al'",
     "Did you mean 'all'? Choices: all. Keys of the block: high, low."),
    ({"free": {"low": 3, "high": 2}}, "at free/low: free.low (3) is not below high (2)", "Swap them."),
    ({"space": {"x": {"low": 3, "high": 2}}}, "at space/x/low: space.x.low (3) is not below high (2)", "Swap them."),
    ({"space": {"x": []}}, "at space/x: 'space.x': expected a block or a list of at least 1 value, got an empty list",
     "Keys of the block: high, low."),
    ({"space": {"x": {"low": "a", "high": 2}}}, "at space/x/low: 'space.x.low': expected a whole number, got 'a'", ""),
    ({"lr": 0}, "at lr: 'lr': expected a number above 0, got 0", "Step size."),
    ({"lr": True}, "at lr: 'lr': expected a number above 0, got true", "Step size."),
    (
        {"train": 1.5},
        "at train: 'train': expected a number above 0 and below 1, or a whole number of at least 1, got 1.5",
        "",
    ),
    ({"mode": "bst"}, "at mode: unknown mode 'bst' (mode)", "Did you mean 'best'? Choices: last, best."),
    ({"channels": 2}, "at channels: unknown channels 2 (channels)", "Choices: 1, 3."),
    ({"colour": "rde"}, "at colour: unknown colour 'rde' (colour)", "Did you mean 'red'? Choices: red, blue."),
    ({"flag": 1}, "at flag: 'flag': expected true or false, got 1", ""),
    ({"word": "A"}, "at word: 'word': expected text of the form ^[a-z]+$, got 'A'", ""),
    ({"word": None}, "at word: 'word': expected text of the form ^[a-z]+$, got null", ""),
    ({"pair": [0.5]}, "at pair: 'pair': expected a list of 2 values, got a list", ""),
    ({"pair": [0.5, "b"]}, "at pair/1: 'pair.1': expected a number, got 'b'", ""),
    ({"few": [0.5, 1.0]}, "at few: 'few': expected a list of at most 1 value, got a list", ""),
    ({"pair": {}}, "at pair: 'pair': expected a list of 2 values, got an empty block", ""),
    ({"with": "x"}, "at with: 'with': expected a whole number, got 'x'", ""),
    ({"sums": 3}, "at sums: sums: must be even", ""),
    ({"flag": True, "mode": "best"}, "at : it takes more than a flag", ""),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message", "hint"), CASES)
def test_a_mistake_is_named_with_place_key_and_what_is_possible(
    data: Mapping[str, Any], message: str, hint: str
) -> None:
    """Near match and choices where there are any, the field's documentation where there is one."""
    assert refused(data) == (message, hint)


def test_an_unknown_key_is_told_before_anything_else() -> None:
    """A typing error explains what is missing, not the other way round."""
    message, _ = refused({"schedule": {"name": "step", "evry": 1}, "lr": -1})

    assert message == "at schedule/evry: unknown key 'evry' in 'schedule'"


def test_of_two_wrong_values_the_deeper_one_is_told() -> None:
    """It is the more precise."""
    message, _ = refused({"lr": -1, "schedule": {"name": "cosine", "end": "x"}})

    assert message.startswith("at schedule/end: ")


@pytest.mark.parametrize(("data", "got"), [([1], "a list"), (None, "null"), ("text", "'text'")])
def test_what_is_no_block_at_all_lists_the_keys(data: Any, got: str) -> None:
    """The whole file may be something else."""
    message, hint = refused(data)

    assert message == f"at : expected keys and values, got {got}"
    assert hint.startswith("Known keys: channels, ")


def test_good_data_become_settings() -> None:
    """With the names the class has."""
    assert validate(Root, {"with": 3}, lambda _: "").aliased == 3


# --- what may stand at a place ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Path, "a path"),
        (Any, "a value"),
        (datetime.date, "date"),
        (Colour, "red or blue"),
        (int | None, "a whole number or null"),
        (int | float | None, "a whole number, a number, or null"),
        (dict[str, int], "a block"),
        (Annotated[dict[str, int], Field(min_length=2)], "a block of at least 2 keys"),
        (tuple[int, ...], "a list"),
        (Annotated[int, Field(ge=1, le=5)], "a whole number of at least 1 and of at most 5"),
        (Literal[True, "auto"], "true or auto"),
    ],
)
def test_a_type_is_put_into_words(annotation: Any, words: str) -> None:
    """As one would say it to a colleague."""
    assert expectation(Slot(annotation)) == words


def test_a_place_that_cannot_be_told_takes_any_value() -> None:
    """Such as one inside a list of anything."""
    assert slot_at(Root, ("lr", "x"), {}).annotation is Any
    assert slot_at(Root, ("space", "x", 0), {"space": {"x": [1]}}).annotation is Any
    assert slot_at(Root, ("pair", 5, "x"), {"pair": [1]}).annotation is Any


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (False, "false"), ({}, "an empty block"), ("x" * 80, f"'{'x' * 56}...")]
)
def test_a_value_is_shown_as_the_file_spells_it(value: Any, text: str) -> None:
    """And short."""
    assert shown(value) == text
