"""Commands as trainers, in a folder of their own: a script, the run it is given, what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ablate.command.schema import CommandBlock, path_of
from ablate.execute import worker
from ablate.execute.live import Task
from ablate.records import RunResult
from ablate.splits.rules import Folds, Protocol
from ablate.store.journal import read_result
from tests.training_builders import a_spec, a_task, an_attempt

PROTOCOL = Protocol(test=Folds(count=5))
SCRIPT = """
import json, sys
seed, folder = sys.argv[1:3]
json.dump({"accuracy": 0.5 + int(seed) % 100 / 1000}, open(folder + "/result.json", "w"))
"""
COMMAND = [sys.executable, "train.py", "{seed}", "{folder}"]


def a_block(**more: Any) -> CommandBlock:
    """Results in a JSON file, unless `more` says otherwise."""
    given = {"command": COMMAND} | more
    if not {"results", "answers"} & set(more):
        given["results"] = {"file": "result.json"}
    return CommandBlock.model_validate(given)


def a_command_task(
    work: Path,
    script: str,
    block: CommandBlock,
    config: Mapping[str, Any] | None = None,
    *,
    protocol: Protocol = PROTOCOL,
    replicate: int = 0,
) -> Task:
    """The script lies in the work folder as train.py."""
    (work / "train.py").write_text(script, encoding="utf-8")
    spec = a_spec(config or {}, trainer=path_of(block), protocol=protocol, replicate=replicate)
    return a_task(work, spec)


def carry_out(work: Path, script: str, block: CommandBlock | None = None, **asked: Any) -> RunResult:
    """One run in this process, with the work folder as the current one: its result."""
    task = a_command_task(work, script, block or a_block(), **asked)
    attempt = an_attempt(task)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        worker.main(attempt)
    result = read_result(attempt)
    assert result is not None
    return result


def events(attempt: Path) -> list[dict[str, Any]]:
    """The lines of a journal."""
    return [json.loads(line) for line in (attempt / "journal.jsonl").read_text().splitlines()]
