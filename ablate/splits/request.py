"""From the ids and labels a trainer has to the parts it is handed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ablate.errors import DataError, TrainerError
from ablate.splits.rules import Protocol, Replicate
from ablate.splits.split import Pool, split, units_of

CALL = "run.split(ids, targets)"


class Parts(NamedTuple):
    """The places (from 0) of a run's images in the ids that were handed in.

    fit, val: in an order of which every beginning holds the classes in their proportions, so that
    `parts.fit[:500]` is a fair smaller part. val: empty where `evidence.val` asks for none.
    test: empty where the test part is sealed, as it is while a search runs.
    """

    fit: list[int]
    val: list[int]
    test: list[int]

    @property
    def judged(self) -> list[int]:
        """What the run's metrics and scores are of: the test part, or val where the test part is sealed."""
        return self.test or self.val


class Handed(NamedTuple):
    """What a run was given: ids by part."""

    fit: list[str]
    val: list[str]
    test: list[str]
    is_sealed: bool
    groups: Mapping[str, str] = {}
    """Id -> group, of the images it has to come back with; empty where the trainer named none."""

    @property
    def judged(self) -> list[str]:
        """The ids the run has to come back with."""
        return self.val if self.is_sealed else self.test

    @property
    def counts(self) -> dict[str, int]:
        """Images by part."""
        return {"fit": len(self.fit), "val": len(self.val), "test": len(self.test)}


class Labels(NamedTuple):
    """The classes of each image, by number, and the classes' names where they have some."""

    targets: list[int | list[int]]
    classes: tuple[str, ...] = ()


def parts_of(
    ids: Iterable[Any],
    targets: Iterable[Any],
    groups: Iterable[Any] | None,
    official: Iterable[Any],
    protocol: Protocol,
    replicate: Replicate,
) -> tuple[Parts, Handed]:
    """The parts of a replicate, as places in `ids` and by name.

    Raises TrainerError where the columns do not fit together, DataError and StudyError where the images cannot
    be split as the study asks.
    """
    names = [str(name) for name in _listed(ids)]
    if not names:
        raise DataError(
            f"{CALL}: there are no images", hint="`ids` is empty; look at where the trainer reads its data."
        )
    if getattr(targets, "ndim", 1) > 1:
        raise TrainerError(
            f"{CALL}: targets has {getattr(targets, 'ndim', 1)} dimensions",
            hint="Give the number of each image's class, or of images with several labels a list of class numbers.",
        )
    labels = number_labels(_listed(targets))
    _refuse_other_length("targets", len(labels.targets), len(names))
    numbers: Sequence[int] = range(len(names))
    origins: list[Any] = []
    if groups is not None:
        origins = _listed(groups)
        _refuse_other_length("groups", len(origins), len(names))
        numbers = _numbered(origins)
    _refuse_twice(names)
    pool = Pool(units_of(names, labels.targets, numbers), labels.classes, official_places(official, len(names)))
    found = split(pool, protocol=protocol, replicate_index=replicate.index, data_seed=0, train=None)
    parts = Parts(list(found.fit), list(found.val), list(found.test))
    fit, val, test = ([names[place] for place in part] for part in parts)
    judged = parts.val if protocol.sealed else parts.test
    texts = _group_names(names, origins, numbers) if origins else {}
    named = {names[place]: texts[numbers[place]] for place in judged} if origins else {}
    return parts, Handed(fit, val, test, protocol.sealed, named)


def _group_names(names: Sequence[str], origins: Sequence[Any], numbers: Sequence[int]) -> dict[int, str]:
    """Number of a group -> its name, as told; by its first image where that is empty or, as text, another's too.

    Such as NaN: each is a group of its own, and all read the same.
    """
    firsts: dict[int, str] = {}
    for name, number in zip(names, numbers, strict=True):
        firsts.setdefault(number, name)
    told = {number: str(origin) for number, origin in zip(numbers, origins, strict=True)}
    times = Counter(told.values())
    return {number: text if text and times[text] == 1 else firsts[number] for number, text in told.items()}


def number_labels(targets: Sequence[Any]) -> Labels:
    """Classes as numbers: numbers as they are, names by their alphabet, None as no class, lists as several."""
    rows = [target if isinstance(target, list | tuple) else [] if target is None else [target] for target in targets]
    known = {label for row in rows for label in row}
    named = {label for label in known if isinstance(label, str)}
    if named and named != known:
        raise TrainerError(f"{CALL}: some targets are names and some are numbers", hint="Give one or the other.")
    if named:
        classes = tuple(sorted(named))
        places = {name: place for place, name in enumerate(classes)}
        return Labels([[places[label] for label in row] for row in rows], classes)
    return Labels([[_class_number(label) for label in row] for row in rows])


def _class_number(label: Any) -> int:
    try:
        number = int(label)
    except (TypeError, ValueError):
        number = -1
    if number < 0 or number != label:
        raise TrainerError(
            f"{CALL}: {label!r} is not a class",
            hint="A target is the number of a class, counted from 0, its name, or a list of them; None for no class.",
        )
    return number


def official_places(official: Iterable[Any], count: int) -> frozenset[int]:
    """The places of the source's own test images; a mask with one truth value an image will do."""
    values = _listed(official)
    if values and all(isinstance(value, bool) for value in values):
        _refuse_other_length("official", len(values), count)
        return frozenset(place for place, value in enumerate(values) if value)
    places = frozenset(int(value) for value in values)
    outside = sorted(place for place in places if not 0 <= place < count)
    if outside:
        raise TrainerError(
            f"run.split: official names the place {outside[0]}, and there are {count} images",
            hint="Give the places of the source's own test images in `ids`, counted from 0, or a mask.",
        )
    return places


def _listed(values: Iterable[Any]) -> list[Any]:
    """Plain Python values: arrays, tensors and series know how, and numpy's own numbers do, too."""
    plain: Any = values.tolist() if hasattr(values, "tolist") else list(values)
    if not isinstance(plain, list):
        raise TrainerError(f"{CALL} needs one value per image, and was given {plain!r}")
    return [value.tolist() if hasattr(value, "tolist") else value for value in plain]


def _numbered(origins: Sequence[Hashable]) -> list[int]:
    firsts: dict[Hashable, int] = {}
    return [firsts.setdefault(origin, len(firsts)) for origin in origins]


def _refuse_other_length(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise TrainerError(
            f"run.split: {found} {what} for {wanted} ids", hint="All have one entry per image, in the same order."
        )


def _refuse_twice(names: Collection[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(
                f"run.split: the id {name!r} appears twice",
                hint="Give each image an id of its own; what shows the same thing goes into one group (groups=).",
            )
        seen.add(name)
