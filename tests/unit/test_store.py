"""Where runs lie, and which of their attempts counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.files import read_sealed, sha256_file
from ablate.records import Failed, Finished, RunSpec
from ablate.splits.rules import Folds, Protocol, Replicate
from ablate.store.journal import Journal
from ablate.store.work_folder import SPEC, Store

A_SPEC = RunSpec(
    trainer="ablate.toy:train",
    config={"skill": 50.0},
    identity={},
    protocol=Protocol(test=Folds(count=3)),
    replicate=Replicate(index=0),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty work folder."""
    return Store(tmp_path)


def finish(attempt: Path, accuracy: float) -> Path:
    """The attempt ends well."""
    Journal(attempt).append("finished", Finished(folder=attempt, metrics={"accuracy": accuracy}).to_json())
    return attempt


def fail(attempt: Path) -> Path:
    """The attempt ends with an error."""
    Journal(attempt).append("failed", Failed(folder=attempt, reason="error").to_json())
    return attempt


def test_everything_but_the_reports_lies_in_one_hidden_folder(store: Store) -> None:
    """Below the work folder."""
    assert store.cache == store.work / ".ablate" / "cache"
    assert store.study("toy@3f2a91") == store.work / ".ablate" / "studies" / "toy@3f2a91"


def test_a_run_that_was_never_tried_has_no_attempts(store: Store) -> None:
    """And asking makes no folder."""
    assert store.attempts(A_SPEC.fingerprint) == []
    assert store.results(A_SPEC.fingerprint) == []
    assert store.last_failure(A_SPEC.fingerprint) is None
    assert list(store.work.iterdir()) == []


def test_every_attempt_has_a_folder_of_its_own_with_its_spec(store: Store) -> None:
    """Named by the fingerprint and a number."""
    attempts = [store.new_attempt(A_SPEC, {"kind": "train"}) for _ in range(2)]

    assert [attempt.relative_to(store.root) for attempt in attempts] == [
        Path("runs", A_SPEC.fingerprint, "001"),
        Path("runs", A_SPEC.fingerprint, "002"),
    ]
    assert read_sealed(attempts[1] / SPEC) == {"spec": A_SPEC.to_json(), "kind": "train"}


def test_attempts_are_counted_as_numbers(store: Store) -> None:
    """The thousandth comes after the 999th."""
    first = store.new_attempt(A_SPEC)
    for name in ("999", "1000", "notes", "²"):
        (first.parent / name).mkdir()

    assert [attempt.name for attempt in store.attempts(A_SPEC.fingerprint)] == ["001", "999", "1000"]
    assert store.new_attempt(A_SPEC).name == "1001"


def test_attempts_that_have_not_ended_are_no_results(store: Store) -> None:
    """The others come in order."""
    failed, _, finished = (store.new_attempt(A_SPEC) for _ in range(3))
    fail(failed)
    finish(finished, 0.5)

    assert [result.folder for result in store.results(A_SPEC.fingerprint)] == [failed, finished]


def test_the_newest_finished_attempt_comes_first(store: Store) -> None:
    """Failures are not among them."""
    first = finish(store.new_attempt(A_SPEC), 0.5)
    fail(store.new_attempt(A_SPEC))
    third = finish(store.new_attempt(A_SPEC), 0.6)

    assert [result.folder for result in store.finished(A_SPEC.fingerprint)] == [third, first]


def test_the_last_failure_is_that_of_the_newest_attempt(store: Store) -> None:
    """Once a later attempt has finished there is none."""
    failed = fail(store.new_attempt(A_SPEC))
    before = store.last_failure(A_SPEC.fingerprint)
    finish(store.new_attempt(A_SPEC), 0.5)

    assert before is not None
    assert before.folder == failed
    assert store.last_failure(A_SPEC.fingerprint) is None


@pytest.mark.parametrize("damage", ["gone", "one bit"])
def test_a_result_whose_scores_are_not_what_they_were_is_a_failure(damage: str, store: Store) -> None:
    """A table never rests on them; the message says what becomes of the run."""
    attempt = store.new_attempt(A_SPEC)
    scores = attempt / "outcomes.npz"
    scores.write_bytes(b"scores")
    digests = {"outcomes.npz": sha256_file(scores)}
    finished = Finished(folder=attempt, metrics={"accuracy": 0.5}, images="outcomes.npz", digests=digests)
    Journal(attempt).append("finished", finished.to_json())
    before = store.finished(A_SPEC.fingerprint)
    if damage == "gone":
        scores.unlink()
    else:
        scores.write_bytes(b"scoret")

    (result,) = store.results(A_SPEC.fingerprint)
    assert before == [finished]
    assert isinstance(result, Failed)
    assert result.reason == "damaged"
    assert "trains it again" in result.message
