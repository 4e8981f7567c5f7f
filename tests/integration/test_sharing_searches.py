"""Several processes train one search: one asks Optuna, the others take what it has no slot for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ablate.harness import offers
from ablate.harness.offers import ASKING, FOLDER, OfferedSource, Offers, helping, offering
from ablate.records import Finished
from ablate.store.work_folder import Store
from ablate.workflows.join import Joined
from ablate.workflows.search.join import join_search
from tests.builders import a_finished
from tests.search_builders import a_search_study, a_study_file
from tests.training_builders import a_spec

TOY = "ablate.toy:train"


def started(*words: object) -> subprocess.Popen[str]:
    """A command of its own, one run at a time, that prints JSON."""
    command = [sys.executable, "-m", "ablate", *map(str, words), "--workers", "1", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(work: Path, pattern: str) -> None:
    """Until such a file lies among the offers."""
    folder, until = work / ".ablate" / "studies" / "toy-search" / FOLDER, time.monotonic() + 60
    while not list(folder.glob(pattern)) and time.monotonic() < until:
        time.sleep(0.05)


def a_helper(path: Path) -> subprocess.Popen[str]:
    """A process that waits for the search to begin."""
    helper = started("join", path, "--search", "--work", path.parent)
    wait_for(path.parent, "helpers/*")
    return helper


def printed(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it printed, once it has ended well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def results(work: Path) -> list[list[Finished]]:
    """The finished attempts of every run."""
    store = Store(work)
    return [store.finished(fingerprint) for fingerprint in sorted(store.begun())]


def test_others_train_trials_of_a_search(tmp_path: Path) -> None:
    """No run twice, none lost; the search has all its trials, and nobody else asked for one."""
    path = a_study_file(tmp_path, "{space: {gain: {low: 0.0, high: 30.0}}, trials: 6}", epochs=2, seconds=1.0)
    helper = a_helper(path)
    found = printed(started("optuna", path, "--work", tmp_path, "--no-tracking"))
    helped = printed(helper)
    runs = results(tmp_path)

    assert found["complete"] == 6
    assert helped["trained"] >= 1
    assert {len(attempts) for attempts in runs} == {1}
    assert not (tmp_path / ".ablate" / "studies" / "toy-search" / FOLDER / ASKING).exists()


@pytest.mark.slow
def test_a_helper_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """Its run goes on where it was, with whoever is free."""
    path = a_study_file(tmp_path, "{space: {gain: {low: 0.0, high: 30.0}}, trials: 6}", epochs=2, seconds=1.0)
    helper = a_helper(path)
    search = started("optuna", path, "--work", tmp_path, "--no-tracking")
    wait_for(tmp_path, "*.json")
    os.kill(helper.pid, signal.SIGKILL)
    helper.communicate()

    assert printed(search)["complete"] == 6


def test_a_helper_without_a_search_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits a while for one to begin."""
    monkeypatch.setattr(offers, "SILENT_SECONDS", 0.5)
    found = join_search(a_search_study(tmp_path), work=tmp_path)

    assert found == Joined(trained=0, failed=0, left=0, exit_code=0)


# --- the two sides by themselves ----------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A work folder."""
    return Store(tmp_path)


def offered(source: OfferedSource, free: int) -> list[str]:
    """What a helper takes now."""
    source._looked = 0.0
    return [spec.fingerprint for spec in source.take(free)]


def test_as_much_is_wanted_as_helpers_can_carry(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less what waits already; who has fallen silent counts no more."""
    with offering(tmp_path, store) as asking:
        assert asking.wanted(0) == 0
        with helping(tmp_path, 3) as folder:
            own = next(iter((folder / "helpers").iterdir())) if (folder / "helpers").exists() else None
            while own is None:
                own = next(iter((folder / "helpers").glob("*")), None)
            asking._looked = 0.0
            assert asking.wanted(1) == 2
        (folder / "helpers" / "dead").write_text("5 1", encoding="utf-8")
        asking._looked = 0.0
        assert asking.wanted(0) == 5
        monkeypatch.setattr(offers, "SILENT_SECONDS", 0.0)
        asking._looked = 0.0
        assert asking.wanted(0) == 0


def test_an_offer_is_taken_once_and_only_for_the_same_trainer(tmp_path: Path, store: Store) -> None:
    """A file that names another one, or another run, is no offer of this search."""
    mine, other = a_spec({}, trainer=TOY), a_spec({"optimizer": {"lr": 0.1}}, trainer="tests.small_trainer:train")
    with offering(tmp_path, store) as asking:
        asking.offer(mine)
        asking.offer(other)
        (tmp_path / FOLDER / f"{'0' * 64}.json").write_text(json.dumps(mine.to_json()), encoding="utf-8")
        (tmp_path / FOLDER / "torn.json").write_text("{", encoding="utf-8")
        source = OfferedSource(tmp_path / FOLDER, TOY)

        assert offered(source, 5) == [mine.fingerprint]
        assert offered(source, 5) == []
        asking.withdraw(mine.fingerprint)
        assert offered(OfferedSource(tmp_path / FOLDER, TOY), 5) == []


def test_an_end_counts_where_code_and_data_are_the_same(tmp_path: Path, store: Store) -> None:
    """A result of other code is none, and the run stays on offer."""
    spec = a_spec({}, trainer=TOY)
    with offering(tmp_path, store) as asking:
        asking.offer(spec)
        found = a_finished(store.new_attempt(spec))
        stamp = found.stamp

        assert asking.result(spec, "other", stamp.data_digest) is None
        assert asking.result(spec, stamp.source_digest, stamp.data_digest) == found
        assert not list((tmp_path / FOLDER).glob("*.json"))


def test_helpers_end_when_the_search_does(tmp_path: Path, store: Store) -> None:
    """Not before it has begun."""
    source = OfferedSource(tmp_path / FOLDER, TOY)
    assert not source.done()
    with offering(tmp_path, store) as asking:
        asking.wanted(0)
        assert not source.done()

    assert source.done()
    assert isinstance(asking, Offers)
