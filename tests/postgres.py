"""A PostgreSQL server of a test's own, from Debian's programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def programs_of_postgresql() -> Path | None:
    """The folder of the server's programs: on the path, or where Debian puts them."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists() or (folder / "pg_ctl").exists()), None)


class PostgresServer:
    """A PostgreSQL server that listens on a socket file alone; it runs as nobody where we are root.

    password: of its only user, who is let in without one where it is None.
    """

    def __init__(self, programs: Path, folder: Path, *, user: str = "ablate", password: str | None = None) -> None:
        self._programs, self.folder, self._data = programs, folder, folder / "data"
        self._as_user: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
            self._as_user["user"] = "nobody"
        how = ["-A", "trust"]
        if password is not None:
            secret = folder / "password"
            secret.write_text(password, encoding="utf-8")
            how = ["-A", "scram-sha-256", "--pwfile", str(secret)]
        command = [str(programs / "initdb"), "-D", str(self._data), "-U", user, "-N", "-E", "UTF8", *how]
        subprocess.run([*command, "--locale=C"], check=True, **self._as_user)
        self.url = f"postgresql://{user}:{password or 'secret'}@/postgres?host={folder}"
        self.start()

    def start(self) -> None:
        """Return when it listens."""
        places = ["-D", str(self._data), "-k", str(self.folder)]
        command = [str(self._programs / "postgres"), *places, "-c", "listen_addresses=", "-c", "fsync=off"]
        self._process = subprocess.Popen(command, **self._as_user)
        deadline = time.monotonic() + 60
        while not (self.folder / ".s.PGSQL.5432").exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=30)


@contextlib.contextmanager
def postgres_server(*, user: str = "ablate", password: str | None = None) -> Iterator[PostgresServer]:
    """A fresh server; the test is skipped where none is installed."""
    pytest.importorskip("psycopg", reason="the driver is not installed: pip install '.[postgres]'")
    programs = programs_of_postgresql()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="ablate-pg-", dir="/tmp"))  # a socket's path must be short
    server = PostgresServer(programs, folder, user=user, password=password)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
