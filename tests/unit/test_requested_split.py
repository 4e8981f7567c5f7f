"""What a trainer of one's own is handed when it asks for its parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ablate.errors import DataError, StudyError, TrainerError
from ablate.splits.request import Handed, Parts, parts_of
from ablate.splits.rules import FirstFold, Folds, Official, Protocol, Replicate, Share
from ablate.splits.split import Pool, split, units_of

IDS = [f"image {number:02d}" for number in range(40)]
TARGETS = [number % 4 for number in range(40)]
PROTOCOL = Protocol(test=Folds(count=4), val=0.1)


def asked(
    ids: Any = IDS,
    targets: Any = TARGETS,
    groups: Any = None,
    *,
    official: Any = (),
    protocol: Protocol = PROTOCOL,
    replicate: int = 0,
) -> tuple[Parts, Handed]:
    """A split of forty images of four classes."""
    return parts_of(ids, targets, groups, official, protocol, Replicate(index=replicate))


@pytest.mark.parametrize(
    "protocol",
    [
        PROTOCOL,
        replace(PROTOCOL, sealed=True),
        Protocol(test=FirstFold(count=4), val=5),
        Protocol(test=Share(share=0.25)),
    ],
)
@pytest.mark.parametrize("replicate", [0, 1, 5])
def test_the_parts_are_those_of_the_built_in_trainer(protocol: Protocol, replicate: int) -> None:
    """One rule for everybody: what `data.seed: 0` and all images left over for fitting would give."""
    parts, _ = asked(protocol=protocol, replicate=replicate)
    rule = split(
        Pool(units_of(IDS, TARGETS, range(40))),
        protocol=protocol, replicate_index=replicate, data_seed=0, train=None,
    )  # fmt: skip

    assert parts == Parts(list(rule.fit), list(rule.val), list(rule.test))


def test_every_image_is_in_one_part_and_can_be_used_as_an_index() -> None:
    """Lists: a tuple would index the dimensions of an array."""
    parts, _ = asked()

    assert sorted(parts.fit + parts.val + parts.test) == list(range(40))
    assert np.arange(80).reshape(40, 2)[parts.test].shape == (12, 2)


def test_a_sealed_run_is_handed_no_test_image() -> None:
    """In no replicate, and not in a part of another name; it is judged on validation images."""
    fold_0 = set(asked(protocol=Protocol(test=FirstFold(count=4)))[0].test)
    for replicate in range(6):
        parts, handed = asked(protocol=replace(PROTOCOL, sealed=True), replicate=replicate)

        assert fold_0.isdisjoint(parts.fit + parts.val)
        assert (parts.test, parts.judged) == ([], parts.val)
        assert (handed.judged, handed.counts) == ([IDS[place] for place in parts.val], {"fit": 24, "val": 4, "test": 0})


def test_outside_a_search_the_test_images_are_judged() -> None:
    """And validation images choose."""
    parts, handed = asked()

    assert parts.judged == parts.test
    assert handed.judged == [IDS[place] for place in parts.test]


def test_every_beginning_of_fit_is_stratified() -> None:
    """`parts.fit[:n]` is a fair smaller part."""
    parts, _ = asked()

    for end in range(4, len(parts.fit) + 1, 4):
        counts = np.bincount([TARGETS[place] for place in parts.fit[:end]], minlength=4)
        assert counts.max() - counts.min() <= 2


@pytest.mark.parametrize(
    "protocol", [PROTOCOL, replace(PROTOCOL, sealed=True), Protocol(test=Share(share=0.25), val=4)]
)
def test_a_group_is_never_divided(protocol: Protocol) -> None:
    """The images of one patient are in one part; groups may be names, numbers or pairs."""
    patients = [number // 2 % 16 for number in range(40)]
    targets = [patient % 2 for patient in patients]
    for groups in (patients, [f"patient {name}" for name in patients], [("a", name) for name in patients]):
        parts, _ = asked(targets=targets, groups=groups, protocol=protocol)
        where = {patient: {name for name in ("fit", "val", "test") for place in getattr(parts, name)
                           if patients[place] == patient} for patient in patients}  # fmt: skip

        assert all(len(names) <= 1 for names in where.values())


@pytest.mark.parametrize(
    ("ids", "targets"),
    [
        (np.array(IDS), np.array(TARGETS)),
        (tuple(IDS), iter(TARGETS)),
        (np.array(IDS, dtype=object), np.array(TARGETS, dtype=np.uint8)),
        (IDS, [np.int64(target) for target in TARGETS]),
        (IDS, [[target] for target in TARGETS]),
        (IDS, [f"class {target}" for target in TARGETS]),
        (IDS, np.array([float(target) for target in TARGETS])),
    ],
    ids=["arrays", "iterators", "objects", "numpy numbers", "lists", "names", "whole floats"],
)
def test_the_form_of_ids_and_labels_does_not_matter(ids: Any, targets: Any) -> None:
    """Arrays, lists, names: the same images in the same parts."""
    assert asked(ids, targets) == asked()


def test_numbers_as_ids_are_their_digits() -> None:
    """As they come back from an npz."""
    _, handed = asked(np.arange(40))

    assert set(handed.judged) <= {str(number) for number in range(40)}


def test_images_without_a_class_or_with_several() -> None:
    """None and an empty list are no class; several are drawn by the rarest."""
    parts, _ = asked(targets=[None, [], *([0, 1] for _ in range(38))], protocol=Protocol(test=Share(share=0.25)))

    assert len(parts.fit + parts.test) == 40


def test_the_sources_own_test_part() -> None:
    """By places or as a mask; sealed, its images are in no part."""
    protocol, places = Protocol(test=Official(), val=0.1), [3, 5, 8, 13]
    mask = np.isin(np.arange(40), places)

    assert sorted(asked(official=places, protocol=protocol)[0].test) == places
    assert asked(official=mask, protocol=protocol) == asked(official=places, protocol=protocol)
    sealed, _ = asked(official=places, protocol=replace(protocol, sealed=True))
    assert sealed.test == []
    assert set(places).isdisjoint(sealed.fit + sealed.val)


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"targets": TARGETS[1:]}, TrainerError, "39 targets for 40 ids"),
        ({"groups": TARGETS[1:]}, TrainerError, "39 groups for 40 ids"),
        ({"ids": ["a"] * 40}, DataError, "'a' appears twice"),
        ({"targets": [1.5] * 40}, TrainerError, "1.5 is not a class"),
        ({"targets": [-1] * 40}, TrainerError, "-1 is not a class"),
        ({"targets": [float("nan")] * 40}, TrainerError, "nan is not a class"),
        ({"targets": ["a", *TARGETS[1:]]}, TrainerError, "some targets are names and some are numbers"),
        ({"targets": np.eye(40)}, TrainerError, "targets has 2 dimensions"),
        ({"official": [40]}, TrainerError, "place 40, and there are 40 images"),
        ({"official": [True] * 3}, TrainerError, "3 official for 40 ids"),
        ({"targets": ["a"] * 37 + ["b"] * 3}, DataError, "class 'b'"),
        ({"protocol": Protocol(test=Official())}, StudyError, "no test part of its own"),
        ({"protocol": Protocol(test=Share(share=0.5), val=0.5)}, StudyError, "leave none of 40 images to fit"),
        ({"ids": [], "targets": []}, DataError, "there are no images"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_refused(fields: dict[str, Any], error: type[Exception], words: str) -> None:
    """In a sentence that says what and what to do."""
    with pytest.raises(error, match=words) as refused:
        asked(**fields)

    assert getattr(refused.value, "hint", "")
