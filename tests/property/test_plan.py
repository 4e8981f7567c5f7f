"""What holds for every study: nothing cosmetic changes a fingerprint, any changed value does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.settings import flattened
from ablate.study.plan import Plan, make_plan
from tests.small_trainer import Config
from tests.study_builders import a_study_file, read_study

SHARES = st.sampled_from([0.25, 0.5, 100])
NORMS = st.none() | st.just({"name": "batch"}) | st.just({"name": "batch", "position": "before"}) | st.builds(
    lambda groups: {"name": "group", "groups": groups}, st.integers(1, 3)
)  # fmt: skip
BASES = st.fixed_dictionaries(
    {"optimizer": st.fixed_dictionaries({"lr": st.sampled_from([0.1, 0.2])}, optional={"weight_decay": st.just(0.5)})},
    optional={
        "data": st.fixed_dictionaries({}, optional={"train": SHARES, "seed": st.integers(0, 2)}),
        "model": st.fixed_dictionaries({}, optional={"width": st.integers(1, 9), "norm": NORMS}),
        "epochs": st.integers(3, 6),
        "flip": st.booleans(),
        "normalize": st.sampled_from([None, "imagenet", [0.5], [0.5, 0.25]]),
        "device": st.sampled_from(["auto", "cpu"]),
    },
)
VALUES: dict[str, Any] = {
    "model.width": 16,
    "optimizer.weight_decay": 0.75,
    "epochs": 9,
    "data.train": 0.75,
    "optimizer.betas": [0.5, 0.75],
    "normalize": [0.125],
}
FACTORS = st.lists(st.sampled_from(sorted(VALUES)), min_size=2, max_size=6, unique=True).map(
    lambda keys: {f"{key} up": {key: VALUES[key]} for key in keys}
)
COMMENTS = st.text(st.characters(codec="ascii", categories=["L", "N", "Zs"]), max_size=12)
fast = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def fingerprints(plan: Plan) -> dict[str, str]:
    """Variant -> fingerprint of its first run."""
    return {variant.name: spec.fingerprint for variant, spec in plan.runs() if spec.replicate.index == 0}


def planned(base: Any, design: str = "chain", factors: Any = None, text: str | None = None) -> Plan:
    """The plan of a study with such a base."""
    content = a_study_file(base=base, evidence={"val": 0.1}, **{design: factors or {"wide": {"model.width": 16}}})
    return make_plan(read_study(text if text is not None else content))


@st.composite
def yaml_text(draw: st.DrawFn, value: Any, indent: int = 0) -> str:
    """A value as YAML: any order of keys, any mixture of styles, comments and white space."""
    if not isinstance(value, dict) or not value or draw(st.booleans()):
        spaces = draw(st.sampled_from([(", ", ": "), (" ,   ", ":  "), (",\n" + " " * (indent + 1), ": ")]))
        return json.dumps(_shuffled(draw, value), separators=spaces, ensure_ascii=False)
    lines = [""]
    for key, inner in _shuffled(draw, value).items():
        if draw(st.booleans()):
            lines.append(" " * draw(st.integers(0, 8)) + f"# {draw(COMMENTS)}")
        written = draw(yaml_text(inner, indent + 2))
        lines.append(f"{' ' * indent}{json.dumps(key)}: {written}" + draw(st.sampled_from(["", "  # why", "  "])))
    return "\n".join(lines)


def _shuffled(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(draw, value[key]) for key in draw(st.permutations(list(value)))}
    return value


@fast
@given(BASES, st.data())
def test_order_of_keys_comments_and_white_space_never_change_a_fingerprint(base: Any, data: st.DataObject) -> None:
    """However somebody tidies up the file."""
    content = a_study_file(
        base=base, evidence={"val": 0.1}, one_at_a_time={"wide": {"model.width": 16}, "long": {"epochs": 9}}
    )
    text = data.draw(yaml_text(content))

    assert fingerprints(make_plan(read_study(text))) == fingerprints(make_plan(read_study(content)))


@fast
@given(BASES, BASES)
def test_two_bases_share_fingerprints_only_where_they_mean_the_same(one: Any, other: Any) -> None:
    """Any changed value changes them; a root, a device, a default written out does not."""
    meant = [_meant(base) for base in (one, other)]
    plans = [planned(base) for base in (one, other)]

    assert (fingerprints(plans[0]) == fingerprints(plans[1])) == (meant[0] == meant[1])


def _meant(base: Any) -> dict[str, Any]:
    config = flattened(Config.model_validate(base).model_dump(mode="json"))
    return {key: value for key, value in config.items() if key not in ("data.root", "device")}


@fast
@given(BASES, st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=20))
def test_a_run_under_another_root_keeps_its_fingerprint(base: Any, root: str) -> None:
    """Wherever the images lie."""
    moved = base | {"data": base.get("data", {}) | {"root": root}, "device": "elsewhere"}

    assert fingerprints(planned(moved)) == fingerprints(planned(base))


@fast
@given(FACTORS)
def test_a_chain_of_k_steps_has_k_variants_beside_the_baseline(factors: Any) -> None:
    """And k questions, whose differences add up to the whole."""
    plan = planned({"optimizer": {"lr": 0.1}}, "chain", factors)
    total: dict[str, float] = {}
    for contrast in plan.contrasts:
        for name, weight in contrast.weights.items():
            total[name] = total.get(name, 0) + weight

    assert (len(plan.variants), len(plan.contrasts)) == (len(factors) + 1, len(factors))
    assert {name: weight for name, weight in total.items() if weight} == {
        "baseline": -1.0,
        plan.variants[-1].name: 1.0,
    }


@fast
@given(FACTORS)
def test_leaving_one_of_k_factors_out_gives_k_plus_one_variants_beside_the_baseline(factors: Any) -> None:
    """All factors, and each left out once."""
    plan = planned({"optimizer": {"lr": 0.1}}, "leave_one_out", factors)

    assert (len(plan.variants), len(plan.contrasts)) == (len(factors) + 2, len(factors))


@fast
@given(FACTORS, st.integers(1, 3))
def test_a_factorial_has_the_product_of_its_levels_as_variants(factors: Any, levels: int) -> None:
    """One more than the levels for each factor; all configurations differ."""
    factors = dict(list(factors.items())[:3])
    factors["lr"] = {"optimizer.lr": {"each": [0.5, 0.625, 0.75][:levels]}}
    plan = planned({"optimizer": {"lr": 0.1}}, "factorial", factors)
    pairs = (len(factors) * (len(factors) - 1)) // 2 if levels == 1 else 0

    assert len(plan.variants) == 2 ** (len(factors) - 1) * (levels + 1)
    assert len(plan.contrasts) == len(factors) - 1 + levels + pairs
    assert len(set(fingerprints(plan).values())) == len(plan.variants)


@fast
@given(FACTORS)
def test_every_design_over_the_same_factors_asks_about_the_same_runs(factors: Any) -> None:
    """A config has one fingerprint and one name, whichever design it came from."""
    content = a_study_file(chain=factors)
    plans = [make_plan(read_study(content, other_design=d)) for d in ("chain", "one_at_a_time", "leave_one_out")]
    names = [{found: name for name, found in fingerprints(plan).items()} for plan in plans]

    for found in names[1:]:
        for fingerprint in found.keys() & names[0].keys():
            assert found[fingerprint] == names[0][fingerprint]


@fast
@given(BASES, st.sampled_from(sorted(VALUES)))
def test_a_change_back_to_what_was_there_is_refused(base: Any, key: str) -> None:
    """The no-op guard: no variant equals its reference."""
    config = Config.model_validate(base).model_dump(mode="json")
    value: Any = config
    for part in key.split("."):
        value = value[part]
    with pytest.raises(StudyError, match="changes nothing"):
        planned(base, "chain", {"nothing": {key: value}})
