"""Where a script leaves its numbers, guessed from its text: a guess that the study file names as one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ablate.workflows.beginning.script import Script

_VALUE = re.compile(r"\{[^{}]*\}|%[-+0 #]*\d*(?:\.\d+)?[dfgeis]")
"""A value put into a text, by format, an f-string or %."""
_ACCURACY = re.compile(r"\b(?:test[ _]?|val[ _]?|valid(?:ation)?[ _]?)?(?:acc(?:uracy)?|top-?1|acc@1)\b", re.IGNORECASE)
_KEY = re.compile(r"(?:\w+[/._-])*(?:acc(?:uracy)?|acc@1|acc1|top1|top-1|top_1)(?:[/._-]\w+)*", re.IGNORECASE)
_NUMBER = r"(?P<accuracy>[0-9.]+)"


class Guess(NamedTuple):
    """The block `results:` of a command, how `accuracy` is written there, and why it was guessed."""

    results: Mapping[str, Any]
    why: str
    metrics: Mapping[str, Any] = {}


def guess_results(script: Script) -> Guess:
    """Where its numbers are, and what it calls the accuracy there."""
    found = _place(script)
    name = None if "stdout" in found.results else _name_of_accuracy(script)
    return found if name in (None, "accuracy") else found._replace(metrics={"accuracy": name})


def _name_of_accuracy(script: Script) -> str | None:
    """A key among the script's texts that reads as one of test images, or else of validation images; None for none."""
    keys = [text for text in script.texts if _KEY.fullmatch(text) and "train" not in text.lower()]
    for part in ("test", "val", "eval", ""):
        if (found := next((key for key in keys if part in key.lower()), None)) is not None:
            return found
    return None


def _place(script: Script) -> Guess:
    """The first of: a tracker it logs to, a file it names, a line it prints; else a file it would have to write."""
    if "lightning" in script.imports or "pytorch_lightning" in script.imports:
        return Guess({"lightning": "."}, "a guess: it imports lightning, whose CSVLogger writes metrics.csv")
    if "wandb" in script.imports:
        return Guess({"wandb": "."}, "a guess: it imports wandb")
    if "mlflow" in script.imports:
        return Guess({"mlflow": True}, "a guess: it imports mlflow")
    if "dump" in script.names and "json" in script.imports:
        named = [text for text in script.texts if re.fullmatch(r"[\w./{}-]*\.json", text) and "config" not in text]
        if named:
            return Guess({"file": named[-1].rpartition("/")[2].replace("{}", "*")}, "a guess: it names this file")
    for text in reversed(script.texts):
        if (pattern := _pattern_of(text)) is not None:
            metrics = {"accuracy": {"percent": True}} if pattern.endswith("%") else {}
            return Guess({"stdout": pattern}, "a guess: it prints this line, and the last one counts", metrics)
    if "SummaryWriter" in script.names:
        return Guess({"tensorboard": "."}, "a guess: it has a SummaryWriter")
    return Guess(
        {"file": "result.json"}, 'nothing was found: let the script write {"accuracy": 0.93} to result.json in {folder}'
    )


def _pattern_of(text: str) -> str | None:
    """A regular expression for the accuracy in a printed text; of several values behind it the one in percent."""
    lines = [line for line in text.splitlines() if _ACCURACY.search(line)]
    if not lines:
        return None
    line = lines[-1].strip()
    begin = _ACCURACY.search(line)
    assert begin is not None
    values = list(_VALUE.finditer(line, begin.end()))
    if not values:
        return None
    in_percent = [
        value
        for value in values
        if line[value.end() :].lstrip("%").startswith((" %",)) or line[value.end() :].startswith("%")
    ]
    chosen = (in_percent or values)[0]
    between, at = "", begin.start()
    for value in values:
        between += re.escape(line[at : value.start()]).replace(r"\ ", r"\s*")
        if value is chosen:
            break
        between, at = between + ".*?", value.end()
    percent = r"\s*%" if in_percent else ""
    return f"{between}{_NUMBER}{percent}"
