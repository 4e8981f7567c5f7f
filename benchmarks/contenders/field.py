"""The contenders: what each is called, how it is started, how often a round has it, what its time is compared with."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from contenders.study import write_study
from contenders.work import Work
from measuring.processes import Watched, watch

from ablate.execute.environment import cores
from ablate.execute.resources import fitting_threads

HERE = Path(__file__).parent


class Study(NamedTuple):
    """How large the study of (f) is."""

    variants: int
    replicates: int

    @property
    def runs(self) -> int:
        """Trainings in it."""
        return self.variants * self.replicates


class Score(NamedTuple):
    """One contender, once.

    processor: seconds of all processors. first_epoch: seconds from the command to the end of a first epoch.
    """

    seconds: float
    processor: float
    first_epoch: float
    peak_bytes: int
    accuracy: float


class Contender(NamedTuple):
    """key: its letter. needs: a module that is not ours to require. runs: trainings in it."""

    key: str
    name: str
    carry_out: Callable[[Work, Path], Score]
    runs: int = 1
    needs: str = "torch"

    @property
    def is_there(self) -> bool:
        """Whether it can run here."""
        return find_spec(self.needs) is not None


def contenders(study: Study) -> list[Contender]:
    """All of them, by their letters."""
    here = cores()
    every = f"{study.variants} variants x {study.replicates} replicates"
    return [
        Contender("a", "notebook loop: ImageFolder and DataLoader", script("notebook.py")),
        Contender("b", "Lightning as documented", script("lightning_documented.py"), needs="lightning"),
        Contender("c", "Lightning tuned", script("lightning_tuned.py"), needs="lightning"),
        Contender("d", "hand-tuned loop", script("hand_tuned.py")),
        Contender(
            "d+", "hand-tuned loop, decoding by all processors", script("hand_tuned.py", "--decoders", str(here))
        ),
        Contender("e", "`ablate run`, one run alone", of_ablate(Study(1, 1))),
        Contender("f", f"`ablate run`, {every}", of_ablate(study), runs=study.runs),
        Contender(
            "g", f"hand-tuned loop, {study.runs} times", many_times("hand_tuned.py", study.runs), runs=study.runs
        ),
    ]


def script(name: str, *more: str) -> Callable[[Work, Path], Score]:
    """A contender that is a script of this folder."""

    def carry_out(work: Work, folder: Path) -> Score:
        words = [f"--{key}={getattr(work, key)}" for key in ("epochs", "val", "seed")]
        command = [sys.executable, str(HERE / name), str(work.root), *words, *more]
        watched = watch(command, environment={}, folder=folder)
        epochs = [at for at, line in watched.lines if "epoch" in line]
        (accuracy,) = [line["test"] for _, line in watched.lines if "test" in line]
        return Score(watched.seconds, watched.processor, epochs[0], watched.peak_bytes, accuracy)

    return carry_out


def many_times(name: str, times: int) -> Callable[[Work, Path], Score]:
    """A script, over and over: what a shell's loop would do."""
    once = script(name)

    def carry_out(work: Work, folder: Path) -> Score:
        scores = [once(work._replace(seed=100 * work.seed + number), folder) for number in range(times)]
        return Score(
            sum(score.seconds for score in scores),
            sum(score.processor for score in scores),
            scores[0].first_epoch,
            max(score.peak_bytes for score in scores),
            sum(score.accuracy for score in scores) / times,
        )

    return carry_out


def of_ablate(study: Study, *, samples: Path | None = None) -> Callable[[Work, Path], Score]:
    """`ablate run` in a new work folder: nothing is decoded yet, and the tracking store has to be made."""

    def carry_out(work: Work, folder: Path) -> Score:
        shutil.rmtree(folder)
        folder.mkdir()
        threads = fitting_threads(study.runs, cores())  # what `ablate plan` proposes
        path = write_study(folder, work, variants=study.variants, replicates=study.replicates, threads=threads)
        command = [sys.executable, "-m", "ablate", "run", str(path), "--work", str(folder), "--json"]
        if study.runs == 1:
            command += ["--only", "baseline"]
        environment = {}
        if samples is not None:
            environment = {"SAMPLES": str(samples), "PYTHONPATH": _with(HERE.parent / "measuring" / "sampling")}
        watched = watch(command, environment=environment, folder=folder)
        ((_, report),) = watched.lines
        accuracy = next(row["mean"] for row in report["variants"] if row["name"] == "baseline") / 100
        return Score(watched.seconds, watched.processor, _first_epoch(folder, watched), watched.peak_bytes, accuracy)

    return carry_out


def _with(folder: Path) -> str:
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


def _first_epoch(folder: Path, watched: Watched) -> float:
    """From the journals of the runs: each line has its time."""
    ends = []
    for journal in folder.glob(".ablate/runs/*/*/journal.jsonl"):
        lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
        ends += [line["time"] for line in lines if line["kind"] == "epoch"]
    return float(min(ends) - watched.began)
