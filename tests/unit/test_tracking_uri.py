"""Which tracking store counts, and what is said of one that cannot work."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ablate.errors import TrackingError
from ablate.track import uri
from ablate.track.uri import check_uri, sqlite_path, tracking_uri


def a_store(path: Path, revision: str) -> Path:
    """A database that says it has this schema."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [revision])
    return path


def installed_revisions() -> tuple[str, str]:
    """The installed MLflow's schema, and the one before it."""
    links = uri._schema_links()
    (head,) = set(links) - set(links.values())
    return head, links[head]


def test_the_flag_beats_the_variable_and_the_variable_the_work_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty variable counts as none."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert tracking_uri("sqlite:///x.db", tmp_path) == "sqlite:///x.db"
    assert tracking_uri(None, tmp_path) == "http://host:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert tracking_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize("good", ["http://localhost:5000", "https://user:word@host/mlflow", "databricks"])
def test_a_server_is_not_asked(good: str) -> None:
    """A server that is away now may be back later."""
    check_uri(good)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("", "empty"),
        ("./mlruns", "migrate-filestore --source ./mlruns"),
        ("file:///data/mlruns", "migrate-filestore --source /data/mlruns"),
        ("ftp://host/x", "not a tracking URI"),
        ("://", "not a tracking URI"),
        ("localhost:5000", "not a tracking URI"),
        ("http://", "not a server's address"),
        ("http://host:port", "not a server's address"),
        ("http://[::1", "not a server's address"),
        ("sqlite://", "does not name a database file"),
        ("sqlite:///:memory:", "does not name a database file"),
    ],
)
def test_a_uri_that_cannot_work_is_refused_with_the_remedy(bad: str, said: str) -> None:
    """File stores, typing errors and stores that forget are refused before anything runs."""
    with pytest.raises(TrackingError) as caught:
        check_uri(bad)

    assert said in str(caught.value)
    assert caught.value.hint


def test_a_missing_driver_is_named_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PostgreSQL store needs its driver; the message keeps secrets."""
    monkeypatch.setattr(uri.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrackingError, match="psycopg2") as caught:
        check_uri("postgresql://me:secret@host/db")

    assert "secret" not in str(caught.value)


def test_a_fresh_store_and_a_current_one_are_fine(tmp_path: Path) -> None:
    """No file, an empty file and the installed MLflow's schema pass."""
    head, _ = installed_revisions()
    (tmp_path / "empty.db").touch()
    check_uri(f"sqlite:///{tmp_path}/new/mlflow.db")
    check_uri(f"sqlite:///{tmp_path}/empty.db")
    check_uri(f"sqlite:///{a_store(tmp_path / 'now.db', head)}")

    assert sqlite_path("sqlite:///now.db?timeout=3") == Path.cwd() / "now.db"
    assert sqlite_path("http://host") is None


def test_an_older_schema_comes_with_the_command_that_upgrades_it(tmp_path: Path) -> None:
    """The remedy can be pasted."""
    path = a_store(tmp_path / "old.db", installed_revisions()[1])
    with pytest.raises(TrackingError, match="older MLflow") as caught:
        check_uri(f"sqlite:///{path}")

    assert f"mlflow db upgrade sqlite:///{path}" in caught.value.hint


def test_a_newer_schema_asks_for_a_newer_mlflow(tmp_path: Path) -> None:
    """A store is never downgraded."""
    path = a_store(tmp_path / "newer.db", "ffffffffffff")
    with pytest.raises(TrackingError, match="newer MLflow") as caught:
        check_uri(f"sqlite:///{path}")

    assert "pip install --upgrade mlflow" in caught.value.hint


def test_half_a_store_and_no_store_are_refused(tmp_path: Path) -> None:
    """What MLflow would stumble over is moved away by the user, not by us."""
    (tmp_path / "text.db").write_text("not a database, but long enough to be mistaken for one" * 40)
    with closing(sqlite3.connect(tmp_path / "half.db")) as connection, connection:
        connection.execute("CREATE TABLE experiments (id INTEGER)")
    (tmp_path / "file").touch()
    for name in ("text.db", "half.db", "file/mlflow.db"):
        with pytest.raises(TrackingError) as caught:
            check_uri(f"sqlite:///{tmp_path}/{name}")
        assert caught.value.hint


def test_a_folder_whose_name_a_uri_cannot_carry_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow would open, or create, another folder; signs without a meaning are fine."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(TrackingError, match="%NN"):
        check_uri(tracking_uri(None, tmp_path / "a%20b"))
    with pytest.raises(TrackingError, match="%NN"):
        tracking_uri(None, tmp_path / "what?")

    check_uri(tracking_uri(None, tmp_path / "50 % of #1 & é"))


def test_a_locked_store_is_not_an_error(tmp_path: Path) -> None:
    """Another process at work is no reason to stop."""
    path = a_store(tmp_path / "busy.db", "ffffffffffff")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        check_uri(f"sqlite:///{path}")


def test_checking_imports_no_mlflow() -> None:
    """A command that only checks does not wait two seconds for an import."""
    program = (
        "import sys, ablate.track.mlflow_store as s; s.check_uri('sqlite:///x.db'); print('mlflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "False"
