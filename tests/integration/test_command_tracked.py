"""Commands through the whole of a study: live in MLflow, searched, failed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ablate.records import Finished
from ablate.store.journal import read_events
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.run import run_study
from ablate.workflows.search.result import SearchOptions
from ablate.workflows.search.run import run_search
from ablate.workflows.session import open_session

pytestmark = pytest.mark.slow

LIVE = """
import json, sqlite3, sys, time
print("epoch 1 acc: 0.25", flush=True)
print("epoch 2 acc: 0.5", flush=True)
deadline, seen = time.time() + 120, 0
while not seen and time.time() < deadline:
    try:
        asked = "select count(*) from metrics where key = 'val_accuracy' and step = 1 and value = 0.25"
        seen = sqlite3.connect("file:mlflow.db?mode=ro", uri=True).execute(asked).fetchone()[0]
    except sqlite3.Error:
        pass
    time.sleep(0.2)
json.dump({"accuracy": 0.5 + int(sys.argv[1]) % 100 / 1000, "seen": seen}, open(sys.argv[2] + "/result.json", "w"))
"""
STUDY = r"""
study: live
trainer:
  command: [python, train.py, "{seed}", "{folder}", "{lr}"]
  results: {file: result.json, validation: val}
  curves: {stdout: 'epoch (?P<epoch>\d+) acc: (?P<val_accuracy>[0-9.]+)'}
base: {lr: 0.1}
evidence: {replicates: [1]}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder; `python` is this one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_epochs_are_in_mlflow_before_the_script_has_ended(here: Path) -> None:
    """The script itself looks for its first epoch in the store, and waits for it."""
    (here / "train.py").write_text(LIVE)
    (here / "study.yaml").write_text(STUDY + "one_at_a_time: {slower: {lr: 0.01}}\n")
    study = load_study("study.yaml")
    run_study(study, options=Options(tracking_uri=f"sqlite:///{here}/mlflow.db", workers=1))
    session = open_session(study)
    found = [session.store.finished(spec.fingerprint)[0] for _, spec in session.plan.runs()]

    assert [run.metrics["seen"] for run in found] == [1, 1]


SEARCHED = """
import json, sys
seed, folder, lr = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
json.dump({"accuracy": 0.9, "val": 0.5 - abs(lr - 0.05) + seed % 97 / 1e4}, open(folder + "/result.json", "w"))
"""


def test_a_search_over_a_command_reads_its_validation_number(here: Path) -> None:
    """Trials have no other number; the study it writes has the command in it."""
    (here / "train.py").write_text(SEARCHED)
    text = STUDY + "search: {space: {lr: {low: 0.01, high: 0.1}}, trials: 3, confirm: {top: 1, replicates: 2}}\n"
    (here / "study.yaml").write_text(text)
    found = run_search(load_study("study.yaml"), search=SearchOptions(), options=Options(track=False))
    runs = [path.parent for path in here.glob(".ablate/runs/*/*/journal.jsonl")]
    metrics = [event.data["metrics"] for run in runs for event in read_events(run)[0] if event.kind == "finished"]
    best = load_study(here / "reports" / "live-search" / "best.yaml")

    assert found.exit_code == 0
    assert sum("accuracy" in one and one["accuracy"] < 0.6 for one in metrics) == 3
    assert sum(one["accuracy"] == 0.9 for one in metrics) == 4
    assert best.trainer.is_command


def test_a_study_of_scripts_that_fail_says_why(here: Path) -> None:
    """Each failure with the last line of the script, and the command in the report."""
    (here / "train.py").write_text("raise SystemExit('no data: where is labels.csv?')\n")
    (here / "study.yaml").write_text(STUDY + "one_at_a_time: {slower: {lr: 0.01}}\n")
    done = run_study(load_study("study.yaml"), options=Options(track=False))
    report = (here / "reports" / "live" / "report.html").read_text()

    assert done.exit_code == 1
    assert "no data: where is labels.csv?" in report
    assert not any(isinstance(row, Finished) for row in done.findings.runs.failed)
