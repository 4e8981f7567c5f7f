"""Hostile passwords over everything that is printed, stored or sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.errors import TrackingError
from ablate.safety.addresses import without_secrets
from ablate.store.run_names import SEARCH
from ablate.store.work_folder import Store
from ablate.track.uri import check_uri
from ablate.workflows.report import SHOWN
from tests.contract.test_trackers import template_database
from tests.search_builders import a_study_file

SECRET = "hunter2"
ADDRESSES = [
    "postgresql://me:a/hunter2@127.0.0.1:1/db",
    "postgresql://me:a@hunter2@127.0.0.1:1/db",
    "postgresql://me:a:hunter2?@127.0.0.1:1/db",
    "postgresql://me:a#hunter2@127.0.0.1:1/db",
    "postgresql://me:a%hunter2@127.0.0.1:1/db",
    "postgresql://me:a hunter2@127.0.0.1:1/db",
    "postgresql://127.0.0.1:1/db?password=hunter2",
    "postgresql://127.0.0.1:1/db?sslpassword=hunter2",
    "postgresql+nodriver://me:hunter2@127.0.0.1:1/db",
    "mssql+pyodbc://?odbc_connect=DRIVER%3DX%3BPWD%3Dhunter2",
    "mysql://:hunter2@/db",
    "nonsense://me:a/hunter2@127.0.0.1:1",
    "postgresql:me:hunter2@127.0.0.1/db",
    "me:hunter2@127.0.0.1/db",
    "http://me:a/hunter2@127.0.0.1:1",
    "http://me:a@hunter2:x@127.0.0.1:1",
    "file://me:hunter2@127.0.0.1/x",
    "sqlite:////proc/nowhere/x.db?password=hunter2",
    "sqlite://me:hunter2@127.0.0.1/x.db",
    "postgresql:me:hunter2@127.0.0.1/db",
    "http://[hunter2",
]


def everything_in(folder: Path, *, but: frozenset[str] = frozenset()) -> bytes:
    """The bytes and names of every file."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    return b"".join(str(path).encode() + path.read_bytes() for path in files)


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_command_shows_or_stores_a_password(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each command that takes an address, each of which cannot work: by flag and by environment."""
    refused = False
    try:
        check_uri(address)
    except TrackingError:
        refused = True
    study = str(a_study_file(tmp_path))
    here = ["--work", str(tmp_path)]
    asked = [
        ["optuna", study, *here, "--trials", "1", "--no-tracking", "--storage", address],
        ["pull", study, *here, "--tracking-uri", address],
        ["pull", *here, "--tracking-uri", address],
        ["judge", "some experiment", *here, "--tracking-uri", address],
        ["ui", *here, "--tracking-uri", address],
        ["doctor", "--quick", *here],
    ]
    if refused:  # others would be waited for
        asked += [[command, study, *here, "--tracking-uri", address] for command in ("run", "sync", "optuna")]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    for words in asked:
        if words[0] == "ui" and not refused:
            continue
        told = CliRunner().invoke(app, words)
        assert SECRET not in told.output, words
        assert told.exception is None or isinstance(told.exception, SystemExit), (words, told.exception)

    assert SECRET not in caplog.text
    assert SECRET.encode() not in everything_in(tmp_path)


def test_a_search_and_its_tracking_store_keep_no_password(tmp_path: Path) -> None:
    """Addresses that do work: the search's memory, report, journals and all of MLflow are without it."""
    study = a_study_file(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(template_database())
    storage = f"sqlite:///file:{tmp_path}/optuna.db?uri=true&mode=rwc&token={SECRET}"
    tracking = f"sqlite:///{tmp_path}/mlflow.db?token={SECRET}"
    words = ["optuna", str(study), "--work", str(tmp_path), "--trials", "2", "--executor", "inline"]
    told = CliRunner().invoke(app, [*words, "--storage", storage, "--tracking-uri", tracking])
    assert told.exit_code == 0, told.output
    ran = CliRunner().invoke(app, ["run", str(study), "--work", str(tmp_path), "--tracking-uri", tracking])
    assert ran.exit_code == 0, ran.output

    assert SECRET not in told.output + ran.output
    assert SECRET.encode() not in everything_in(tmp_path)


def test_files_that_hold_a_password_already_lose_it_and_a_sentence_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Written by an earlier version; whoever could read them may have it."""
    study = a_study_file(tmp_path)
    storage = f"sqlite:///file:{tmp_path}/optuna.db?uri=true&mode=rwc&token={SECRET}"
    words = ["optuna", str(study), "--work", str(tmp_path), "--trials", "1", "--executor", "inline", "--no-tracking"]
    assert CliRunner().invoke(app, [*words, "--storage", storage]).exit_code == 0
    assert CliRunner().invoke(app, ["run", str(study), "--work", str(tmp_path), "--no-tracking"]).exit_code == 0
    folders = [path.parent for path in Store(tmp_path).root.rglob(SEARCH)]
    memory = folders[0] / SEARCH
    memory.write_text(json.dumps(json.loads(memory.read_text()) | {"storage": storage}))
    shown = next(Store(tmp_path).root.rglob(SHOWN))
    places = json.loads(shown.read_text())
    shown.write_text(json.dumps(places | {f"postgresql://me:a/{SECRET}@host/db": "x"}))

    assert CliRunner().invoke(app, [*words, "--storage", storage]).exit_code == 0
    assert CliRunner().invoke(app, ["run", str(study), "--work", str(tmp_path), "--no-tracking"]).exit_code == 0
    assert SECRET.encode() not in everything_in(Store(tmp_path).root)
    assert json.loads(memory.read_text())["storage"] == without_secrets(storage)
    assert json.loads(shown.read_text()) == places
    assert caplog.text.count("Choose another password") == 2


def test_the_command_line_of_mlflows_interface_holds_no_address(tmp_path: Path) -> None:
    """`ps` shows everybody's arguments to everybody: the address travels by environment."""
    (tmp_path / "mlflow").mkdir()
    seen = "import json, os, sys; json.dump([sys.argv, os.environ['MLFLOW_BACKEND_STORE_URI']], open('seen', 'w'))"
    (tmp_path / "mlflow" / "__main__.py").write_text(seen)
    (tmp_path / "mlflow" / "__init__.py").write_text("")
    store = f"sqlite:///{tmp_path}/mlflow.db?token={SECRET}"
    served = "from ablate.cli.mlflow_interface import serve_mlflow as s"
    program = f"from pathlib import Path; {served}; s(Path(), port=1, uri={store!r})"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, timeout=120)
    arguments, address = json.loads((tmp_path / "seen").read_text())

    assert SECRET not in " ".join(arguments)
    assert address == store
