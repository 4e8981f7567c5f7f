"""The image part of metrics that are no mean over all images: by sample, with degrees of freedom counted by sample."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from ablate.scoring.answers import Answers
from ablate.scoring.registry import find_metric
from ablate.stats.cells import Cells, Strata
from ablate.stats.engine import contrast_moments, estimate

STEP = np.array([[-1.0, 1.0]])
Form = Literal["fixed", "folds"]


def some_cells(
    *, form: Form = "fixed", n: int = 40, k: int = 4, groups: bool = False, strata: bool = True, seed: int = 0
) -> Cells:
    """Two variants' scores on any scale; one sample for all images."""
    rng = np.random.default_rng(seed)
    images = [np.arange(n) if form == "fixed" else np.arange(r * n, (r + 1) * n) for r in range(k)]
    scores = tuple(tuple(rng.normal(0, 1, n) for _ in images) for _ in range(2))
    return Cells(
        scores=scores,
        images=tuple(images),
        groups=tuple(row // 3 for row in images) if groups else (),
        strata=Strata(tuple(np.zeros(n, np.int64) for _ in images)) if strata else None,
    )


@pytest.mark.parametrize("form", ["fixed", "folds"])
@pytest.mark.parametrize("groups", ["alone", "in groups"])
def test_one_sample_is_the_engine_itself(form: Form, groups: str) -> None:
    """A metric that is a mean over all images loses nothing by being taken for a ratio."""
    plain, sampled = (some_cells(form=form, groups=groups == "in groups", strata=strata) for strata in (False, True))
    expected, found = (contrast_moments(cells, STEP[0]) for cells in (plain, sampled))
    assert expected is not None
    assert found is not None
    rel = 1e-9 if form == "fixed" else 0.08  # each fold is centred by itself

    assert found.image_part == pytest.approx(expected.image_part, rel=rel)
    assert found.within == pytest.approx(expected.within, rel=rel)
    assert found.image_df == pytest.approx(expected.image_df, rel=0.05)
    assert (found.image_floor is None) == (expected.image_floor is None)
    if expected.image_floor is not None:
        assert found.image_floor == pytest.approx(expected.image_floor, rel=1e-9)


def answers(target: np.ndarray, right: np.ndarray) -> Answers:
    """Of two classes."""
    return Answers(target, np.where(right > 0, target, 1 - target))


def cells_of(name: str, target: np.ndarray, rights: list[np.ndarray], groups: np.ndarray | None = None) -> Cells:
    """One run a variant, on the same images."""
    metric = find_metric(name)
    assert metric is not None
    assert metric.strata is not None
    found = [metric.measure(answers(target, right)) for right in rights]
    first = answers(target, rights[0])
    shares = () if metric.shares is None else tuple(metric.shares(first).tolist())
    return Cells(
        scores=tuple((one.value + one.influence,) for one in found),
        images=(np.arange(len(target)),),
        groups=() if groups is None else (groups,),
        strata=Strata((metric.strata(first),), pooled=metric.pooled, shares=shares),
    )


def test_balanced_accuracy_is_a_mean_of_ratios() -> None:
    """Variance and degrees of freedom of a mean of independent means: textbook, by hand."""
    rng = np.random.default_rng(1)
    target = np.repeat([0, 1], [80, 12])
    rights = [(rng.random(92) < 0.7).astype(float) for _ in range(2)]
    difference = rights[1] - rights[0]
    parts = np.array([difference[target == c].var(ddof=1) / n / 4 for c, n in ((0, 80), (1, 12))])

    found = contrast_moments(cells_of("balanced_accuracy", target, rights), STEP[0])

    assert found is not None
    assert found.difference == pytest.approx(np.mean([difference[target == c].mean() for c in (0, 1)]))
    assert found.image_part == pytest.approx(parts.sum())
    assert found.image_df == pytest.approx(parts.sum() ** 2 / (parts[0] ** 2 / 79 + parts[1] ** 2 / 11))
    assert found.least == pytest.approx(np.hypot(0.5 / 82, 0.5 / 14))


def test_a_sensitivity_is_the_accuracy_of_its_class() -> None:
    """The other images say nothing, however many there are: the engine on the class alone."""
    rng = np.random.default_rng(2)
    target = np.repeat([0, 1], [200, 25])
    rights = [(rng.random(225) < p).astype(float) for p in (0.6, 0.8)]
    alone = Cells(scores=tuple((right[target == 1],) for right in rights), images=(np.arange(25),))
    metric = find_metric("sensitivity:class 1")
    assert metric is not None

    named = [answers(target, right)._replace(classes=("class 0", "class 1")) for right in rights]
    found = [metric.measure(one) for one in named]
    assert metric.strata is not None
    cells = Cells(
        scores=tuple((one.value + one.influence,) for one in found),
        images=(np.arange(225),),
        strata=Strata((metric.strata(named[0]),), pooled=True, shares=(0.0, 1.0)),
    )
    (by_class,), (expected,) = estimate(cells, STEP), estimate(alone, STEP)

    assert by_class is not None
    assert expected is not None
    for name in ("difference", "standard_error", "df", "lo", "hi", "p"):
        assert getattr(by_class, name) == pytest.approx(getattr(expected, name), rel=1e-9)


def test_the_variance_of_an_area_is_delongs() -> None:
    """Of the difference of two areas on the same images: DeLong, DeLong and Clarke-Pearson 1988, pair by pair."""
    rng = np.random.default_rng(5)
    sick = np.arange(60) < 18
    scores = [np.round(rng.normal(0, 1, 60) + shift * sick, 1) for shift in (0.6, 1.2)]

    def placements(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs = (score[sick][:, None] > score[~sick]) + 0.5 * (score[sick][:, None] == score[~sick])
        return pairs.mean(axis=1), pairs.mean(axis=0)

    above = [placements(score) for score in scores]
    expected = sum((above[1][side] - above[0][side]).var(ddof=1) / n for side, n in ((0, 18), (1, 42)))
    metric = find_metric("auroc:sick")
    assert metric is not None
    assert metric.strata is not None
    probs = [np.stack([1 - p, p], axis=1) for p in (1 / (1 + np.exp(-score)) for score in scores)]
    told = [Answers(sick.astype(np.int64), prob.argmax(axis=1), prob, None, ("well", "sick")) for prob in probs]
    found = [metric.measure(one) for one in told]
    cells = Cells(
        scores=tuple((one.value + one.influence,) for one in found),
        images=(np.arange(60),),
        strata=Strata((metric.strata(told[0]),)),
    )
    moments = contrast_moments(cells, STEP[0])

    assert moments is not None
    assert moments.difference == pytest.approx(above[1][0].mean() - above[0][0].mean())
    assert moments.image_part == pytest.approx(expected)


def test_groups_that_hold_a_class_are_what_counts() -> None:
    """Twenty patients, four of whom have the disease: four effective groups for its sensitivity, and no verdict."""
    rng = np.random.default_rng(3)
    patient = np.repeat(np.arange(20), 6)
    target = (patient < 4).astype(np.int64)
    rights = [(rng.random(120) < 0.7).astype(float) for _ in range(2)]
    metric = find_metric("sensitivity:1")
    assert metric is not None

    (found,) = estimate(cells_of("sensitivity:1", target, rights, patient), STEP)
    (both,) = estimate(cells_of("balanced_accuracy", target, rights, patient), STEP)

    assert found is not None
    assert found.grouped is not None
    assert found.grouped.effective == pytest.approx(4)
    assert both is not None
    assert both.grouped is not None
    assert both.grouped.effective < 12


def test_grouped_images_of_their_own_are_as_images() -> None:
    """Groups of one image, but for a single pair, give what images give, or nearly."""
    rng = np.random.default_rng(4)
    target = np.repeat([0, 1], [60, 40])
    rights = [(rng.random(100) < 0.7).astype(float) for _ in range(2)]
    group = np.arange(100)
    group[1] = 0

    (grouped,) = estimate(cells_of("balanced_accuracy", target, rights, group), STEP)
    (alone,) = estimate(cells_of("balanced_accuracy", target, rights), STEP)

    assert grouped is not None
    assert alone is not None
    assert grouped.standard_error == pytest.approx(alone.standard_error, rel=0.05)
    assert grouped.df == pytest.approx(alone.df, rel=0.1)


def test_a_class_of_one_patient_gets_no_verdict() -> None:
    """Nobody knows how another patient would do."""
    target = np.repeat([0, 1], [60, 12])
    patient = np.concatenate([np.arange(60) // 3, np.full(12, 99)])
    rights = [np.resize([1.0, 0.0, 1.0], 72), np.resize([1.0, 1.0, 0.0, 0.0], 72)]

    (found,) = estimate(cells_of("balanced_accuracy", target, rights, patient), STEP)

    assert found is not None
    assert found.grouped is not None
    assert found.grouped.effective == 1


def test_equal_answers_prove_no_more_than_the_class_can() -> None:
    """Twelve images of a class, all answered alike: the interval is as wide as twelve images allow."""
    target = np.repeat([0, 1], [500, 12])
    right = np.ones(512)
    (found,) = estimate(cells_of("balanced_accuracy", target, [right, right]), STEP)

    assert found is not None
    assert found.difference == 0
    assert found.standard_error == pytest.approx(np.sqrt(2) * np.hypot(0.5 / 502, 0.5 / 14))
    assert 0.05 < found.hi < 0.12
