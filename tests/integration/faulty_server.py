"""A real `mlflow server`, and a proxy before it that makes it slow, broken, deaf or gone."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

PATIENCE = 180.0
"""Seconds the server may take to start: ten on a machine with nothing else to do."""


@contextlib.contextmanager
def mlflow_server(folder: Path) -> Iterator[int]:
    """The port of a server whose database `folder/mlflow.db` and whose files in `folder/artifacts` are."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | quiet, start_new_session=True)
    try:
        _wait_for(port, server, folder / "server.log")
        yield port
    finally:
        os.killpg(server.pid, 15)  # the server of the server, too
        server.wait(30)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return
        time.sleep(0.2)
    raise AssertionError(f"mlflow server did not start: {log.read_text()[-2000:]}")


class Proxy:
    """Passes requests on to the server, in the mood that a test chooses.

    mood: `well` or `500`. delay: seconds before each reply. gate: closed, it holds every reply back. lost: so
    many replies to paths that end in `lost_path` never arrive, though the server has done what was asked.
    answered: when a reply was given, by the clock of the journals. requests: the paths asked for.
    """

    def __init__(self, port: int) -> None:
        self.mood = "well"
        self.delay = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.lost, self.lost_path = 0, ""
        self.answered: list[float] = []
        self.requests: list[str] = []
        self._behind = port
        self._port = 0
        self._http: ThreadingHTTPServer | None = None
        self.come_back()

    @property
    def uri(self) -> str:
        """Its address, the same after it was away."""
        return f"http://127.0.0.1:{self._port}"

    def come_back(self) -> None:
        """Answer again; harmless where it was never away."""
        if self._http is None:
            proxy = self

            class Handler(_Handler):
                owner = proxy

            self._http = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
            self._http.daemon_threads = False  # going away waits for the replies under way
            self._port = int(self._http.server_address[1])
            threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def go_away(self) -> None:
        """Refuse connections."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """What the server behind answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._behind, timeout=60)
        try:
            connection.request(method, path, body, headers | {"Host": f"127.0.0.1:{self._behind}"})
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    """One request; connections are not kept, so that a proxy that went away is gone for everybody."""

    owner: Proxy

    def _serve(self) -> None:
        owner, path = self.owner, self.path.partition("?")[0]
        owner.requests.append(path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if owner.mood == "500":
            self._reply(500, {}, b"out of order")
            return
        owner.gate.wait(PATIENCE)
        status, headers, content = owner.ask(self.command, self.path, body, dict(self.headers))
        if owner.lost and path.endswith(owner.lost_path):
            owner.lost -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        time.sleep(owner.delay)
        owner.answered.append(time.time())
        self._reply(status, headers, content)

    def _reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
        with contextlib.suppress(OSError):  # whoever asked may be gone
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() in ("content-type", "content-disposition"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
