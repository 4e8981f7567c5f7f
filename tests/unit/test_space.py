"""What a search may ask for: a tree of parameters, tried against the trainer's schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.space.reading import read_space
from ablate.study.space.tree import Choice, Number, Space
from tests.search_builders import a_search_study

FACTORS = "one_at_a_time:\n  A: {gain: 5.0}\n  B: {skill: {each: [65.0, 70.0]}}\n"


def a_space(folder: Path, space: str, *, extra: str = "", more: str = "") -> Space:
    return read_space(a_search_study(folder, f"{{space: {space}{more}}}", extra=extra))


def test_whole_numbers_stay_whole_only_where_the_config_wants_them(tmp_path: Path) -> None:
    """`{low: 1, high: 5}` is 1, 2, 3, 4, 5 for epochs and any number between for a gain."""
    epochs, gain = a_space(tmp_path, "{epochs: {low: 1, high: 5}, gain: {low: 1, high: 5}}").parameters

    assert isinstance(epochs, Number)
    assert isinstance(gain, Number)
    assert (epochs.is_whole, gain.is_whole, gain.low) == (True, False, 1.0)


def test_a_choice_may_open_a_space_of_its_own(tmp_path: Path) -> None:
    """What stands under a choice is part of a point only where that choice was made."""
    study = tmp_path / "vgg.yaml"
    quick = (Path(__file__).parents[2] / "studies/quickstart.yaml").read_text(encoding="utf-8")
    space = "{model.dropout: [null, {value: {features: 0.5}, space: {model.dropout.features: {low: 0.1, high: 0.8}}}]}"
    base = quick[: quick.index("chain:")]
    study.write_text(f"{base}evidence: {{test: {{folds: 3}}}}\nsearch: {{space: {space}}}\n", encoding="utf-8")
    found = read_space(load_study(study))
    with_dropout = {"model.dropout": "features 0.5", "model.dropout.features": 0.3}

    assert found.names == ("model.dropout", "model.dropout.features")
    assert found.overrides({"model.dropout": None}) == {"model.dropout": None}
    assert found.variant("x", with_dropout).config["model"]["dropout"]["features"] == 0.3
    assert found.holds(with_dropout)
    assert not found.holds({"model.dropout": "features 0.5"})
    assert found.baseline() == {"model.dropout": None}


def test_factors_become_parameters_that_are_on_or_off(tmp_path: Path) -> None:
    """A factor with levels is off or at one of them; what is on is laid on the base together."""
    space = a_space(tmp_path, "{noise: [0.5, 1.0]}", more=", factors: searched", extra=FACTORS)
    levels = [parameter for parameter in space.parameters if isinstance(parameter, Choice)][1]

    assert space.names == ("A", "B", "noise")
    assert [option.label for option in levels.options] == ["off", "B 65", "B 70"]
    assert space.overrides({"A": "on", "B": "B 70", "noise": 0.5}) == {"gain": 5.0, "skill": 70.0, "noise": 0.5}
    assert space.baseline() == {"A": "off", "B": "off", "noise": 1.0}


def test_a_base_outside_the_space_has_no_point_in_it(tmp_path: Path) -> None:
    """Then it is tried beside the search, and Optuna is not told."""
    assert a_space(tmp_path, "{gain: {low: 10.0, high: 20.0}}").baseline() is None


def test_a_written_point_becomes_a_stored_one(tmp_path: Path) -> None:
    """Keys that are left out are left to the sampler; a factor may be said with true."""
    space = a_space(tmp_path, "{noise: [0.5, 1.0]}", more=", factors: searched", extra=FACTORS)

    assert space.point_of({"A": True, "noise": 0.5}, ("search", "enqueue", 0)) == {"A": "on", "noise": 0.5}


@pytest.mark.parametrize(
    ("point", "said"), [({"noise": 0.7}, "noise: 0.7 is outside"), ({"nois": 0.5}, "'nois' is not searched")]
)
def test_a_written_point_outside_the_space_is_refused(tmp_path: Path, point: dict[str, float], said: str) -> None:
    """Optuna would run it, with a warning nobody reads."""
    space = a_space(tmp_path, "{noise: [0.5, 1.0]}")

    with pytest.raises(StudyError, match=said):
        space.point_of(point, ("search", "enqueue", 0))


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ("{gian: {low: 0.0, high: 1.0}}", "unknown key 'gian'"),
        ("{epochs: {low: 0, high: 5}}", "toy.yaml:5: 'epochs': expected a whole number of at least 1"),
        ("{epochs: {low: 1, high: 5, step: 0.5}}", "a whole number, the step 0.5 is not"),
        ("{images: [300, 400]}", "images decides which images are tested on"),
        ("{noise: [0.5, 0.5]}", "the choice 0.5 appears twice"),
        ("{noise: [0.5, much]}", "'noise': expected a number"),
        ("{fail: [null, explode]}", "unknown fail 'explode'"),
        ("{noise: [{value: 0.5, space: {gain: [1.0]}}]}", "'gain' does not lie within 'noise'"),
        ("{skill: [60.0], skill.x: [1.0]}", "'skill.x' lies inside 'skill', which is searched"),
    ],
)
def test_a_space_the_trainer_cannot_have_is_refused(tmp_path: Path, space: str, said: str) -> None:
    """Before the first trial, with file, line and key."""
    with pytest.raises(StudyError) as refused:
        a_space(tmp_path, space)
    assert said in str(refused.value)


def test_a_key_that_a_factor_sets_is_not_searched(tmp_path: Path) -> None:
    """Whose value would it be?"""
    with pytest.raises(StudyError, match="'gain' is searched, and the factor 'A' sets 'gain'"):
        a_space(tmp_path, "{gain: [1.0, 2.0]}", extra=FACTORS)


def test_factors_cannot_be_searched_where_there_are_none(tmp_path: Path) -> None:
    """A search for nothing is a mistake."""
    with pytest.raises(StudyError, match="the study has no factors"):
        read_space(a_search_study(tmp_path, "{factors: searched}"))
