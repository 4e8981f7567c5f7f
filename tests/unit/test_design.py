"""Designs: which variants, which questions, under which names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.records import BASELINE
from ablate.study.designs.catalogue import MAX_CELLS, lay_out
from ablate.study.designs.layout import ALL, DesignCell, Layout, join_overrides
from ablate.study.schema import DESIGNS, MAX_NAME
from tests.study_builders import DECAY, NORM, WIDE, a_study_file, read_study

A = {"epochs": 5}
B = {"flip": True}
C = {"optimizer.lr": 0.5}
THREE: Mapping[str, Any] = {"A": A, "B": B, "C": C}


def layout(design: str, factors: Mapping[str, Any] = THREE) -> Layout:
    """One design over some factors."""
    return lay_out(read_study(a_study_file(**{design: factors})), design)


def overrides(laid: Layout) -> dict[str, Any]:
    """Variant -> what it changes."""
    return {cell.name: dict(cell.overrides) for cell in laid.cells}


def weights(laid: Layout) -> dict[str, dict[str, float]]:
    """Question -> its weights."""
    return {question.name: dict(question.weights) for question in laid.questions}


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_begins_with_the_baseline(design: str) -> None:
    """It changes nothing and has no reference."""
    assert layout(design).cells[0] == DesignCell(BASELINE, {}, None, ())


@pytest.mark.parametrize("design", DESIGNS)
def test_the_weights_of_every_question_sum_to_nought(design: str) -> None:
    """What all variants share cancels out; the sides have the same weight."""
    for question in layout(design).questions:
        scale = 2 if question.family == "interactions" else 1
        assert sum(question.weights.values()) == pytest.approx(0)
        assert sum(map(abs, question.weights.values())) == pytest.approx(2 * scale)


@pytest.mark.parametrize("design", DESIGNS)
def test_every_question_is_about_variants_of_its_design(design: str) -> None:
    """No weight is on a variant that is not trained."""
    laid = layout(design)

    assert {name for question in laid.questions for name in question.weights} <= {cell.name for cell in laid.cells}


def test_no_design_is_the_baseline_alone() -> None:
    """For comparisons and searches."""
    study = read_study(a_study_file(compare={"X": {"set": A}}))

    assert overrides(lay_out(study, None)) == {BASELINE: {}}


def test_a_chain_adds_each_step_to_the_ones_before() -> None:
    """Each is compared with its predecessor."""
    laid = layout("chain")

    assert overrides(laid) == {BASELINE: {}, "A": A, "B": A | B, "C": A | B | C}
    assert weights(laid) == {
        "A": {"A": 1, BASELINE: -1},
        "B": {"B": 1, "A": -1},
        "C": {"C": 1, "B": -1},
    }
    assert [cell.reference for cell in laid.cells] == [None, BASELINE, "A", "B"]


def test_one_at_a_time_changes_the_base_alone() -> None:
    """Each is compared with the baseline."""
    laid = layout("one_at_a_time")

    assert overrides(laid) == {BASELINE: {}, "only A": A, "only B": B, "only C": C}
    assert weights(laid)["B"] == {"only B": 1, BASELINE: -1}


def test_each_level_is_a_variant() -> None:
    """And a question of its own."""
    laid = layout("one_at_a_time", {"lr": {"optimizer.lr": {"each": [0.2, 0.3]}}, "B": B})

    assert list(overrides(laid)) == [BASELINE, "only lr 0.2", "only lr 0.3", "only B"]
    assert weights(laid)["lr 0.3"] == {"only lr 0.3": 1, BASELINE: -1}


def test_leave_one_out_takes_each_factor_out_of_all() -> None:
    """What all have and the others have not is the factor's worth."""
    laid = layout("leave_one_out")

    assert overrides(laid) == {
        BASELINE: {},
        ALL: A | B | C,
        "without A": B | C,
        "without B": A | C,
        "without C": A | B,
    }
    assert weights(laid)["B"] == {ALL: 1, "without B": -1}


def test_leaving_out_the_only_factor_is_no_design() -> None:
    """A chain asks the same."""
    with pytest.raises(StudyError, match=r"study\.yaml:1: leave_one_out needs at least two factors"):
        layout("leave_one_out", {"A": A})


def test_a_factorial_of_two_factors_by_hand() -> None:
    """Yates: half the effect with, half without the other; the interaction is the difference of differences."""
    laid = layout("factorial", {"A": A, "B": B})

    assert overrides(laid) == {BASELINE: {}, "only B": B, "only A": A, "A & B": A | B}
    assert weights(laid) == {
        "A": {"A & B": 0.5, "only A": 0.5, "only B": -0.5, BASELINE: -0.5},
        "B": {"A & B": 0.5, "only B": 0.5, "only A": -0.5, BASELINE: -0.5},
        "A × B": {"A & B": 1.0, BASELINE: 1.0, "only A": -1.0, "only B": -1.0},
    }


def test_a_factorial_recovers_the_effects_that_are_there() -> None:
    """Main effects averaged over the other factors, interactions averaged over the third."""
    laid = layout("factorial")
    truth = {
        cell: 10 + 3 * ("A" in cell) + 5 * ("B" in cell) - 2 * ("C" in cell) + 4 * ("A" in cell and "B" in cell)
        for cell in (cell.name.removeprefix("only ") for cell in laid.cells)
    }
    truth = {name: truth[name.removeprefix("only ")] for name in overrides(laid)}
    found = {name: sum(w * truth[cell] for cell, w in of.items()) for name, of in weights(laid).items()}

    assert found == pytest.approx({"A": 5, "B": 7, "C": -2, "A × B": 4, "A × C": 0, "B × C": 0})


def test_the_families_of_a_factorial_are_judged_apart() -> None:
    """Main effects are one family, interactions another."""
    families = {question.name: question.family for question in layout("factorial").questions}

    assert families == dict.fromkeys("ABC", "main effects") | dict.fromkeys(["A × B", "A × C", "B × C"], "interactions")


def test_a_factor_of_three_levels_has_two_effects_and_no_interaction() -> None:
    """Each level against none, averaged over the other factor."""
    laid = layout("factorial", {"lr": {"optimizer.lr": {"each": [0.2, 0.3]}}, "B": B})

    assert len(laid.cells) == 6
    assert weights(laid) == {
        "lr 0.2": {"lr 0.2 & B": 0.5, "only lr 0.2": 0.5, "only B": -0.5, BASELINE: -0.5},
        "lr 0.3": {"lr 0.3 & B": 0.5, "only lr 0.3": 0.5, "only B": -0.5, BASELINE: -0.5},
        "B": {cell: pytest.approx(1 / 3 if cell.endswith("B") else -1 / 3) for cell in overrides(laid)},
    }


def test_a_factorial_beyond_reason_is_refused() -> None:
    """Ten factors are the most."""
    factors = {f"f{i}": {"optimizer.lr": 0.2 + i} for i in range(11)}

    assert len(layout("factorial", dict(list(factors.items())[:10])).cells) == MAX_CELLS
    with pytest.raises(StudyError, match="the factorial has 2048 variants, more than 1024") as caught:
        layout("factorial", factors)
    assert "leave_one_out" in caught.value.hint


@pytest.mark.parametrize("design", DESIGNS)
def test_names_keep_to_eighty_characters_and_stay_apart(design: str) -> None:
    """However long the factors' names are."""
    factors = {f"{'long ' * 15}{i}": override for i, override in enumerate((A, B, C, NORM, WIDE, DECAY))}
    names = [cell.name for cell in layout(design, factors).cells]

    assert max(map(len, names)) <= MAX_NAME
    assert len(set(names)) == len(names)


def test_a_place_is_remembered_for_every_factor_of_a_variant() -> None:
    """Messages point at the line that is to blame."""
    cells = {cell.name: cell.places for cell in layout("factorial", {"A": A, "B": B}).cells}

    assert cells["A & B"] == (("factorial", "A"), ("factorial", "B"))


# --- joining overrides ------------------------------------------------------------------------


def test_of_two_bundles_the_later_wins() -> None:
    """Key by key."""
    assert join_overrides({"a": 1, "b": 1}, {"a": 2}) == {"b": 1, "a": 2}


def test_a_block_that_is_replaced_takes_what_was_set_inside_it_along() -> None:
    """And only that."""
    joined = join_overrides({"head.hidden": [4], "header.x": 1}, {"head": {"name": "gap"}})

    assert joined == {"header.x": 1, "head": {"name": "gap"}}


def test_a_value_set_inside_a_block_comes_after_it() -> None:
    """Whatever was there before."""
    joined = join_overrides({"head.hidden": [4]}, {"head": {"name": "fc"}}, {"head.hidden": [8]})

    assert list(joined.items()) == [("head", {"name": "fc"}), ("head.hidden", [8])]


def test_joining_is_associative() -> None:
    """However the bundles are grouped."""
    bundles = [{"a.b": 1}, {"a": {}}, {"a.b": 2, "c": 3}]
    for x, y, z in product(bundles, repeat=3):
        assert join_overrides(join_overrides(x, y), z) == join_overrides(x, y, z)


def test_factors_are_judged_in_the_families_the_study_names() -> None:
    """All levels of a factor go with it; a factor that is not named stays in the design's own family."""
    content = a_study_file(
        one_at_a_time={"A": {"epochs": {"each": [5, 6]}}, "B": B, "C": C},
        evidence={"families": {"length": ["A"], "optimisation": ["C"]}},
    )

    questions = lay_out(read_study(content), "one_at_a_time").questions

    assert [(question.name, question.family) for question in questions] == [
        ("A 5", "length"),
        ("A 6", "length"),
        ("B", "one at a time"),
        ("C", "optimisation"),
    ]


@pytest.mark.parametrize(
    ("design", "families", "message"),
    [
        ("one_at_a_time", {"length": ["a"]}, "there is no factor 'a'"),
        ("one_at_a_time", {"length": ["A", "A"]}, "factor 'A' is twice in 'length'"),
        ("one_at_a_time", {"length": ["A"], "other": ["A"]}, "factor 'A' is in 'length' and in 'other'"),
        ("one_at_a_time", {"compare": ["A"]}, "'compare' is the name of a family of its own"),
        ("chain", {"length": ["A"]}, "only the factors of one_at_a_time"),
    ],
)
def test_families_that_cannot_be_judged_are_refused(design: str, families: Any, message: str) -> None:
    """Each factor is judged once, and the steps of a chain answer one question."""
    with pytest.raises(StudyError, match=message):
        read_study(a_study_file(**{design: THREE}, evidence={"families": families}))
