"""A metric of the user's own: found, tried, and turned into influence values by leaving images out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from ablate.errors import TrainerError
from ablate.metrics import is_own
from ablate.safety.own_modules import search_first
from ablate.scoring import own
from ablate.scoring.answers import Answers, NotMeasurable
from ablate.scoring.own import load_metric, made_up_answers, measure, try_metric


def right(target: np.ndarray, prob: np.ndarray, group: np.ndarray) -> float:
    """Plain accuracy."""
    del group
    return float((prob.argmax(axis=1) == target).mean())


def kappa(target: np.ndarray, prob: np.ndarray, group: np.ndarray) -> float:
    """Cohen's, by scikit-learn."""
    del group
    return float(cohen_kappa_score(target, prob.argmax(axis=1)))


def test_of_a_mean_the_influence_is_the_value_less_the_mean() -> None:
    """Leaving out is exact there, image by image."""
    answers = made_up_answers(3)._replace(group=None)
    found = measure("m:right", right, answers)
    correct = (answers.predicted == answers.target).astype(float)

    assert found.value == pytest.approx(correct.mean())
    assert found.influence == pytest.approx(correct - correct.mean())


def test_with_groups_the_group_is_left_out() -> None:
    """Its images share what they add together: the sums over groups are those of single images."""
    answers = made_up_answers(3)
    found = measure("m:right", right, answers)
    assert answers.group is not None
    correct = (answers.predicted == answers.target).astype(float) - found.value
    for name in np.unique(answers.group):
        chosen = answers.group == name
        assert found.influence[chosen].sum() == pytest.approx(correct[chosen].sum())
        assert np.ptp(found.influence[chosen]) == pytest.approx(0, abs=1e-12)


def test_the_influence_of_a_ratio_is_close_to_its_own_derivative() -> None:
    """Kappa's standard error by leaving one out, beside that of 2,000 draws with replacement."""
    rng = np.random.default_rng(3)
    target = rng.integers(0, 3, 300)
    prob = rng.uniform(size=(300, 3)) + 0.6 * (target[:, None] == np.arange(3))
    answers = Answers(target, prob.argmax(axis=1), prob / prob.sum(axis=1, keepdims=True))
    found = measure("m:kappa", kappa, answers)
    table = (target, prob.argmax(axis=1))
    draws = []
    for _ in range(500):
        chosen = rng.integers(0, 300, 300)
        draws.append(cohen_kappa_score(table[0][chosen], table[1][chosen]))

    assert found.influence.mean() == pytest.approx(0, abs=1e-12)
    assert found.influence.std(ddof=1) / np.sqrt(300) == pytest.approx(np.std(draws), rel=0.1)


def test_of_many_images_blocks_are_left_out_and_the_variance_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many passes as are allowed, and the standard error of single images."""
    rng = np.random.default_rng(4)
    target = np.zeros(6000, np.int64)
    prob = np.stack([p := rng.uniform(size=6000), 1 - p], axis=1)
    calls = []

    def counted(target: np.ndarray, prob: np.ndarray, group: np.ndarray) -> float:
        calls.append(1)
        return right(target, prob, group)

    monkeypatch.setattr(own, "MOST_PASSES", 300)
    found = measure("m:counted", counted, Answers(target, prob.argmax(axis=1), prob))
    correct = (prob.argmax(axis=1) == 0).astype(float)

    assert len(calls) == 301
    assert found.influence.std() == pytest.approx(correct.std(), rel=0.1)
    again = measure("m:counted", counted, Answers(target, prob.argmax(axis=1), prob))
    assert (found.influence == again.influence).all()


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (float("nan"), "returned nan"),
        (float("inf"), "returned inf"),
        (None, "returned NoneType, which is no number"),
        (True, "returned bool, which is no number"),
        (np.ones(3), "returned ndarray, which is no number"),
    ],
)
def test_what_is_no_number_is_refused(returned: object, words: str) -> None:
    """NaN above all."""
    with pytest.raises(NotMeasurable, match=words):
        measure("m:f", lambda *_: returned, made_up_answers(2))


def test_a_value_that_ends_where_something_is_left_out_says_where() -> None:
    """Such as a class whose only images those are."""

    def only_whole(target: np.ndarray, prob: np.ndarray, group: np.ndarray) -> float:
        del prob, group
        return 1.0 if len(target) == 60 else float("nan")

    with pytest.raises(NotMeasurable, match="m:only_whole returned nan where 'group 0-0' is left out"):
        measure("m:only_whole", only_whole, made_up_answers(2))


def test_it_cannot_change_what_it_is_given() -> None:
    """A function that writes into its arrays fails, with its line."""

    def writes(target: np.ndarray, prob: np.ndarray, group: np.ndarray) -> float:
        del target, group
        prob /= 2
        return 0.0

    with pytest.raises(NotMeasurable, match=r"m:writes failed: ValueError: .*read-only \(test_own_metric\.py:\d+\)"):
        measure("m:writes", writes, made_up_answers(2))


def test_without_probabilities_it_is_not_measured() -> None:
    """It is promised them."""
    with pytest.raises(NotMeasurable, match="no probabilities are stored"):
        measure("m:right", right, made_up_answers(2)._replace(prob=None))


MODULE = """
METRICS = {"cost": "min"}
def cost(target, prob, group):
    return float((prob.argmax(axis=1) != target).mean())
def kappa(target, prob, group):
    return float((prob.argmax(axis=1) == target).mean())
def broken(target, prob, group):
    return target.no_such_thing
counter = [0]
def drifting(target, prob, group):
    counter[0] += 1
    return float(counter[0])
"""


@pytest.fixture
def module(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A module of its own name in a work folder."""
    name = f"own_metrics_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    search_first(tmp_path)
    return name


def test_it_is_found_by_its_path_and_its_direction_is_told(module: str) -> None:
    """By METRICS, else by its name."""
    assert load_metric(f"{module}:cost").goal == "min"
    assert load_metric(f"{module}:kappa").goal == "max"
    try_metric(load_metric(f"{module}:kappa"), classes=4, several=False)
    try_metric(load_metric(f"{module}:cost"), classes=2, several=False)


def test_a_direction_that_is_none_is_refused(tmp_path: Path) -> None:
    """METRICS says max or min."""
    (tmp_path / "own_metrics_sideways.py").write_text(
        'METRICS = {"f": "up"}\ndef f(target, prob, group):\n    return 1.0\n'
    )
    search_first(tmp_path)

    with pytest.raises(TrainerError, match="METRICS says 'up' of it"):
        load_metric("own_metrics_sideways:f")


def test_a_number_in_an_array_is_a_number_and_one_group_cannot_be_left_out() -> None:
    """As numpy returns it; of a single patient nothing can be told."""
    answers = made_up_answers(2)

    assert measure("m:f", lambda *_: np.array(0.5), answers).value == 0.5
    with pytest.raises(NotMeasurable, match="all images are of one group"):
        measure("m:f", lambda *_: 0.5, answers._replace(group=np.full(60, "P1")))


def test_a_path_that_leads_nowhere_says_what_to_write(module: str) -> None:
    """A module that is missing, a function that is."""
    with pytest.raises(TrainerError, match=r"has no function 'kapa'.*Did you mean 'kappa'"):
        load_metric(f"{module}:kapa")
    with pytest.raises(TrainerError, match="cannot be imported"):
        load_metric("no_such_metrics_at_all:kappa")


def test_it_is_tried_before_anything_is_trained(module: str) -> None:
    """What fails is told with its line; so is one that draws random numbers."""
    with pytest.raises(TrainerError, match=r"failed: AttributeError: .*no_such_thing.*\.py:8\), on made-up answers"):
        try_metric(load_metric(f"{module}:broken"), classes=2, several=False)
    with pytest.raises(TrainerError, match="for the same answers"):
        try_metric(load_metric(f"{module}:drifting"), classes=2, several=False)


def test_several_labels_are_tried_as_such() -> None:
    """Targets of n rows of 0 and 1."""
    answers = made_up_answers(3, several=True)

    assert answers.target.shape == (60, 3)
    assert is_own("my_metrics:kappa")
    assert not is_own("sensitivity:melanoma")
