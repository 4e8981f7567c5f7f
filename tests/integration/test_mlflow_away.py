"""A real MLflow server that is away, slow, broken, or loses its replies while a study trains."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest

from ablate.errors import TrackingError
from ablate.harness.progress import Progress
from ablate.harness.tracker_feed import study_card
from ablate.store.journal import read_events
from ablate.study.load import load_study
from ablate.track import courier
from ablate.track.memory import MemoryTracker
from ablate.workflows import notify
from ablate.workflows.notify import report_study
from ablate.workflows.options import Options
from ablate.workflows.pull import pull_study
from ablate.workflows.run import StudyRun, run_study, sync_study
from ablate.workflows.session import Session, open_session, resolved_options
from tests.contract.test_trackers import shown_by_mlflow, template_database
from tests.contract.tracking_builders import Shown, eventually
from tests.integration.faulty_server import Proxy, mlflow_server

pytestmark = pytest.mark.network

RUNS = 4
Steer = Callable[[Proxy, int], None]
"""Called after each run, with the number of those that have ended."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Minutes become fractions of a second; trackers set defaults that other tests shall not see."""
    monkeypatch.setattr(courier, "FIRST_REST", 0.05)
    monkeypatch.setattr(courier, "LONGEST_REST", 0.2)
    with mock.patch.dict(os.environ, {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps what it is given."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(template_database())
    return folder


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """The server's own port."""
    with mlflow_server(folder) as port:
        yield port


@pytest.fixture
def proxy(port: int) -> Iterator[Proxy]:
    """The server as the study sees it."""
    proxy = Proxy(port)
    yield proxy
    proxy.gate.set()
    proxy.go_away()


def a_work_folder(work: Path, name: str) -> Path:
    """With the study file of two variants on two replicates."""
    work.mkdir(parents=True, exist_ok=True)
    evidence = "evidence: {test: {folds: 2}, replicates: [2]}"
    text = (
        f"study: {name}\ntrainer: ablate.toy:train\nbase: {{epochs: 3}}\nchain: {{gain: {{gain: 15.0}}}}\n{evidence}\n"
    )
    (work / "study.yaml").write_text(text, encoding="utf-8")
    return work


def session_in(work: Path) -> Session:
    return open_session(load_study(work / "study.yaml"), work)


def run(work: Path, proxy: Proxy, steer: Steer) -> StudyRun:
    """The whole study, steered."""
    ended = 0

    def watch(progress: Progress) -> None:
        nonlocal ended
        if progress.kind == "ended":
            ended += 1
            steer(proxy, ended)

    options = Options(executor="inline", tracking_uri=proxy.uri)
    return run_study(load_study(work / "study.yaml"), work=work, options=options, on_progress=watch)


def last_end(session: Session) -> float:
    """When the last run wrote its result, by its journal."""
    attempts = [path for _, spec in session.plan.runs() for path in session.store.attempts(spec.fingerprint)]
    assert len(attempts) == RUNS
    ends = [event for path in attempts for event in read_events(path)[0] if event.kind == "finished"]
    assert len(ends) == RUNS
    return max(event.time for event in ends)


def stored(folder: Path, name: str) -> list[Shown]:
    return [run for run in shown_by_mlflow(folder / "mlflow.db") if run.tags["ablate.study"] == name]


def points(session: Session) -> dict[str, list[tuple[str, int, float, int]]]:
    """Run -> every point of every metric a store has to show of it, by the journals."""
    tracker = MemoryTracker()
    tracker.begin(study_card(session.study, session.plan.variants, name=session.study.name))
    report_study(session, resolved_options(session, Options()), tracker)
    return {
        run.name: sorted((point.key, point.step, point.value, point.at) for point in run.points)
        for run in tracker.runs.values()
        if run.points
    }


def assert_all_is_there_once(session: Session, folder: Path) -> None:
    """One run for the study, one a variant, one per replicate, each with the journal's points and none twice."""
    shown = stored(folder, session.study.name)
    assert sorted(run.name for run in shown) == sorted(
        [session.study.name, "baseline", "gain", *(f"{v} r{i}" for v in ("baseline", "gain") for i in (0, 1))]
    )
    assert {run.status for run in shown} == {"FINISHED"}
    told = {
        run.name: sorted((key, *entry) for key, entries in run.history.items() for entry in entries)
        for run in shown
        if run.tags["ablate.level"] == "replicate"
    }
    assert told == points(session)


def away_at_start(proxy: Proxy, ended: int) -> None:
    """Nobody answers until all has been trained."""
    if ended == RUNS:
        proxy.come_back()


def broken(proxy: Proxy, ended: int) -> None:
    """500 until all has been trained."""
    if ended == RUNS:
        proxy.mood = "well"


def slow(proxy: Proxy, ended: int) -> None:
    """The first reply comes after all has been trained, and each takes its time."""
    if ended == RUNS:
        proxy.gate.set()


BEFORE: dict[Steer, Callable[[Proxy], None]] = {
    away_at_start: Proxy.go_away,
    broken: lambda proxy: setattr(proxy, "mood", "500"),
    slow: lambda proxy: (proxy.gate.clear(), setattr(proxy, "delay", 0.02))[0],
}


@pytest.mark.parametrize("steer", BEFORE, ids=lambda steer: steer.__name__)
def test_training_ends_before_the_server_has_said_a_word(
    proxy: Proxy, folder: Path, tmp_path: Path, steer: Steer
) -> None:
    """Nobody waits for it: all journals have their end before its first reply; then it catches up by itself."""
    work = a_work_folder(tmp_path, steer.__name__.replace("_", "-"))
    BEFORE[steer](proxy)
    done = run(work, proxy, steer)

    assert done.trained == RUNS
    assert done.delivered
    assert last_end(session_in(work)) < min(proxy.answered)
    assert_all_is_there_once(session_in(work), folder)


def test_a_server_that_goes_away_in_the_middle_gets_the_rest_later(proxy: Proxy, folder: Path, tmp_path: Path) -> None:
    """What it had is not told again, what it missed is."""
    work = a_work_folder(tmp_path, "middle")
    seen: list[int] = []

    def steer(proxy: Proxy, ended: int) -> None:
        if ended == 1:
            assert eventually(lambda: bool(proxy.answered))  # it has heard of the study before it goes
            proxy.go_away()
            seen.append(len(proxy.answered))
        elif ended == RUNS:
            seen.append(len(proxy.answered))
            proxy.come_back()

    done = run(work, proxy, steer)

    assert done.delivered
    assert seen[0] == seen[1] > 0
    assert_all_is_there_once(session_in(work), folder)


@pytest.mark.parametrize("path", ["runs/create", "runs/log-batch"])
def test_replies_that_get_lost_leave_nothing_twice(proxy: Proxy, folder: Path, tmp_path: Path, path: str) -> None:
    """The server created, or stored, and nobody heard: it is found, not done again."""
    work = a_work_folder(tmp_path, f"lost-{path.rpartition('/')[2]}")
    proxy.lost, proxy.lost_path = 4, path
    done = run(work, proxy, lambda proxy, ended: None)

    assert done.delivered
    assert proxy.lost == 0
    assert_all_is_there_once(session_in(work), folder)


def test_what_a_command_could_not_deliver_sync_delivers_and_another_machine_pulls(
    proxy: Proxy, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Down for the whole command; then sync, twice; then a new machine, through a server that fails in between."""
    monkeypatch.setattr(notify, "TRACKING_SECONDS", 0.3)
    work = a_work_folder(tmp_path / "there", "later")
    proxy.go_away()
    missed = run(work, proxy, lambda proxy, ended: None)
    back = Proxy(proxy._behind)  # another address: the command's own thread, still alive in this process, stays deaf
    monkeypatch.undo()
    options = resolved_options(session_in(work), Options(tracking_uri=back.uri))
    told = sync_study(session_in(work), options)
    first = stored(folder, "later")
    sync_study(session_in(work), options)

    assert not missed.delivered
    assert told == RUNS
    assert_all_is_there_once(session_in(work), folder)
    assert stored(folder, "later") == first

    here = a_work_folder(tmp_path / "here", "later")
    back.mood = "500"
    with pytest.raises(TrackingError, match="cannot be read"):
        pull_study(load_study(here / "study.yaml"), here, back.uri)
    back.mood = "well"
    found = pull_study(load_study(here / "study.yaml"), here, back.uri)
    back.go_away()

    assert (found.taken, found.refused) == (RUNS, {})
    assert not [path for path in back.requests if path.endswith("artifacts/list")]
    again = run_study(load_study(here / "study.yaml"), work=here, options=Options(executor="inline", track=False))
    assert again.trained == 0
    assert points(session_in(here)) == points(session_in(work))
