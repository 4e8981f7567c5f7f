"""A tracker and a real MLflow server that is well, away, or loses its replies."""

from __future__ import annotations

import io
import logging
import os
import socket
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ablate.track import courier
from ablate.track.environment import quiet_environment
from ablate.track.mlflow_store import MlflowTracker
from tests.contract.test_trackers import shown_by_mlflow, template_database
from tests.contract.tracking_builders import Attempt, a_card, a_finished_attempt, a_label, a_summary, tell

pytestmark = pytest.mark.network

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        yield


class Server:
    """A real MLflow server whose behaviour a test chooses: well, `500`, or `lost` replies to a path."""

    def __init__(self, application: Application, port: int = 0) -> None:
        from werkzeug.serving import make_server

        self.mood: str = "well"
        self.lost_path = ""
        self.requests: list[str] = []
        self._application = application
        self._http = make_server("127.0.0.1", port, self._answer, threaded=True)
        self.port: int = self._http.server_port
        self.uri = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.requests.append(environ["PATH_INFO"])
        if self.mood == "500":
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"out of order"]
        if self.lost_path and environ["PATH_INFO"].endswith(self.lost_path):
            self.lost_path = ""
            list(self._application(environ, lambda *_: io.BytesIO().write))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        return self._application(environ, start)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Application, Path]]:
    """MLflow's own web application over a store of its own, with artifacts by proxy."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(template_database())
    settings = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder / 'mlflow.db'}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for this test",
    }
    import mlflow

    before = mlflow.get_tracking_uri()
    no_auth = {"mlflow.server.auth": None}  # an extra of MLflow, which every search tries to import
    with mock.patch.dict(os.environ, settings), mock.patch.dict(sys.modules, no_auth):
        quiet_environment()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the server's own, of starlette and others
            from mlflow.server import app

        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        yield app, folder
        mlflow.set_tracking_uri(before)  # the server sets it for its process, which is ours


@pytest.fixture
def server(application: tuple[Application, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(courier, "LONGEST_REST", 0.2)
    monkeypatch.setattr(courier, "FIRST_REST", 0.05)
    server = Server(application[0])
    yield server
    server.close()


def test_a_server_shows_what_a_local_store_shows(
    server: Server, application: tuple[Application, Path], tmp_path: Path
) -> None:
    """Metrics, parents, files and status travel over HTTP."""
    report = tmp_path / "report"
    report.mkdir()
    (report / "report.md").write_text("# Report")
    attempt = Attempt(tmp_path, a_label()).started().epochs(1, 2)
    (attempt.folder / "weights.bin").write_bytes(b"weights")
    tracker = MlflowTracker(server.uri, tmp_path)
    tracker.begin(a_card(name="served"))
    tell(tracker, attempt.finished(files={"weights": "weights.bin"}))

    assert tracker.end(a_summary(files=report), timeout=20)
    shown = shown_by_mlflow(application[1] / "mlflow.db")
    runs = {run.name: run for run in shown if run.tags["ablate.study"] == "served"}
    assert runs["baseline r0"].values("train/loss") == [1.0, 0.5]
    assert runs["baseline r0"].parent == "baseline"
    assert {run.status for run in runs.values()} == {"FINISHED"}
    stored = {path.name for path in (application[1] / "artifacts").rglob("*") if path.is_file()}
    assert {"weights.bin", "config.json", "report.md", "study.yaml"} <= stored


@pytest.mark.parametrize("trouble", ["500", "refused"])
def test_a_server_that_is_away_gets_everything_later(
    server: Server, application: tuple[Application, Path], tmp_path: Path, trouble: str
) -> None:
    """What is told meanwhile raises nothing, end says that it is not delivered, and the backlog is kept."""
    port = server.port
    server.mood = trouble
    if trouble == "refused":
        server.close()
    tracker = MlflowTracker(server.uri, tmp_path)
    name = f"away {trouble}"
    tracker.begin(a_card(experiment=name, name=name))
    for index in range(10):
        tell(tracker, a_finished_attempt(tmp_path, a_label(index=index)))
    is_delivered = tracker.end(a_summary(), timeout=0.4)

    assert not is_delivered
    back = server
    if trouble == "refused":
        back = Server(application[0], port)
    server.mood = "well"
    assert tracker.end(a_summary(), timeout=20)
    mine = [run for run in shown_by_mlflow(application[1] / "mlflow.db") if run.tags["ablate.study"] == name]
    assert len(mine) == 12
    assert {run.status for run in mine} == {"FINISHED"}
    if back is not server:
        back.close()


@pytest.mark.parametrize("path", ["runs/create", "runs/log-batch", "experiments/create", "runs/update"])
def test_a_lost_reply_leaves_no_second_run(
    server: Server, application: tuple[Application, Path], tmp_path: Path, path: str
) -> None:
    """What the server did although nobody heard of it is found, not done again."""
    server.lost_path = path
    name = f"lost {path.replace('/', ' ')}"
    tracker = MlflowTracker(server.uri, tmp_path)
    tracker.begin(a_card(experiment=name, name=name))
    tell(tracker, a_finished_attempt(tmp_path, a_label()))

    assert tracker.end(a_summary(), timeout=20)
    mine = [run for run in shown_by_mlflow(application[1] / "mlflow.db") if run.tags["ablate.study"] == name]
    assert server.lost_path == ""
    assert sorted(run.name for run in mine) == sorted(["baseline", "baseline r0", name])
    (run,) = [run for run in mine if run.name == "baseline r0"]
    assert run.values("train/loss") == [1.0, 0.5, pytest.approx(1 / 3)]


def test_a_server_that_came_back_empty_is_told_everything_again_in_one_sentence(
    server: Server, application: tuple[Application, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its database was begun anew in the middle of a study; no traceback, and nothing is missing in the end."""
    tracker = MlflowTracker(server.uri, tmp_path)
    tracker.begin(a_card(name="forgotten"))
    first = a_finished_attempt(tmp_path, a_label())
    tell(tracker, first)
    second = Attempt(tmp_path, a_label(index=1)).started().epochs(1, 2)
    tell(tracker, second)
    assert tracker.end(a_summary(), timeout=60)
    with closing(sqlite3.connect(application[1] / "mlflow.db", timeout=30)) as connection, connection:
        for table in ("metrics", "latest_metrics", "params", "tags", "inputs", "runs", "experiment_tags"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM experiments WHERE experiment_id > 0")
    known = len(second.events())
    tell(tracker, second.epochs(3).finished(epoch=3), second.events()[known:])

    assert tracker.end(a_summary(), timeout=60)
    shown = [run for run in shown_by_mlflow(application[1] / "mlflow.db") if run.tags["ablate.study"] == "forgotten"]
    assert {run.status for run in shown} == {"FINISHED"}
    assert {run.name for run in shown} >= {"baseline r0", "baseline r1"}
    assert caplog.text.count("sent again") == 1
    assert "Traceback" not in caplog.text
