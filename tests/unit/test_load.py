"""From a study file to a Study: names, levels, other bases, other designs."""

from __future__ import annotations

from typing import Any

import pytest

from ablate.errors import AblateError, StudyError, TrainerError
from ablate.splits.rules import Folds, Official, Protocol, Share, TestRule
from ablate.study.schema import MAX_NAME
from ablate.study.study import Study
from tests.study_builders import FACTORS, NORM, WIDE, a_study_file, read_study


def load(*sets: str, other_design: str | None = None, **blocks: Any) -> Study:
    """The study of such a file."""
    return read_study(a_study_file(**blocks), sets=sets, other_design=other_design)


def refusal(*sets: str, **blocks: Any) -> AblateError:
    """Why such a study is refused."""
    with pytest.raises(AblateError) as caught:
        load(*sets, **blocks)
    assert isinstance(caught.value, (StudyError, TrainerError))
    return caught.value


def levels(study: Study) -> dict[str, Any]:
    """Level -> overrides over all factors."""
    return {name: dict(overrides) for factor in study.factors for name, overrides in factor.levels.items()}


# --- the file ---------------------------------------------------------------------------------


def test_a_study_knows_its_parts() -> None:
    """As the file gives them."""
    study = load(question="Why?", tracking={"experiment": "shared"}, chain=FACTORS)

    assert (study.name, study.question, study.experiment, study.design) == ("small", "Why?", "shared", "chain")
    assert levels(study) == {"BN": NORM, "wide": WIDE}


def test_the_experiment_has_the_studys_name_unless_it_is_given() -> None:
    """One experiment a study."""
    assert load().experiment == "small"


def test_an_empty_file_says_how_to_begin() -> None:
    """Also one with comments only."""
    with pytest.raises(StudyError, match=r"study\.yaml: the file is empty") as caught:
        read_study("# nothing yet\n")

    assert "`ablate init`" in caught.value.hint


def test_a_trainer_that_is_not_there_is_told_at_its_line() -> None:
    """With what a dotted path looks like."""
    error = refusal(trainer="tests.small_trainer:trian")

    assert isinstance(error, TrainerError)
    assert "study.yaml:1: trainer 'tests.small_trainer:trian': module" in error.message
    assert error.hint.startswith("Did you mean 'train'?")


def test_a_metric_the_trainer_does_not_report_lists_those_it_does() -> None:
    """With a near match."""
    error = refusal(evidence={"metric": "acuracy"})

    assert error.message.endswith("the trainer tests.small_trainer:train does not report 'acuracy'")
    assert error.hint.startswith(
        "Did you mean 'accuracy'? It reports: accuracy, loss. From stored answers ablate computes:"
    )
    assert "sensitivity:CLASS" in error.hint


def test_the_base_is_checked_against_the_trainer() -> None:
    """Before any factor."""
    assert "unknown key 'lrr' in 'optimizer'" in refusal(base={"optimizer": {"lrr": 1.0}}).message


@pytest.mark.parametrize(
    ("test", "rule"),
    [({"folds": 7}, Folds(count=7)), ({"share": 0.2}, Share(share=0.2)), ({"share": 90}, Share(share=90)),
     ("official", Official())],
)  # fmt: skip
def test_the_protocol_is_what_a_run_must_know_of_the_evidence(test: Any, rule: TestRule) -> None:
    """Its thresholds and its number of replicates change no run."""
    protocol = load(evidence={"test": test, "val": 0.1, "weights": "best", "metric": "loss"}).protocol

    assert protocol == Protocol(test=rule, val=0.1, weights="best", metric="loss")


def test_one_change_inside_another_is_refused() -> None:
    """The order of keys would decide."""
    error = refusal(chain={"BN": {"model.norm": {"name": "batch"}, "model.norm.position": "before"}})

    assert error.message.endswith("'model.norm.position' lies inside 'model.norm', which is set as well")


def test_one_change_of_a_comparison_inside_another_is_refused() -> None:
    """Likewise."""
    changes = {"model": {"width": 4}, "model.width": 16}

    assert "lies inside 'model'" in refusal(compare={"X": {"set": changes}}).message


# --- levels -----------------------------------------------------------------------------------


def test_each_makes_one_level_a_value() -> None:
    """Other overrides of the factor stay the same in all of them."""
    factor = {"optimizer.lr": {"each": [0.1, 1e-3]}, "epochs": 5}

    assert levels(load(factorial={"lr": factor})) == {
        "lr 0.1": {"optimizer.lr": 0.1, "epochs": 5},
        "lr 0.001": {"optimizer.lr": 1e-3, "epochs": 5},
    }


def test_several_each_go_in_step() -> None:
    """The first one names the level."""
    factor = {"optimizer.lr": {"each": [0.1, 0.2]}, "epochs": {"each": [5, 10]}}

    assert levels(load(one_at_a_time={"lr": factor})) == {
        "lr 0.1": {"optimizer.lr": 0.1, "epochs": 5},
        "lr 0.2": {"optimizer.lr": 0.2, "epochs": 10},
    }


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([None, {"name": "batch"}], ["x off", "x batch"]),
        ([True, False], ["x true", "x false"]),
        ([{"a": 1, "b": None}, [1, 2.5]], ["x a 1, b off", "x 1, 2.5"]),
        (["a/b", "c\nd"], ["x a-b", "x cd"]),
        ([{"name": "a/b"}, ""], ["x a-b", "x"]),
    ],
)
def test_a_level_is_named_after_its_value(values: list[Any], names: list[str]) -> None:
    """Short, printable, and without a slash."""
    assert list(levels(load(one_at_a_time={"x": {"model": {"each": values}}}))) == names


def test_long_names_of_levels_stay_apart() -> None:
    """They are cut to what a name may have, and what is cut off still tells them apart."""
    found = list(levels(load(one_at_a_time={"x" * 60: {"model": {"each": ["a" * 30 + "b", "a" * 30 + "c"]}}})))

    assert [len(name) <= MAX_NAME for name in found] == [True, True]
    assert len(set(found)) == 2


@pytest.mark.parametrize(
    "factor", [{"epochs": {"each": []}}, {"epochs": {"each": [1, 2]}, "optimizer.lr": {"each": [0.1]}}]
)
def test_lists_that_make_no_levels_are_refused(factor: Any) -> None:
    """They must be equally long, and not empty."""
    assert "do not make levels: epochs has" in refusal(factorial={"x": factor}).message


def test_two_levels_of_one_name_are_refused() -> None:
    """Which of the two would be meant?"""
    factor = {"optimizer.lr": {"each": [0.1, 0.10000001]}}

    assert "factor 'lr' has two levels called 'lr 0.1'" in refusal(factorial={"lr": factor}).message


def test_two_factors_with_a_level_of_one_name_are_refused() -> None:
    """The same across factors."""
    factors = {"lr": {"optimizer.lr": {"each": [0.1, 0.2]}}, "lr 0.2": {"epochs": 5}}
    error = refusal(factorial=factors)

    assert "'lr 0.2' is the name of a level of 'lr' and of 'lr 0.2'" in error.message


@pytest.mark.parametrize("design", ["chain", "leave_one_out"])
def test_a_step_is_one_change(design: str) -> None:
    """Levels belong into the other designs."""
    factors = {"lr": {"optimizer.lr": {"each": [0.1, 0.2]}}, "long": {"epochs": 5}}
    error = refusal(**{design: factors})

    assert f"a step of {design} is one change" in error.message
    assert "one_at_a_time or factorial" in error.hint


def test_a_single_level_is_one_change() -> None:
    """`each: [x]` may stand in a chain."""
    assert levels(load(chain={"lr": {"optimizer.lr": {"each": [0.5]}}})) == {"lr 0.5": {"optimizer.lr": 0.5}}


# --- --set ------------------------------------------------------------------------------------


def test_a_change_of_the_base_gives_the_study_an_identity_of_its_own() -> None:
    """A smoke run never overwrites the real report."""
    smoke = load("epochs=1")

    assert smoke.name.startswith("small@")
    assert smoke.base == {"optimizer": {"lr": 0.1}, "epochs": 1}


def test_the_identity_of_a_changed_study_depends_on_what_was_changed_only() -> None:
    """Neither on the order nor on the spelling."""
    names = [load(*sets).name for sets in (["epochs=1", "flip=false"], ["flip= false", "epochs=1"], ["epochs=2"])]

    assert names[0] == names[1] != names[2]


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", 0.5), ("1e-3", 1e-3), ("null", None), ("", None), ("{name: gap}", {"name": "gap"})]
)
def test_a_value_on_the_command_line_is_read_like_one_in_the_file(text: str, value: Any) -> None:
    """Numbers, null and blocks."""
    key = "optimizer.lr" if isinstance(value, float) else "model.head" if value else "model.norm"
    block, last = key.split(".")

    assert load(f"{key}={text}").base[block][last] == value


def test_evidence_can_be_changed_too() -> None:
    """As a whole or in part."""
    study = load("evidence.replicates=1", "evidence.test.folds=2", "evidence.val=0.2")

    assert (study.evidence.replicates, study.protocol.test, study.protocol.val) == ([1], Folds(count=2), 0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", "--set 'epochs' is not of the form key=value"),
        ("=5", "--set '=5' is not of the form key=value"),
        ("epochs=x", "--set epochs: 'epochs': expected a whole number of at least 1, got 'x'"),
        ("epoch=5", "--set epoch: unknown key 'epoch'"),
        ("epochs.x=5", "--set epochs.x: 'epochs.x' leads through 'epochs', which is a value, not a block"),
        ("epochs=[5", "--set epochs: not valid YAML: expected ',' or ']', but got '<stream end>' "
         "(while parsing a flow sequence)"),
        ("evidence.val=2.5", "--set evidence.val: 'val': expected a number above 0 and below 1, a whole number of at "
         "least 1, or null, got 2.5"),
        ("evidence.metric=f1", "--set evidence.metric: the trainer tests.small_trainer:train does not report 'f1'"),
    ],
)  # fmt: skip
def test_a_wrong_change_is_named_by_its_option(change: str, message: str) -> None:
    """It stands in no file; each comes with a remedy or what was expected."""
    error = refusal(change)

    assert error.message == message
    assert error.hint or "expected" in error.message


def test_changes_inside_one_another_are_refused() -> None:
    """Their order would decide."""
    assert "lies inside 'model'" in refusal("model={width: 4}", "model.width=16").message


# --- --design ---------------------------------------------------------------------------------


def test_another_design_over_the_same_factors_has_an_identity_of_its_own() -> None:
    """Its report does not replace the study's."""
    study = load(other_design="factorial")

    assert (study.name, study.design, study.own_design) == ("small@factorial", "factorial", "chain")


def test_the_studys_own_design_changes_nothing() -> None:
    """Naming it is naming the default."""
    assert load(other_design="chain").name == "small"


@pytest.mark.parametrize(
    ("design", "blocks", "message"),
    [
        ("factrial", {}, "--design factrial: there is no such design"),
        ("chain", {"search": {"space": {"epochs": [1]}}}, "--design chain: the study 'small' has no factors"),
        ("chain", {"factorial": {"lr": {"epochs": {"each": [1, 2]}}}},
         "--design chain: factor 'lr' has several levels (each:)"),
    ],
)  # fmt: skip
def test_a_design_that_cannot_be_run_is_refused(design: str, blocks: Any, message: str) -> None:
    """With the choices."""
    error = refusal(other_design=design, **blocks)

    assert error.message == message
    assert error.hint


@pytest.mark.parametrize("second", ["optimizer.lr=0.2", " optimizer.lr = 0.1"])
def test_a_change_that_appears_twice_is_refused(second: str) -> None:
    """Nobody is told otherwise which of the two was kept."""
    with pytest.raises(StudyError, match=r"--set optimizer\.lr appears twice"):
        read_study(a_study_file(), sets=["optimizer.lr=0.1", second])


def test_a_change_of_what_stands_under_base_leaves_base_out() -> None:
    """The refusal has the spelling that works."""
    error = refusal("base.optimizer.lr=0.1")

    assert "unknown key 'base'" in error.message
    assert "--set optimizer.lr=..." in error.hint
    assert load("optimizer.lr=0.5").base["optimizer"] == {"lr": 0.5}
