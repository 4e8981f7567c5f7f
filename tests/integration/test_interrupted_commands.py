"""`ablate run` as a process of its own: interrupted, killed, started twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals as Unix has them")

STUDY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0, images: 60, epochs: 40, seconds: SECONDS}
chain: {gain: {gain: 5.0}}
evidence: {test: {folds: 2}, replicates: [2]}
"""
PATIENCE = 60.0


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder with a study of four runs of which none ends by itself soon."""
    write_study(tmp_path, seconds=40.0)
    return tmp_path


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """The commands a test has started; ended with it."""
    commands: list[subprocess.Popen[str]] = []
    yield commands
    for command in commands:
        command.kill()
        command.wait()


def write_study(work: Path, *, seconds: float) -> None:
    (work / "toy.yaml").write_text(STUDY.replace("SECONDS", str(seconds)), encoding="utf-8")


def ablate(work: Path, *arguments: str) -> list[str]:
    command = [
        sys.executable,
        "-c",
        "from ablate.cli import main; main()",
        "run",
        str(work / "toy.yaml"),
        "--work",
        str(work),
        "--no-tracking",
    ]
    return [*command, "--workers", "2", *arguments]


def start(work: Path, commands: list[subprocess.Popen[str]], *arguments: str) -> subprocess.Popen[str]:
    """The command, once both of its runs are at work."""
    command = subprocess.Popen(ablate(work, *arguments), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    commands.append(command)
    deadline = time.monotonic() + PATIENCE
    while len(list(work.rglob("heartbeat"))) < 2:
        assert time.monotonic() < deadline, "no run has begun"
        assert command.poll() is None, command.communicate()[1]
        time.sleep(0.02)
    return command


def family(command: subprocess.Popen[str]) -> list[psutil.Process]:
    """The command's processes, of every generation."""
    return psutil.Process(command.pid).children(recursive=True)


def ends(work: Path) -> list[str]:
    """How each attempt ended, by the last line of its journal."""
    last = [json.loads(path.read_text().splitlines()[-1]) for path in sorted(work.rglob("journal.jsonl"))]
    return [line["data"].get("reason", line["kind"]) for line in last]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_request_to_stop_becomes_checkpoints(
    number: signal.Signals, code: int, work: Path, started: list[subprocess.Popen[str]]
) -> None:
    """The command says how to go on, leaves nothing running, and ends with the signal's code."""
    command = start(work, started)
    processes = family(command)
    command.send_signal(number)
    _, said = command.communicate(timeout=PATIENCE)

    assert (command.returncode, ends(work)) == (code, ["interrupted"] * 2), said
    assert "Stopping" in said
    assert "resumes from here" in said
    assert len({checkpoint.parent for checkpoint in work.rglob("checkpoint-??????")}) == 2
    assert not any(process.is_running() for process in processes)


@pytest.mark.slow
def test_asked_twice_it_stops_now(work: Path, started: list[subprocess.Popen[str]]) -> None:
    """What was not saved is lost, and nothing else: the records say what happened."""
    command = start(work, started)
    processes = family(command)
    command.send_signal(signal.SIGINT)
    command.send_signal(signal.SIGINT)
    time.sleep(0.1)
    if command.poll() is None:
        command.send_signal(signal.SIGINT)
    command.communicate(timeout=PATIENCE)

    assert command.returncode == 130
    assert set(ends(work)) <= {"interrupted", "epoch"}
    psutil.wait_procs(processes, timeout=PATIENCE)
    assert not any(process.is_running() for process in processes)


@pytest.mark.slow
def test_the_time_given_is_kept(work: Path) -> None:
    """As if somebody had pressed Ctrl-C then, whatever the command was at."""
    command = subprocess.run(ablate(work, "--for", "3s"), capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert command.returncode == 130, command.stderr
    assert set(ends(work)) <= {"interrupted"}


def test_a_killed_command_leaves_no_process_and_no_lock_behind(
    work: Path, started: list[subprocess.Popen[str]]
) -> None:
    """While it lives a second one is told who holds the study; when it is dead the next goes on at once."""
    command = start(work, started)
    second = subprocess.run(ablate(work), capture_output=True, text=True, timeout=PATIENCE, check=False)
    processes = family(command)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    psutil.wait_procs(processes, timeout=PATIENCE)
    command.communicate()
    write_study(work, seconds=0.0)
    third = subprocess.run(ablate(work), capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (second.returncode, f"in use by process {command.pid} on " in second.stderr) == (75, True), second.stderr
    assert not any(process.is_running() for process in processes)
    assert third.returncode == 0, third.stderr
