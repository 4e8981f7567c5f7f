"""Factors: named bundles of overrides that switch together, and their levels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ablate.errors import StudyError, near_match
from ablate.files import sha256_json
from ablate.study.overrides import OverrideError, refuse_overlaps
from ablate.study.reader import Document
from ablate.study.schema import MAX_NAME

Overrides = Mapping[str, Any]
Place = tuple[str | int, ...]
"""Where something stands in a study file, as the keys that lead there."""

ONE_CHANGE = ("chain", "leave_one_out", "order_check", "attribution")
"""Designs in which a factor is a step, and a step is one change."""

FAMILIES = (
    "chain", "reverse chain", "one at a time", "leave one out", "main effects", "interactions", "contributions",
    "beyond pairs", "a/a", "compare", "published", "published, aside",
)  # fmt: skip
"""What the questions of each design are called as a family; a study may name others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A named bundle of overrides that switch together; one level each, or several (`each:`)."""

    name: str
    levels: Mapping[str, Overrides]
    """Level name -> overrides; a factor without `each:` has one level under its own name."""
    ask: Literal["", "no_worse"] = ""
    """What is asked beyond a difference."""

    @property
    def has_levels(self) -> bool:
        """Whether it is more than one change."""
        return len(self.levels) > 1


def check_overlaps(overrides: Overrides, document: Document, place: Place) -> None:
    """Raise StudyError where one of several overrides lies inside another."""
    try:
        refuse_overlaps(overrides)
    except OverrideError as error:
        raise StudyError(f"{document.where((*place, error.key))}: {error.message}", hint=error.hint) from None


def read_factors(
    blocks: Mapping[str, Overrides], design: str, document: Document, *, reads_ask: bool = True
) -> tuple[Factor, ...]:
    """The factors under a design's key, each with its levels. Raises StudyError with file, line and key.

    reads_ask: `ask` beside the changes is a question, not a setting of the trainer.
    """
    factors = []
    taken: dict[str, str] = {}
    for name, block in blocks.items():
        where = document.where((design, name))
        ask, overrides = _ask_of(name, block, document, (design, name)) if reads_ask else ("", block)
        check_overlaps(overrides, document, (design, name))
        factor = Factor(name=name, levels=_levels(name, overrides, where), ask=ask)
        if factor.has_levels and design in ONE_CHANGE:
            raise StudyError(
                f"{where}: factor {name!r} has several levels (each:), but a step of {design} is one change",
                hint="Use one_at_a_time or factorial, or write the levels as factors of their own.",
            )
        for level in factor.levels:
            if level in taken:
                raise StudyError(
                    f"{where}: {level!r} is the name of a level of {taken[level]!r} and of {name!r}",
                    hint="Rename one of the factors.",
                )
            taken[level] = name
        factors.append(factor)
    return tuple(factors)


def _ask_of(name: str, block: Overrides, document: Document, place: Place) -> tuple[Literal["", "no_worse"], Overrides]:
    """What a change is asked, and what it changes."""
    if "ask" not in block:
        return "", block
    where = document.where((*place, "ask"))
    if block["ask"] != "no_worse":
        raise StudyError(f"{where}: ask: {block['ask']!r} of {name!r} is not known", hint="Write ask: no_worse.")
    overrides = {key: value for key, value in block.items() if key != "ask"}
    if not overrides:
        raise StudyError(f"{where}: {name!r} asks and changes nothing", hint="Write what it changes beside ask.")
    return "no_worse", overrides


def _levels(name: str, overrides: Overrides, where: str) -> dict[str, Overrides]:
    several = {key: value["each"] for key, value in overrides.items() if _is_each(value)}
    if not several:
        return {name: overrides}
    if len({len(values) for values in several.values()}) > 1 or not all(several.values()):
        counts = ", ".join(f"{key} has {len(values)}" for key, values in several.items())
        raise StudyError(
            f"{where}: the lists under each: of factor {name!r} do not make levels: {counts}",
            hint="Give each of them the same number of values, at least one.",
        )
    fixed = {key: value for key, value in overrides.items() if key not in several}
    levels: dict[str, Overrides] = {}
    for values in zip(*several.values(), strict=True):
        label = shorten_name(f"{name} {_label(values[0])}".strip())
        if label in levels:
            raise StudyError(
                f"{where}: factor {name!r} has two levels called {label!r}",
                hint="Levels are named by their first value; write them as factors of their own.",
            )
        levels[label] = fixed | dict(zip(several, values, strict=True))
    return levels


def _is_each(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"each"} and isinstance(value["each"], list)


def _label(value: Any) -> str:
    match value:
        case None:
            return "off"
        case bool():
            return str(value).lower()
        case Mapping():
            label = str(value.get("name") or ", ".join(f"{k} {_label(v)}" for k, v in value.items()))
        case list():
            label = ", ".join(_label(item) for item in value)
        case float():
            label = f"{value:g}"
        case _:
            label = str(value)
    return "".join(c for c in label.replace("/", "-") if c.isprintable())[:40]


def shorten_name(name: str) -> str:
    """A name of at most 80 characters; what is cut off still tells it from others."""
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 11]} ... {sha256_json(name)[:6]}"


def check_families(
    families: Mapping[str, Sequence[str]], factors: Sequence[Factor], design: str | None, document: Document
) -> None:
    """Refuse families of a design whose questions are one family, strangers in a family, and factors in two.

    Raises StudyError with file, line and key.
    """
    known = [factor.name for factor in factors]
    taken: dict[str, str] = {}
    for family, members in families.items():
        where = document.where(("evidence", "families", family))
        if design != "one_at_a_time":
            raise StudyError(
                f"{where}: only the factors of one_at_a_time can be judged in several families",
                hint="The steps of any other design answer one question together; leave families out.",
            )
        if family in FAMILIES:
            raise StudyError(f"{where}: {family!r} is the name of a family of its own", hint="Choose another name.")
        for name in members:
            if name not in known:
                raise StudyError(
                    f"{where}: there is no factor {name!r}",
                    hint=f"{near_match(name, known)}Factors: {', '.join(known)}.",
                )
            if name in taken:
                again = "twice in" if taken[name] == family else f"in {taken[name]!r} and in"
                raise StudyError(
                    f"{where}: factor {name!r} is {again} {family!r}", hint="Judge each factor in one family."
                )
            taken[name] = family


def check_pooled(name: str | None, factors: Sequence[Factor], comparisons: Collection[str], document: Document) -> None:
    """Refuse a step to pool over data sets that the study does not ask about; StudyError with file, line and key."""
    known = [*(level for factor in factors for level in (factor.name, *factor.levels)), *comparisons]
    if name is not None and name not in known:
        raise StudyError(
            f"{document.where(('evidence', 'pool'))}: there is no step {name!r}",
            hint=f"{near_match(name, known)}Steps: {', '.join(dict.fromkeys(known)) or 'none'}.",
        )
