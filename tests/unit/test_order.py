"""The order in which runs are begun."""

from __future__ import annotations

import random

from ablate.harness.order import longest_first, work_of
from ablate.inspection import Description
from ablate.records import Prepared, Variant
from tests.training_builders import a_config, a_spec


def variant(name: str, epochs: int) -> Variant:
    return Variant(name=name, reference=None, changes={}, config={"epochs": epochs}, identity={"epochs": epochs})


def test_replicates_keep_their_order_and_within_one_the_longest_is_first() -> None:
    """An interim analysis needs whole replicates; of equal ones the plan's order counts."""
    work = {"baseline": 1.0, "long": 3.0, "same": 1.0}
    runs = [(name, a_spec(a_config(), replicate=index)) for index in range(2) for name in work]

    ordered = [(name, spec.replicate.index) for name, spec in longest_first(runs, work)]

    assert ordered == [(name, index) for index in range(2) for name in ("long", "baseline", "same")]


def test_runs_of_which_nothing_is_known_stay_as_planned() -> None:
    """A trainer of one's own need not tell how long it takes."""
    runs = [(name, a_spec(a_config(), replicate=index)) for index in range(2) for name in "cab"]

    assert longest_first(runs, {}) == runs


def test_work_is_epochs_times_images_times_the_network() -> None:
    """The network counts where it is known of all; else none of them does."""
    variants = [variant("a", 2), variant("b", 4), variant("c", 1)]
    prepared = {name: Prepared(digest="", counts={"train": count}) for name, count in (("a", 10), ("b", 20))}
    described = {name: Description(flops=flops) for name, flops in (("a", 5), ("b", 7), ("c", 9))}

    assert work_of(variants, prepared, described) == {"a": 100.0, "b": 560.0, "c": 0.0}
    assert work_of(variants, prepared, described | {"c": None}) == {"a": 20.0, "b": 80.0, "c": 0.0}


def test_the_order_never_loses_a_run() -> None:
    """Whatever the work."""
    rng = random.Random(0)
    runs = [(name, a_spec(a_config(), replicate=index)) for index in range(5) for name in "abcd"]
    work = {name: rng.random() for name in "abcd"}

    ordered = longest_first(runs, work)

    assert sorted(map(str, ordered)) == sorted(map(str, runs))
    assert [spec.replicate.index for _, spec in ordered] == sorted(spec.replicate.index for _, spec in runs)
