"""What a change is worth whatever the order: both directions of a chain, fractions, the baseline against itself."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.records import Contrast
from ablate.study.designs.attribution import GENERATORS, fraction_of
from ablate.study.plan import Plan, make_plan
from tests.builders import a_study

LETTERS = "ABCDEFGHI"


def factors(n: int) -> Mapping[str, Any]:
    """Changes of the toy that do not get in each other's way."""
    keys = ("gain", "noise", "skill", "images2", "epochs", "seconds")
    values = ({"gain": 5.0}, {"noise": 1.5}, {"skill": 63.0}, {"epochs": 4}, {"seconds": 0.001}, {"scores": False})
    del keys
    return dict(zip(LETTERS, values[:n], strict=False))


def planned(design: str, n: int = 5) -> Plan:
    """A chain of n factors, under another design."""
    return make_plan(a_study(factors=factors(n), other_design=design))


def model(seed: int, *, triples: bool) -> Mapping[frozenset[str], float]:
    """Moebius terms of a value: single factors, pairs and, where asked for, threes."""
    rng = np.random.default_rng(seed)
    sizes = (1, 2, 3) if triples else (1, 2)
    return {frozenset(s): float(rng.normal(0, 4 / len(s))) for k in sizes for s in combinations("ABCDE", k)}


def value_of(plan: Plan, terms: Mapping[frozenset[str], float], contrast: Contrast) -> float:
    """The contrast applied to the true values of its variants."""
    on = {variant.name: set(variant.factors) for variant in plan.variants}
    values = {name: sum(term for s, term in terms.items() if s <= which) for name, which in on.items()}
    return sum(weight * values[name] for name, weight in contrast.weights.items())


def shapley(terms: Mapping[frozenset[str], float], factor: str) -> float:
    """By its definition over all orders, from the value of every subset."""
    others = [f for f in "ABCDE" if f != factor]

    def value(which: set[str]) -> float:
        return sum(term for s, term in terms.items() if s <= which)

    total = 0.0
    for k in range(5):
        for subset in combinations(others, k):
            weight = factorial(k) * factorial(4 - k) / factorial(5)
            total += weight * (value({*subset, factor}) - value(set(subset)))
    return total


@pytest.mark.parametrize("design", ["order_check", "attribution"])
@pytest.mark.parametrize("seed", range(5))
def test_contributions_are_shapley_values_where_there_are_no_threes(design: str, seed: int) -> None:
    """The mean of both directions, and the main effect in the fraction, do not depend on the order told."""
    plan, terms = planned(design), model(seed, triples=False)
    contributions = {c.factors[0]: value_of(plan, terms, c) for c in plan.contrasts if c.family == "contributions"}

    assert contributions == {f: pytest.approx(shapley(terms, f)) for f in "ABCDE"}


def test_the_place_makes_the_difference_that_pairs_make() -> None:
    """A factor's place matters by the pairs it comes after, less those it comes before."""
    plan = planned("order_check")
    terms = {frozenset("A"): 3.0, frozenset("C"): 2.0, frozenset("AC"): -4.0}
    order = {c.factors[0]: value_of(plan, terms, c) for c in plan.contrasts if c.family == "order"}

    assert order == {"A": pytest.approx(4.0), "B": 0.0, "C": pytest.approx(-4.0), "D": 0.0, "E": 0.0}


def test_the_reverse_chain_costs_one_variant_less_than_there_are_factors() -> None:
    """Its ends are those of the chain."""
    plan = planned("order_check")

    assert len(plan.variants) == 10
    assert [v.name for v in plan.variants[6:]] == ["only E", "D & E", "C & D & E", "without A"]
    assert [c.variant for c in plan.contrasts if c.family == "reverse chain"] == [
        *(v.name for v in plan.variants[6:]),
        "E",
    ]


def test_pairs_and_what_is_beyond_them_are_told_apart() -> None:
    """The fraction estimates every pair; the lack of fit is zero just without threes."""
    plan, pairs = planned("attribution"), model(1, triples=False)
    by_family = {
        family: [c for c in plan.contrasts if c.family == family] for family in ("interactions", "beyond pairs")
    }

    assert {c.factors: value_of(plan, pairs, c) for c in by_family["interactions"]} == {
        pair: pytest.approx(pairs[frozenset(pair)]) for pair in combinations("ABCDE", 2)
    }
    (beyond,) = by_family["beyond pairs"]
    assert value_of(plan, pairs, beyond) == pytest.approx(0, abs=1e-9)
    assert abs(value_of(plan, model(1, triples=True), beyond)) > 0.1


@pytest.mark.parametrize(("n", "runs"), [(2, 4), (3, 8), (4, 16), (5, 16), (6, 32), (7, 64), (8, 64)])
def test_fractions_are_balanced_and_mix_up_no_effect_with_a_pair(n: int, runs: int) -> None:
    """Columns of factors and of pairs are orthogonal, each half on and half off."""
    signs = 2 * np.array(fraction_of(n), dtype=int) - 1
    columns = [signs[:, i] for i in range(n)] + [signs[:, i] * signs[:, j] for i, j in combinations(range(n), 2)]
    gram = np.array(columns) @ np.array(columns).T

    assert len({tuple(row) for row in signs.tolist()}) == len(signs) == runs
    assert np.array_equal(gram, runs * np.eye(len(columns), dtype=int))
    assert not np.array(columns).sum(axis=1).any()


def test_the_baseline_is_run_beside_a_fraction_that_lacks_it() -> None:
    """Sixteen cells of five factors, and the baseline first."""
    plan = planned("attribution")

    assert (len(plan.variants), plan.variants[0].name) == (17, "baseline")
    assert sum(v.factors == () for v in plan.variants) == 1
    assert all("baseline" not in c.weights for c in plan.contrasts if c.family == "contributions")


def test_effects_of_the_fraction_use_every_cell_alike() -> None:
    """Plus or minus an eighth in sixteen cells."""
    first = planned("attribution").contrasts[0]

    assert sorted(first.weights.values()) == [-0.125] * 8 + [0.125] * 8


def test_shared_configurations_keep_the_names_of_the_study() -> None:
    """One name a configuration, the study's own design names it; what this design calls it is kept beside it."""
    plan = planned("attribution")
    everything = next(v for v in plan.variants if len(v.factors) == 5)

    assert (everything.name, everything.alias) == ("E", "all factors")


@pytest.mark.parametrize(
    ("design", "blocks", "words"),
    [
        ("order_check", {"factors": factors(1)}, "at least two factors"),
        ("attribution", {"factors": factors(1)}, "at least two factors"),
        (
            "attribution",
            {"design": "one_at_a_time", "factors": {"A": {"gain": {"each": [1.0, 2.0]}}}},
            "several levels",
        ),
        ("atribution", {}, "no such design"),
    ],
)
def test_what_cannot_be_laid_out_is_refused(design: str, blocks: dict[str, Any], words: str) -> None:
    """With the reason, before anything is written."""
    with pytest.raises(StudyError, match=words):
        make_plan(a_study(other_design=design, **blocks))


def test_more_factors_than_any_table_has() -> None:
    """Nine factors are too many, and the hint says what to do."""
    nine = {letter: {"gain": float(i)} for i, letter in enumerate("ABCDEFGHI", start=1)}
    with pytest.raises(StudyError, match="2 to 8 factors, not 9") as refused:
        make_plan(a_study(design="one_at_a_time", factors=nine, other_design="attribution"))

    assert "order_check" in str(refused.value.hint)
    assert max(GENERATORS) == 8


def test_the_baseline_against_itself_shares_everything_but_luck() -> None:
    """Copies have its config and its splits; their runs are other runs, its own are those of the study."""
    own, plan = make_plan(a_study(factors=factors(3))), planned("aa", 3)
    specs = {variant.name: spec for variant, spec in plan.runs() if spec.replicate.index == 0}

    assert list(specs) == ["baseline", "baseline again 1", "baseline again 2", "baseline again 3"]
    assert len({spec.fingerprint for spec in specs.values()}) == 4
    assert len({str(spec.config) for spec in specs.values()}) == 1
    assert specs["baseline"].fingerprint == next(spec for _, spec in own.runs()).fingerprint
    assert {c.family for c in plan.contrasts} == {"a/a"}


def test_a_study_without_factors_can_be_compared_with_itself() -> None:
    """Noise can be measured before there is anything to compare."""
    study = a_study(design=None, compare={"deep": {"set": {"gain": 2.0}}}, other_design="aa")

    assert len(make_plan(study).variants) == 6


def test_two_factors_have_nothing_beyond_their_pair() -> None:
    """Their contributions and their interaction are all there is."""
    plan = make_plan(a_study(factors={"A": {"gain": 5.0}, "B": {"noise": 1.5}}, other_design="attribution"))

    assert {contrast.family for contrast in plan.contrasts} == {"contributions", "interactions"}
