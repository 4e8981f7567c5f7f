"""A database of MLflow's without runs is made once for a version, and copied."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from ablate.files import user_cache
from ablate.track.empty_store import copy_empty_store
from ablate.track.environment import quiet_environment
from ablate.track.sqlite_store import build_store, create_store


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path) -> Iterator[Path]:
    """A cache folder of the test's own; trackers set defaults, which other tests shall not see."""
    with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(tmp_path / "cache")}):
        quiet_environment()
        yield user_cache()


def make(folder: Path) -> Path:
    """A store in a new work folder."""
    folder.mkdir()
    path = folder / "mlflow.db"
    create_store(path, lambda aside: build_store(aside, str(folder / "mlartifacts")))
    return path


def content(path: Path) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Tables and indexes as SQL, and the experiments with where they keep their files."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        return tables, connection.execute("SELECT name, artifact_location FROM experiments").fetchall()


def test_a_copied_store_is_the_one_mlflow_makes(tmp_path: Path, own_cache: Path) -> None:
    """The second work folder's store is a copy: the same tables, its own place for files, the time of now."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    first = make(tmp_path / "first")
    with mock.patch.object(SqlAlchemyStore, "__init__", side_effect=AssertionError("made a second time")):
        second = make(tmp_path / "second")

    (tables, here), (same, there) = content(first), content(second)
    assert tables == same
    assert len(tables) > 30
    assert here == [("Default", f"{tmp_path}/first/mlartifacts/0")]
    assert there == [("Default", f"{tmp_path}/second/mlartifacts/0")]
    with closing(sqlite3.connect(second)) as connection:
        ((created,),) = connection.execute("SELECT creation_time FROM experiments").fetchall()
    assert abs(created / 1000 - time.time()) < 60


def test_a_damaged_copy_is_made_again(tmp_path: Path, own_cache: Path) -> None:
    """What is kept is taken only as it was written."""
    first = make(tmp_path / "first")
    (kept,) = own_cache.glob("mlflow-*.db")
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")

    (again, _), (made, _) = content(make(tmp_path / "second")), content(first)
    assert [name for name, _ in again] == [name for name, _ in made]  # MLflow orders constraints as it happens
    assert len(list(own_cache.glob("mlflow-*.db"))) == 2


def test_a_cache_folder_that_cannot_be_used_costs_time_alone(tmp_path: Path, own_cache: Path) -> None:
    """The store is made where it is to lie."""
    own_cache.parent.mkdir(parents=True, exist_ok=True)
    own_cache.write_text("no folder")

    assert content(make(tmp_path / "work"))[1] == [("Default", f"{tmp_path}/work/mlartifacts/0")]


def test_a_relative_root_is_left_to_mlflow(tmp_path: Path) -> None:
    """What a relative place means is MLflow's to say."""
    roots: list[str] = []

    def build(path: Path, root: str) -> None:
        roots.append(root)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE experiments (artifact_location, creation_time, last_update_time)")

    copy_empty_store(tmp_path / "mlflow.db", "files", build)

    assert roots[-1] == "files"
