"""What holds for the parts of every replicate, whatever the data set."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.splits.rules import Folds, Official, Protocol, Share, TestRule
from ablate.splits.split import Pool, Split, Unit, split, units_of

FOLDS = 4
RULES = (Folds(count=FOLDS), Share(share=0.25), Official())
any_rule = st.sampled_from(RULES)
replicates = st.integers(0, 3 * FOLDS)
seeds = st.integers(0, 2**40)
kinds_of_run = st.sampled_from(["open", "sealed"])


def for_all(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Hypothesis' `given` without a deadline: a busy machine is no failure."""
    return lambda test: settings(deadline=None, max_examples=60)(given(*strategies)(test))


class DataSet(NamedTuple):
    """ids, targets and groups have one entry per image."""

    ids: list[str]
    targets: list[int]
    groups: list[int]

    @property
    def units(self) -> list[Unit]:
        return units_of(self.ids, self.targets, self.groups)

    @property
    def official(self) -> frozenset[int]:
        """A sixth of the units, as a source's own test part."""
        return frozenset(index for unit in self.units[::6] for index in unit.images)

    def shuffled(self, seed: int) -> DataSet:
        rows = list(zip(*self, strict=True))
        random.Random(seed).shuffle(rows)
        return DataSet(*(list(column) for column in zip(*rows, strict=True)))


@st.composite
def data_sets(draw: st.DrawFn, *, largest_group: int = 2) -> DataSet:
    """Two to four classes of 6 to 25 units of one to `largest_group` images."""
    chance = random.Random(draw(st.integers(0, 999)))
    ids, targets, groups = [], [], []
    for label, units in enumerate(draw(st.lists(st.integers(6, 25), min_size=2, max_size=4))):
        for number in range(units):
            for copy in range(chance.randint(1, largest_group)):
                ids.append(f"klasse-{label}/é {number * 7919 % 101:03}-{copy}.jpg")
                targets.append(label)
                groups.append(1000 * label + number)
    return DataSet(ids, targets, groups)


def parts_of(
    data: DataSet,
    rule: TestRule = RULES[0],
    *,
    replicate: int = 0,
    seed: int = 0,
    train: float | int = 0.6,
    val: float | int | None = 0.2,
    sealed: bool = False,
) -> Split:
    return split(
        Pool(data.units, official_test=data.official if isinstance(rule, Official) else frozenset()),
        protocol=Protocol(test=rule, val=val, sealed=sealed),
        replicate_index=replicate,
        data_seed=seed,
        train=train,
    )


def named(data: DataSet, parts: Split) -> list[list[str]]:
    return [[data.ids[index] for index in part] for part in parts[:4]]


@for_all(data_sets(), any_rule, replicates, seeds)
def test_every_image_is_in_exactly_one_part(data: DataSet, rule: TestRule, replicate: int, seed: int) -> None:
    """Fit, val, test and unused are a partition of all images."""
    parts = parts_of(data, rule, replicate=replicate, seed=seed)

    assert sorted(index for part in parts[:4] for index in part) == list(range(len(data.ids)))


@for_all(data_sets(), any_rule, replicates, st.integers(0, 99))
def test_the_order_of_the_listing_does_not_matter(data: DataSet, rule: TestRule, replicate: int, shuffle: int) -> None:
    """A folder listed in another order gives the same images in the same order in every part."""
    other = data.shuffled(shuffle)

    if isinstance(rule, Official):
        assert {data.ids[index] for index in data.official} == {other.ids[index] for index in other.official}
    assert named(data, parts_of(data, rule, replicate=replicate)) == named(
        other, parts_of(other, rule, replicate=replicate)
    )


@for_all(data_sets(), any_rule, replicates, kinds_of_run)
def test_a_group_is_never_split(data: DataSet, rule: TestRule, replicate: int, kind: str) -> None:
    """Images with equal pixels lie in the same part."""
    parts = parts_of(data, rule, replicate=replicate, sealed=kind == "sealed")

    for part in parts[:4]:
        whole = {data.groups[index] for index in part}
        assert all(index in part for index, group in enumerate(data.groups) if group in whole)


@for_all(data_sets(), st.integers(0, 2), seeds)
def test_the_folds_of_a_repetition_are_disjoint_and_cover(data: DataSet, repetition: int, seed: int) -> None:
    """Each image is tested on exactly once in every repetition."""
    tested = [
        index for fold in range(FOLDS) for index in parts_of(data, replicate=repetition * FOLDS + fold, seed=seed).test
    ]

    assert sorted(tested) == list(range(len(data.ids)))


@for_all(data_sets(largest_group=1), st.integers(0, 2))
def test_a_class_has_nearly_the_same_size_in_all_folds(data: DataSet, repetition: int) -> None:
    """Within a repetition the test parts' counts of a class differ by one unit at most."""
    tests = [parts_of(data, replicate=repetition * FOLDS + fold).test for fold in range(FOLDS)]

    for label in set(data.targets):
        sizes = [sum(data.targets[index] == label for index in test) for test in tests]
        assert max(sizes) - min(sizes) <= 1


@for_all(data_sets(), any_rule, replicates, st.lists(st.floats(0.25, 0.62), min_size=2, max_size=5))
def test_more_training_images_change_the_fit_part_only_and_nest_it(
    data: DataSet, rule: TestRule, replicate: int, trains: list[float]
) -> None:
    """A factor on data.train keeps test and val and only adds to the end of fit."""
    runs = [
        parts_of(data, rule, replicate=replicate, train=train, val=0.15)
        for train in sorted({0.3, *trains})
        if train >= 0.3
    ]

    for smaller, larger in pairwise(runs):
        assert larger.test == smaller.test
        assert larger.val == smaller.val
        assert larger.fit[: len(smaller.fit)] == smaller.fit
        assert larger.fit + larger.unused == smaller.fit + smaller.unused


@for_all(data_sets(largest_group=1), any_rule, replicates, kinds_of_run)
def test_every_prefix_is_stratified(data: DataSet, rule: TestRule, replicate: int, kind: str) -> None:
    """In the first m ranked units each class has its proportional share, to within one unit."""
    parts = parts_of(data, rule, replicate=replicate, sealed=kind == "sealed")
    ranked = [data.targets[index] for index in parts.val + parts.fit + parts.unused]
    whole, held = Counter(ranked), Counter[int]()

    for length, label in enumerate(ranked, start=1):
        held[label] += 1
        for each, size in whole.items():
            assert abs(held[each] - length * size / len(ranked)) < 1


@for_all(data_sets(largest_group=1), any_rule, replicates)
def test_val_and_train_are_shares_of_all_images(data: DataSet, rule: TestRule, replicate: int) -> None:
    """val has round(val * N) images; val and fit together round(train * N)."""
    total = len(data.ids)
    parts = parts_of(data, rule, replicate=replicate, train=0.5, val=0.2)

    assert len(parts.val) == round(0.2 * total)
    assert len(parts.val) + len(parts.fit) == round(0.5 * total)


@for_all(data_sets(), replicates)
def test_groups_make_a_part_smaller_never_larger(data: DataSet, replicate: int) -> None:
    """A cut is made before a group that would overshoot."""
    total = len(data.ids)
    parts = parts_of(data, replicate=replicate, train=0.5, val=0.2)

    assert round(0.2 * total) - 1 <= len(parts.val) <= round(0.2 * total)
    assert round(0.5 * total) - 1 <= len(parts.val) + len(parts.fit) <= round(0.5 * total)


@for_all(data_sets(), st.sampled_from([Share(share=0.25), Share(share=3), Official()]), replicates)
def test_a_fixed_test_part_is_the_same_in_all_replicates(data: DataSet, rule: TestRule, replicate: int) -> None:
    """Only folds move the test part; the rest is drawn anew in every replicate."""
    first, other = parts_of(data, rule), parts_of(data, rule, replicate=replicate)

    assert other.test == first.test
    assert sorted(other.fit + other.val + other.unused) == sorted(first.fit + first.val + first.unused)


@for_all(data_sets(), any_rule, replicates, seeds)
def test_a_sealed_test_part_is_in_no_part(data: DataSet, rule: TestRule, replicate: int, seed: int) -> None:
    """A search never sees the images replicate 0 is tested on."""
    sealed = parts_of(data, rule, seed=seed).test
    parts = parts_of(data, rule, replicate=replicate, seed=seed, sealed=True)

    assert parts.test == ()
    used = parts.fit + parts.val + parts.unused
    assert sorted((*used, *sealed)) == list(range(len(data.ids)))


MANY = DataSet([f"{i % 3}/{i:03}" for i in range(240)], [i % 3 for i in range(240)], list(range(240)))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"replicate": FOLDS},
        {"rule": Share(share=0.25), "replicate": 1},
        {"rule": Official(), "replicate": 1},
        {"replicate": 1, "sealed": True},
    ],
    ids=["seed", "repetition", "replicate, share", "replicate, official", "trial"],
)
def test_another_draw_reshuffles(change: dict[str, object]) -> None:
    """A new seed, repetition, replicate or trial moves about as many images as chance would."""
    same = {key: value for key, value in change.items() if key in ("rule", "sealed")}
    first, other = parts_of(MANY, **same), parts_of(MANY, **change)

    assert len(set(first.fit) & set(other.fit)) < 0.75 * len(first.fit)
    assert first.val != other.val


def test_a_seed_redraws_the_fixed_test_part() -> None:
    """data.seed moves the test part of {share: ...} too."""
    tests = [set(parts_of(MANY, Share(share=0.25), seed=seed).test) for seed in (0, 1)]

    assert len(tests[0] & tests[1]) < 40


@st.composite
def mixed_sets(draw: st.DrawFn) -> DataSet:
    """Three classes; groups of one to four images, whatever their classes are, and at least 24 of them."""
    chance = random.Random(draw(st.integers(0, 999)))
    ids, targets, groups = [], [], []
    for group in range(draw(st.integers(24, 40))):
        for member in range(chance.randint(1, 4)):
            ids.append(f"{chance.random():.8f}-{group}-{member}")
            targets.append(chance.choice([0, 0, 0, 1, 1, 2]) if group > 12 else group % 3)
            groups.append(group)
    return DataSet(ids, targets, groups)


@for_all(mixed_sets(), any_rule, replicates, kinds_of_run)
def test_a_group_of_several_classes_is_never_torn(data: DataSet, rule: TestRule, replicate: int, kind: str) -> None:
    """Images of one origin lie in one part, even where their classes differ, and no image is lost."""
    parts = parts_of(data, rule, replicate=replicate, val=0.15, sealed=kind == "sealed")

    for part in parts[:4]:
        whole = {data.groups[index] for index in part}
        assert all(index in part for index, group in enumerate(data.groups) if group in whole)
    if kind == "open":
        assert sorted(index for part in parts[:4] for index in part) == list(range(len(data.ids)))


@for_all(mixed_sets(), st.integers(0, 2))
def test_folds_of_mixed_groups_hold_nearly_as_many_groups_each(data: DataSet, repetition: int) -> None:
    """In all, and of those drawn by each class, the folds differ by one group at most; together they are all."""
    folds = [parts_of(data, replicate=repetition * FOLDS + fold).test for fold in range(FOLDS)]
    unit_of = {index: unit for unit in data.units for index in unit.images}

    assert sorted(index for fold in folds for index in fold) == list(range(len(data.ids)))
    drawn = [{unit_of[index] for index in fold} for fold in folds]
    for label in (None, 0, 1, 2):
        sizes = [sum(label in (None, unit.label) for unit in units) for units in drawn]
        assert max(sizes) - min(sizes) <= 1
