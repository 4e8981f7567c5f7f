"""The schema of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.settings import schema_complaint
from ablate.study.schema import MAX_NAME, EvidenceBlock, SearchBlock, StudyFile
from ablate.study.validation import validate
from tests.study_builders import FACTORS, a_study_file


def where(path: tuple[str | int, ...]) -> str:
    """The path itself as the place."""
    return "/".join(map(str, path))


def study(**more: Any) -> StudyFile:
    """A study file with some blocks replaced."""
    return validate(StudyFile, a_study_file(**more), where)


def evidence(**values: Any) -> EvidenceBlock:
    """An evidence block."""
    return validate(EvidenceBlock, values, where)


def refusal(content: Mapping[str, Any]) -> StudyError:
    """Why a study file is refused."""
    with pytest.raises(StudyError) as caught:
        validate(StudyFile, content, where)
    return caught.value


def test_a_study_file_is_as_strict_as_a_config() -> None:
    """No block of it would take an unknown key."""
    assert schema_complaint(StudyFile) is None


def test_a_study_needs_a_name_and_a_base_and_something_to_compare() -> None:
    """All else has a default."""
    minimal = validate(StudyFile, {"study": "x", "base": {}, "chain": FACTORS}, where)

    assert (minimal.trainer, minimal.evidence.metric) == ("ablate.training:train", "accuracy")


@pytest.mark.parametrize("name", ["", "../x", "/abs", "Upper", "a b", "a" * 65, ".hidden", "CON\x00", "é"])
def test_a_study_name_that_could_be_a_path_is_refused(name: str) -> None:
    """It names folders."""
    assert refusal(a_study_file(study=name)).message.startswith("study: 'study': expected text of the form")


@pytest.mark.parametrize("name", ["BN", "90% split", "a & b", "Käse 🧀", "x" * MAX_NAME, "(none)", "CON", "=1+1"])
def test_a_variant_may_have_any_printable_name(name: str) -> None:
    """It is free text and never part of a path."""
    assert study(chain={name: {"epochs": 5}}).chain == {name: {"epochs": 5}}


@pytest.mark.parametrize("name", ["", " BN", "BN ", "a/b", "a\nb", "x" * (MAX_NAME + 1), "a\u202eb", "a\x07"])
@pytest.mark.parametrize("block", ["chain", "compare"])
def test_a_name_nobody_could_type_is_refused_at_its_line(block: str, name: str) -> None:
    """With the rule."""
    error = refusal(a_study_file(**{block: {name: {"set": {"epochs": 5}}}}))

    assert error.message == f"{block}/{name}: {name[:90]!r} cannot be a name"
    assert error.hint == "Use at most 80 printable characters, no '/', and no space at either end."


def test_baseline_is_the_name_of_the_base() -> None:
    """No step may take it."""
    assert refusal(a_study_file(chain={"baseline": {"epochs": 5}})).message == (
        "chain/baseline: 'baseline' is the name of the base itself"
    )


def test_a_study_has_one_design() -> None:
    """A second is run over the same factors by an option."""
    error = refusal(a_study_file(chain=FACTORS, factorial=FACTORS))

    assert error.message == "factorial: factorial: a second design beside chain"
    assert error.hint.endswith("--design factorial.")


def test_a_study_that_compares_nothing_says_what_could_be_added() -> None:
    """A design, comparisons or a search."""
    error = refusal({"study": "x", "base": {}})

    assert error.message == ": the study compares nothing"
    assert error.hint == "Add one of chain, one_at_a_time, leave_one_out, factorial, compare or search."


@pytest.mark.parametrize("search", [None, {"space": {"epochs": [1, 2]}}])
@pytest.mark.parametrize("compare", [{}, {"X": {"set": {"epochs": 5}}}])
def test_comparisons_or_a_search_alone_are_a_study(search: Any, compare: Any) -> None:
    """At least one of the two."""
    content = a_study_file(compare=compare, search=search)
    if search or compare:
        assert validate(StudyFile, content, where).chain is None
    else:
        assert "compares nothing" in refusal(content).message


@pytest.mark.parametrize(("replicates", "looks"), [(5, [5]), ([5], [5]), ([3, 6, 12], [3, 6, 12])])
def test_replicates_are_one_number_or_the_planned_looks(replicates: Any, looks: list[int]) -> None:
    """One number is one look."""
    assert evidence(replicates=replicates).replicates == looks


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"replicates": 0}, "replicates: 'replicates': expected a whole number of at least 1, got 0"),
        ({"replicates": [0]}, "replicates/0: 'replicates.0': expected a whole number of at least 1, got 0"),
        ({"replicates": []}, "replicates: 'replicates': expected a list of at least 1 value, got an empty list"),
        ({"replicates": True}, "replicates: 'replicates': expected a list of at least 1 value, got true"),
        ({"replicates": [5, 5]}, "replicates: replicates do not increase from look to look: [5, 5]"),
        ({"replicates": [5, 3]}, "replicates: replicates do not increase from look to look: [5, 3]"),
        ({"negligible": 4.0}, "negligible: negligible (4.0) is larger than worthwhile (3.0)"),
        ({"worthwhile": 0}, "worthwhile: 'worthwhile': expected a number above 0, got 0"),
        ({"weights": "best"}, "weights: weights: best needs images to choose the best epoch on"),
        ({"test": {"folds": 1}}, "test/folds: 'test.folds': expected a whole number of at least 2 or null, got 1"),
        ({"test": {}}, "test: test: either folds or share says what is tested on"),
        ({"test": {"folds": 5, "share": 0.2}}, "test: test: either folds or share says what is tested on"),
        ({"test": "oficial"}, "test: 'test': expected a block or official, got 'oficial'"),
        ({"val": 1.0}, "val: 'val': expected a number above 0 and below 1, a whole number of at least 1, or null, "
         "got 1.0"),
    ],
)  # fmt: skip
def test_evidence_that_cannot_be_is_refused_at_its_key(values: Mapping[str, Any], message: str) -> None:
    """Each with a remedy."""
    with pytest.raises(StudyError) as caught:
        evidence(**values)

    assert caught.value.message == message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"low": 3, "high": 3}, "space/lr/low: space.lr.low (3) is not below high (3)"),
        ({"low": 0, "high": 3, "log": True}, "space/lr/low: space.lr.low (0) has no logarithm"),
        (
            {"low": 1, "high": 3, "log": True, "step": 1},
            "space/lr/step: space.lr.step and log: true exclude each other",
        ),
        ([], "space/lr: 'space.lr': expected a block or a list of at least 1 value, got an empty list"),
    ],
)
def test_a_range_that_holds_nothing_is_refused(block: Any, message: str) -> None:
    """At its key."""
    with pytest.raises(StudyError) as caught:
        validate(SearchBlock, {"space": {"lr": block}}, where)

    assert caught.value.message == message


@pytest.mark.parametrize("block", [{"low": 1e-5, "high": 1, "log": True}, {"low": 1, "high": 9, "step": 2}, [None, {}]])
def test_a_range_or_choices_can_be_searched(block: Any) -> None:
    """Choices may be blocks."""
    assert validate(SearchBlock, {"space": {"lr": block}}, where).val == 0.1
