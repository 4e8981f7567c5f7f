"""What `trainer:` may say in place of a dotted path: a command, and where its results are."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from ablate.command.words import split_words
from ablate.errors import TrainerError
from ablate.safety.plain_files import is_inside
from ablate.settings import Settings, identity_of

PATH = "ablate.command:train"
"""The dotted path of the trainer that runs commands; in a record the block follows it, behind a space."""
KINDS = ("file", "stdout", "tensorboard", "lightning", "wandb", "mlflow")


def _check_inside(name: str) -> str:
    if not is_inside(name):
        raise ValueError(f"{name[:80]!r} does not lie in the run's folder; write a path relative to {{folder}}")
    return name


InFolder = Annotated[str, Field(min_length=1)]
"""A path below the run's folder; a pattern such as `*/summary.csv` where one file matches."""
Words = Annotated[list[str | int | float], Field(min_length=1)]


def check_patterns(stdout: str | list[str] | None) -> None:
    """Raise ValueError for a pattern that cannot find a number."""
    if stdout is None or stdout == "json":
        return
    for pattern in [stdout] if isinstance(stdout, str) else stdout:
        try:
            found = re.compile(pattern)
        except re.error as error:
            raise ValueError(
                f"stdout ({pattern[:60]!r}) is no regular expression: {error}; quote it by '...'"
            ) from None
        if not found.groupindex:
            raise ValueError(
                f"stdout ({pattern[:60]!r}) names no metric; write `json`, or a group such as (?P<accuracy>[0-9.]+)"
            )


class ResultsBlock(Settings):
    """Where a command leaves its numbers; one of these."""

    file: InFolder | None = None
    """JSON whose keys are metrics, or CSV, below {folder}."""
    stdout: str | list[str] | None = None
    """`json`: the last line that is a JSON object; else a regular expression (or several) whose named groups are
    metrics: 'acc: (?P<accuracy>[0-9.]+)'. The last match counts."""
    tensorboard: InFolder | None = None
    """Folder of event files, below {folder}; '.' for itself."""
    lightning: InFolder | None = None
    """Folder with a metrics.csv of Lightning's CSVLogger somewhere below."""
    wandb: InFolder | None = None
    """Folder with a wandb-summary.json somewhere below; WANDB_DIR is set to {folder}."""
    mlflow: Literal[True] | None = None
    """true: the run that the script logs itself; MLFLOW_TRACKING_URI is set to a place in {folder}."""
    validation: str | dict[str, str] | None = None
    """Which of the numbers is of validation images: what a search judges by. Of the study's metric, or one a metric."""

    @property
    def kind(self) -> str:
        """Which of the places it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _one_place(self) -> ResultsBlock:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            told = f"{' and '.join(given)} are two places" if given else "no place is named"
            raise ValueError(f"{told} for the numbers of a run; write one of {', '.join(KINDS)}")
        for kind in ("file", "tensorboard", "lightning", "wandb"):
            name = getattr(self, kind)
            if name is not None and name != ".":
                _check_inside(name)
        check_patterns(self.stdout)
        return self


class CurvesBlock(Settings):
    """Where a command writes its epochs while it runs, if not where its results are."""

    file: InFolder | None = None
    """CSV with a column `epoch`, or one JSON object a line, below {folder}."""
    stdout: str | list[str] | None = None
    """As in results; a group (or a key) `epoch` numbers the epoch."""
    tensorboard: InFolder | None = None
    lightning: InFolder | None = None

    @model_validator(mode="after")
    def _one_place(self) -> CurvesBlock:
        given = [kind for kind in KINDS if getattr(self, kind, None) is not None]
        if len(given) != 1:
            raise ValueError("curves come from one place; write one of file, stdout, tensorboard, lightning")
        for kind in ("file", "tensorboard", "lightning"):
            name = getattr(self, kind)
            if name is not None and name != ".":
                _check_inside(name)
        check_patterns(self.stdout)
        return self


class MetricBlock(Settings):
    """How a metric of the study is called where the command writes it."""

    key: str | None = None
    """Its name there; left out: the same."""
    percent: bool = False
    """It is written in percent, 85.3, and means 0.853."""
    goal: Literal["max", "min"] | None = None
    """Which way is better; left out: told by its name."""


class ResourcesBlock(Settings):
    """What one run takes."""

    gpus: Annotated[int, Field(ge=0, le=64)] = 1
    """Graphics cards, handed out together in CUDA_VISIBLE_DEVICES; 0: none. Where there are no cards none is waited
    for, unless more than one is asked for."""
    cpus: Annotated[int, Field(ge=1)] = 1
    """Processors: so many runs fit on a machine as its cores carry."""


class ResumeBlock(Settings):
    """How the command goes on from what an interrupted attempt has left."""

    file: InFolder
    """The script's own checkpoint, below {folder}; a pattern, of whose matches the newest counts."""
    words: Words
    """What is added to the command then: [--resume, "{checkpoint}"]."""

    @model_validator(mode="after")
    def _says_where(self) -> ResumeBlock:
        _check_inside(self.file)
        if not any("{checkpoint}" in str(word) for word in self.words):
            raise ValueError('words never name the file; write "{checkpoint}" where the script takes it')
        return self


class CommandBlock(Settings):
    """A command as trainer: any program that takes its settings as arguments and leaves a number."""

    command: Words | str
    """Words, one an argument; a text is split into words once, before any value is put in. No shell is called."""
    cwd: str | None = None
    """The folder it runs in, from the one `ablate` is called in; left out: that one."""
    results: ResultsBlock | None = None
    """Where its numbers are; may be left out beside answers, whose accuracy then counts."""
    answers: InFolder | None = None
    """CSV below {folder}, one row per test image: id,target,predicted[,score,group]."""
    metrics: dict[str, str | MetricBlock] = Field(default={})
    """Metric of the study -> its name where the command writes it, or {key: top1, percent: true, goal: max}."""
    curves: CurvesBlock | None = None
    sources: list[str] | None = None
    """Patterns of the files whose change makes finished runs stale, from the script's folder."""
    inputs: list[str] | None = None
    """Files and folders of the data, whose change is noticed by name, size and time."""
    images: str | None = None
    """What {split} divides: a CSV with the columns id, target[, group, part], or a folder of class folders."""
    resources: ResourcesBlock = Field(default=ResourcesBlock())
    resume: ResumeBlock | None = None

    @field_validator("answers")
    @classmethod
    def _inside(cls, name: str | None) -> str | None:
        return None if name is None else _check_inside(name)

    @model_validator(mode="after")
    def _has_a_number(self) -> CommandBlock:
        if self.results is None and self.answers is None:
            raise ValueError("nobody would know what came of a run; add results: {file: result.json} or answers: FILE")
        return self


def path_of(block: CommandBlock) -> str:
    """The block as a trainer's path: equal for blocks that mean the same, and all that a worker needs to know."""
    told = identity_of(block) | {"command": split_words(block.command)}
    return f"{PATH} {json.dumps(told, sort_keys=True, separators=(',', ':'), ensure_ascii=False)}"


def block_of(path: str) -> CommandBlock:
    """The block in a trainer's path. Raises TrainerError for one that is none."""
    try:
        found: Any = json.loads(path.removeprefix(PATH).strip())
        return CommandBlock.model_validate(found)
    except (ValueError, ValidationError) as error:
        raise TrainerError(
            f"the trainer of this record is a command that cannot be read: {str(error)[:300]}",
            hint="It may have been written by a newer version of ablate.",
        ) from error


def metric_of(block: CommandBlock, name: str) -> MetricBlock:
    """How one metric of the study is read."""
    told = block.metrics.get(name, MetricBlock())
    return MetricBlock(key=told) if isinstance(told, str) else told
