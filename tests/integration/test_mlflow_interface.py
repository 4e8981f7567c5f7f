"""`ablate ui`: an address that answers, in the mode for training, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from ablate.errors import TrackingError
from ablate.track.upgrading import upgrade_store
from ablate.track.uri import check_uri

pytestmark = [
    pytest.mark.serial,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals as Unix has them"),
]
PATIENCE = 200.0
OLDER = 12
"""Revisions of MLflow's schema ago."""
MAKE_OLDER = """
import sys
from alembic import command
from alembic.script import ScriptDirectory
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine

url = f"sqlite:///{sys.argv[1]}"
Base.metadata.create_all(create_engine(url))
older = list(ScriptDirectory.from_config(_get_alembic_config(url)).walk_revisions())[int(sys.argv[2])].revision
command.upgrade(_get_alembic_config(url), older)
print(older)
"""
"""MLflow's own steps to a database, as far as they went then."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(work: Path, port: int) -> list[str]:
    program = "from ablate.cli import main; main()"
    return [sys.executable, "-c", program, "ui", "--work", str(work), "--port", str(port)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_the_interface_answers_once_its_address_is_said_and_leaves_nothing_behind(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """No process, nobody on the port, no warning of a library; nothing in the work folder is run.

    This machine alone is listened to, by one worker, whatever MLflow's own variables say.
    """
    for name in ("yaml", "http", "numpy", "email", "sqlalchemy"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()\n")
    port = free_port()
    process = subprocess.Popen(
        command(tmp_path, port),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ) | {"MLFLOW_HOST": "0.0.0.0", "MLFLOW_WORKERS": "3"},
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()  # nothing before it answers
        address = said.split()[-1]
        with urllib.request.urlopen(address.partition("#")[0], timeout=20) as page:
            assert page.status == 200
        family = psutil.Process(process.pid).children(recursive=True)
        heard = {one.laddr.ip for each in family for one in each.net_connections() if one.status == psutil.CONN_LISTEN}
        process.send_signal(number)
        _, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()

    assert address == f"http://127.0.0.1:{port}/#/experiments?workflowType=machine_learning"
    assert process.returncode == code
    assert heard == {"127.0.0.1"}
    assert len(family) == 2  # MLflow's command and its one worker
    assert not (tmp_path / "executed").exists()
    assert not [one for one in family if one.is_running()]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert "Warning" not in told
    assert told.rstrip().endswith("MLflow has stopped.")


def test_a_stop_request_before_the_interface_answers_leaves_nothing_behind(tmp_path: Path) -> None:
    """No address is said, and no process of MLflow's goes on starting."""
    process = subprocess.Popen(
        command(tmp_path, free_port()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Starting MLflow on ")
        while not (family := psutil.Process(process.pid).children(recursive=True)):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 143
    assert said == ""
    assert not [one for one in family if one.is_running()]


def test_an_older_store_is_upgraded_after_saying_so_and_a_copy_stays(tmp_path: Path) -> None:
    """What was in it is there; the copy has the older schema."""
    store = tmp_path / "mlflow.db"
    older = an_older_store(store)
    port = free_port()
    process = subprocess.Popen(
        command(tmp_path, port), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert process.stdout is not None
        assert process.stdout.readline().startswith("MLflow: ")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

    assert told == (
        f"{store} has the schema of an older MLflow. Upgrading it; a copy as it is stays in mlflow.before-upgrade.db.\n"
    )
    assert ("kept",) in asked(store, "SELECT name FROM experiments")
    assert asked(store, "SELECT version_num FROM alembic_version") != [(older,)]
    assert asked(tmp_path / "mlflow.before-upgrade.db", "SELECT version_num FROM alembic_version") == [(older,)]
    check_uri(f"sqlite:///{store}")


def test_an_older_store_that_cannot_be_upgraded_stays_as_it_was(tmp_path: Path) -> None:
    """Half an upgrade would be of no version at all."""
    store = tmp_path / "mlflow.db"
    older = an_older_store(store)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DROP TABLE experiment_tags")
    before = asked(store, "SELECT name, sql FROM sqlite_master ORDER BY name")
    said: list[str] = []

    with pytest.raises(TrackingError, match="MLflow cannot upgrade") as refused:
        upgrade_store(store, said.append)

    assert len(said) == 1
    assert "It is as it was" in refused.value.hint
    assert asked(store, "SELECT name, sql FROM sqlite_master ORDER BY name") == before
    assert asked(store, "SELECT version_num FROM alembic_version") == [(older,)]


def an_older_store(path: Path) -> str:
    """A database as MLflow made it some versions ago, with an experiment; its revision."""
    command = [sys.executable, "-W", "ignore", "-c", MAKE_OLDER, str(path), str(OLDER)]
    older = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO experiments (name, lifecycle_stage) VALUES ('kept', 'active')")
    return older


def asked(path: Path, question: str) -> list[tuple[object, ...]]:
    """What a database answers."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question).fetchall()


def test_a_work_folder_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """Named, without a word of MLflow."""
    nowhere = tmp_path / "nowhere"
    asked = [sys.executable, "-m", "ablate", "ui", "--work", str(nowhere), "--no-browser"]
    refused = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert refused.returncode == 2
    assert f"there is no folder {nowhere}" in refused.stderr
    assert "Starting" not in refused.stderr


def test_a_port_that_is_taken_is_refused_at_once(tmp_path: Path) -> None:
    """Before MLflow is started, and with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(command(tmp_path, port), capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert refused.returncode == 2
    assert f"--port {port}: another program is listening on it" in refused.stderr
