"""A tracking server that belongs to others: it does not decide where files and credentials go, nor for how long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest

from ablate.errors import Damaged, TrackingError
from ablate.store.run_record import RECORD
from ablate.track import download, mlflow_reader
from ablate.track.entities import Update
from ablate.track.mlflow_reader import MlflowReader
from ablate.track.mlflow_store import MlflowSink
from ablate.track.places import VARIABLE, is_allowed, refuse_place

pytestmark = pytest.mark.network

RUN = "0123456789abcdef0123456789abcdef"
SERVER = "https://mlflow.lab:5000"


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        os.environ.pop(VARIABLE, None)
        yield


@pytest.mark.parametrize(
    "place",
    [
        "/home/me/.ssh",
        f"/srv/x/{RUN}/artifacts",
        "file:///home/me/.config",
        "file://other/home/me",
        "relative/folder",
        f"https://evil.org/{RUN}/artifacts",
        "https://mlflow.lab:5001/x",
        "https://mlflow.lab/x",
        "http://mlflow.lab:5000/x",
        "https://mlflow.lab:5000@evil.org/x",
        "https://mlflow.lab:5000\\@evil.org/x",
        "https://evil.org\\@mlflow.lab:5000/x",
        "https://mlflow.lab:5000.evil.org/x",
        "mlflow-artifacts://evil.org/x",
        "mlflow-artifacts://evil.org:5000/x",
        "mlflow-artifacts://mlflow.lab:5001/x",
        "mlflow-artifacts://me@mlflow.lab:5000/x",
        "s3://bucket/x",
        "gs://bucket/x",
        "ftp://evil.org/x",
        "dbfs:/x",
        "runs:/x/y",
        "models:/x",
        "http://[::1/x",
        "https://mlflow.lab:99999/x",
        "",
    ],
)
def test_another_place_than_the_server_is_refused(place: str) -> None:
    """In whatever way it is written; the sentence says how to allow it."""
    with pytest.raises(TrackingError, match=VARIABLE):
        refuse_place(place, SERVER)


@pytest.mark.parametrize(
    "place", ["mlflow-artifacts:/1/x/artifacts", "mlflow-artifacts://mlflow.lab:5000/1", "https://mlflow.lab:5000/x"]
)
def test_the_server_itself_is_allowed(place: str) -> None:
    """As it says so, or by its own address."""
    refuse_place(place, SERVER)


def test_places_that_the_user_names_are_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Folders and addresses, with all below them and nothing beside."""
    monkeypatch.setenv(VARIABLE, f"s3://team/mlflow {tmp_path} https://files.lab/")
    for good in (
        "s3://team/mlflow",
        "s3://team/mlflow/1/x",
        f"{tmp_path}/1/x",
        f"file://{tmp_path}/1",
        "https://files.lab/x",
    ):
        assert is_allowed(good, SERVER), good
    for bad in (
        "s3://team/mlflow2",
        "s3://team",
        "s3://team/mlflow/../x",
        f"{tmp_path}/../x",
        f"{tmp_path}2",
        "https://files.lab.evil/x",
    ):
        assert not is_allowed(bad, SERVER), bad


@pytest.mark.parametrize(
    "place", ["/home/me/.ssh", "/home/me/.ssh/artifacts", f"/x/../{RUN}/artifacts", "s3://bucket/x"]
)
def test_a_database_names_folders_of_single_runs_alone(place: str) -> None:
    """Such a folder is new, or MLflow's: nothing of the user's is overwritten there."""
    assert not is_allowed(place, "sqlite:////srv/mlflow.db")
    assert is_allowed(f"/anywhere/{RUN}/artifacts", "sqlite:////srv/mlflow.db")


def test_files_are_not_put_where_a_server_points_on_this_machine(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Numbers go on; that the files are left out is said once."""
    sink = MlflowSink("http://127.0.0.1:9", None)
    info = SimpleNamespace(
        run_id="run", artifact_uri=str(tmp_path / "home"), status="RUNNING", start_time=1, end_time=None
    )
    sink._known(SimpleNamespace(info=info, data=SimpleNamespace(tags={}, params={}, metrics={})))  # type: ignore[arg-type]
    sink._write_files("run", Update(texts={"config.json": b"{}"}))
    sink._write_files("run", Update(texts={"config.json": b"{}"}))

    assert not (tmp_path / "home").exists()
    assert sink.leaves_files_out
    assert caplog.text.count(VARIABLE) == 1


class Hostile:
    """A server that answers every request for a file in one way, and notes who asked with which credentials."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.asked: list[tuple[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.path, self.headers.get("Authorization", "")))
                try:
                    answer(self)
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def hostile() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], Hostile]]:
    """Makes hostile servers."""
    made: list[Hostile] = []

    def make(answer: Callable[[BaseHTTPRequestHandler], None]) -> Hostile:
        made.append(Hostile(answer))
        return made[-1]

    yield make
    for server in made:
        server.close()


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x" * 100_000)


def large(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(10**12))
    request.end_headers()
    request.wfile.write(b"x")


def slow(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    while True:
        request.wfile.write(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("answer", "said"), [(endless, "larger"), (large, "larger"), (slow, "was not downloaded within")]
)
def test_a_file_without_an_end_is_given_up(
    answer: Callable[[BaseHTTPRequestHandler], None],
    said: str,
    hostile: Callable[..., Hostile],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its size, by what it says of its size, or by the clock; nothing of it stays on the disk."""
    monkeypatch.setattr(mlflow_reader, "LARGEST", 1_000_000)
    monkeypatch.setattr(download, "SECONDS", 0.3)
    if answer is endless:
        monkeypatch.setattr(download, "SECONDS", 60.0)
    server = hostile(answer)

    with pytest.raises(Damaged, match=said):
        MlflowReader(server.uri).fetch("mlflow-artifacts:/1/x/artifacts", RECORD, tmp_path / "record")
    assert not (tmp_path / "record").exists()


def test_credentials_go_to_the_server_alone(
    hostile: Callable[..., Hostile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an artifact's address nor a redirection takes them, or the request, elsewhere."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "mine")
    evil = hostile(endless)

    def redirect(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", f"{evil.uri}/x")
        request.end_headers()

    server = hostile(redirect)
    found = MlflowReader(server.uri)
    for place in (f"{evil.uri}/x", evil.uri.replace("http", "mlflow-artifacts")):
        with pytest.raises(TrackingError, match="another place"):
            found.fetch(place, RECORD, tmp_path / "record")
    with pytest.raises(Damaged, match="302"):
        found.fetch("mlflow-artifacts:/x", RECORD, tmp_path / "record")

    assert evil.asked == []
    assert server.asked[-1][1] == "Bearer mine"


def test_a_missing_package_for_a_named_place_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 needs boto3, which MLflow imports when it is asked."""
    import sys

    monkeypatch.setenv(VARIABLE, "s3://team")
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(TrackingError, match="boto3") as refused:
        MlflowReader("http://127.0.0.1:9").fetch(f"s3://team/{RUN}/artifacts", RECORD, tmp_path / "record")
    assert "pip install" in refused.value.hint
