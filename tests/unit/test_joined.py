"""Several networks, one answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ablate.stats.accuracy import confusion_counts
from ablate.stats.cells import StatisticsError
from ablate.stats.joined import Answers, joined, read_answers


def answers(rows: list[list[float]], targets: list[int], ids: str = "abc") -> Answers:
    """What one network says: a row of probabilities an image."""
    probabilities = np.array(rows)
    right = (probabilities.argmax(1) == np.array(targets)).astype(float)
    return Answers(tuple(ids), np.array(targets), probabilities, right)


ONE = answers([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.3, 0.3, 0.4]], [0, 0, 2])
TWO = answers([[0.2, 0.8, 0.0], [0.9, 0.1, 0.0], [0.0, 0.6, 0.4]], [0, 0, 2])
THREE = answers([[0.4, 0.6, 0.0], [0.4, 0.6, 0.0], [0.1, 0.0, 0.9]], [0, 0, 2])


def test_the_mean_answers_by_the_mean_probability() -> None:
    """By hand: (.5, .5, 0), (17/30, 13/30, 0), (4/30, .3, 17/30); of equal ones the first."""
    found = joined([ONE, TWO, THREE], "mean")

    assert np.allclose(found.probabilities, [[0.5, 0.5, 0], [17 / 30, 13 / 30, 0], [4 / 30, 0.3, 17 / 30]])
    assert found.scores.tolist() == [1, 1, 1]


def test_the_vote_answers_by_the_number_of_networks() -> None:
    """Two of three say the second class to the first two images, whatever the third one's certainty."""
    assert joined([ONE, TWO, THREE], "vote").scores.tolist() == [0, 0, 1]


def test_a_tied_vote_goes_by_the_mean() -> None:
    """One network each: the surer one decides."""
    assert joined([ONE, TWO], "vote").scores.tolist() == joined([ONE, TWO], "mean").scores.tolist() == [1, 1, 0]


def test_certain_votes_count_no_more_than_others() -> None:
    """Two uncertain networks outvote a certain one."""
    sure = answers([[1.0, 0.0, 0.0]], [1], "a")
    unsure = answers([[0.4, 0.6, 0.0]], [1], "a")

    assert joined([sure, unsure, unsure], "vote").scores.tolist() == [1]
    assert joined([sure, unsure, unsure], "mean").scores.tolist() == [0]


@pytest.mark.parametrize("how", ["mean", "vote"])
def test_an_ensemble_of_one_is_that_network(how: str) -> None:
    """Its degenerate case."""
    alone = joined([TWO], how)  # type: ignore[arg-type]

    assert np.array_equal(alone.probabilities, TWO.probabilities)
    assert np.array_equal(alone.scores, TWO.scores)


def test_networks_tested_on_different_images_are_not_joined() -> None:
    """One of them may have been trained on what the other was tested on."""
    with pytest.raises(StatisticsError, match="tested on different images"):
        joined([ONE, answers([[1, 0, 0]] * 3, [0, 0, 2], ids="abd")], "mean")


def test_several_labels_are_decided_one_by_one() -> None:
    """Each label by the mean, or by the majority; all of them have to be right."""
    targets = np.array([[1, 0], [1, 1]])
    rows = [[[0.9, 0.4], [0.2, 0.9]], [[0.2, 0.4], [0.6, 0.9]], [[0.6, 0.1], [0.6, 0.4]]]
    members = [Answers(("a", "b"), targets, np.array(row), np.zeros(2)) for row in rows]

    assert joined(members, "mean").scores.tolist() == [1, 0]  # 0.57 0.30, 0.47 0.73
    assert joined(members, "vote").scores.tolist() == [1, 1]  # 2:1 0:3, 2:1 2:1


def test_answers_are_read_in_the_order_of_their_ids(tmp_path: Path) -> None:
    """So that networks line up."""
    path = tmp_path / "outcomes.npz"
    prob = np.array([[0.25, 0.75], [1.0, 0.0]], np.float16)
    np.savez(path, id=np.array(["b", "a"]), target=np.array([1, 0], np.int32), prob=prob, score=np.ones(2, np.float32))
    found = read_answers(path)

    assert (found.ids, found.targets.tolist()) == (("a", "b"), [0, 1])
    assert found.probabilities.tolist() == [[1.0, 0.0], [0.25, 0.75]]


def test_outcomes_without_probabilities_cannot_be_joined(tmp_path: Path) -> None:
    """Right or wrong is not enough; and a file that is gone is named."""
    np.savez(tmp_path / "scores.npz", id=np.array(["a"]), score=np.ones(1))

    with pytest.raises(StatisticsError, match="no probabilities"):
        read_answers(tmp_path / "scores.npz")
    with pytest.raises(StatisticsError, match="are gone"):
        read_answers(tmp_path / "none.npz")


def test_confusions_are_counted_by_class_and_guess() -> None:
    """One row per class, a column a guess; what is no class is passed over."""
    counts = confusion_counts(np.array([0, 0, 1, 2, -1]), np.array([0, 1, 1, 0, 0]), 3)

    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_a_damaged_file_of_outcomes_is_named(tmp_path: Path) -> None:
    """With what to do about it."""
    path = tmp_path / "outcomes.npz"
    path.write_bytes(b"PK\x03\x04 and no more")

    with pytest.raises(StatisticsError, match=f"{path} cannot be read") as refused:
        read_answers(path)
    assert refused.value.hint == "Train it again."
