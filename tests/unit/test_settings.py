"""Settings: what is refused, and what of them makes two runs the same run."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError
from typing_extensions import TypedDict

from ablate.settings import (
    DefinesTest,
    IdentityDefault,
    NotIdentity,
    Settings,
    changed_defaults,
    defining_test,
    identity_of,
    is_settings,
    options_of,
    schema_complaint,
    settings_of_record,
)
from ablate.training.config import Config
from tests import small_trainer


class Pooling(Enum):
    """Two ways."""

    mean = "mean"
    largest = "max"


class Block(Settings):
    """A technique."""

    alpha: float = 0.1


class Rich(Settings):
    """Every kind of value."""

    lr: float
    root: NotIdentity[Path] = Path("data")
    sizes: tuple[int, ...] = (1, 2)
    pooling: Pooling = Pooling.mean
    tags: frozenset[str] = frozenset()
    block: Block | None = None
    on: Block | None = Block()
    table: dict[str, int] = Field(default={})
    seed: DefinesTest[int] = 0
    inner: Block = Field(default=Block())


def rich(**values: Any) -> Rich:
    """Settings from plain data."""
    return Rich.model_validate({"lr": 0.5} | values)


# --- strictness -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [{"lr": "0.1"}, {"lr": True}, {"lr": math.nan}, {"lr": math.inf}, {"lrr": 1.0}, {"seed": 1.0}, {"block": {"a": 1}}],
)
def test_unknown_keys_wrong_types_and_infinite_numbers_are_refused(values: Mapping[str, Any]) -> None:
    """A config is untrusted input."""
    with pytest.raises(ValidationError):
        rich(**values)


def test_plain_data_becomes_what_the_trainer_asked_for() -> None:
    """A list may be a tuple, a text a path: what JSON can say of it is enough."""
    settings = rich(sizes=[3], root="elsewhere", pooling="max", tags=["b", "a"])

    assert (settings.sizes, settings.root, settings.pooling) == ((3,), Path("elsewhere"), Pooling.largest)
    assert settings.tags == {"a", "b"}


def test_what_was_dumped_is_read_back_the_same() -> None:
    """A config travels to its run as JSON."""
    settings = rich(sizes=[3], pooling="max", tags=["b", "a"], block={}, on=None)

    assert Rich.model_validate(settings.model_dump(mode="json")) == settings


def test_objects_are_taken_as_they_are() -> None:
    """From Python a block may be given as settings."""
    assert Rich.model_validate({"lr": 0.5, "block": Block()}).block == Block()
    assert Rich.model_validate(rich()) == rich()


def test_settings_do_not_change() -> None:
    """A variant is what it was when the plan was made."""
    with pytest.raises(ValidationError, match="frozen"):
        rich().lr = 1.0  # type: ignore[misc]


# --- identity ---------------------------------------------------------------------------------


def test_values_equal_to_their_default_are_no_part_of_the_identity() -> None:
    """Written out or left out is the same."""
    written = rich(sizes=[1, 2], pooling="mean", block=None, on={"alpha": 0.1}, inner={"alpha": 0.1}, table={})

    assert identity_of(written) == identity_of(rich()) == {"lr": 0.5}


def test_a_new_block_with_a_default_changes_no_identity() -> None:
    """Finished runs are not orphaned by the next release."""

    class Before(Settings):
        """The first release."""

        lr: float
        inner: Block = Field(default=Block())

    class NewBlock(Settings):
        """The block gained a setting."""

        alpha: float = 0.1
        warm: bool = False

    class After(Settings):
        """The second release."""

        new: Block | None = None
        lr: float
        inner: NewBlock = Field(default=NewBlock())
        other: Block = Field(default=Block())
        sizes: list[int] = Field(default_factory=lambda: [1])

    values = {"lr": 0.1, "inner": {"alpha": 0.7}}
    assert identity_of(Before.model_validate(values)) == identity_of(After.model_validate(values))


class Layout(Settings):
    """A block with a default that has changed: `fast` was False."""

    fast: Annotated[bool, IdentityDefault(value=False)] = True
    threads: int = 1


class Faster(Settings):
    """Such a block by itself, in a list, in a table, and as a block that a default names."""

    layout: Layout = Layout()
    named: Layout = Layout(fast=True)
    parts: list[Layout] = Field(default=[])
    table: dict[str, Layout] = Field(default={})
    pair: tuple[Layout, ...] = ()


@pytest.mark.parametrize(
    ("layout", "identity"),
    [
        ({}, {"fast": True}),
        ({"fast": True}, {"fast": True}),
        ({"fast": False}, {}),
        ({"threads": 2}, {"fast": True, "threads": 2}),
        ({"threads": 2, "fast": False}, {"threads": 2}),
    ],
)
def test_a_changed_default_is_written_out_and_that_of_before_left_out(
    layout: Mapping[str, Any], identity: Mapping[str, Any]
) -> None:
    """What a run of before was called, it is called; no run of the new default is called the same."""
    found = identity_of(Faster.model_validate({"layout": layout}))

    assert found == ({"layout": identity} if identity else {})


def test_a_block_left_out_is_told_from_the_default_of_before() -> None:
    """The new default inside the default of a block is no default of the identity either."""
    assert identity_of(Faster()) == {"layout": {"fast": True}}
    assert identity_of(Faster.model_validate({"named": {"fast": True}})) == {"layout": {"fast": True}}


def test_a_record_that_leaves_a_field_out_means_the_default_of_before() -> None:
    """It was written when that was the default; what a record says stands, here and in blocks inside."""
    content = {"parts": [{}, {"fast": True}], "table": {"a": {"threads": 2}}, "pair": [{}]}
    found = settings_of_record(Faster, content)

    assert (found.layout.fast, found.named.fast) == (False, True)
    assert [part.fast for part in (*found.parts, *found.table.values(), *found.pair)] == [False, True, False, False]
    assert settings_of_record(Faster, {"layout": {"fast": True}}).layout.fast
    assert settings_of_record(Faster, Faster().model_dump(mode="json")) == Faster()


def test_a_default_that_has_changed_is_known_where_it_is_left_out() -> None:
    """By its dotted key, with the value of now and of before."""
    assert changed_defaults(Faster()) == [("layout.fast", True, False)]
    assert changed_defaults(Faster.model_validate({"layout": {"fast": False}})) == []
    assert changed_defaults(Faster.model_validate({"layout": {"threads": 2}})) == [("layout.fast", True, False)]


@pytest.mark.parametrize(
    ("values", "identity"),
    [
        ({"root": "elsewhere"}, {}),
        ({"sizes": [1]}, {"sizes": [1]}),
        ({"pooling": "max"}, {"pooling": "max"}),
        ({"tags": ["b", "a"]}, {"tags": ["a", "b"]}),
        ({"block": {}}, {"block": {}}),
        ({"block": {"alpha": 0.2}}, {"block": {"alpha": 0.2}}),
        ({"on": None}, {"on": None}),
        ({"table": {"x": 1}}, {"table": {"x": 1}}),
        ({"inner": {"alpha": 0.3}}, {"inner": {"alpha": 0.3}}),
    ],
)
def test_every_other_value_is_part_of_the_identity(values: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """As plain JSON data, but for what is marked NotIdentity."""
    assert identity_of(rich(**values)) == {"lr": 0.5} | identity


def test_a_value_of_any_other_kind_counts_as_its_text() -> None:
    """Dates, for one."""

    class Dated(Settings):
        """A path that does matter."""

        weights: Path

    assert identity_of(Dated.model_validate({"weights": "a.pt"})) == {"weights": "a.pt"}


def test_the_order_of_keys_does_not_matter() -> None:
    """Neither in the base nor inside a block."""
    one = small_trainer.Config.model_validate({"optimizer": {"lr": 0.1, "weight_decay": 0.2}, "epochs": 5})
    other = small_trainer.Config.model_validate({"epochs": 5, "optimizer": {"weight_decay": 0.2, "lr": 0.1}})

    assert identity_of(one) == identity_of(other)


def test_what_defines_the_test_images_is_found_at_any_depth() -> None:
    """By dotted key."""
    config = small_trainer.Config.model_validate({"optimizer": {"lr": 0.1}, "data": {"seed": 3}})

    assert defining_test(config) == {"data.source": "digits", "data.seed": 3}


# --- the built-in trainer's config, field by field --------------------------------------------

BUILT_IN: Mapping[str, Any] = {
    "data": {"source": {"name": "image_folder", "root": "text"}, "classes": 3, "image_size": 16},
    "model": {"name": "vgg", "blocks": [1], "head": {"name": "gap"}},
    "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.5},
    "epochs": 9,
}


def sample(annotation: Any, depth: int = 0) -> Iterator[Any]:
    """Some values an annotation allows, plain; not all of them need to be valid together."""
    for option in options_of(annotation):
        arguments = typing.get_args(option)
        match typing.get_origin(option) or option:
            case typing.Literal:
                yield from arguments
            case t if t is bool:
                yield from (False, True)
            case t if t is int:
                yield from (1, 3, 5)
            case t if t is float:
                yield from (0.25, 0.75)
            case t if t is str:
                yield from ("text", "other", "cpu", "mps")
            case t if t is type(None):
                yield None
            case t if t is list:
                yield from ([item] * length for item in sample(arguments[0]) for length in (1, 2))
            case t if is_settings(t):
                yield {name: next(sample(i.annotation)) for name, i in t.model_fields.items() if i.is_required()}


def fields_below(settings: Settings, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Every field: its path, its annotation, and whether it is part of the identity."""
    for name, info in type(settings).model_fields.items():
        marked = any(type(mark).__name__ == "_NotIdentity" for mark in info.metadata)
        yield (*path, name), info.annotation, not marked
        value = getattr(settings, name)
        if isinstance(value, Settings):
            yield from fields_below(value, (*path, name))


def changed_at(config: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at a path; of a block only the name is kept where the block is replaced."""
    head, *rest = path
    inner = value if not rest else changed_at(config.get(head) or {}, tuple(rest), value)
    return dict(config) | {head: inner}


def read_or_none(config: Mapping[str, Any]) -> Config | None:
    """The config, or None where its values do not go together."""
    try:
        return Config.model_validate(config)
    except ValidationError:
        return None


def test_any_changed_value_of_the_built_in_config_changes_its_identity_and_no_root_does() -> None:
    """Every field of every block that is on, walked over the schema."""
    base = Config.model_validate(BUILT_IN)
    tried = set()
    for path, annotation, counts in fields_below(base):
        before = base.model_dump(mode="json")
        for value in sample(annotation):
            changed = read_or_none(changed_at(BUILT_IN, path, value))
            if changed is None or changed.model_dump(mode="json") == before:
                continue
            tried.add(".".join(path))
            assert (identity_of(changed) != identity_of(base)) is counts, (path, value)

    assert {"data.source.root", "model.norm", "optimizer.lr", "numerics.precision", "device", "epochs"} <= tried


# --- what may serve as a config ---------------------------------------------------------------


class LaxModel(BaseModel):
    """Takes unknown keys silently."""

    x: int = 0


@dataclass
class LaxDataclass:
    """Likewise."""

    x: int = 0


class LaxDict(TypedDict):
    """Likewise."""

    x: int


class Left(Settings):
    """With a name."""

    name: Literal["left"]
    next: Left | None = None


class Unnamed(Settings):
    """Without."""

    x: int = 0


class DefaultName(Settings):
    """With a name that need not be written."""

    name: Literal["right"] = "right"


@pytest.mark.parametrize("lax", [LaxModel, LaxDataclass, LaxDict])
@pytest.mark.parametrize("shape", [lambda t: t, lambda t: t | None, lambda t: list[t], lambda t: dict[str, t]])
def test_a_block_that_would_take_unknown_keys_is_no_config(lax: Any, shape: Any) -> None:
    """However deep it hides."""
    inner = type("Inner", (Settings,), {"__annotations__": {"part": shape(lax)}, "__doc__": "Inner."})
    outer = type("Outer", (Settings,), {"__annotations__": {"inner": inner}, "__doc__": "Outer."})
    complaint = schema_complaint(outer)

    assert complaint is not None
    assert complaint.what == f"Inner.part holds {lax.__name__}, which is not derived from ablate.Settings"


@pytest.mark.parametrize("other", [Unnamed, DefaultName])
def test_blocks_of_one_choice_need_a_name_each(other: Any) -> None:
    """Two blocks that only their defaults tell apart would have one fingerprint."""
    config = type("Chosen", (Settings,), {"__annotations__": {"part": Left | other}, "__doc__": "Choice."})
    complaint = schema_complaint(config)

    assert complaint is not None
    assert f"{other.__name__} has no name to tell it by" in complaint.what


@pytest.mark.parametrize("config", [Config, Rich, small_trainer.Config, Left])
def test_strict_blocks_with_names_are_a_config(config: type[Settings]) -> None:
    """Also where a block holds its like."""
    assert schema_complaint(config) is None


def test_two_blocks_at_two_places_need_no_name() -> None:
    """Only a choice does."""
    config = type("Pair", (Settings,), {"__annotations__": {"pair": tuple[Block, Unnamed]}, "__doc__": "Two."})

    assert schema_complaint(config) is None


def test_an_annotation_lists_its_options_bare_of_constraints() -> None:
    """Unions in unions and aliases are opened."""
    annotation = Annotated[int, Field(ge=1)] | None | Annotated[float | str, Field()]

    assert options_of(annotation) == [int, type(None), float, str]
