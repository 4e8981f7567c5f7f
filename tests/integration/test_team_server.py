"""A team's server for real: users, PostgreSQL and MLflow as docker-compose.yml runs them, and what goes wrong there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

import pytest

from ablate.errors import TrackingError
from ablate.harness.progress import Progress
from ablate.study.load import load_study
from ablate.track.environment import quiet_environment
from ablate.workflows.options import Options
from ablate.workflows.pull import pull_study
from ablate.workflows.run import StudyRun, run_study
from ablate.workflows.search.result import SearchOptions
from ablate.workflows.search.run import run_search
from tests.integration.test_mlflow_away import a_work_folder, points, session_in
from tests.search_builders import a_study_file
from tests.team_server import OLDER_SCHEMA, ROOT, TeamServer, team_server

pytestmark = [pytest.mark.slow, pytest.mark.network]

RUNS = 4


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        quiet_environment()
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "60"  # a check of a password takes seconds on a busy machine
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TeamServer]:
    """One server for all."""
    with team_server(tmp_path_factory.mktemp("team")) as server:
        yield server


@pytest.fixture(scope="module")
def passwords(server: TeamServer) -> dict[str, str]:
    """The admin's, and those of two users."""
    return {
        "admin": server.secrets["MLFLOW_ADMIN_PASSWORD"],
        **{name: server.users("add", name) for name in ("anna", "ben")},
    }


def known_as(name: str, password: str) -> AbstractContextManager[object]:
    """Whom MLflow's client says we are."""
    return mock.patch.dict(os.environ, {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password})


def trained(work: Path, server: TeamServer, watch: Callable[[int], None] = lambda ended: None) -> StudyRun:
    """The whole study of four runs. watch: called with the number of runs that have ended."""
    ended = 0

    def count(progress: Progress) -> None:
        nonlocal ended
        if progress.kind == "ended":
            ended += 1
            watch(ended)

    options = Options(executor="inline", tracking_uri=server.uri)
    return run_study(load_study(work / "study.yaml"), work=work, options=options, on_progress=count)


class CommandLine:
    """`ablate` in a process of its own, as one user: what it could not send must not go on being sent here."""

    def __init__(self, server: TeamServer, name: str | None, password: str = "") -> None:
        self._server, self._name = server, name
        known = {} if name is None else {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password}
        self._environment = os.environ | known | {"HOME": str(server.folder)}

    def __call__(self, command: str, study: Path, work: Path, *words: str) -> tuple[int, str]:
        """Exit code and all that is printed, its lines joined."""
        line = [sys.executable, "-m", "ablate", command, str(study), "--work", str(work), *words]
        line += ["--tracking-uri", self._server.uri]
        with self._server.timed(f"{self._name}: ablate {command} {study.stem}"):
            done = subprocess.run(
                line, env=self._environment, capture_output=True, text=True, check=False, timeout=900
            )  # fmt: skip
        return done.returncode, " ".join((done.stdout + done.stderr).split())


def assert_all_is_there_once(work: Path, server: TeamServer) -> None:
    """One run for the study, one a variant, one per replicate, each with the journal's points and none twice."""
    study = session_in(work).study.name
    query = (
        "SELECT r.name, r.status, r.run_uuid FROM runs r JOIN tags t USING (run_uuid) WHERE t.key = %s AND t.value = %s"
    )
    found = server.query(query, "ablate.study", study)
    replicates = [f"{variant} r{index}" for variant in ("baseline", "gain") for index in (0, 1)]
    told = {
        name: sorted(
            server.query("SELECT key, step, value, timestamp FROM metrics WHERE run_uuid = %s", run)
        )
        for name, _, run in found
        if name in replicates
    }  # fmt: skip

    assert sorted(name for name, _, _ in found) == sorted([study, "baseline", "gain", *replicates])
    assert {status for _, status, _ in found} == {"FINISHED"}
    assert told == points(session_in(work))


def wait_for_runs(server: TeamServer, study: str) -> None:
    """Until the server has heard of the study."""
    until = time.monotonic() + 120
    while not server.query("SELECT 1 FROM tags WHERE key = 'ablate.study' AND value = %s", study):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_one_trains_and_another_reads_but_does_not_write(
    server: TeamServer, passwords: dict[str, str], tmp_path: Path
) -> None:
    """Ben pulls what Anna's machine has sent; he may not add to it before it is granted, and may keep his own."""
    hers, his, own = a_work_folder(tmp_path / "a", "shared"), a_work_folder(tmp_path / "b", "shared"), tmp_path / "c"
    with known_as("anna", passwords["anna"]), server.timed("anna trains and tracks"):
        assert trained(hers, server).delivered
    ben = CommandLine(server, "ben", passwords["ben"])
    pulled = ben("pull", his / "study.yaml", his)
    refused = ben("sync", his / "study.yaml", his)
    server.users("grant", "ben", "EDIT", "shared")
    granted = ben("sync", his / "study.yaml", his)
    kept = ben("run", a_work_folder(own, "bens-own") / "study.yaml", own)

    assert (pulled[0], refused[0], granted[0], kept[0]) == (0, 2, 0, 0), (pulled, refused, granted, kept)
    assert (
        f"MLflow at {server.uri} lets user 'ben' read the study's experiment, but not write to it (403)" in refused[1]
    )
    assert "the right EDIT on it" in refused[1]
    assert_all_is_there_once(hers, server)
    assert_all_is_there_once(own, server)
    assert points(session_in(his)) == points(session_in(hers))


def test_the_quick_start_is_tracked_and_put_back_by_the_command_line(
    server: TeamServer, passwords: dict[str, str], tmp_path: Path
) -> None:
    """A newcomer's commands, at one replicate and few epochs, with files on the server's own disk."""
    study = ROOT / "ablate" / "packaged" / "quickstart.yaml"
    there = tmp_path / "there"
    there.mkdir()
    trained = CommandLine(server, "anna", passwords["anna"])(
        "run", study, tmp_path, "--set", "epochs=2", "--replicate", "0"
    )
    pulled = CommandLine(server, "ben", passwords["ben"])("pull", study, there, "--set", "epochs=2")
    query = "SELECT status FROM runs JOIN tags USING (run_uuid) WHERE tags.key = %s AND tags.value LIKE %s"
    runs = server.query(query, "ablate.study", "quickstart%")

    assert [status for (status,) in runs].count("FINISHED") >= 6
    assert list((server.folder / "artifacts").rglob("report/report.md"))
    assert (trained[0], pulled[0]) == (0, 0), (trained, pulled)
    assert len(list(there.glob(".ablate/runs/*/*/journal.jsonl"))) == 6


def test_a_search_is_tracked_by_a_user(server: TeamServer, passwords: dict[str, str], tmp_path: Path) -> None:
    """Every trial is a run on the server."""
    path = a_study_file(tmp_path)
    with known_as("anna", passwords["anna"]), server.timed("a search of three trials"):
        options = Options(executor="inline", tracking_uri=server.uri)
        search = SearchOptions(trials=3, name="on-the-server")
        found = run_search(load_study(path), search=search, work=tmp_path, options=options)
    (there,) = server.query("SELECT count(*) FROM runs WHERE name LIKE 'trial%%' AND status = 'FINISHED'")

    assert found.delivered
    assert len(found.tried) == 3
    assert there[0] >= 3


def test_a_wrong_password_is_named_by_every_command(
    server: TeamServer, passwords: dict[str, str], tmp_path: Path
) -> None:
    """Who, where, what next, never the password; and a study trains to its end all the same."""
    work = a_work_folder(tmp_path, "wrong")
    study = work / "study.yaml"
    mistaken = CommandLine(server, "anna", "not-the-password")
    answers = [mistaken(command, study, work) for command in ("pull", "sync")]
    code, said = mistaken("run", study, work)
    nameless = CommandLine(server, None)("pull", study, work)
    put_right = CommandLine(server, "anna", passwords["anna"])("sync", study, work)

    for exit_code, text in answers:
        assert exit_code == 2
        assert f"MLflow at {server.uri} does not accept user 'anna' with this password (401)" in text
        assert "Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in text
        assert "not-the-password" not in text
    assert code == 0
    assert "ablate sync" in said
    assert nameless[0] == 2
    assert "asks for a user's name and password, and was given none (401)" in nameless[1]
    assert "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in nameless[1]
    assert put_right[0] == 0, put_right
    assert_all_is_there_once(work, server)


def test_a_user_removed_in_the_middle_is_refused_from_then_on(
    server: TeamServer, passwords: dict[str, str], tmp_path: Path
) -> None:
    """The study trains to its end; whoever may then delivers the rest."""
    work = a_work_folder(tmp_path, "revoked")
    password = server.users("add", "carl")

    def watch(ended: int) -> None:
        if ended == 1:
            wait_for_runs(server, "revoked")
            server.users("remove", "carl")

    with known_as("carl", password):
        done = trained(work, server, watch)
        with pytest.raises(TrackingError, match=r"does not accept user 'carl' with this password \(401\)"):
            pull_study(load_study(work / "study.yaml"), tmp_path / "b", server.uri)
        rest = CommandLine(server, "admin", passwords["admin"])("sync", work / "study.yaml", work)

    assert (done.trained, done.delivered, rest[0]) == (RUNS, False, 0), rest
    assert "carl" not in server.users("list").split()
    assert_all_is_there_once(work, server)


Step = Callable[[TeamServer], None]


def stop_and_go_back(server: TeamServer) -> None:
    """As if an older MLflow had been there all along."""
    server.stop()
    server.downgrade_schema()


def upgrade(server: TeamServer) -> None:
    """As the composition does it: the tables first, while no server writes; then the server."""
    older = server.schema_version()
    server.make_schema()
    assert (older, server.schema_version() != older) == (OLDER_SCHEMA, True)
    server.start()


INTERRUPTIONS: dict[str, tuple[Step, Step]] = {
    "the server is restarted": (TeamServer.stop, TeamServer.start),
    "the database is restarted": (lambda server: server.database.stop(), lambda server: server.database.start()),
    "the schema is upgraded": (stop_and_go_back, upgrade),
}


@pytest.mark.parametrize("what", INTERRUPTIONS)
def test_nothing_is_lost_when_in_the_middle_of_a_study(
    server: TeamServer, passwords: dict[str, str], tmp_path: Path, what: str
) -> None:
    """Two runs end while it is away; all is there once it is back, and none of it twice."""
    study = what.split()[1] + "-interrupted"
    work = a_work_folder(tmp_path, study)
    away, back = INTERRUPTIONS[what]

    def watch(ended: int) -> None:
        if ended == 1:
            wait_for_runs(server, study)
            with server.timed(f"{what}: away"):
                away(server)
        elif ended == 3:
            with server.timed(f"{what}: back"):
                back(server)

    with known_as("anna", passwords["anna"]), server.timed(f"{what}: the whole study"):
        done = trained(work, server, watch)

    assert (done.trained, done.delivered) == (RUNS, True)
    assert_all_is_there_once(work, server)
