"""The server composition keeps its promises; read as a file, since a test machine may have no Docker."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]


def test_only_localhost_reaches_the_server_and_nothing_else_is_published() -> None:
    """The database has no port; MLflow's is bound to the loopback interface."""
    ports = {name: service.get("ports", []) for name, service in SERVICES.items()}

    assert ports == {"database": [], "schema": [], "mlflow": ["127.0.0.1:5000:5000"]}


def test_there_is_no_default_password() -> None:
    """Every secret is asked for by name, and the example file leaves it empty."""
    used = re.findall(r"\$\{POSTGRES_PASSWORD([^}]*)\}", TEXT)

    assert {rest.split(" ")[0] for rest in used} == {":?set"}
    assert (ROOT / ".env.example").read_text(encoding="utf-8").rstrip().endswith("POSTGRES_PASSWORD=")


def test_no_secret_is_on_a_command_line() -> None:
    """Everybody on the host can read a process's arguments; its environment is its own."""
    lines = [str(service.get(key, "")) for service in SERVICES.values() for key in ("command", "entrypoint")]

    assert not [line for line in lines if "PASSWORD" in line]
    assert "POSTGRES_PASSWORD" in SERVICES["schema"]["environment"]["MLFLOW_BACKEND_STORE_URI"]


def test_tables_are_made_by_what_makes_them(tmp_path: Path) -> None:
    """The one call the schema service makes, on a database of its own."""
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path}/x.db"}
    command = [sys.executable, *SERVICES["schema"]["command"][1:]]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall()


def test_the_health_check_makes_a_real_call() -> None:
    """`/health` answers 200 while every client is refused for its Host header."""
    check = " ".join(SERVICES["mlflow"]["healthcheck"]["test"])

    assert "/api/2.0/mlflow/experiments/search" in check
    assert SERVICES["mlflow"]["healthcheck"]["start_period"] == "90s"


def test_clients_by_every_name_of_the_server_are_let_in() -> None:
    """Without the list MLflow answers 403 to a service name."""
    (hosts,) = [word for word in SERVICES["mlflow"]["command"] if word.startswith("--allowed-hosts=")]

    assert set(hosts.removeprefix("--allowed-hosts=").split(",")) == {"localhost:5000", "127.0.0.1:5000", "mlflow:5000"}


def test_tables_are_made_once_before_the_server_starts() -> None:
    """Several server workers that create them at the same time break them."""
    assert SERVICES["mlflow"]["depends_on"] == {"schema": {"condition": "service_completed_successfully"}}
    assert SERVICES["schema"]["depends_on"] == {"database": {"condition": "service_healthy"}}


@pytest.mark.parametrize(
    ("key", "wanted"),
    [("read_only", True), ("cap_drop", ["ALL"]), ("security_opt", ["no-new-privileges:true"]), ("init", True)],
)
def test_the_server_runs_with_few_rights(key: str, wanted: object) -> None:
    """An unprivileged user on a read-only file system."""
    assert SERVICES["mlflow"][key] == wanted
    assert SERVICES["mlflow"]["user"] == "10001:10001"


def test_images_are_pinned_to_a_version() -> None:
    """`latest` is another image tomorrow."""
    images = [service["image"] for service in SERVICES.values()]
    bases = re.findall(r"^FROM (\S+)", (ROOT / "docker/mlflow.Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)

    assert [image for image in [*images, *bases] if not re.search(r":\d+\.\d+", image)] == []


def test_artifacts_and_database_lie_on_volumes() -> None:
    """What a container forgets, a volume keeps."""
    assert SERVICES["mlflow"]["volumes"] == ["artifacts:/artifacts"]
    assert SERVICES["database"]["volumes"] == ["database:/var/lib/postgresql/data"]
