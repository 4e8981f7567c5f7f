"""What holds for every configuration and every override."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ablate.settings import flattened
from ablate.study.designs.layout import join_overrides
from ablate.study.overrides import OverrideError, apply_overrides

NAMES = st.sampled_from("abc")
LEAVES = st.none() | st.integers(0, 3) | st.just([1])
CONFIGS = st.dictionaries(NAMES, st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3)))
KEYS = st.lists(NAMES, min_size=1, max_size=3).map(".".join)
OVERRIDES = st.dictionaries(KEYS, LEAVES | st.dictionaries(NAMES, LEAVES, max_size=2), max_size=4)
some = settings(max_examples=60, deadline=None)


def nothing_more(config: dict[str, Any]) -> dict[str, Any]:
    """A schema without defaults."""
    return config


def applied(config: dict[str, Any], *bundles: dict[str, Any]) -> dict[str, Any] | None:
    """The bundles one after the other, or None where a path leads nowhere."""
    try:
        for bundle in bundles:
            config = apply_overrides(config, bundle, complete=nothing_more)
    except OverrideError:
        return None
    return config


def value_at(config: Any, key: str) -> Any:
    """What stands at a dotted key."""
    for part in key.split("."):
        config = config[part]
    return config


@some
@given(CONFIGS, KEYS, LEAVES)
def test_after_an_override_its_value_stands_at_its_path(config: dict[str, Any], key: str, value: Any) -> None:
    """And every value elsewhere is the one that was there."""
    changed = applied(config, {key: value})
    assume(changed is not None)
    before, after = flattened(config), flattened(changed or {})

    assert value_at(changed, key) == value
    for other in before:
        if not (f"{other}.".startswith(f"{key}.") or f"{key}.".startswith(f"{other}.")):
            assert after[other] == before[other]


@some
@given(CONFIGS, KEYS, LEAVES)
def test_an_override_can_be_taken_back(config: dict[str, Any], key: str, value: Any) -> None:
    """Setting what was there restores the configuration."""
    try:
        old = value_at(config, key)
    except (KeyError, TypeError):
        assume(False)
    changed = applied(config, {key: value})

    assert changed is not None
    assert applied(changed, {key: old}) == config


@some
@given(CONFIGS, OVERRIDES)
def test_overrides_applied_twice_are_applied_once(config: dict[str, Any], overrides: dict[str, Any]) -> None:
    """They say what is, not what to add."""
    once = applied(config, join_overrides(overrides))
    assume(once is not None)

    assert applied(once or {}, join_overrides(overrides)) == once


@some
@given(CONFIGS, st.lists(OVERRIDES, max_size=3))
def test_a_joined_bundle_does_what_its_parts_do_in_turn(config: dict[str, Any], bundles: list[dict[str, Any]]) -> None:
    """Wherever the parts lead somewhere."""
    in_turn = applied(config, *bundles)
    assume(in_turn is not None)

    assert applied(config, join_overrides(*bundles)) == in_turn


@some
@given(CONFIGS)
def test_flattening_loses_nothing(config: dict[str, Any]) -> None:
    """The flat keys, set one by one, give the configuration back."""
    assert applied({}, flattened(config)) == config
