"""Which images a run is fitted on, watched on and tested on.

Chance enters through hashes of the images' own names only: a split depends neither on the order
of a listing nor on a random generator, and it is the same on every machine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain
from typing import NamedTuple

from ablate.errors import AblateError, DataError, StudyError, together
from ablate.files import sha256_json
from ablate.splits.rules import FirstFold, Folds, Official, Protocol, Share, TestRule

Key = tuple[str | int, ...]


class Unit(NamedTuple):
    """Images that must not be separated; mostly a single one.

    id: the smallest of their ids. label: the class it is drawn by, -1 where it has none. images: their
    indices, by id. labels: every class of its images, where these are not just `label`.
    """

    id: str
    label: int
    images: tuple[int, ...]
    labels: tuple[int, ...] = ()


class Pool(NamedTuple):
    """What is split: the units, the classes' names, and the source's own test part as indices of images."""

    units: Sequence[Unit]
    classes: Sequence[str] = ()
    official_test: frozenset[int] = frozenset()


class Split(NamedTuple):
    """Indices of images, no image in two parts.

    fit, val, unused: in rank order. test: by id of the unit; empty where the test part is sealed.
    key: what the ranks were drawn from, besides `data.seed` and the ids.
    """

    fit: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    unused: tuple[int, ...]
    key: Key


def units_of(ids: Sequence[str], targets: Sequence[int | Sequence[int]], groups: Sequence[int]) -> list[Unit]:
    """The units of splitting, by id: images with the same group number stay together.

    All three have one entry per image; a target is a class, or the classes of an image with several
    labels. A unit with several classes is drawn by the rarest of them (fewest images in the data
    set, of equals the first), so that rare classes are spread evenly first.
    Raises DataError where two images have the same id.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index in sorted(range(len(ids)), key=ids.__getitem__):
        members[int(groups[index])].append(index)
    if len(set(ids)) < len(ids):
        raise DataError("two images have the same id", hint="Ids must be unique within a data set.")
    several = [target if isinstance(target, Sequence) else (target,) for target in targets]
    sizes = Counter(label for labels in several for label in labels)
    units = []
    for images in members.values():
        labels = sorted({int(label) for index in images for label in several[index]})
        label = min(labels, key=lambda one: (sizes[one], one), default=-1)
        units.append(Unit(ids[images[0]], label, tuple(images), () if labels == [label] else tuple(labels)))
    return units


def split(pool: Pool, *, protocol: Protocol, replicate_index: int, data_seed: int, train: float | int | None) -> Split:
    """The parts of one replicate: the same test and val whatever `train` is, and a nested fit.

    train: share (below 1) or number of all images, val included; None for all that are left. Copies of the
    source's own test images outside that part are never fitted on, they are left unused.
    A sealed protocol sets the test part of replicate 0 aside: its images are in no part.
    Raises StudyError where the shares do not fit together, DataError where a class is too small; both at once.
    """
    units, official_test = pool.units, pool.official_test
    total = sum(len(unit.images) for unit in units)
    wrong: list[AblateError] = []
    try:
        _refuse_impossible_shares(protocol, train, total, official=len(official_test))
    except StudyError as error:
        wrong.append(error)
    test_replicate = 0 if protocol.sealed else replicate_index
    try:
        test, key = _test_units(pool, protocol.test, test_replicate, data_seed)
    except DataError as error:
        raise together([*wrong, error]) from error
    if wrong:
        raise wrong[0]
    if protocol.sealed:
        key = ("search", replicate_index)

    taken = {unit.id for unit in test}
    ranked = _ranked([unit for unit in units if unit.id not in taken], data_seed, key)
    val_end = _cut(ranked, _count(protocol.val or 0, total))
    fit_end = len(ranked) if train is None else _cut(ranked, _count(train, total))
    tested = _images(sorted(test))
    tests = official_test if isinstance(protocol.test, Official) else frozenset(tested)
    parts = Split(
        fit=_images(ranked[val_end:fit_end]),
        val=_images(ranked[:val_end]),
        test=tuple(index for index in tested if index in tests),
        unused=_images(ranked[fit_end:]),
        key=key,
    )
    _refuse_empty_parts(parts, protocol, train, total)
    if protocol.sealed:
        return parts._replace(test=())
    copies = tuple(index for index in tested if index not in tests)
    return parts._replace(unused=parts.unused + copies)


def _test_units(pool: Pool, rule: TestRule, replicate: int, data_seed: int) -> tuple[list[Unit], Key]:
    """The units tested on, and the key that ranks the others."""
    units, official = pool.units, pool.official_test
    match rule:
        case Folds(count=folds):
            _refuse_small_classes(pool, folds, f"evidence.test: {{folds: {folds}}}")
            repetition, fold = divmod(replicate, folds)
            return _dealt(units, (data_seed, repetition), fold, folds), (repetition, fold)
        case FirstFold(count=folds):
            return _test_units(pool, Folds(count=folds), 0, data_seed)[0], ("confirm", replicate)
        case Share(share=share):
            _refuse_small_classes(pool, 2, f"evidence.test: {{share: {share}}}")
            ranked = _ranked(units, data_seed, ("test",))
            total = sum(len(unit.images) for unit in units)
            return ranked[: _cut(ranked, _count(share, total))], (replicate,)
        case Official():
            return [unit for unit in units if not official.isdisjoint(unit.images)], (replicate,)


def _dealt(units: Sequence[Unit], key: Key, fold: int, folds: int) -> list[Unit]:
    """Every `folds`-th unit of each class, in the order of the hashes.

    Where units have several classes, one may be drawn by a class that few others are drawn by: the
    deal then goes on from class to class, or the first folds would get all the small ones.
    """
    is_mixed = any(unit.labels for unit in units)
    chosen, passed = [], 0
    for _, members in sorted(_by_class(units, key).items()):
        chosen += [unit for _, unit in members[(fold - passed) % folds :: folds]]
        passed += len(members) if is_mixed else 0
    return chosen


def _by_class(units: Iterable[Unit], key: Key) -> Mapping[int, list[tuple[str, Unit]]]:
    """Per class, its units in the order of sha256(JSON of [*key, id]), each with that hash."""
    classes: dict[int, list[tuple[str, Unit]]] = defaultdict(list)
    for unit in units:
        classes[unit.label].append((sha256_json([*key, unit.id]), unit))
    for members in classes.values():
        members.sort()
    return classes


def _ranked(units: Sequence[Unit], data_seed: int, key: Key) -> list[Unit]:
    """The units in an order of which every prefix is stratified.

    In a prefix of m of n units a class of size c has more than m * c / n - 1 and fewer than
    m * c / n + 1: its i-th unit (from 0) may come at place i * n / c or later and must have come by
    place (i + 1) * n / c, and taking the most urgent first keeps all of these windows.
    Source: Steiner & Yeomans 1993; the same windows in Baruah et al. 1996, "Proportionate progress".
    """
    slots = len(units)
    released: list[list[tuple[int, str, Unit]]] = [[] for _ in range(slots)]
    for members in _by_class(units, (data_seed, *key)).values():
        size = len(members)
        for place, (digest, unit) in enumerate(members):
            deadline = -(-(place + 1) * slots // size)
            released[place * slots // size].append((deadline, digest, unit))
    order: list[Unit] = []
    waiting: list[tuple[int, str, Unit]] = []
    for arrivals in released:
        for arrival in arrivals:
            heappush(waiting, arrival)
        order.append(heappop(waiting)[2])
    return order


def _cut(ranked: Sequence[Unit], images: int) -> int:
    """How many units hold at most `images` images: the cut is before a unit that would overshoot."""
    held = 0
    for position, unit in enumerate(ranked):
        held += len(unit.images)
        if held > images:
            return position
    return len(ranked)


def _images(units: Iterable[Unit]) -> tuple[int, ...]:
    return tuple(chain.from_iterable(unit.images for unit in units))


def _count(share: float | int, total: int) -> int:
    return share if isinstance(share, int) else round(share * total)


def _share(share: float | int, total: int) -> float:
    return share / total if isinstance(share, int) else share


def _refuse_impossible_shares(protocol: Protocol, train: float | int | None, total: int, *, official: int) -> None:
    match protocol.test:
        case Folds(count=folds) | FirstFold(count=folds):
            test, asked = 1 / folds, f"{{folds: {folds}}}"
        case Share(share=share):
            test, asked = _share(share, total), f"{{share: {share}}}"
        case Official():
            test, asked = official / total, f"official, {official} images"
            if not official:
                raise StudyError(
                    "evidence.test: official, but the source has no test part of its own",
                    hint="Write {folds: 10} or {share: 0.2}.",
                )
    if train is None:
        return
    # A test part is rounded to whole images (folds: to whole units a class); shares that add up
    # to one are meant to use everything that is left.
    if _share(train, total) + test > 1 + 1e-9:
        raise StudyError(
            f"data.train ({train}) and evidence.test ({asked}) together exceed all {total} images",
            hint=f"data.train can be {max(0.0, 1 - test):.4g} at most, or test on fewer images.",
        )
    if protocol.val is not None and _count(train, total) <= _count(protocol.val, total):
        raise StudyError(
            f"data.train ({train}) includes evidence.val ({protocol.val}), which leaves nothing to fit",
            hint="Raise data.train or lower evidence.val.",
        )


def _refuse_small_classes(pool: Pool, needed: int, rule: str) -> None:
    held: dict[int, list[Unit]] = defaultdict(list)
    for unit in pool.units:
        for label in unit.labels or (unit.label,):
            held[label].append(unit)
    small = [
        f"class {_named(label, pool)} (of {members[0].id!r}) has {len(members)}"
        for label, members in sorted(held.items())
        if len(members) < needed and label >= 0
    ]
    if small:
        raise DataError(
            f"{rule} needs at least {needed} different images of every class: {'; '.join(small)}",
            hint="Add images, leave the class out, or choose another evidence.test. Equal images, and those of "
            "one origin (data.groups), count as one.",
        )


def _named(label: int, pool: Pool) -> str:
    return repr(pool.classes[label]) if label < len(pool.classes) else str(label)


def _refuse_empty_parts(parts: Split, protocol: Protocol, train: float | int | None, total: int) -> None:
    if train is None and not parts.fit:
        raise StudyError(
            f"evidence.test and evidence.val ({protocol.val}) leave none of {total} images to fit",
            hint="Lower one of them, or add images.",
        )
    asked = {"test": protocol.test, "val": protocol.val, "fit": train}
    keys = {"test": "evidence.test", "val": "evidence.val", "fit": "data.train"}
    for part in ("test", "val", "fit"):
        if asked[part] is not None and not getattr(parts, part):
            raise StudyError(
                f"{keys[part]} ({asked[part]}) leaves no image of {total} in the {part} part",
                hint=f"Raise {keys[part]}, or add images.",
            )
