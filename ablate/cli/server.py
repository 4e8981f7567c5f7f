"""MLflow's own interface, started on the work folder."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ablate.cli.show import note, say
from ablate.errors import StudyError, TrackingError, refuse_uninstalled
from ablate.safety.addresses import without_secrets
from ablate.track.environment import quiet_environment
from ablate.track.uri import check_uri, is_server, tracking_uri

START_SECONDS = 300.0
"""How long MLflow may take to answer; on a busy machine it takes more than a minute."""
END_SECONDS = 5.0
PAGE = "#/experiments?workflowType=machine_learning"
"""MLflow's other mode, for language models, shows neither metrics nor parameters."""


def serve_mlflow(work: Path, *, port: int, uri: str | None) -> int:
    """Run `mlflow ui` until it is stopped; its exit code. Nothing of it is left on the port, however it ends."""
    store = tracking_uri(uri, work)
    check_uri(store)
    if is_server(store):
        note(f"The tracking store is a server already: open {without_secrets(store)} in a browser.")
        return 0
    refuse_uninstalled("mlflow")
    _refuse_taken(port)
    note(f"Starting MLflow on {without_secrets(store)} ...")
    with tempfile.TemporaryFile() as log, _stopped_at_the_end() as processes:
        process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"],
            cwd=work,
            env=_environment(store),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this process alone, which then ends all of MLflow's
        )
        processes.append(process)
        try:
            if _answers(process, port):
                say(f"MLflow: http://127.0.0.1:{port}/{PAGE}")
                note("Ctrl-C ends it.")
            if process.wait():
                raise TrackingError("MLflow ended by itself", hint=_tail(log))
        except KeyboardInterrupt as interruption:
            note("MLflow is stopped.")
            return int(getattr(interruption, "exit_code", 0))
    return 0


def _environment(store: str) -> dict[str, str]:
    quiet_environment()
    # In the environment, which only the user sees: everybody can read a process's command line.
    own = {"MLFLOW_BACKEND_STORE_URI": store, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore"}
    return dict(os.environ) | own


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno != errno.EADDRINUSE:
                return  # MLflow will say what it is
            what = "another program listens there" if isinstance(error, OSError) else "ports end at 65535"
            raise StudyError(f"--port {port}: {what}", hint="Choose another one, such as --port 5001.") from None


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until MLflow answers; False where it ended instead."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to this machine
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), opener.open(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
        time.sleep(0.2)
    return False


@contextlib.contextmanager
def _stopped_at_the_end() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        yield processes
    finally:
        for process in processes:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End MLflow with its workers: asked first, killed where they stay."""
    if not hasattr(os, "killpg"):
        process.kill()
        process.wait()
        return
    for number, seconds in ((signal.SIGTERM, END_SECONDS), (signal.SIGKILL, END_SECONDS)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and _is_alive(process):
            time.sleep(0.05)
    process.wait()


def _is_alive(process: subprocess.Popen[bytes]) -> bool:
    """Whether anything of the process's group is left."""
    process.poll()  # a process that nobody waited for counts as one
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")[-2000:].strip()
