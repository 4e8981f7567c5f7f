"""Clusters that cannot be joined, and nodes that cannot carry a run: said soon, and said what to do."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.execute import joining, on_node
from ablate.execute.joining import refuse_unreachable
from ablate.execute.on_node import inspect_node, run_attempt
from ablate.execute.ray_cluster import cluster
from ablate.files import locked
from ablate.workflows.executor import connected
from ablate.workflows.options import Options
from ablate.workflows.session import Session
from tests.study_builders import a_study_file, read_study


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "nothing answers there"),
        ("127.0.0.1:99999999", "nothing answers there"),
        ("head", "write auto, or HOST:PORT"),
        ("head:ray", "write auto, or HOST:PORT"),
        ("ray://127.0.0.1:10001", "Ray's client cannot be used"),
    ],
)
def test_an_address_nobody_answers_at_is_refused(address: str, said: str) -> None:
    """Ray would try for minutes."""
    with pytest.raises(StudyError, match=said) as refused:
        refuse_unreachable(address)

    assert f"--ray-address {address}" in refused.value.message
    assert refused.value.hint


def test_something_else_that_answers_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A web server takes the connection, and then there is no word of Ray's to hear."""

    def run(*_: object, **options: float) -> None:
        raise subprocess.TimeoutExpired("join", options["timeout"])

    monkeypatch.setattr(joining.subprocess, "run", run)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(StudyError, match="no Ray cluster has answered"),
    ):
        refuse_unreachable(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    ("said", "hint"),
    [("Token authentication is enabled but no token was found", "RAY_AUTH_TOKEN"), ("Version mismatch", "versions")],
)
def test_a_cluster_that_does_not_let_this_machine_in_is_told_with_its_words(
    said: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with what is probably missing."""
    done = subprocess.CompletedProcess([], 1, stdout=said, stderr="")
    monkeypatch.setattr(joining.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(StudyError, match=said) as refused:
        refuse_unreachable("auto")

    assert hint in refused.value.hint


def test_ray_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One command fixes it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StudyError) as refused, cluster(None, tmp_path):
        pass

    assert refused.value.hint == "pip install 'ray>=2.54'"


def test_an_address_without_the_executor_is_refused(tmp_path: Path) -> None:
    """Runs would go elsewhere, and nobody would notice."""
    from ablate.study.plan import make_plan

    study = read_study(a_study_file())
    session = Session(study, make_plan(study), tmp_path)
    with pytest.raises(StudyError, match="--executor ray"), connected(session, Options(ray_address="auto")):
        pass


def test_a_node_without_the_work_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run there could neither read its task nor be heard."""
    monkeypatch.setattr(on_node, "PATIENCE_SECONDS", 0.0)

    assert f"does not see {tmp_path}" in inspect_node(str(tmp_path / "probe" / "lock")).wrong
    with pytest.raises(FileNotFoundError, match="share the work folder"):
        run_attempt(str(tmp_path / "attempt"), str(tmp_path), str(tmp_path), {})


def test_a_node_that_does_not_see_the_locks_of_others_says_so(tmp_path: Path) -> None:
    """As on a network file system that is mounted without them."""
    lock = tmp_path / "probe" / "lock"
    with locked(lock):
        held = inspect_node(str(lock)).wrong

    assert held == ""
    assert "but not the locks" in inspect_node(str(lock)).wrong
