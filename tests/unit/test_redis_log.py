"""A search kept in Redis executes nothing that others put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import BaseJournalBackend

from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.search.result import SearchOptions
from ablate.workflows.search.run import run_search
from tests.search_builders import a_study_file

LOGS: dict[str, list[dict[str, Any]]] = {}
"""URL -> what the server holds."""


class Evil:
    """What a pickle can do."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.system, (f"echo executed > {os.environ['TRACE']}",)


class Redis(BaseJournalBackend):
    """Optuna's backend on a server to which somebody else can write: its snapshot is a trap."""

    def __init__(self, url: str) -> None:
        self._logs = LOGS.setdefault(url, [])

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """As Optuna's own."""
        yield from self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """As Optuna's own."""
        self._logs.extend(logs)


class RedisWithSnapshots(Redis, optuna.storages.journal._base.BaseJournalSnapshot):
    """What Optuna's JournalStorage unpickles as soon as it is opened."""

    def load_snapshot(self) -> bytes:
        """A pickle."""
        import pickle

        return pickle.dumps(Evil())

    def save_snapshot(self, snapshot: bytes) -> None:
        """Never asked for."""
        raise AssertionError(snapshot)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_snapshot_in_redis_is_not_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log alone is read, and a second call goes on from it."""
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    monkeypatch.setattr("optuna.storages.journal.JournalRedisBackend", RedisWithSnapshots)
    found = []
    for trials in (1, 2):
        search = SearchOptions(trials=trials, storage=f"redis://{tmp_path.name}:6379")
        study = load_study(a_study_file(tmp_path))
        found.append(run_search(study, search=search, work=tmp_path, options=Options(executor="inline", track=False)))

    assert not (tmp_path / "trace").exists()
    assert [len(one.tried) for one in found] == [1, 2]
    assert [one.trained for one in found] == [1, 1]
