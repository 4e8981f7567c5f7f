"""A search in a database: a real PostgreSQL server, and what the dashboard of Optuna sees."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from ablate.errors import Held, StudyError
from ablate.harness.progress import Progress
from ablate.search import open_search
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.search.result import SearchOptions
from ablate.workflows.search.run import run_search
from tests.postgres import PostgresServer, postgres_server
from tests.search_builders import a_question, a_study_file, searched


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A fresh server."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(server: PostgresServer) -> str:
    """Its URL."""
    return server.url


@pytest.mark.slow
def test_a_search_lives_in_postgresql(postgres: str, tmp_path: Path) -> None:
    """It goes on where it was, is held by one, names its place without the password, and refuses another."""
    path = a_study_file(tmp_path)
    trained = [searched(path, trials, storage=postgres).trained for trials in (3, 3, 5)]
    found = searched(path, 5, storage=postgres)

    assert trained == [3, 0, 2]
    assert "secret" not in found.page.read_text(encoding="utf-8")
    assert not (tmp_path / ".ablate/studies/toy-search/optuna.journal").exists()
    with pytest.raises(StudyError, match="is kept in postgresql"):
        searched(path, 5)


@pytest.mark.slow
def test_two_work_folders_do_not_share_a_search_at_one_time(postgres: str, tmp_path: Path) -> None:
    """The lease in the database says who has it; in turns they go on with one another's trials."""
    question = a_question(tmp_path, "{space: {gain: {low: 0.0, high: 20.0}}}")
    opened = open_search(question, tmp_path / "a", postgres)
    other = open_search(question, tmp_path / "b", postgres)
    lease = {"process": 1, "host": "elsewhere", "at": time.time()}
    with opened.held():
        other.optuna_study.set_user_attr("held_by", lease)
        with pytest.raises(Held) as refused, other.held():
            pass

    assert refused.value.exit_code == 75
    with other.held():
        assert other.optuna_study.user_attrs["held_by"]["process"] == os.getpid()
    opened.close()
    other.close()


@pytest.mark.slow
def test_a_changed_question_is_refused_by_the_database_too(postgres: str, tmp_path: Path) -> None:
    """`load_if_exists` would keep the old direction silently."""
    search = "{space: {gain: {low: 0.0, high: 20.0}}}"
    open_search(a_question(tmp_path, search), tmp_path, postgres).close()

    with pytest.raises(StudyError, match="was started with other settings"):
        open_search(a_question(tmp_path, search.replace("}}}", "}}, objective: loss}")), tmp_path, postgres)


@pytest.mark.slow
def test_a_search_waits_for_a_database_that_is_started_again(server: PostgresServer, tmp_path: Path) -> None:
    """A restart in the middle: nothing is lost, asked twice or told twice."""
    restarts = iter([threading.Timer(1.5, server.start)])

    def restart(progress: Progress) -> None:
        if progress.done == 2 and (timer := next(restarts, None)) is not None:
            server.stop()
            timer.start()

    question = load_study(a_study_file(tmp_path, "{space: {gain: {low: 0.0, high: 30.0}}, trials: 5}"))
    options = Options(executor="inline", track=False)
    search = SearchOptions(storage=server.url, name="restarted")
    found = run_search(question, search=search, work=tmp_path, options=options, on_progress=restart)

    assert next(restarts, None) is None
    assert [(trial.number, trial.state) for trial in found.tried] == [(i, "complete") for i in range(5)]


def test_optunas_dashboard_opens_the_storage_as_it_is(tmp_path: Path) -> None:
    """Every trial with its parameters and values, by the dashboard's own interface; nothing is converted."""
    dashboard = pytest.importorskip("optuna_dashboard", reason="pip install '.[dashboard]'")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    found = searched(a_study_file(tmp_path), 3)
    application = dashboard.wsgi(JournalStorage(JournalFileBackend(found.place)))

    def get(url: str) -> Any:
        environ: dict[str, Any] = {"PATH_INFO": url, "REQUEST_METHOD": "GET"}
        setup_testing_defaults(environ)
        return json.loads(b"".join(application(environ, lambda *_: None)))

    (study,) = get("/api/studies")["study_summaries"]
    trials = get(f"/api/studies/{study['study_id']}")["trials"]

    assert study["study_name"] == "toy-search"
    assert [trial["state"] for trial in trials] == ["Complete"] * 3
    assert {param["name"] for trial in trials for param in trial["params"]} == {"gain", "noise"}
