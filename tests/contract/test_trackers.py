"""The tracker contract over every tracker there is."""

from __future__ import annotations

import functools
import math
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from ablate.track.environment import quiet_environment
from ablate.track.memory import MemorySink, MemoryTracker, TrackedRun
from ablate.track.mlflow_store import MlflowSink, MlflowTracker
from tests.contract.tracker_contract import TrackerContract
from tests.contract.tracking_builders import Shown

if TYPE_CHECKING:
    from mlflow.entities import Run


class MemoryStore:
    """Runs in memory."""

    def __init__(self) -> None:
        self._sink = MemorySink()

    def tracker(self) -> MemoryTracker:
        return MemoryTracker(self._sink)

    def shown(self) -> list[Shown]:
        return [self._one(run) for run in self._sink.runs.values()]

    def _one(self, run: TrackedRun) -> Shown:
        history: dict[str, list[tuple[int, float, int]]] = {}
        for point in run.points:
            history.setdefault(point.key, []).append((point.step, point.value, point.at))
        return Shown(
            name=run.name,
            parent=self._sink.runs[run.parent].name if run.parent else None,
            status=run.status,
            started=run.started,
            ended=run.ended,
            tags=dict(run.tags),
            params=dict(run.params),
            history={key: sorted(points) for key, points in history.items()},
            artifacts={k: v if isinstance(v, bytes) else v.read_bytes() for k, v in run.artifacts.items()},
            data=(run.data.name,) if run.data else (),
        )


class MlflowStore:
    """MLflow over sqlite in a folder."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._path = work / "mlflow.db"

    def tracker(self) -> MlflowTracker:
        return MlflowTracker(f"sqlite:///{self._path}", self._work)

    def shown(self) -> list[Shown]:
        return shown_by_mlflow(self._path)


def shown_by_mlflow(path: Path) -> list[Shown]:
    """Every run of every experiment by MLflow's client; the points of metrics as the database has them."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{path}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = sorted(client.search_runs(experiments), key=lambda run: run.info.run_id)
    names = {run.info.run_id: run.info.run_name for run in runs}
    with closing(sqlite3.connect(path)) as connection:
        return [_one(run, names, connection) for run in runs]


def _one(run: Run, names: dict[str, str], connection: sqlite3.Connection) -> Shown:
    history: dict[str, list[tuple[int, float, int]]] = {}
    query = "SELECT key, step, value, is_nan, timestamp FROM metrics WHERE run_uuid = ? ORDER BY key, step"
    for key, step, value, is_nan, at in connection.execute(query, [run.info.run_id]):
        history.setdefault(key, []).append((step, math.nan if is_nan else value, at))
    root = Path(run.info.artifact_uri.removeprefix("file://"))
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return Shown(
        name=run.info.run_name,
        parent=names.get(run.data.tags.get("mlflow.parentRunId", "")),
        status=run.info.status,
        started=run.info.start_time,
        ended=run.info.end_time,
        tags=dict(run.data.tags),
        params=dict(run.data.params),
        history=history,
        artifacts={path.relative_to(root).as_posix(): path.read_bytes() for path in files},
        data=tuple(entry.dataset.name for entry in run.inputs.dataset_inputs),
    )


@functools.cache
def template_database() -> bytes:
    """A migrated store; copying it takes milliseconds where a migration takes seconds."""
    quiet_environment()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mlflow.db")
        MlflowSink(f"sqlite:///{path}", folder)
        return path.read_bytes()


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        yield


class TestMemoryTracker(TrackerContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestMlflowTrackerOverSqlite(TrackerContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> MlflowStore:
        (tmp_path / "mlflow.db").write_bytes(template_database())
        return MlflowStore(tmp_path)
