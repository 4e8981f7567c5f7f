"""The first use of a sqlite store: by many at once, and by some who die."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from ablate.track.environment import quiet_environment
from ablate.track.sqlite_store import build_store, create_store
from ablate.track.uri import check_uri

STARTERS = """
import os, sys
from pathlib import Path
from ablate.track.environment import quiet_environment
quiet_environment()
import mlflow.store.tracking.sqlalchemy_store
from ablate.track.mlflow_store import MlflowSink

def start(work, number):
    sink = MlflowSink(f"sqlite:///{work / 'mlflow.db'}", str(work / "mlartifacts"))
    experiment = sink._client.create_experiment(f"experiment {number} of {os.getppid()}")
    sink._client.create_run(experiment)

work = Path(sys.argv[1])
children = []
for number in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            start(work, number)
            code = 0
        finally:
            os._exit(code)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""


def uri_in(work: Path) -> str:
    """The default store of a work folder."""
    return f"sqlite:///{work / 'mlflow.db'}"


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        yield


def codes_of_starters(work: Path, processes: int) -> str:
    """How many processes fared that began together on the store in this folder."""
    command = [sys.executable, "-c", STARTERS, str(work), str(processes)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout.strip()


def names_of_experiments(work: Path) -> set[str]:
    with closing(sqlite3.connect(work / "mlflow.db")) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM experiments")}


def test_four_processes_may_begin_on_a_fresh_store(tmp_path: Path) -> None:
    """Every one of them can write, and the store is in the mode that lets readers read."""
    assert codes_of_starters(tmp_path, 4) == str([0] * 4)

    assert len(names_of_experiments(tmp_path)) == 1 + 4
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    check_uri(uri_in(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(16))
def test_eight_processes_may_begin_on_a_fresh_store(tmp_path: Path, round_: int) -> None:
    """However they race."""
    assert codes_of_starters(tmp_path, 8) == str([0] * 8)
    assert len(names_of_experiments(tmp_path)) == 1 + 8


@pytest.mark.slow
@pytest.mark.parametrize("number", range(16))
def test_a_process_killed_while_it_creates_the_store_leaves_none_or_a_whole_one(tmp_path: Path, number: int) -> None:
    """Whenever it dies, the next process finds a store it can use or makes one."""
    program = STARTERS.replace("print([os.waitpid", 'print("ready", flush=True); print([os.waitpid')
    command = [sys.executable, "-c", program, str(tmp_path), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(number).uniform(0.0, 4.0))
        os.killpg(process.pid, signal.SIGKILL)
    check_uri(uri_in(tmp_path))

    assert codes_of_starters(tmp_path, 1) == "[0]"
    assert not list(tmp_path.glob(".mlflow.db.tmp-*"))


def test_a_builder_that_died_leaves_nothing_behind(tmp_path: Path) -> None:
    """What a killed process had built so far is swept away by the next one."""
    path = tmp_path / "mlflow.db"
    for left_over in (".mlflow.db.tmp-1", ".mlflow.db.tmp-1-journal"):
        (tmp_path / left_over).write_bytes(b"half")

    def build(aside: Path) -> None:
        with closing(sqlite3.connect(aside)) as connection, connection:
            connection.execute("CREATE TABLE experiments (id)")

    create_store(path, build)
    create_store(path, lambda aside: pytest.fail("there is one already"))

    assert {entry.name for entry in tmp_path.iterdir()} == {"mlflow.db", "mlflow.db.lock"}


@pytest.mark.slow
def test_a_store_can_be_built_by_public_calls_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should MLflow rename its store, a child process builds it."""
    quiet_environment()
    monkeypatch.setitem(sys.modules, "mlflow.store.tracking.sqlalchemy_store", None)
    create_store(tmp_path / "mlflow.db", lambda aside: build_store(aside, str(tmp_path)))

    check_uri(uri_in(tmp_path))
    assert names_of_experiments(tmp_path) == {"Default"}
