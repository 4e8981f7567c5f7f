"""What a design is made of: variants before their configs are resolved, and questions put to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ablate.study.factors import Factor, Overrides, Place
from ablate.study.overrides import is_within
from ablate.study.study import Study

ALL = "all factors"


class DesignCell(NamedTuple):
    """A variant of a design before its config is resolved.

    places: where in the file its overrides stand, one place a factor, for messages. factors: the names of
    the changes that are on. stream: which luck its runs have; all but copies of a variant share one.
    """

    name: str
    overrides: Overrides
    reference: str | None
    places: tuple[Place, ...]
    factors: tuple[str, ...] = ()
    stream: str = "main"


class DesignQuestion(NamedTuple):
    """A contrast by the names of cells. factors: the changes it is about."""

    name: str
    variant: str
    reference: str
    weights: Mapping[str, float]
    family: str
    factors: tuple[str, ...] = ()


class Layout(NamedTuple):
    """All variants of a design and all questions, in the order of the file."""

    cells: tuple[DesignCell, ...]
    questions: tuple[DesignQuestion, ...]


def join_overrides(*bundles: Overrides) -> dict[str, Any]:
    """One bundle that does what all do in turn: a block that is replaced takes what was set inside it along."""
    joined: dict[str, Any] = {}
    for bundle in bundles:
        for key, value in bundle.items():
            joined = {k: v for k, v in joined.items() if k != key and not is_within(k, key)}
            joined[key] = value
    return joined


def place_of(study: Study, factor: Factor) -> Place:
    """Where a factor stands in the file."""
    return study.place_of_change(str(study.own_design), factor.name)


def only_level(factor: Factor) -> Overrides:
    """What a factor without levels changes."""
    (overrides,) = factor.levels.values()
    return overrides


def switch_on_together(study: Study, factors: Sequence[Factor]) -> tuple[Overrides, tuple[Place, ...]]:
    """Several factors switched on at once: their overrides, and where these stand."""
    overrides = join_overrides(*(only_level(factor) for factor in factors))
    return overrides, tuple(place_of(study, factor) for factor in factors)


def difference(name: str, variant: str, reference: str, family: str, factor: str = "") -> DesignQuestion:
    """One variant against another; the factor it is about has the question's name where none is given."""
    return DesignQuestion(name, variant, reference, {variant: 1.0, reference: -1.0}, family, (factor or name,))
