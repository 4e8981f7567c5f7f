"""Every record becomes JSON and comes back unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.records import FORMAT, Cost, Failed, Finished, RunSpec, Stamp
from ablate.splits.rules import Folds, Official, Protocol, Replicate, Share, test_from_json

FOLDER = Path("runs/3f2a/001")
TEXT = st.text(max_size=10)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
CONFIGS = st.dictionaries(TEXT, JSON, max_size=4)
SHARES = st.floats(0.01, 0.99) | st.integers(1, 1000)
TESTS = st.builds(Folds, count=st.integers(2, 50)) | st.builds(Share, share=SHARES) | st.just(Official())
PROTOCOLS = st.builds(
    Protocol,
    test=TESTS,
    val=st.none() | SHARES,
    weights=st.sampled_from(["last", "best"]),
    metric=TEXT,
    sealed=st.booleans(),
)
REPLICATES = st.builds(Replicate, index=st.integers(0, 1000), stream=TEXT)
SPECS = st.builds(RunSpec, trainer=TEXT, config=CONFIGS, identity=CONFIGS, protocol=PROTOCOLS, replicate=REPLICATES)
COSTS = st.builds(
    Cost,
    **dict.fromkeys(["parameters", "flops", "steps", "images_seen", "peak_bytes"], st.none() | COUNTS),
    train_seconds=st.none() | NUMBERS,
)
STAMPS = st.builds(
    Stamp,
    versions=st.dictionaries(TEXT, TEXT, max_size=3),
    **dict.fromkeys(["source_digest", "data_digest", "device", "git_commit", "platform"], TEXT),
)
FINISHED = st.builds(
    Finished,
    folder=st.just(FOLDER),
    metrics=st.dictionaries(TEXT, NUMBERS, max_size=3),
    epoch=st.none() | COUNTS,
    images=st.none() | TEXT,
    test_digest=TEXT,
    files=st.dictionaries(TEXT, TEXT, max_size=3),
    cost=COSTS,
    stamp=STAMPS,
    seconds=NUMBERS,
)
FAILED = st.builds(
    Failed,
    folder=st.just(FOLDER),
    reason=st.sampled_from(["error", "diverged", "oom", "killed", "timeout", "interrupted"]),
    message=TEXT,
    traceback=TEXT,
    source_digest=TEXT,
)

few = settings(max_examples=30, deadline=None)


def through_json(data: Any) -> Any:
    """As it comes out of a file."""
    return json.loads(json.dumps(data, allow_nan=False))


@few
@given(SPECS)
def test_a_spec_comes_back_unchanged(spec: RunSpec) -> None:
    """And with it its fingerprint."""
    back = RunSpec.from_json(through_json(spec.to_json()))

    assert (back, back.fingerprint) == (spec, spec.fingerprint)


@few
@given(FINISHED)
def test_a_finished_run_comes_back_unchanged(run: Finished) -> None:
    """In whatever folder it lies now."""
    assert Finished.from_json(FOLDER, through_json(run.to_json())) == run


@few
@given(FAILED)
def test_a_failed_run_comes_back_unchanged(run: Failed) -> None:
    """Likewise."""
    assert Failed.from_json(FOLDER, through_json(run.to_json())) == run


@few
@given(FINISHED)
def test_a_record_does_not_know_its_folder(run: Finished) -> None:
    """A work folder can be moved."""
    assert "folder" not in run.to_json()


@few
@given(SPECS, SPECS)
def test_two_specs_share_a_fingerprint_only_where_they_ask_the_same(one: RunSpec, other: RunSpec) -> None:
    """Trainer, identity, protocol and replicate: nothing else, and all of these."""
    asked = [
        json.dumps([spec.trainer, spec.identity, spec.protocol.identity(), spec.replicate.index, spec.replicate.stream],
                   sort_keys=True)
        for spec in (one, other)
    ]  # fmt: skip

    assert (one.fingerprint == other.fingerprint) == (asked[0] == asked[1])


@few
@given(SPECS, CONFIGS)
def test_what_is_no_identity_does_not_change_the_fingerprint(spec: RunSpec, config: dict[str, Any]) -> None:
    """The complete config may hold anything beside."""
    data = spec.to_json() | {"config": config}

    assert RunSpec.from_json(data).fingerprint == spec.fingerprint


@few
@given(TESTS)
def test_a_test_rule_is_written_as_in_the_study_file(rule: Any) -> None:
    """{folds: F}, {share: s} or official."""
    written = RunSpec(
        trainer="", config={}, identity={}, protocol=Protocol(test=rule), replicate=Replicate(index=0)
    ).to_json()["protocol"]["test"]

    assert test_from_json(written) == rule


@few
@given(REPLICATES, st.lists(TEXT | st.integers(), max_size=3), st.lists(TEXT | st.integers(), max_size=3))
def test_a_seed_depends_on_replicate_and_purpose_only(replicate: Replicate, one: list[Any], other: list[Any]) -> None:
    """Same question, same answer; another purpose, another one."""
    assert replicate.seed(*one) == replicate.seed(*one)
    assert 0 <= replicate.seed(*one) < 2**63
    assert (replicate.seed(*one) == replicate.seed(*other)) == (one == other)


def test_seeds_differ_between_replicates_and_streams() -> None:
    """All variants of a replicate share their luck; nobody else does."""
    replicates = [Replicate(index=index, stream=stream) for index in range(50) for stream in ("main", "confirm")]

    assert len({replicate.seed("init") for replicate in replicates}) == 100


@pytest.mark.parametrize("weights", ["last", "best"])
def test_the_metric_is_identity_only_where_it_chooses_the_epoch(weights: Any) -> None:
    """Otherwise every metric can be judged on the same runs."""
    one, other = (Protocol(test=Official(), val=0.1, weights=weights, metric=m) for m in ("accuracy", "loss"))

    assert (one.identity() == other.identity()) is (weights == "last")


def test_records_say_which_format_they_have() -> None:
    """A later release has to recognise them."""
    spec = RunSpec(trainer="", config={}, identity={}, protocol=Protocol(test=Official()), replicate=Replicate(index=0))

    assert spec.to_json()["format"] == FORMAT == 1


def test_a_seed_of_32_bits_is_the_upper_half_of_the_other() -> None:
    """Small enough for `np.random.seed`, as different as the whole one; both stay what they are."""
    replicate = Replicate(index=3)
    seeds = {Replicate(index=index).seed32("init", epoch) for index in range(10) for epoch in range(10)}

    assert replicate.seed32("init") == replicate.seed("init") >> 31
    assert (replicate.seed("init"), replicate.seed32("init")) == (5966060911062694180, 5966060911062694180 >> 31)
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert len(seeds) == 100
    for seed in seeds:
        np.random.RandomState(seed)
