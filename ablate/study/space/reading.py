"""Reading a space from a study file: every range, choice and factor is tried against the trainer's schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.errors import StudyError
from ablate.settings import defining_test
from ablate.study.designs.catalogue import join_overrides
from ablate.study.expectations import shown
from ablate.study.factors import Factor, Overrides, Place
from ablate.study.overrides import OverrideError, is_within, refuse_overlaps
from ablate.study.search_schema import OptionBlock, RangeBlock
from ablate.study.search_schema import Parameter as Written
from ablate.study.space.tree import OFF, Choice, Number, Option, Parameter, Space, Stored, same
from ablate.study.study import Study
from ablate.study.validation import validate


def read_space(study: Study) -> Space:
    """The space of a study's `search:`. Raises StudyError, with file, line and key, for what cannot be searched."""
    if study.search is None:
        raise StudyError(
            f"{study.document.name}: the study has no search: block",
            hint="Add one, such as search: {space: {optimizer.lr: {low: 1e-5, high: 1e-2, log: true}}}",
        )
    factors = study.factors if study.search.factors else ()
    if study.search.factors and not factors:
        raise StudyError(
            f"{study.document.where(('search', 'factors'))}: factors: searched, but the study has no factors",
            hint="Write some under one_at_a_time:, or leave factors out.",
        )
    return make_space(study, study.search.space, ("search", "space"), factors)


def make_space(study: Study, written: Mapping[str, Written], place: Place, factors: Sequence[Factor] = ()) -> Space:
    """The space over a study's base, with some of its factors; every bound and choice is tried.

    place: where the space stands in the file.
    """
    _refuse_overlaps(study, written, place)
    reader = _Reader(study, _repeated(written))
    found = [_factor(factor) for factor in factors]
    if factors:
        reader.try_factors(found, (str(study.own_design),))
    found_keys = reader.read(written, place, {}, "")
    return Space(study=study, parameters=(*found, *found_keys), place=place)


def _factor(factor: Factor) -> Choice:
    options = [Option(label=OFF, overrides={})]
    for level, overrides in factor.levels.items():
        options.append(Option(label=level if factor.has_levels else "on", overrides=overrides))
    return Choice(name=factor.name, key="", options=tuple(options))


def _refuse_overlaps(study: Study, written: Mapping[str, Any], place: Place) -> None:
    try:
        refuse_overlaps(written)
    except OverrideError as error:
        message = error.message.replace("which is set", "which is searched")
        raise StudyError(
            f"{study.document.where((*place, error.key))}: {message}",
            hint="Search it under one of the choices: [{value: ..., space: {" + error.key + ": ...}}].",
        ) from None
    for factor in study.factors:
        for overrides in factor.levels.values():
            for key in overrides:
                for mine in _keys(written):
                    if key == mine or is_within(key, mine) or is_within(mine, key):
                        raise StudyError(
                            f"{study.document.where((*place, mine))}: {mine!r} is searched, and the factor "
                            f"{factor.name!r} sets {key!r}",
                            hint="Leave it out of the space; or search in a file of its own: extends: and from:.",
                        )


def _keys(written: Mapping[str, Any]) -> Iterator[str]:
    for key, block in written.items():
        yield key
        for item in block if isinstance(block, list) else ():
            if _opens_space(item):
                yield from _keys(item["space"])


def _opens_space(item: Any) -> bool:
    return isinstance(item, Mapping) and "space" in item and isinstance(item["space"], Mapping)


def _repeated(written: Mapping[str, Any]) -> set[str]:
    keys = list(_keys(written))
    return {key for key in keys if keys.count(key) > 1}


@dataclass(slots=True)
class _Reader:
    """Reads a space from its file; repeated: keys that stand under several choices and need longer names."""

    study: Study
    repeated: set[str]

    def read(
        self, written: Mapping[str, Written], place: Place, around: Overrides, below: str
    ) -> tuple[Parameter, ...]:
        """The parameters written at a place. around: what the choice they stand under sets; below: its label."""
        found: list[Parameter] = []
        for key, block in written.items():
            name = f"{key} ({below})" if key in self.repeated and below else key
            here = (*place, key)
            if isinstance(block, RangeBlock):
                found.append(self._number(name, key, block, around, here))
            else:
                found.append(self._choice(name, key, block, around, here))
        return tuple(found)

    def try_factors(self, factors: Sequence[Choice], place: Place) -> None:
        """Every factor alone, and every two of them, must be a config."""
        bundles = [
            ((choice.name,), option.overrides) for choice in factors for option in choice.options if option.overrides
        ]
        pairs = [
            ((*a, *b), join_overrides(x, y)) for i, (a, x) in enumerate(bundles) for b, y in bundles[i + 1 :] if a != b
        ]
        for names, overrides in (*bundles, *pairs):
            try:
                self._try(overrides, (*place, names[0]), (*place, names[-1]))
            except StudyError as error:
                together = " with ".join(map(repr, names))
                raise StudyError(
                    f"{error.message} (factors: searched tries {together} on the base)",
                    hint=f"{error.hint} A factor that needs another cannot be searched on its own.",
                ) from None

    def _number(self, name: str, key: str, block: RangeBlock, around: Overrides, place: Place) -> Number:
        for value in (block.low, block.high):
            self._try(join_overrides(around, {key: value}), place[:-1])
        bounds = (block.low, block.high)
        is_whole = all(isinstance(bound, int) for bound in bounds) and not self._takes(around, key, block.low + 0.5)
        if is_whole and block.step is not None and not isinstance(block.step, int):
            raise StudyError(
                f"{self.study.document.where((*place, 'step'))}: {key!r} is a whole number, the "
                f"step {block.step} is not",
                hint="Give a whole step.",
            )
        low, high = bounds if is_whole else map(float, bounds)
        return Number(name=name, key=key, low=low, high=high, log=block.log, step=block.step, is_whole=is_whole)

    def _choice(self, name: str, key: str, items: Sequence[Any], around: Overrides, place: Place) -> Choice:
        options: list[Option] = []
        for position, item in enumerate(items):
            option = self._option(key, item, around, (*place, position))
            if any(same(option.label, other.label) or option.label == other.label for other in options):
                raise StudyError(
                    f"{self.study.document.where((*place, position))}: {key}: the choice {shown(option.label)} appears "
                    "twice",
                    hint="Leave one of them out.",
                )
            options.append(option)
        return Choice(name=name, key=key, options=tuple(options))

    def _option(self, key: str, item: Any, around: Overrides, place: Place) -> Option:
        document = self.study.document
        if not _opens_space(item):
            overrides = {key: item}
            self._try(join_overrides(around, overrides), place[:-2])
            return Option(label=_label(item), overrides=overrides)
        block = validate(OptionBlock, item, lambda at: document.where((*place, *at)))
        overrides = {key: block.value}
        outside = next((inner for inner in block.space if not is_within(inner, key)), None)
        if outside is not None:
            raise StudyError(
                f"{document.where((*place, 'space', outside))}: {outside!r} does not lie within {key!r}",
                hint="What does not depend on the choice is searched beside it, not under it.",
            )
        _refuse_overlaps(self.study, block.space, (*place, "space"))
        inside = join_overrides(around, overrides)
        label = _label(block.value)
        space = self.read(block.space, (*place, "space"), inside, str(label))
        return Option(label=label, overrides=overrides, space=space)

    def _takes(self, around: Overrides, key: str, value: Any) -> bool:
        try:
            self.study.resolve(join_overrides(around, {key: value}))
        except StudyError:
            return False
        return True

    def _try(self, overrides: Overrides, *places: Place) -> None:
        tested = defining_test(self.study.resolve(overrides, *places))
        base = defining_test(self.study.resolve({}, ("base",)))
        moved = [key for key in base | tested if base.get(key) != tested.get(key)]
        if moved:
            raise StudyError(
                f"{self.study.document.where(places[-1])}: {moved[0]} decides which images are tested on, and with it "
                "which part is sealed; no search may change that",
                hint="Leave it out of the space.",
            )


def _label(value: Any) -> Stored:
    """How a choice is stored and shown: as it is, or in words where it is a block."""
    match value:
        case Mapping():
            name = value.get("name")
            rest = ", ".join(f"{key} {_label(item)}" for key, item in value.items() if key != "name")
            return " ".join(filter(None, [str(name) if name else "", rest])) or "{}"
        case list():
            return f"[{', '.join(str(_label(item)) for item in value)}]"
        case _:
            return value if value is None or isinstance(value, (bool, int, float)) else str(value)
