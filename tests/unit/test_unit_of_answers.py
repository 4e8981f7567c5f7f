"""One answer a group: how the answers to its images become one, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ablate.scoring.answers import UNKNOWN, Answers, NotMeasurable
from ablate.scoring.unit import SHARE_RIGHT, By, Unit, join_answers

GROUPS = ["b", "a", "a", "", "b", "b"]
TARGET = [1, 0, 0, 1, 1, 1]
POSITIVE = [0.9, 0.2, 0.6, 0.7, 0.3, 0.4]
"""Of the positive class of two."""


def answers(
    positive: list[float] | None = POSITIVE, target: list[int] = TARGET, groups: list[str] = GROUPS, **more: object
) -> Answers:
    """Of two classes; without probabilities where positive is None."""
    prob = None if positive is None else np.array([[1 - p, p] for p in positive])
    named = np.array(target) if prob is None else prob.argmax(axis=1)
    changes: dict[str, object] = {"classes": ("healthy", "ill")} | more
    return Answers(np.array(target), named, prob, np.array(groups))._replace(**changes)  # type: ignore[arg-type]


def joined(by: By, found: Answers | None = None) -> tuple[list[str], Answers]:
    """The names of the units, and their answers."""
    found = answers() if found is None else found
    ids = np.array([f"image {i}" for i in range(len(found.target))])
    names, one = join_answers(ids, found, Unit("patient", by))
    return names.tolist(), one


def test_mean_is_the_mean_of_the_probabilities() -> None:
    """A patient of three scans counts once, and so does an image on its own."""
    names, found = joined("mean")

    assert names == ["/a", "/b", "image 3"]
    assert found.prob is not None
    assert found.prob[:, 1] == pytest.approx([0.4, 1.6 / 3, 0.7])
    assert found.predicted.tolist() == [0, 1, 1]
    assert found.target.tolist() == [0, 1, 1]
    assert found.group is None
    assert found.classes == ("healthy", "ill")


def test_max_is_the_most_suspicious_scan() -> None:
    """Of two classes: the largest probability of the positive one."""
    _, found = joined("max")

    assert found.prob is not None
    assert found.prob[:, 1] == pytest.approx([0.6, 0.9, 0.7])
    assert found.prob.sum(axis=1) == pytest.approx([1, 1, 1])
    assert found.predicted.tolist() == [1, 1, 1]


def test_max_of_several_classes_adds_up_to_one_again() -> None:
    """Each class's largest, divided by their sum."""
    prob = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    three = Answers(np.array([1, 1]), prob.argmax(axis=1), prob, np.array(["a", "a"]))
    _, found = joined("max", three)

    assert found.prob == pytest.approx(np.array([[0.6, 0.7, 0.1]]) / 1.4)
    assert found.predicted.tolist() == [1]


def test_vote_counts_images_and_ties_go_by_the_mean() -> None:
    """Of a: .2 and .6 tie, their mean says the first class; of b one of three says ill."""
    _, found = joined("vote")

    assert found.prob is not None
    assert found.prob[:, 1] == pytest.approx([0.5, 1 / 3, 1.0])
    assert found.predicted.tolist() == [0, 0, 1]


def test_a_tied_vote_without_probabilities_is_wrong() -> None:
    """Nobody knows which class it names; a majority is known without them."""
    tied = answers(None)._replace(predicted=np.array([1, 0, 1, 1, 0, 1]))
    _, found = joined("vote", tied)

    assert found.predicted.tolist() == [UNKNOWN, 1, 1]
    with pytest.raises(NotMeasurable, match="by: mean needs probabilities"):
        joined("mean", answers(None))


def test_several_labels_are_joined_label_by_label() -> None:
    """max keeps each label's largest."""
    target = np.array([[1, 0], [1, 0]])
    prob = np.array([[0.9, 0.3], [0.2, 0.6]])
    found = Answers(target, (prob > 0.5).astype(np.int64), prob, np.array(["a", "a"]))

    assert joined("max", found)[1].predicted.tolist() == [[1, 1]]
    assert joined("mean", found)[1].prob == pytest.approx(np.array([[0.55, 0.45]]))
    assert joined("vote", found)[1].predicted.tolist() == [[1, 0]]


def test_a_group_with_images_of_two_classes_is_named() -> None:
    """One answer about it has no truth."""
    with pytest.raises(NotMeasurable, match="the images of patient 'a' are both of healthy and of ill"):
        joined("mean", answers(target=[1, 0, 1, 1, 1, 1]))


@pytest.mark.parametrize("group", [None, np.array([""] * 6)])
def test_without_groups_the_line_to_add_is_said(group: np.ndarray | None) -> None:
    """No column, or nobody with others."""
    with pytest.raises(NotMeasurable, match=r"nobody says which images are of one patient: add `data\.groups"):
        joined("mean", answers(group=group))


def test_validation_images_are_joined_where_their_groups_are_known() -> None:
    """A threshold of scans would be none of patients."""
    _, found = joined("max", answers(val=answers()))
    _, without = joined("max", answers(val=answers(group=None)))

    assert found.val is not None
    assert len(found.val.target) == 3
    assert without.val is None
    assert joined("max", answers(val=answers(target=[1, 0, 1, 1, 1, 1])))[1].val is None
    labels = Answers(np.array([[1, 0]]), np.array([[UNKNOWN, UNKNOWN]]))
    with pytest.raises(NotMeasurable, match="which labels were named"):
        SHARE_RIGHT.measure(labels)
