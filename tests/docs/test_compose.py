"""The server composition keeps its promises; read as a file, since a test machine may have no Docker."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.team_server import (
    COMPOSED,
    SECRETS,
    environment,
    health_command,
    schema_command,
    server_command,
    written_secrets,
)

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "docker" / "mlflow.Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]
SCRIPTS = {"basic_auth.ini", "schema.py", "healthy.py", "users.py"}


def test_only_localhost_reaches_the_server_and_nothing_else_is_published() -> None:
    """The database has no port; MLflow's is bound to the loopback interface."""
    ports = {name: service.get("ports", []) for name, service in SERVICES.items()}

    assert ports == {"database": [], "schema": [], "mlflow": ["127.0.0.1:5000:5000"]}


def test_there_is_no_default_password() -> None:
    """Every secret is asked for by name, and the example file leaves it empty."""
    used = re.findall(r"\$\{(POSTGRES_PASSWORD|MLFLOW_[A-Z_]+)([^}]*)\}", TEXT)
    example = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    config = configparser.ConfigParser()
    config.read(ROOT / "docker" / "basic_auth.ini")

    assert {name for name, _ in used} == set(SECRETS)
    assert {rest for _, rest in used} == {":?run make secrets"}
    assert [line for line in example if not line.startswith("#")] == [f"{name}=" for name in SECRETS]
    assert "admin_password" not in config["mlflow"]


def test_no_secret_is_on_a_command_line() -> None:
    """Everybody on the host can read a process's arguments; its environment is its own."""
    lines = [str(service.get(key, "")) for service in SERVICES.values() for key in ("command", "entrypoint")]

    assert not [line for line in lines if "PASSWORD" in line or "SECRET" in line]
    assert "@" not in SERVICES["schema"]["environment"]["MLFLOW_BACKEND_STORE_URI"]


def test_the_composition_runs_what_the_tests_run() -> None:
    """Commands and environment of both services are those of the one description, word for word."""
    values = {name: f"${{{name}:?run make secrets}}" for name in SECRETS}

    assert SERVICES["schema"]["command"] == schema_command(COMPOSED)
    assert SERVICES["mlflow"]["command"] == server_command(COMPOSED)
    assert SERVICES["mlflow"]["healthcheck"]["test"] == ["CMD", *health_command(COMPOSED)]
    assert SERVICES["mlflow"]["environment"] == environment(COMPOSED, values)
    assert SERVICES["schema"]["environment"] == environment(COMPOSED, values)
    assert SERVICES["database"]["environment"]["POSTGRES_USER"] == environment(COMPOSED, values)["PGUSER"]
    assert set(re.search(r"^COPY (.*) /opt/ablate/$", DOCKERFILE, re.MULTILINE)[1].split()) == SCRIPTS  # type: ignore[index]


def test_secrets_are_random_and_their_owners_alone(tmp_path: Path) -> None:
    """One for each name the composition asks for; nobody else on the machine reads them."""
    mine, others = written_secrets(tmp_path / "a"), written_secrets(tmp_path / "b")

    assert set(mine) == set(SECRETS)
    assert len({*mine.values(), *others.values()}) == 2 * len(SECRETS)
    assert {len(value) for value in mine.values()} == {48}
    assert stat.S_IMODE((tmp_path / "a" / ".env").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "a").iterdir() if path.is_file()] == [".env"]


def test_secrets_that_are_there_are_not_replaced(tmp_path: Path) -> None:
    """Another password in the file would not open a database that exists; only what lacks is added."""
    former = written_secrets(tmp_path)
    again = secrets_written_again(tmp_path)
    kept = (tmp_path / ".env").read_text()
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=mine\nMLFLOW_SECRET_KEY=\nPOSTGRES_IMAGE=postgres:17\n")
    (tmp_path / ".env").chmod(0o644)
    added = secrets_written_again(tmp_path)
    now = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())

    assert (again.returncode, kept) == (1, "".join(f"{name}={value}\n" for name, value in former.items()))
    assert "nothing was written" in again.stderr
    assert added.returncode == 0
    assert (now["POSTGRES_PASSWORD"], now["POSTGRES_IMAGE"]) == ("mine", "postgres:17")
    assert len(now["MLFLOW_SECRET_KEY"]) == len(now["MLFLOW_ADMIN_PASSWORD"]) == 48
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_secrets_that_others_could_read_are_hidden_from_them(tmp_path: Path) -> None:
    """A file that somebody wrote by hand may be readable by all; having every secret, it is not written again."""
    written_secrets(tmp_path)
    (tmp_path / ".env").chmod(0o644)
    again = secrets_written_again(tmp_path)

    assert again.returncode == 1
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_an_interrupted_script_leaves_no_secrets_about(tmp_path: Path) -> None:
    """Neither of the files it works on stays behind, and git would pass over either; the example is kept."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "secrets.sh").write_bytes((ROOT / "docker" / "secrets.sh").read_bytes())
    (tmp_path / "mv").write_text("#!/bin/sh\nkill -TERM $PPID\n")
    (tmp_path / "mv").chmod(0o755)
    command = ["sh", "docker/secrets.sh"]
    path = f"{tmp_path}:{os.environ['PATH']}"
    stopped = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, env={"PATH": path})
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()

    assert stopped.returncode != 0
    assert [one.name for one in tmp_path.glob(".env*")] == []
    assert ignored.index(".env.*") < ignored.index("!.env.example")


def secrets_written_again(folder: Path) -> subprocess.CompletedProcess[str]:
    """The script, called once more."""
    return subprocess.run(["sh", "docker/secrets.sh"], cwd=folder, check=False, capture_output=True, text=True)


def test_tables_are_made_by_what_makes_them(tmp_path: Path) -> None:
    """The one call the schema service makes, on a database of its own: runs and users lie in it side by side."""
    uri = f"sqlite:///{tmp_path}/x.db"
    config = (ROOT / "docker" / "basic_auth.ini").read_text(encoding="utf-8")
    (tmp_path / "auth.ini").write_text(config.replace("postgresql+psycopg:///mlflow", uri), encoding="utf-8")
    own = {"MLFLOW_BACKEND_STORE_URI": uri, "MLFLOW_AUTH_CONFIG_PATH": str(tmp_path / "auth.ini")}
    command = [sys.executable, str(ROOT / "docker" / "schema.py")]
    subprocess.run(command, env=os.environ | own, cwd=tmp_path, check=True, capture_output=True)
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall()
        assert connection.execute("SELECT version_num FROM alembic_version_auth").fetchall()


@pytest.mark.network
@pytest.mark.parametrize("status", [401, 200, 403, 500])
def test_the_server_is_healthy_when_it_refuses_an_unknown_user(status: int) -> None:
    """`/health` answers 200 while every client is refused for its Host header, or while the database is away."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/api/2.0/mlflow/experiments/search"
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        command = [sys.executable, str(ROOT / "docker" / "healthy.py"), f"http://127.0.0.1:{server.server_port}"]
        done = subprocess.run(command, check=False, capture_output=True)
        thread.join()

    assert (done.returncode == 0) is (status == 401)


def test_a_slow_start_is_not_taken_for_an_illness() -> None:
    """MLflow imports for half a minute on a busy machine."""
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
    assert {"mlflow", "psycopg", "psycopg-binary", "flask-wtf"} <= set(versions)
    assert {name: version for name, version in versions.items() if tested.get(name, version) != version} == {}


def constraints() -> list[str]:
    """The lines of constraints.txt that pin something."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_artifacts_and_database_lie_on_volumes() -> None:
    """What a container forgets, a volume keeps."""
    assert SERVICES["mlflow"]["volumes"] == ["artifacts:/artifacts"]
    assert SERVICES["database"]["volumes"] == ["database:/var/lib/postgresql/data"]
