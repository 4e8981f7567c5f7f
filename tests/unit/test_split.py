"""Splits as numbers: what they are today they must be tomorrow, on every machine."""

from __future__ import annotations

import hashlib
import json

import pytest

from ablate.errors import DataError, StudyError
from ablate.splits.rules import Folds, Official, Protocol, Share, TestRule
from ablate.splits.split import Pool, Split, Unit, split, units_of

IDS = [f"{name}/{number:02}.jpg" for name in ("chat", "chien", "élan") for number in range(6)]
NAMES = ("chat", "chien", "élan")
TARGETS = [0] * 6 + [1] * 6 + [2] * 6


def parts_of(
    rule: TestRule,
    *,
    replicate: int = 0,
    train: float | int = 0.6,
    val: float | int | None = None,
    sealed: bool = False,
    units: list[Unit] | None = None,
    official: frozenset[int] = frozenset(),
) -> Split:
    return split(
        Pool(units_of(IDS, TARGETS, range(18)) if units is None else units, NAMES, official),
        protocol=Protocol(test=rule, val=val, sealed=sealed),
        replicate_index=replicate,
        data_seed=0,
        train=train,
    )


def digest_of(parts: Split) -> str:
    return hashlib.sha256(json.dumps(parts[:4]).encode()).hexdigest()[:16]


def test_the_fold_of_an_image_is_its_place_among_the_hashes_of_its_class() -> None:
    """Position j by sha256 of [seed, repetition, id] is tested on by fold j mod F, computed by hand."""
    expected = []
    for label in range(3):
        ids = [name for name, target in zip(IDS, TARGETS, strict=True) if target == label]
        ids.sort(key=lambda name: hashlib.sha256(f'[0,1,"{name}"]'.encode()).digest())
        expected += [name for j, name in enumerate(ids) if j % 3 == 2]

    parts = parts_of(Folds(count=3), replicate=5)  # repetition 1, fold 2

    assert [IDS[index] for index in parts.test] == sorted(expected)
    assert parts.key == (1, 2)


def test_the_rest_is_ranked_by_the_hash_of_seed_key_and_id() -> None:
    """Within a class, val and fit follow sha256 of [seed, repetition, fold, id], computed by hand."""
    parts = parts_of(Folds(count=3), replicate=5, val=0.3)
    ranked = [IDS[index] for index in parts.val + parts.fit + parts.unused]

    for prefix in ("chat", "chien", "élan"):
        members = [name for name in ranked if name.startswith(prefix + "/")]
        assert members == sorted(members, key=lambda name: hashlib.sha256(f'[0,1,2,"{name}"]'.encode()).digest())


@pytest.mark.parametrize(
    ("rule", "arguments", "expected"),
    [
        (Folds(count=3), {}, "ecbd9cdb59fa70b0"),
        (Folds(count=3), {"replicate": 1}, "e50dcda71828800b"),
        (Folds(count=3), {"replicate": 2}, "481668afdfe89166"),
        (Folds(count=3), {"replicate": 3, "val": 0.2}, "50aac5a5c614dbfb"),
        (Folds(count=3), {"replicate": 3, "val": 3, "sealed": True}, "6e1dabd77d632b99"),
        (Share(share=0.3), {"replicate": 1, "val": 2, "train": 11}, "2af0a5e9bd26b8f9"),
        (Share(share=4), {"replicate": 1, "sealed": True}, "5037a209c4eea305"),
        (Official(), {"replicate": 2, "official": frozenset({0, 1, 8, 17})}, "ccd14249a5724a72"),
    ],
)
def test_splits_do_not_move(rule: TestRule, arguments: dict[str, object], expected: str) -> None:
    """Every kind of split keeps its golden value: finished runs depend on it."""
    parts = parts_of(rule, **arguments)

    assert digest_of(parts) == expected


def test_a_split_in_full() -> None:
    """One split written out, so that a change can be read."""
    parts = parts_of(Folds(count=3), replicate=1, val=0.2)

    assert parts == Split(
        fit=(11, 5, 14, 1, 10, 4, 8), val=(13, 9, 0, 12), test=(2, 3, 6, 7, 16, 17), unused=(15,), key=(0, 1)
    )


def test_units_are_named_after_their_smallest_id() -> None:
    """Images of one group make one unit, whatever their order."""
    units = units_of(["b", "c", "a", "d"], [0, 1, 0, 1], [7, 8, 7, 9])

    assert units == [Unit("a", 0, (2, 0)), Unit("c", 1, (1,)), Unit("d", 1, (3,))]


def test_a_group_of_two_classes_is_drawn_by_the_rarer() -> None:
    """Rare classes are spread evenly first; of equally rare ones the first counts."""
    units = units_of(["a", "b", "c", "d"], [0, 1, 0, 2], [5, 5, 6, 6])

    assert units == [Unit("a", 1, (0, 1), (0, 1)), Unit("c", 2, (2, 3), (0, 2))]


def test_an_image_with_several_labels_is_drawn_by_the_rarest() -> None:
    """One without any label is drawn with its like."""
    units = units_of(["a", "b", "c", "d"], [[0, 1], [0], [1, 0, 2], []], range(4))

    assert [unit.label for unit in units] == [1, 0, 2, -1]
    assert [unit.labels for unit in units] == [(0, 1), (), (0, 1, 2), ()]


def test_origins_count_as_one_unit_each_in_what_a_class_needs() -> None:
    """Ten images of two origins cannot fill three test parts; the class is named."""
    ids = [f"{index:02}" for index in range(20)]
    units = units_of(ids, [0] * 10 + [1] * 10, [index % 2 if index < 10 else index for index in range(20)])

    with pytest.raises(DataError, match=r"class 'chat' \(of '00'\) has 2\..*data\.groups"):
        parts_of(Folds(count=3), units=units)


def test_an_id_given_twice_is_refused() -> None:
    """Two images with one id could not be told apart in results."""
    with pytest.raises(DataError, match="same id"):
        units_of(["a", "a"], [0, 0], [0, 1])


@pytest.mark.parametrize(("rule", "words"), [(Folds(count=7), "folds: 7.*at least 7"), (Folds(count=9), "at least 9")])
def test_a_class_with_fewer_units_than_folds_is_refused_by_name_and_count(rule: TestRule, words: str) -> None:
    """Every class must be in every test part."""
    with pytest.raises(DataError, match=words + r".*class 'chien' \(of 'chien/00.jpg'\) has 6"):
        parts_of(rule)


def test_a_class_of_one_image_is_refused() -> None:
    """One image cannot be both learned from and tested on."""
    units = units_of([*IDS, "zèbre/1.jpg"], [*TARGETS, 3], range(19))

    with pytest.raises(DataError, match=r"class 3 \(of 'zèbre/1.jpg'\) has 1"):
        parts_of(Share(share=0.3), units=units)


@pytest.mark.parametrize(
    ("rule", "train"),
    [
        (Folds(count=3), 0.7),
        (Folds(count=3), 13),
        (Share(share=0.3), 0.71),
        (Share(share=6), 13),
        (Official(), 0.8),
        (Share(share=0.2), 19),
    ],
)
def test_train_and_test_that_exceed_all_images_are_refused(rule: TestRule, train: float) -> None:
    """The message names both keys and what would be possible."""
    with pytest.raises(StudyError, match=r"data\.train.*evidence\.test.*at most") as caught:
        parts_of(rule, train=train, official=frozenset(range(6)))

    assert "18 images" in caught.value.message


@pytest.mark.parametrize(
    ("rule", "train"),
    [(Folds(count=3), 2 / 3), (Folds(count=4), 0.75), (Folds(count=5), 0.8), (Share(share=0.3), 0.7)],
)
def test_train_and_test_may_use_every_image(rule: TestRule, train: float) -> None:
    """Shares that add up to one are not refused for a rounding, and leave at most that unused."""
    for replicate in range(5):
        parts = parts_of(rule, train=train, replicate=replicate)

        assert len(parts.unused) <= 3


def test_a_test_part_larger_than_its_share_shortens_the_fit_part() -> None:
    """With 6 units a class in 4 folds, fold 0 tests on 2 of 6; what is left is fitted on."""
    parts = parts_of(Folds(count=4), train=0.75)

    assert (len(parts.test), len(parts.fit), len(parts.unused)) == (6, 12, 0)


@pytest.mark.parametrize(("train", "val"), [(0.2, 0.2), (0.2, 0.5), (3, 3), (4, 0.3), (0.2, 0.21)])
def test_a_train_share_not_above_val_is_refused(train: float, val: float) -> None:
    """train includes val, so something must be left to fit."""
    with pytest.raises(StudyError, match=r"data\.train.*evidence\.val"):
        parts_of(Folds(count=3), train=train, val=val)


@pytest.mark.parametrize(
    ("rule", "train", "val", "words"),
    [
        (Share(share=0.01), 0.5, None, r"evidence\.test .*0\.01.* no image of 18 in the test part"),
        (Folds(count=3), 0.5, 0.01, r"evidence\.val \(0\.01\) leaves no image of 18 in the val part"),
        (Folds(count=3), 0.02, None, r"data\.train \(0\.02\) leaves no image of 18 in the fit part"),
    ],
)
def test_an_empty_part_is_refused(rule: TestRule, train: float, val: float | None, words: str) -> None:
    """A share that rounds to nothing is named with its key."""
    with pytest.raises(StudyError, match=words):
        parts_of(rule, train=train, val=val)


def test_a_sealed_test_part_must_not_be_empty_either() -> None:
    """What a search seals, its confirmation will read."""
    with pytest.raises(StudyError, match=r"evidence\.test"):
        parts_of(Share(share=0.01), sealed=True)


def test_official_without_an_official_part_is_refused() -> None:
    """A source without its own test part says so and names the other rules."""
    with pytest.raises(StudyError, match=r"no test part of its own.*folds"):
        parts_of(Official())


def test_a_copy_of_an_official_test_image_is_never_fitted_on() -> None:
    """The official part stays as it is; its copies outside are left unused."""
    groups = [0, 0, *range(2, 18)]  # chat/00 is tested on, chat/01 has the same pixels
    units = units_of(IDS, TARGETS, groups)

    parts = parts_of(Official(), units=units, official=frozenset({0, 8, 17}), train=0.8)

    assert parts.test == (0, 8, 17)
    assert 1 in parts.unused
    sealed = parts_of(Official(), units=units, official=frozenset({0, 8, 17}), train=0.8, sealed=True)
    assert 1 not in sealed.fit + sealed.val + sealed.unused
