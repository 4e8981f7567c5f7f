"""A command that is asked to end says so in its last line and by its exit code, whatever it was about to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals as Unix has them")

PATIENCE = 60.0
TRAINER = '''\
import os, time
from pathlib import Path
import ablate
from ablate.inspection import Description
from ablate.records import Prepared

METRICS = {"accuracy": "max"}


class Config(ablate.Settings):
    skill: float = 0.5
    luck: float = 0.1


def halt(phase, when=True, run=None):
    """Say that the command is here, and stay; a run stays until it is asked to stop."""
    if os.environ["HALT"] == phase and when:
        Path(os.environ["HERE"]).touch()
        while run is not None:
            time.sleep(0.02)
            if run.tick(1, 1, 2):
                run.checkpoint(lambda path: path.write_text("state"))
        time.sleep(60)


def train(config: Config, run: ablate.Run):
    halt("searching", run.protocol.sealed, run)
    halt("training", not run.protocol.sealed, run)
    halt("confirming", run.replicate.stream == "confirm", run)
    for epoch in range(1, 3):
        run.epoch(epoch, {"val/accuracy": config.skill})
    return {"accuracy": config.skill + config.luck + run.replicate.index / 100}


def prepare(config: Config, run: ablate.Run) -> Prepared:
    halt("preparing")
    return Prepared(digest="data")


def describe(config: Config) -> Description:
    halt("describing")
    return Description()


halt("importing")
'''
STUDY = """\
study: halted
question: Does skill help?
trainer: halting:train
base: {skill: 0.5, luck: 0.1}
chain: {more: {skill: 0.6}}
evidence: {metric: accuracy, test: {share: 0.2}, replicates: [2]}
"""
SPACE = "val: 0.2, trials: 2, split: trainer, space: {luck: {low: 0.1, high: 0.2}}"
MORE = {
    "": "",
    "search": f"search: {{{SPACE}, confirm: {{top: 1, replicates: 2}}}}\n",
    "tune": f"tune: {{{SPACE}}}\n",
}
TERM, HUP, INT = signal.SIGTERM, signal.SIGHUP, signal.SIGINT


@pytest.mark.parametrize(
    ("command", "more", "phase", "number"),
    [
        ("run", "", "importing", TERM),
        ("run", "", "preparing", TERM),
        ("run", "", "training", TERM),
        ("run", "tune", "searching", TERM),
        ("run", "tune", "searching", HUP),
        ("run", "tune", "training", INT),
        ("join", "", "training", TERM),
        ("optuna", "search", "searching", TERM),
        ("optuna", "search", "confirming", TERM),
        ("plan", "", "describing", TERM),
        ("plan", "", "describing", HUP),
        ("plan", "", "describing", INT),
        ("check", "", "importing", TERM),
    ],
)
def test_the_exit_code_and_the_last_line_are_those_of_the_signal(
    command: str, more: str, phase: str, number: signal.Signals, tmp_path: Path
) -> None:
    """128 and the signal's number, as shells have it, and how to go on; searches of `tune:` included."""
    (tmp_path / "halting.py").write_text(TRAINER, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(STUDY + MORE[more], encoding="utf-8")
    here = tmp_path / "here"
    environment = os.environ | {"HALT": phase, "HERE": str(here)}
    arguments = [command, "s.yaml", *(["--no-tracking"] if command in ("run", "optuna") else [])]
    process = subprocess.Popen(
        [sys.executable, "-c", "from ablate.cli import main; main()", *arguments],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while not here.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the command did not come there"
            time.sleep(0.02)
        process.send_signal(number)
        said, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 128 + number, said + told
    assert told.rstrip().endswith("Interrupted. The same command resumes from here.")
    assert "Traceback" not in told
