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


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("{trials: 3}", "nothing to search"),
        ("{space: {gain: {low: 1.0, high: 2.0, step: 3.0}}}", "does not fit between low and high"),
        ("{space: {gain: [1.0, 2.0]}, stop_when: {}}", "nothing to stop at"),
        ("{space: {gain: [1.0, 2.0]}, replicates: [0, 0]}", "has one of them twice"),
        ("{space: {gain: [1.0, 2.0]}, objective: [loss, loss]}", "objective names 'loss' twice"),
        ("{space: {gain: [1.0, 2.0]}, objective: [loss, accuracy], pruner: median}", "judges by one objective"),
        (
            "{space: {gain: [1.0, 2.0]}, objective: [loss, accuracy], stop_when: {no_improvement: 3}}",
            "no_improvement is about one objective",
        ),
        ("{space: {gain: [1.0, 2.0]}, pruner: wilcoxon}", "compares replicates. Give it some"),
    ],
)
def test_a_search_that_contradicts_itself_is_refused(search: str, said: str, tmp_path: Path) -> None:
    """When the file is read, with what to write instead."""
    with pytest.raises(StudyError) as refused:
        a_search_study(tmp_path, search)
    assert said in str(refused.value)


@pytest.mark.parametrize(("pruner", "said"), [("none", ""), ("wilcoxon", "a trial of tune has one")])
def test_tuning_has_one_replicate_a_trial(pruner: str, said: str, tmp_path: Path) -> None:
    """So nothing that compares replicates can stop one."""
    tune = f"chain: {{A: {{gain: 5.0}}}}\ntune: {{space: {{noise: [0.5, 1.0]}}, trials: 2, pruner: {pruner}}}\n"
    if not said:
        assert a_search_study(tmp_path, "", extra=tune).tune is not None
        return
    with pytest.raises(StudyError) as refused:
        a_search_study(tmp_path, "", extra=tune)
    assert said in str(refused.value)


def test_a_study_without_a_search_has_no_space(tmp_path: Path) -> None:
    """The error shows how one is written."""
    with pytest.raises(StudyError, match="the study has no search: block"):
        read_space(a_search_study(tmp_path, "", extra="chain: {A: {gain: 5.0}}\n"))


def test_a_point_outside_the_space_is_not_held(tmp_path: Path) -> None:
    """A number beyond its range, a choice that is none, a name that is missing."""
    space = a_space(tmp_path, "{gain: {low: 0.0, high: 30.0}, noise: [0.5, 1.0]}")
    points = [{"gain": 5.0, "noise": 0.5}, {"gain": 31.0, "noise": 0.5}, {"gain": 5.0, "noise": 0.7}, {"gain": 5.0}]

    assert [space.holds(point) for point in points] == [True, False, False, False]
    assert space.point_of({"gain": 5}, ("search", "enqueue", 0)) == {"gain": 5.0}
    with pytest.raises(StudyError, match=r"gain: 31\.0 is outside"):
        space.point_of({"gain": 31.0}, ("search", "enqueue", 0))


def test_a_factor_that_needs_another_cannot_be_searched(tmp_path: Path) -> None:
    """Each is tried on the base alone, and the message says so."""
    extra = "chain:\n  A: {gain: 5.0}\n  B: {fail: explode}\n"
    with pytest.raises(StudyError, match="on the base"):
        a_space(tmp_path, "{noise: [0.5, 1.0]}", more=", factors: searched", extra=extra)


def of_networks(folder: Path, space: str, *, base: str = "{}") -> Space:
    """A space of the built-in trainer's settings."""
    network = "{name: vgg, blocks: [1, 1], width: 4, head: {name: gap}, dropout: DROPOUT}".replace("DROPOUT", base)
    path = folder / "vgg.yaml"
    path.write_text(
        "study: vgg\nbase:\n  data: {source: {name: digits}, classes: 10, image_size: 8, channels: 1, train: 120}\n"
        f"  model: {network}\n  optimizer: {{name: adam, lr: 1e-2}}\n  epochs: 1\n"
        f"evidence: {{test: {{folds: 3}}, replicates: [3]}}\nsearch: {{space: {space}}}\n",
        encoding="utf-8",
    )
    return read_space(load_study(path))


def test_a_list_is_stored_as_it_is_written(tmp_path: Path) -> None:
    """And is one choice, not several."""
    space = of_networks(tmp_path, "{model.blocks: [[1, 1], [2]]}", base="null")

    assert space.baseline() == {"model.blocks": "[1, 1]"}
    assert space.overrides({"model.blocks": "[2]"}) == {"model.blocks": [2]}


def test_a_base_beyond_an_inner_range_has_no_point(tmp_path: Path) -> None:
    """The choice agrees with it, the number below does not."""
    space = "{model.dropout: [null, {value: {features: 0.5}, space: {model.dropout.features: {low: 0.1, high: 0.8}}}]}"

    assert of_networks(tmp_path, space, base="{features: 0.9}").baseline() is None
    assert of_networks(tmp_path, space, base="{features: 0.3}").baseline() == {
        "model.dropout": "features 0.5",
        "model.dropout.features": 0.3,
    }


def test_a_choice_that_is_whole_only_with_what_is_below_it_may_be_searched(tmp_path: Path) -> None:
    """Another optimizer has no learning rate before one was chosen; the base is not at that choice."""
    other = "{optimizer: [{value: {name: sgd}, space: {optimizer.lr: {low: 1e-3, high: 1e-1}}}]}"

    assert of_networks(tmp_path, other, base="null").baseline() is None


def test_two_objectives_are_searched_together(tmp_path: Path) -> None:
    """Without a pruner, which judges by one."""
    study = a_search_study(tmp_path, "{space: {gain: [1.0, 2.0]}, objective: [loss, accuracy]}")

    assert study.search is not None
    assert study.search.objective == ["loss", "accuracy"]
