"""MLflow's own interface, started on the work folder."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ablate.cli.show import note, say
from ablate.errors import StudyError, TrackingError
from ablate.safety.addresses import without_secrets
from ablate.track.open import Interface, ViewPage, interface_on, newest_views

START_SECONDS = 300.0
"""How long MLflow may take to answer; on a busy machine it takes more than a minute."""
END_SECONDS = 5.0
FIRST_PORT = 5000


def serve_mlflow(work: Path, *, port: int | None, uri: str | None, browser: bool = False) -> int:
    """Run `mlflow ui` until it is stopped; its exit code. Nothing of it is left on the port, however it ends.

    port: None for the first free one from 5000. browser: open the newest study's page where there is a browser.
    """
    port = _free_port() if port is None else port
    served = interface_on(uri, work, port, note)
    address = without_secrets(served.address)
    if not served.command:
        note(f"The tracking store is already a server: open {address} in a browser.")
        return 0
    if not work.is_dir():
        raise StudyError(f"there is no folder {work}", hint="Give the folder that the studies ran in: --work FOLDER.")
    _refuse_taken(port)
    note(f"Starting MLflow on {address} ...")
    with tempfile.TemporaryFile() as log, _stopped_at_the_end() as processes:
        process = subprocess.Popen(
            served.command,
            cwd=work,
            env=served.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this process alone, which then ends all of MLflow's
        )
        processes.append(process)
        try:
            if _answers(process, port, served):
                page = _say_pages(f"http://127.0.0.1:{port}", served.page)
                note("Ctrl-C stops it.")
                if browser and _has_browser():
                    webbrowser.open(page)
            if process.wait():
                raise TrackingError("MLflow exited by itself", hint=_tail(log))
        except KeyboardInterrupt as interruption:
            note("MLflow has stopped.")
            return int(getattr(interruption, "exit_code", 0))
    return 0


def _say_pages(server: str, plain: str) -> str:
    """Say where to look: the newest study's saved views, and all experiments; the first address."""
    request = urllib.request.Request(
        f"{server}/api/2.0/mlflow/experiments/search",
        data=json.dumps({"max_results": 1000, "order_by": ["last_update_time DESC"]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    views: list[ViewPage] = []
    with contextlib.suppress(OSError, ValueError), _opener().open(request, timeout=20) as answer:
        views = newest_views(json.load(answer).get("experiments", []))
    for view in views:
        say(f"{view.name}: {server}{view.page}")
    say(f"MLflow: {server}{plain}")
    return f"{server}{views[0].page if views else plain}"


def _has_browser() -> bool:
    """Whether there is a screen to open a page on."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _free_port() -> int:
    """The first port from 5000 that nobody listens on."""
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with contextlib.suppress(StudyError):
            _refuse_taken(port)
            return port
    raise StudyError(f"ports {FIRST_PORT} to {FIRST_PORT + 99} are all in use", hint="Choose one by --port.")


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy leads to this machine


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno != errno.EADDRINUSE:
                return  # MLflow will say what it is
            what = "another program is listening on it" if isinstance(error, OSError) else "the largest port is 65535"
            raise StudyError(f"--port {port}: {what}", hint="Choose another one, such as --port 5001.") from None


def _answers(process: subprocess.Popen[bytes], port: int, served: Interface) -> bool:
    """Wait until MLflow answers; False where it ended instead."""
    opener = _opener()
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), opener.open(f"http://127.0.0.1:{port}{served.health}", timeout=5) as answer:
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
