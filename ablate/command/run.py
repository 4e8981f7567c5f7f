"""One run of a command: its words, its folder, its environment, what is heard of it, and what came of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ablate.command import checkpoints, process
from ablate.command.answers import LARGEST_BYTES, Answers, read_answers, write_outcomes
from ablate.command.images import read_images, split_text
from ablate.command.numbers import metrics_of, read_result_file, refuse_other_run
from ablate.command.output import printable, tail_of
from ablate.command.schema import CommandBlock, ResultsBlock
from ablate.command.settings import listed, resume_words_of, words_of
from ablate.command.sources import find_program, folder_of, refuse_absent
from ablate.command.texts import config_text
from ablate.command.watchers import Curve, Watcher, quietly, read_wandb, watcher_of
from ablate.command.words import Values, fill_in, places_in
from ablate.errors import CommandFailed, TrainerError
from ablate.protocols import Run
from ablate.records import Outcome
from ablate.safety.plain_files import open_inside
from ablate.settings import Settings
from ablate.splits.rules import Folds
from ablate.store.leftovers import end_leftovers, mark

FOLDER = "files"
"""{folder}: in the attempt's own, apart from what the harness writes there."""
WAIT_SECONDS = 0.1
LOOK_SECONDS = 1.0
"""How often files are looked at for new epochs."""
ROUNDING = 0.006
"""A rate may be printed in whole percent."""
_STEPS = 2
"""Of a heartbeat: nobody knows how many steps a command takes, and none is its last."""


def train(block: CommandBlock, config: Settings, run: Run) -> Outcome:
    """Carry out the command. Raises CommandFailed where it fails, TrainerError where it leaves no result."""
    refuse_absent(block)
    folder = run.folder.resolve() / FOLDER
    folder.mkdir()
    settings = config.model_dump(mode="json")
    given = _given(block, run, folder, settings)
    words = fill_in(words_of(block), Values(settings, given))
    words += _resumed(block, run, folder, Values(settings, given))
    words[0] = _program(block, words[0])
    heard = _Heard(block, folder, Curve(run.epoch))
    print(f"$ {process.shown(words)}", flush=True)  # noqa: T201 - the first line of run.log
    _carry_out(block, run, words, folder, heard)
    return _outcome(block, run, folder, given, heard)


def _given(block: CommandBlock, run: Run, folder: Path, settings: Mapping[str, Any]) -> dict[str, str | int]:
    """What the harness puts in."""
    index, test = run.replicate.index, run.protocol.test
    given: dict[str, str | int] = {
        "seed": run.replicate.seed32("command"),
        "replicate": index,
        "fold": index % test.count if isinstance(test, Folds) and not run.protocol.sealed else 0,
        "folder": str(folder),
        "python": sys.executable,
    }
    for place in places_in([*words_of(block), *resume_words_of(block)]):
        if place.key == "config":
            path = folder / f"config.{place.how or 'json'}"
            path.write_text(config_text(settings), encoding="utf-8")
            given["config"] = str(path)
    if block.images is not None:
        images = read_images(folder_of(block) / block.images)
        parts = run.split(images.ids, images.targets, images.groups, official=images.official)
        path = folder / "split.json"
        path.write_text(split_text(images, parts.fit, parts.val, parts.test), encoding="utf-8")
        given["split"] = str(path)
    return given


def _resumed(block: CommandBlock, run: Run, folder: Path, values: Values) -> list[str]:
    """The words by which it goes on from an earlier attempt's checkpoint, where there is one."""
    if block.resume is None:
        return []
    earlier = run.resume(checkpoints.is_usable)
    if earlier is None:
        return []
    path = folder / f"resumed{Path(block.resume.file).suffix}"
    shutil.copyfile(earlier, path)
    return fill_in(resume_words_of(block), values._replace(given={**values.given, "checkpoint": str(path)}))


def _program(block: CommandBlock, name: str) -> str:
    found = find_program(name, folder_of(block))
    assert found is not None
    return os.path.abspath(folder_of(block) / found)


@dataclass(slots=True)
class _Heard:
    """All that listens to a command."""

    block: CommandBlock
    folder: Path
    curve: Curve
    results: Watcher | None = field(init=False)
    curves: Watcher | None = field(init=False)
    _looked: float = 0.0

    def __post_init__(self) -> None:
        told = self.block.results
        self.results = None if told is None else watcher_of(told, self.folder)
        self.curves = self.results if self.block.curves is None else watcher_of(self.block.curves, self.folder)

    def line(self, text: str) -> None:
        """A line of its output."""
        for watcher in {id(one): one for one in (self.results, self.curves) if one is not None}.values():
            watcher.line(text)

    def look(self, *, ended: bool = False) -> None:
        """Report epochs that have come."""
        now = time.monotonic()
        if self.curves is None or (now - self._looked < LOOK_SECONDS and not ended):
            return
        self._looked = now
        self.curve.follow(quietly(self.curves.points), ended=ended)


def _carry_out(block: CommandBlock, run: Run, words: Sequence[str], folder: Path, heard: _Heard) -> None:
    environment = _environment(block, run, folder)
    command = process.start(words, cwd=folder_of(block), environment=environment, on_line=heard.line)
    try:
        while (code := command.wait(WAIT_SECONDS)) is None:
            heard.look()
            stopped = run.stop_asked()
            if stopped is not None:
                at = time.time()
                has_saved = command.ask_to_end()
                if block.resume is not None:
                    checkpoints.keep(run, folder, block.resume.file, at=at, has_saved=has_saved)
                raise stopped
            if block.resume is not None and run.tick(1 + (heard.curve.epoch or 0), 0, _STEPS):
                checkpoints.keep(run, folder, block.resume.file)
    finally:
        command.end()
        end_leftovers(run.folder)
    if code:
        raise _failed(code, tail_of(command.out[0]), words, printable("\n".join(command.errors)))
    heard.look(ended=True)


def _environment(block: CommandBlock, run: Run, folder: Path) -> dict[str, str]:
    """What the command finds: its own trackers are named after the study, and their files lie in its folder."""
    study, _, variant = run.label.partition("/")
    name = f"{variant or study} {run.replicate.index}"
    environment = (
        dict(os.environ)
        | mark(run.folder)
        | {
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8:backslashreplace",
            "WANDB_RUN_GROUP": run.label[:128],
            "WANDB_NAME": name[:128],
            "WANDB_TAGS": f"ablate,{study[:64]}",
            "WANDB_DIR": str(folder),
            "MLFLOW_EXPERIMENT_NAME": f"{study} (script)",
            "MLFLOW_RUN_NAME": name,
        }
    )
    environment.pop("MLFLOW_RUN_ID", None)
    if block.results is not None and block.results.mlflow:
        environment |= {
            "MLFLOW_TRACKING_URI": (folder / "mlruns").as_uri(),
            "MLFLOW_ALLOW_FILE_STORE": "true",
        }
    if "cpus" in block.resources.model_fields_set:
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(block.resources.cpus))
    if block.resources.gpus == 0:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment


def _telling_line(tail: str) -> str:
    """The last line that names an error, else the last."""
    lines = [line.strip() for line in tail.split("\n") if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (named or lines or [""])[-1]


def _failed(code: int, tail: str, words: Sequence[str], errors: str) -> CommandFailed:
    """errors: the end of standard error alone, since nobody knows which of two streams was written to first."""
    last = _telling_line(errors) or _telling_line(tail) or "it printed nothing"
    how = f"ended with exit code {code}"
    if code < 0:
        known = {int(one): one.name for one in signal.Signals}
        how = f"was ended by signal {-code} ({known.get(-code, 'unknown')})"
    memory = code == -9 or any(word in tail for word in ("out of memory", "OutOfMemoryError", "MemoryError"))
    hint = ""
    if "EOFError" in tail or "EOF when reading" in tail:
        hint = "It asked for input, and a run has none: hand over as an argument what it asks for."
    if "ModuleNotFoundError" in tail and Path(words[0]).resolve() != Path(sys.executable).resolve():
        hint = f"It was run by {words[0]}; write {{python}} for the interpreter that `ablate` runs in."
    return CommandFailed(
        f"the command {how}: {last[:300]}",
        hint=hint,
        output=f"$ {process.shown(words)}\n{tail}\n",
        reason="oom" if memory else "error",
    )


def _outcome(block: CommandBlock, run: Run, folder: Path, given: Mapping[str, str | int], heard: _Heard) -> Outcome:
    used = {place.key for place in places_in(words_of(block))}
    answers = None if run.protocol.sealed or block.answers is None else _answers(folder, block.answers)
    files: dict[str, Path] = {}
    if block.results is not None:
        found, where, path = _found(block.results, folder, heard)
        files |= {} if path is None else {"result": path}
        refuse_other_run(found, given, used, where)
    else:
        found, where = ({"accuracy": answers.accuracy}, str(block.answers)) if answers is not None else ({}, "a search")
    metrics = metrics_of(block, found, run.protocol, where)
    images = None
    if answers is not None:
        _refuse_other_accuracy(metrics.get("accuracy"), answers, where, str(block.answers))
        metrics.setdefault("accuracy", answers.accuracy)
        images = run.folder / "outcomes.npz"
        write_outcomes(answers, images)
    return Outcome(metrics=metrics, epoch=heard.curve.epoch, images=images, files=files)


def _found(block: ResultsBlock, folder: Path, heard: _Heard) -> tuple[dict[str, float], str, Path | None]:
    """What it left, how to call that in a message, and the file where it is one to keep."""
    if block.file is not None:
        name = _only(folder, block.file)
        with open_inside(folder, name) as stream:
            return read_result_file(stream.read(LARGEST_BYTES), name), name, folder / name
    if block.wandb is not None:
        found, where = read_wandb(folder / block.wandb), f"the summary of W&B below {block.wandb}"
    else:
        assert heard.results is not None
        found = heard.results.last()
        where = {
            "stdout": "its output", "tensorboard": "TensorBoard's event files", "mlflow": "its own run in MLflow",
            "lightning": "Lightning's metrics.csv",
        }[block.kind]  # fmt: skip
    if not found:
        raise TrainerError(
            f"the command ended without an error, and {where} has no number", hint=_what_is_there(folder)
        )
    return found, where, None


def _only(folder: Path, pattern: str) -> str:
    """The one file that is meant. Raises TrainerError where there is none, or more than one."""
    found = sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file())
    if len(found) == 1:
        return found[0]
    if found:
        raise TrainerError(f"{len(found)} files match {pattern!r}: {listed(found)}", hint="Name the one that counts.")
    raise TrainerError(
        f"the command ended without an error, and there is no {pattern} in the folder it was given",
        hint=_what_is_there(folder),
    )


def _what_is_there(folder: Path) -> str:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    there = f"There is: {listed(names)}." if names else "There is nothing in it: does the script get {folder}?"
    return f"{there} run.log has what it printed."


def _answers(folder: Path, pattern: str) -> Answers:
    name = _only(folder, pattern)
    with open_inside(folder, name) as stream:
        return read_answers(stream.read(LARGEST_BYTES), name)


def _refuse_other_accuracy(told: float | None, answers: Answers, where: str, name: str) -> None:
    if told is not None and abs(told - answers.accuracy) > ROUNDING:
        raise TrainerError(
            f"{where} says accuracy {told:g}, and the mean score in {name} is {answers.accuracy:g}",
            hint="Both have to be of the same run and the same test images.",
        )
