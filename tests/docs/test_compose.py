"""The server composition keeps its promises; read as a file, since a test machine may have no Docker."""

from __future__ import annotations

import os
import re
import shutil
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
DOCKERFILE = (ROOT / "docker" / "mlflow.Dockerfile").read_text(encoding="utf-8")
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
    bases = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)

    assert len(bases) == 1
    assert [image for image in [*images, *bases] if not re.search(r":\d+\.\d+", image)] == []
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}"]


def test_the_digests_of_images_are_asked_for_and_kept_in_the_environment_file(tmp_path: Path) -> None:
    """docker/digests.sh pins both images the composition takes from there, and keeps the password."""
    digest = f"sha256:{'0a' * 32}"
    work = a_checkout(tmp_path, f"echo {digest}")
    (work / ".env").write_text("POSTGRES_PASSWORD=secret\nPOSTGRES_IMAGE=postgres:old\n")
    for _ in range(2):
        subprocess.run(["sh", "docker/digests.sh"], cwd=work, env=path_first(tmp_path), check=True, capture_output=True)
    lines = (work / ".env").read_text().splitlines()
    defaults = dict(re.findall(r"\$\{(\w+_IMAGE):-([^}]+)\}", TEXT))

    assert lines[0] == "POSTGRES_PASSWORD=secret"
    assert sorted(lines[1:]) == sorted(f"{name}={image}@{digest}" for name, image in defaults.items())
    assert set(defaults) == {"POSTGRES_IMAGE", "PYTHON_IMAGE"}
    assert defaults["PYTHON_IMAGE"] in DOCKERFILE


def test_an_answer_that_is_no_digest_pins_nothing(tmp_path: Path) -> None:
    """Such as that of an older docker."""
    work = a_checkout(tmp_path, "echo sha256:short")
    done = subprocess.run(
        ["sh", "docker/digests.sh"], cwd=work, env=path_first(tmp_path), check=False, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "no digest of postgres:17.6-bookworm" in done.stderr
    assert (work / ".env").read_text() == ""


def a_checkout(folder: Path, answer: str) -> Path:
    """The script in a folder of its own, and a `docker` that answers so."""
    (folder / "checkout" / "docker").mkdir(parents=True)
    (folder / "bin").mkdir()
    shutil.copy(ROOT / "docker" / "digests.sh", folder / "checkout" / "docker")
    docker = folder / "bin" / "docker"
    docker.write_text(f"#!/bin/sh\n{answer}\n")
    docker.chmod(0o755)
    return folder / "checkout"


def path_first(folder: Path) -> dict[str, str]:
    """The environment in which that `docker` is found."""
    return os.environ | {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def test_the_server_is_installed_from_the_lock_by_hash() -> None:
    """In the tested versions, with a hash of every file, and nothing resolved anew."""
    lock = (ROOT / "docker" / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^([a-z0-9.-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", lock, re.MULTILINE)
    tested = dict(line.lower().replace("_", "-").split("==") for line in constraints() if "==" in line)
    versions = {name: version for name, version, _ in entries}

    assert "--require-hashes" in DOCKERFILE
    assert len(entries) == lock.count("==")
    assert {"mlflow", "psycopg2-binary"} <= set(versions)
    assert {name: version for name, version in versions.items() if tested.get(name, version) != version} == {}


def constraints() -> list[str]:
    """The lines of constraints.txt that pin something."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_artifacts_and_database_lie_on_volumes() -> None:
    """What a container forgets, a volume keeps."""
    assert SERVICES["mlflow"]["volumes"] == ["artifacts:/artifacts"]
    assert SERVICES["database"]["volumes"] == ["database:/var/lib/postgresql/data"]
