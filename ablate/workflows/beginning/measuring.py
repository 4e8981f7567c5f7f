"""How fast candidates train on this machine, measured the way `ablate run` will train them: side by side."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from statistics import mean
from typing import Any

from ablate.execute.devices import devices
from ablate.execute.environment import PYTHON, worker_environment
from ablate.study.overrides import apply_overrides
from ablate.workflows.beginning.proposal import Pace

LONGEST = 300
"""Seconds after which a measurement is given up."""


def can_measure() -> bool:
    """Whether the built-in trainer can run here."""
    return find_spec("torch") is not None and find_spec("torchvision") is not None


def weights_on_this_machine() -> list[tuple[str, str]]:
    """Model and name of the most costly and of the cheapest published weights that need no download."""
    from ablate.training.zoo import weights_here

    found = [(one.model, one.name) for one in weights_here()]
    return list(dict.fromkeys(found[-1:] + found[:1]))


def paces_of(
    bases: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]], *, workers: int
) -> list[Pace | None]:
    """How long each base takes, without its changes and with all of them; None for one that cannot be trained here.

    Measured by as many processes at once as there will be runs.
    """
    settings: list[Mapping[str, Any]] = []
    for base, changed in zip(bases, changes, strict=True):
        settings += [base, apply_overrides(base, changed, complete=dict)]
    answers = _asked(json.dumps(settings), 1 if devices() else workers)
    found: list[Pace | None] = []
    for number in range(len(bases)):
        pairs = [answer[2 * number : 2 * number + 2] for answer in answers]
        sound = [(base, changed) for base, changed in pairs if base and changed]
        if not sound:
            found.append(None)
            continue
        steps = [mean(pair[place]["step"] for pair in sound) for place in (0, 1)]
        found.append(Pace(steps[0], steps[1], mean(pair[0]["image"] for pair in sound)))
    return found


def _asked(settings: str, processes: int) -> list[list[dict[str, float] | None]]:
    """What each of several processes measured at the same time; those that could not are left out."""
    command = [*PYTHON, "-m", "ablate.training.pace", settings]
    begun = [
        subprocess.Popen(
            command, env=worker_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(processes)
    ]
    answers = []
    for process in begun:
        try:
            text = process.communicate(timeout=LONGEST)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            continue
        if process.returncode == 0:
            answers.append(json.loads(text))
    return answers
