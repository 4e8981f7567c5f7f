"""Dotted overrides replace the value at their path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.settings import flattened
from ablate.study.overrides import OverrideError, apply_overrides, refuse_overlaps

DEFAULTS = {"head": {"name": "fc", "hidden": [8], "act": {"name": "relu"}}, "norm": None, "epochs": 3}


def apply(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides on a config whose missing keys stand in DEFAULTS."""
    return apply_overrides(config, overrides, complete=lambda sparse: DEFAULTS | sparse)


def test_an_override_replaces_the_value_at_its_path() -> None:
    """Other values stay."""
    changed = apply({"optimizer": {"lr": 0.1, "name": "sgd"}}, {"optimizer.lr": 0.2})

    assert changed == {"optimizer": {"lr": 0.2, "name": "sgd"}}


def test_a_block_is_replaced_as_a_whole() -> None:
    """Nothing is merged."""
    changed = apply({"head": {"name": "fc", "hidden": [4]}}, {"head": {"name": "gap"}})

    assert changed == {"head": {"name": "gap"}}


def test_the_config_that_was_given_stays_as_it_is() -> None:
    """A base serves many variants."""
    config = {"optimizer": {"lr": 0.1}}
    apply(config, {"optimizer.lr": 0.2})

    assert config == {"optimizer": {"lr": 0.1}}


def test_the_value_that_was_given_is_not_shared() -> None:
    """A later override inside an earlier one's value does not reach into the study."""
    value = {"name": "gap"}
    apply({}, {"head": value, "head.name": "fc"})

    assert value == {"name": "gap"}


def test_a_path_may_lead_into_a_block_that_stands_among_the_defaults() -> None:
    """The default block is taken over with all its values."""
    changed = apply({}, {"head.hidden": [4]})

    assert changed == {"head": {"name": "fc", "hidden": [4], "act": {"name": "relu"}}}


def test_a_path_may_lead_deep_into_the_defaults() -> None:
    """Every block on the way is taken over."""
    changed = apply({"head": {"name": "fc"}}, {"head.act.slope": 0.1})

    assert changed == {"head": {"name": "fc", "act": {"slope": 0.1}}}


def test_a_later_override_meets_the_defaults_of_an_earlier_one() -> None:
    """What the base had at a place is forgotten once the block around it was replaced."""
    completed = {"model": {"name": "b", "norm": None}}
    with pytest.raises(OverrideError, match="which is null here"):
        apply_overrides(
            {"model": {"name": "a", "norm": {"name": "batch"}}},
            {"model": {"name": "b"}, "model.norm.position": "end"},
            complete=lambda _: completed,
        )


def test_a_key_that_exists_nowhere_is_left_to_validation() -> None:
    """The trainer's schema knows the near match."""
    assert apply({}, {"nrom.position": 1}) == {"nrom": {"position": 1}}


def test_a_path_through_null_names_the_block_and_how_to_set_it() -> None:
    """Off is null: a setting inside something that is off has no place."""
    with pytest.raises(OverrideError) as caught:
        apply({}, {"norm.batch.position": "end"})

    assert caught.value.key == "norm.batch.position"
    assert caught.value.message == "'norm.batch.position' leads through 'norm', which is null here"
    assert caught.value.hint == "Set the whole block instead: norm: {batch: {position: ...}}"


def test_a_path_through_a_value_is_refused() -> None:
    """A number has no settings."""
    with pytest.raises(OverrideError, match="leads through 'epochs', which is a value, not a block"):
        apply({"epochs": 3}, {"epochs.most": 4})


def test_a_path_through_a_default_value_is_refused() -> None:
    """The same for a number that was not written."""
    with pytest.raises(OverrideError, match="leads through 'epochs', which is a value"):
        apply({}, {"epochs.most": 4})


def test_an_override_error_is_a_study_error_with_a_remedy() -> None:
    """It reaches the user like every other mistake in a study."""
    with pytest.raises(StudyError) as caught:
        apply({"epochs": 3}, {"epochs.most": 4})

    assert caught.value.hint == "Set the value itself: epochs: ..."


def test_overrides_inside_one_another_are_refused() -> None:
    """Their order would decide."""
    with pytest.raises(OverrideError, match=r"'head\.name' lies inside 'head'"):
        refuse_overlaps({"head.name": "gap", "head": {"name": "fc"}})


def test_keys_that_only_begin_alike_do_not_overlap() -> None:
    """`head` is no block around `header`."""
    refuse_overlaps({"head": 1, "header": 2, "head_x.y": 3})


def test_flattening_lists_every_value_under_its_dotted_key() -> None:
    """Lists and empty blocks stay whole."""
    flat = flattened({"a": {"b": {"c": 1}, "d": []}, "e": {}, "f": None})

    assert flat == {"a.b.c": 1, "a.d": [], "e": {}, "f": None}
