"""Imports beside the start of processes: once, waited for, and never the reason why a command ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from ablate.workflows.meanwhile import Meanwhile

STUDY = """
study: twice
trainer: ablate.toy:train
base: {images: 20, epochs: 1, noise: 0.5}
chain: {more: {gain: 2.0}}
evidence: {test: {folds: 2}, replicates: [1]}
"""
TWICE = """
import sys
import ablate
from ablate.workflows.options import Options
study = ablate.load_study("twice.yaml")
done = ablate.run_study(study, work=".", options=Options(track=False, workers=1))
print(done.trained, "matplotlib" in sys.modules, "mlflow" in sys.modules)
"""


def test_what_is_imported_is_there_after_waiting() -> None:
    """In the order given, in one thread, once."""
    done: list[tuple[str, int]] = []
    meanwhile = Meanwhile(tuple(lambda name=name: done.append((name, threading.get_ident())) for name in "ab"))
    meanwhile.begin()
    meanwhile.begin()
    meanwhile.wait()
    meanwhile.wait()

    assert [name for name, _ in done] == ["a", "b"]
    assert len({thread for _, thread in done} - {threading.get_ident()}) == 1


def test_what_was_not_begun_is_not_waited_for() -> None:
    """Finishing imports nothing; what was begun has ended after it."""
    done: list[str] = []
    meanwhile = Meanwhile((lambda: done.append("a"),))
    meanwhile.finish()
    assert done == []

    meanwhile.begin()
    meanwhile.finish()
    assert done == ["a"]


def test_what_cannot_be_imported_is_left_to_whoever_needs_it() -> None:
    """It will be told there; the others are imported."""
    done: list[str] = []

    def fail() -> None:
        raise ImportError("not here")

    Meanwhile((fail, lambda: done.append("b"))).wait()

    assert done == ["b"]


def test_a_call_that_trains_nothing_imports_nothing_for_later(tmp_path: Path) -> None:
    """A second call of a study is quick."""
    (tmp_path / "twice.yaml").write_text(STUDY, encoding="utf-8")
    command = [sys.executable, "-c", TWICE]
    first, second = (
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    )

    assert first == ["2", "True", "False"]
    assert second == ["0", "False", "False"]
