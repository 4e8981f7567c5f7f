"""A tracking store that is gone in the middle of a study: it is told anew, or nobody claims that it was told."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from ablate.track import courier
from ablate.track.courier import TrackerQueue
from ablate.track.entities import Update
from ablate.track.memory import MemorySink
from ablate.track.mlflow_store import MlflowTracker
from ablate.track.projection import StoreLost
from ablate.track.transaction import make_safe
from tests.contract.test_trackers import shown_by_mlflow, template_database
from tests.contract.tracking_builders import Attempt, a_card, a_label, a_summary, tell


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        yield


class Forgetful(MemorySink):
    """Loses everything at its `lost`-th write."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost

    def write(self, run_id: str, update: Update) -> None:
        self.lost -= 1
        if self.lost < 0:
            raise StoreLost("no such run")
        super().write(run_id, update)


@pytest.mark.parametrize("lost", range(5))
def test_a_store_that_came_back_empty_is_told_everything_again(
    lost: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whenever it happens: finished runs, those under way, and the end; one sentence, no traceback."""
    caplog.set_level(logging.INFO)
    sinks = [Forgetful(lost), MemorySink()]
    opened: list[MemorySink] = []

    def connect() -> MemorySink:
        opened.append(sinks[len(opened)])
        return opened[-1]

    told = TrackerQueue(connect, is_hopeless=lambda error: True, store="there")
    told.begin(a_card())
    first = Attempt(tmp_path, a_label()).started().epochs(1, 2).finished(epoch=2)
    second = Attempt(tmp_path, a_label(index=1)).started().epochs(1, 2, 3).finished(epoch=3)
    for attempt in (first, second):
        for event in attempt.events():
            told.hear(attempt.label, attempt.folder, event)
    assert told.end(a_summary(), timeout=20)

    shown = {run.name: run for run in opened[-1].runs.values()}
    assert len(opened) == 2
    assert shown["baseline r0"].status == shown["baseline r1"].status == "FINISHED"
    assert sorted({point.step for point in shown["baseline r1"].points if point.key == "val/accuracy"}) == [1, 2, 3]
    assert caplog.text.count("sent again") == 1
    assert "Traceback" not in caplog.text


def test_a_store_that_loses_everything_each_time_is_given_up(tmp_path: Path) -> None:
    """It is not claimed that it has anything."""
    told = TrackerQueue(lambda: Forgetful(0), is_hopeless=lambda error: True, store="there")
    told.begin(a_card())
    attempt = Attempt(tmp_path, a_label()).started().epochs(1).finished(epoch=1)
    for event in attempt.events():
        told.hear(attempt.label, attempt.folder, event)

    assert not told.end(a_summary(), timeout=20)


def test_a_database_that_is_removed_in_the_middle_is_filled_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its connections would go on writing to the file that nobody can find any more."""
    database = tmp_path / "mlflow.db"
    database.write_bytes(template_database())
    tracker = MlflowTracker(f"sqlite:///{database}", tmp_path)
    tracker.begin(a_card())
    first = Attempt(tmp_path, a_label()).started().epochs(1, 2).finished(epoch=2)
    tell(tracker, first)
    assert tracker.end(a_summary(), timeout=60)
    database.unlink()
    second = Attempt(tmp_path, a_label(index=1)).started().epochs(1, 2).finished(epoch=2)
    tell(tracker, second)

    assert tracker.end(a_summary(), timeout=60)
    shown = {run.name for run in shown_by_mlflow(database)}
    assert {"baseline r0", "baseline r1"} <= shown
    assert "Traceback" not in caplog.text


def test_a_database_that_is_gone_at_the_end_is_not_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is an empty file put in its place, which would pass for a store without tables."""
    database = tmp_path / "mlflow.db"
    database.write_bytes(template_database())
    tracker = MlflowTracker(f"sqlite:///{database}", tmp_path)
    tracker.begin(a_card())
    end = tracker._courier.end

    def removed_after(*arguments: object, **named: object) -> bool:
        done = end(*arguments, **named)  # type: ignore[arg-type]
        database.unlink()
        return done

    monkeypatch.setattr(tracker._courier, "end", removed_after)
    assert not tracker.end(a_summary(), timeout=60)
    assert not database.exists()


def test_making_safe_creates_nothing(tmp_path: Path) -> None:
    """A database that is gone stays gone."""
    make_safe(tmp_path / "mlflow.db")

    assert list(tmp_path.iterdir()) == []


def test_what_is_left_of_a_removed_database_does_not_get_into_the_new_one(tmp_path: Path) -> None:
    """SQLite would read a -wal beside it as its own."""
    from ablate.track.sqlite_store import create_store

    (tmp_path / "mlflow.db-wal").write_bytes(b"old")

    def build(aside: Path) -> None:
        with closing(sqlite3.connect(aside)) as connection, connection:
            connection.execute("CREATE TABLE experiments (id)")

    create_store(tmp_path / "mlflow.db", build)
    assert not (tmp_path / "mlflow.db-wal").exists()
    assert courier.MOST_ANEW > 0
