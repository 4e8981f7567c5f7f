"""A team's server: which commands run it in which environment, in docker-compose.yml and here as plain processes.

This is the one description: tests/docs/test_compose.py holds the composition to it, tests/integration/
test_team_server.py runs it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.postgres import PostgresServer, postgres_server

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
PATIENCE = 300.0
"""Seconds the server may take to start: fifteen on a machine with nothing else to do."""
SECRETS = ("POSTGRES_PASSWORD", "MLFLOW_ADMIN_PASSWORD", "MLFLOW_SECRET_KEY")


OLDER_SCHEMA = "c3d9e7f1a2b4"
"""Six steps before that of MLflow 3.17: a column, indexes, whole tables and the length of a tag lie between."""


class Place(NamedTuple):
    """Where a server runs. python: its interpreter. scripts: the folder of docker/*.py. database: host of PostgreSQL.

    host, port: where it listens. artifacts: its disk. names: what clients call it.
    """

    python: str
    scripts: str
    database: str
    host: str
    port: int
    artifacts: str
    names: tuple[str, ...]


_NAMES = ("localhost:5000", "127.0.0.1:5000", "mlflow:5000")
COMPOSED = Place("python", "/opt/ablate", "database", "0.0.0.0", 5000, "/artifacts", _NAMES)
"""In docker-compose.yml."""


def schema_command(place: Place) -> list[str]:
    """Makes or upgrades the tables."""
    return [place.python, f"{place.scripts}/schema.py"]


def server_command(place: Place) -> list[str]:
    """Serves. `mlflow` is the interpreter's own: in the image the first on the path."""
    mlflow = ["mlflow"] if place == COMPOSED else [place.python, "-m", "mlflow"]
    options = ["--app-name=basic-auth", f"--host={place.host}", f"--port={place.port}", "--workers=2"]
    options += ["--serve-artifacts", f"--artifacts-destination={place.artifacts}"]
    return [*mlflow, "server", *options, f"--allowed-hosts={','.join(place.names)}"]


def health_command(place: Place) -> list[str]:
    """Says whether it works."""
    address = [] if place == COMPOSED else [f"http://{place.names[0]}"]
    return [place.python, f"{place.scripts}/healthy.py", *address]


def environment(place: Place, secrets: Mapping[str, str]) -> dict[str, str]:
    """Of both."""
    return {
        "PGHOST": place.database,
        "PGUSER": "mlflow",
        "PGPASSWORD": secrets["POSTGRES_PASSWORD"],
        "MLFLOW_BACKEND_STORE_URI": "postgresql+psycopg:///mlflow",
        "MLFLOW_AUTH_CONFIG_PATH": f"{place.scripts}/basic_auth.ini",
        "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
        "MLFLOW_AUTH_ADMIN_PASSWORD": secrets["MLFLOW_ADMIN_PASSWORD"],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets["MLFLOW_SECRET_KEY"],
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    }


def written_secrets(folder: Path) -> dict[str, str]:
    """What docker/secrets.sh writes, in a folder of its own."""
    (folder / "docker").mkdir(parents=True)
    (folder / "docker" / "secrets.sh").write_bytes((ROOT / "docker" / "secrets.sh").read_bytes())
    subprocess.run(["sh", "docker/secrets.sh"], cwd=folder, check=True, capture_output=True)
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


class TeamServer:
    """The composition as ordinary processes: a database with a password, the schema, then MLflow.

    seconds: what each step took, by its name; for people, never asserted.
    """

    def __init__(self, folder: Path, database: PostgresServer, secrets: Mapping[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        names = (f"localhost:{port}", f"127.0.0.1:{port}")
        (folder / "artifacts").mkdir()
        artifacts = str(folder / "artifacts")
        scripts = str(ROOT / "docker")
        self.place = Place(sys.executable, scripts, str(database.folder), "127.0.0.1", port, artifacts, names)
        self.uri = f"http://127.0.0.1:{port}"
        self.database, self.secrets, self.folder = database, dict(secrets), folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "PG"))}
        self.environment = kept | environment(self.place, secrets) | {"PYTHONWARNINGS": "ignore"}
        self.log = folder / "server.log"
        self.seconds: list[tuple[str, float]] = []
        self._process: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Keep how long a step takes, and log it: `pytest --log-level=INFO` shows the story."""
        began = time.monotonic()
        yield
        self.seconds.append((step, time.monotonic() - began))
        logger.info("%s: %.1f s", *self.seconds[-1])

    def run(self, command: list[str], *, check: bool = True) -> str:
        """Do something beside the server, in its environment, as `docker compose exec` would; what it printed."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert not check or done.returncode == 0, done.stderr[-3000:]
        return done.stdout if check else done.stdout + done.stderr

    def make_schema(self) -> None:
        """What the service `schema` does."""
        self.run(schema_command(self.place))

    def users(self, *words: str) -> str:
        """docker/users.py: what it prints."""
        told = {"MLFLOW_TRACKING_URI": self.uri}
        command = ["env", *(f"{name}={value}" for name, value in told.items())]
        return self.run([*command, self.place.python, f"{self.place.scripts}/users.py", *words]).strip()

    def start(self) -> None:
        """Return when its health check is content."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                server_command(self.place),
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.folder,
                start_new_session=True,
            )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self._process.poll() is None:
            if subprocess.run(health_command(self.place), capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.3)
        raise AssertionError(f"the server did not start: {self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        """End it and its workers."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(60)
        self._process = None

    def schema_version(self) -> str:
        """Of the tables of runs."""
        ((version,),) = self.query("SELECT version_num FROM alembic_version")
        return str(version)

    def downgrade_schema(self) -> None:
        """The tables of an older MLflow, by its own steps backwards, with all that is in them."""
        lines = (
            "import os",
            "from alembic import command",
            "from mlflow.store.db.utils import _get_alembic_config",
            f"command.downgrade(_get_alembic_config(os.environ['MLFLOW_BACKEND_STORE_URI']), {OLDER_SCHEMA!r})",
        )
        self.run([self.place.python, "-c", "\n".join(lines)])

    def query(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database, past MLflow and its users."""
        import psycopg

        known = {"host": self.place.database, "user": "mlflow", "password": self.secrets["POSTGRES_PASSWORD"]}
        with psycopg.connect(dbname="mlflow", **known) as connection:
            return connection.execute(text, values).fetchall()


@contextlib.contextmanager
def team_server(folder: Path) -> Iterator[TeamServer]:
    """A server that answers, with its admin and nobody else."""
    secrets = written_secrets(folder / "checkout")
    with postgres_server(user="mlflow", password=secrets["POSTGRES_PASSWORD"]) as database:
        server = TeamServer(folder, database, secrets)
        create = "import psycopg; psycopg.connect('dbname=postgres', autocommit=True).execute('CREATE DATABASE mlflow')"
        server.run([sys.executable, "-c", create])
        try:
            with server.timed("schema"):
                server.make_schema()
            with server.timed("server starts"):
                server.start()
            yield server
        finally:
            server.stop()
            (folder / "seconds.json").write_text(json.dumps(server.seconds))
