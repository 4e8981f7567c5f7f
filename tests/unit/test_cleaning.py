"""What can go from a work folder, and what must stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.files import locked
from ablate.records import Failed, Finished, RunSpec, Stamp
from ablate.store.journal import Journal, read_history
from ablate.store.run_names import write_names
from ablate.store.work_folder import Store
from ablate.workflows.clean import find_garbage, remove
from tests.training_builders import a_spec

SPEC, OTHER = (a_spec({"gain": gain}, trainer="ablate.toy:train") for gain in (0.0, 1.0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty work folder."""
    return Store(tmp_path)


def an_attempt(
    store: Store, end: str = "", *, resumed: Path | None = None, spec: RunSpec = SPEC, data: str = ""
) -> Path:
    """An attempt with an epoch that finished, failed or (by default) broke off; each has a log of 100 bytes."""
    attempt = store.new_attempt(spec)
    journal = Journal(attempt)
    if resumed is not None:
        journal.append("resumed", {"attempt": resumed.name, "epoch": 1})
    journal.append("epoch", {"epoch": 2 if resumed else 1, "metrics": {}})
    if end == "finished":
        journal.append(
            "finished", Finished(folder=attempt, metrics={"accuracy": 0.5}, stamp=Stamp(data_digest=data)).to_json()
        )
    elif end == "failed":
        journal.append("failed", Failed(folder=attempt, reason="error").to_json())
    (attempt / "run.log").write_bytes(b"x" * 100)
    return attempt


def paths_in(store: Store, **options: bool) -> set[Path]:
    """What would go."""
    return {item.path for item in find_garbage(store.work, **options)}


def test_attempts_behind_a_result_stay_and_the_others_go(store: Store) -> None:
    """A result that was gone on to needs the journals it went on from."""
    lost = an_attempt(store)
    first = an_attempt(store)
    failed = an_attempt(store, "failed")
    second = an_attempt(store, "finished", resumed=first)

    assert paths_in(store) == {lost, failed}
    remove(find_garbage(store.work), store.work)
    assert [event.data["epoch"] for event in read_history(second)] == [1, 2]


def test_of_two_results_the_newer_stays(store: Store) -> None:
    """The older was made by other code."""
    old = an_attempt(store, "finished")
    an_attempt(store, "finished")

    assert paths_in(store) == {old}


def test_a_result_on_other_data_stays(store: Store) -> None:
    """Two data sets under one configuration share a fingerprint, not a result."""
    an_attempt(store, "finished", data="cats")
    an_attempt(store, "finished", data="dogs")

    assert paths_in(store) == set()


def test_an_unfinished_run_keeps_what_it_can_go_on_from(store: Store) -> None:
    """The newest two attempts, and any with a checkpoint."""
    saved, lost, *_ = (an_attempt(store) for _ in range(4))
    (saved / "checkpoint-000001").write_text("state")

    assert paths_in(store) == {lost}


def test_checkpoints_behind_a_result_go(store: Store) -> None:
    """A process that was killed right after its result has left them."""
    attempt = an_attempt(store, "finished")
    (attempt / "checkpoint-000001").write_text("state")

    (item,) = find_garbage(store.work)
    assert (item.path.name, item.size) == ("checkpoint-000001", 5)


def test_a_run_at_work_is_left_alone(store: Store) -> None:
    """Even one that began between looking and removing."""
    lost = an_attempt(store, "failed")
    an_attempt(store, "finished")
    found = find_garbage(store.work)
    with locked(store.lock(SPEC.fingerprint)):
        during = find_garbage(store.work)
        freed = remove(found, store.work)

    assert (during, freed, lost.exists()) == ([], 0, True)


def test_looking_removes_nothing_and_removing_frees_what_was_said(store: Store) -> None:
    """Hard links to files of the tracking store free nothing."""
    lost = an_attempt(store, "failed")
    an_attempt(store, "finished")
    (lost / "weights").write_bytes(b"w" * 1000)
    (store.work / "elsewhere").hardlink_to(lost / "weights")
    (item,) = find_garbage(store.work)

    assert lost.exists()
    assert 100 < item.size < 1000 + 100
    assert remove([item], store.work) == item.size
    assert not lost.exists()


def test_caches_go_only_where_that_was_asked_for(store: Store) -> None:
    """Half-built ones always."""
    (store.cache / "pictures" / "whole").mkdir(parents=True)
    half = store.cache / "pictures" / ".whole.x7"
    half.mkdir()

    assert paths_in(store) == {half}
    assert paths_in(store, caches=True) == {store.cache / "pictures"}


def test_runs_no_study_names_go_only_where_that_was_asked_for(store: Store) -> None:
    """They may be another study's whose file lies elsewhere."""
    an_attempt(store, "finished")
    unnamed = an_attempt(store, "finished", spec=OTHER)
    write_names(store.study("toy"), "toy", "toy.yaml", {"baseline": {"0": SPEC.fingerprint}})

    assert paths_in(store) == set()
    assert paths_in(store, unused=True) == {unnamed.parent}
