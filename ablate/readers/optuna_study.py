"""A study of Optuna: its SQLite database, or its journal; read without Optuna.

A search asks one question of its own, whether the best trial is better than the first; see `first_and_best`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from ablate.errors import StudyError, near_match
from ablate.readers.database import open_readonly, tables_of
from ablate.readers.logged import LoggedRun, as_number, as_text, read_limited
from ablate.readers.replicates import first_names

MOST_BYTES = 1 << 29
_STATES = ("running", "complete", "pruned", "fail", "waiting")
_METRIC_NAMES = "study:metric_names"
_DIRECTIONS = ("", "min", "max")


class Trial(NamedTuple):
    """One trial. values: one an objective, empty where it has none. attributes: what its author wrote beside it."""

    number: int
    state: str
    values: tuple[float, ...]
    params: Mapping[str, str]
    attributes: Mapping[str, str]


class OptunaStudy(NamedTuple):
    """A study. directions: `min`, `max` or empty, one an objective; metrics: their names where its author gave any."""

    name: str
    directions: tuple[str, ...]
    metrics: tuple[str, ...]
    trials: tuple[Trial, ...]

    def as_runs(self, where: str) -> list[LoggedRun]:
        """The trials as runs, of which those that are complete have finished."""
        names = self.metrics or _names(len(self.directions))
        return [
            LoggedRun(
                f"trial {trial.number}",
                {**trial.attributes, **trial.params},
                dict(zip(names, trial.values, strict=False)),
                finished=trial.state == "complete",
                labels={"trial": str(trial.number)},
                where=f"{where}: trial {trial.number}",
            )
            for trial in self.trials
        ]

    def goal_of(self, metric: str) -> str:
        """`min` or `max`; empty where the study does not say."""
        names = self.metrics or _names(len(self.directions))
        return self.directions[names.index(metric)] if metric in names else ""


def _names(objectives: int) -> tuple[str, ...]:
    return ("value",) if objectives < 2 else tuple(f"value {i}" for i in range(objectives))


def is_study(tables: Mapping[str, frozenset[str]]) -> bool:
    """Whether a database with these tables and columns is Optuna's."""
    return {"study_id", "study_name"} <= tables.get("studies", frozenset()) and "trials" in tables


def read_study(path: Path, asked: str | None = None) -> OptunaStudy:
    """The study in a database; where it holds several, the one asked for by name."""
    with open_readonly(path) as database:
        tables = tables_of(database)
        if not is_study(tables) or not {"trial_values", "trial_params"} <= tables.keys():
            raise StudyError(
                f"{path} is no study of Optuna, or of a version before 3", hint="`optuna storage upgrade` renews it."
            )
        known = dict(database.execute("SELECT study_name, study_id FROM studies ORDER BY study_id"))
        name = _chosen([str(name) for name in known], asked, path)
        return _from_tables(database, name, known[name])


def _chosen(names: Sequence[str], asked: str | None, path: Path) -> str:
    if not names:
        raise StudyError(f"{path} holds no study", hint="Give the storage of a finished search.")
    if asked is None and len(names) == 1:
        return names[0]
    if asked in names:
        return str(asked)
    said = "holds several studies" if asked is None else f"holds no study {asked[:60]!r}"
    raise StudyError(
        f"{path} {said}",
        hint=f"{near_match(asked[:80], names) if asked else ''}Say which: {path.name}::NAME. "
        f"There are: {first_names(names)}.",
    )


def _from_tables(database: sqlite3.Connection, name: str, study: int) -> OptunaStudy:
    directions = [
        {"MINIMIZE": "min", "MAXIMIZE": "max"}.get(str(direction), "")
        for (direction,) in database.execute(
            "SELECT direction FROM study_directions WHERE study_id = ? ORDER BY objective", (study,)
        )
    ]
    system = dict(database.execute("SELECT key, value_json FROM study_system_attributes WHERE study_id = ?", (study,)))
    values: dict[int, list[float]] = {}
    params: dict[int, dict[str, str]] = {}
    attributes: dict[int, dict[str, str]] = {}
    of_trials = "trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?)"
    for trial, value, kind in database.execute(
        f"SELECT trial_id, value, value_type FROM trial_values WHERE {of_trials} ORDER BY objective", (study,)
    ):
        number = as_number(value)
        values.setdefault(trial, []).append(
            number if number is not None else -inf if str(kind).endswith("NEG") else inf
        )
    for trial, key, value, distribution in database.execute(
        f"SELECT trial_id, param_name, param_value, distribution_json FROM trial_params WHERE {of_trials}", (study,)
    ):
        params.setdefault(trial, {})[str(key)] = _parameter(value, distribution)
    for trial, key, text in database.execute(
        f"SELECT trial_id, key, value_json FROM trial_user_attributes WHERE {of_trials}", (study,)
    ):
        attributes.setdefault(trial, {})[str(key)] = as_text(_json(text))
    trials = [
        Trial(
            int(number),
            str(state).lower(),
            tuple(values.get(trial, ())),
            params.get(trial, {}),
            attributes.get(trial, {}),
        )
        for trial, number, state in database.execute(
            "SELECT trial_id, number, state FROM trials WHERE study_id = ? ORDER BY number", (study,)
        )
    ]
    return OptunaStudy(name, tuple(directions), _metric_names(_json(system.get(_METRIC_NAMES))), tuple(trials))


# --- the journal ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Growing:
    """A study while its journal is read."""

    name: str
    directions: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    trials: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _GrowingTrial:
    state: int = 0
    values: tuple[float, ...] = ()
    params: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


def is_journal(path: Path) -> bool:
    """Whether a file begins as Optuna's journals do: a line of JSON with `op_code`."""
    try:
        with path.open("rb") as stream:
            line = stream.readline(1 << 16)
    except OSError:
        return False
    tree = _json(line.decode("utf-8", "replace"))
    return isinstance(tree, dict) and "op_code" in tree


def read_journal(path: Path, asked: str | None = None) -> OptunaStudy:
    """The study in a journal; a last line that is cut off is left out, as Optuna does."""
    lines = read_limited(path, MOST_BYTES).split(b"\n")
    studies: dict[int, _Growing] = {}
    trials: list[_GrowingTrial] = []
    count = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        entry = _json(line.decode("utf-8", "replace"))
        if not isinstance(entry, dict) or "op_code" not in entry:
            if number >= len(lines) - 1 or number == len(lines):
                break
            raise StudyError(f"{path}:{number}: is no line of Optuna's journal", hint="Copy the journal again.")
        try:
            count += _apply(entry, studies, trials, count)
        except (KeyError, IndexError, TypeError, ValueError):
            raise StudyError(
                f"{path}:{number}: is no line of Optuna's journal", hint="Copy the journal again."
            ) from None
    name = _chosen([study.name for study in studies.values()], asked, path)
    study = next(study for study in studies.values() if study.name == name)
    found = [
        Trial(number, _STATES[trials[at].state], trials[at].values, trials[at].params, trials[at].attributes)
        for number, at in enumerate(study.trials)
    ]
    return OptunaStudy(study.name, study.directions, study.metrics, tuple(found))


def _apply(entry: Mapping[str, Any], studies: dict[int, _Growing], trials: list[_GrowingTrial], known: int) -> int:
    """Carry out one line; 1 where it began a study."""
    match entry["op_code"]:
        case 0:
            directions = tuple(_DIRECTIONS[int(direction)] for direction in entry["directions"])
            studies[known] = _Growing(str(entry["study_name"]), directions)
            return 1
        case 1:
            studies.pop(entry["study_id"], None)
        case 3 if _METRIC_NAMES in entry["system_attr"]:
            studies[entry["study_id"]].metrics = _metric_names(entry["system_attr"][_METRIC_NAMES])
        case 4:
            trial = _GrowingTrial(int(entry.get("state", 0)))
            trial.values = _values(entry)
            for key, value in (entry.get("params") or {}).items():
                trial.params[str(key)] = _parameter(value, (entry.get("distributions") or {}).get(key))
            trial.attributes |= {str(key): as_text(value) for key, value in (entry.get("user_attrs") or {}).items()}
            studies[entry["study_id"]].trials.append(len(trials))
            trials.append(trial)
        case 5:
            value = _parameter(entry["param_value_internal"], entry["distribution"])
            trials[entry["trial_id"]].params[str(entry["param_name"])] = value
        case 6:
            trial = trials[entry["trial_id"]]
            if trial.state in (0, 4):  # a finished trial stays as it ended
                trial.state = int(entry["state"])
                trial.values = _values(entry) or trial.values
        case 8:
            found = {str(key): as_text(value) for key, value in entry["user_attr"].items()}
            trials[entry["trial_id"]].attributes |= found
    return 0


def _values(entry: Mapping[str, Any]) -> tuple[float, ...]:
    values = entry.get("values") or ([entry["value"]] if entry.get("value") is not None else [])
    return tuple(number for value in values if (number := as_number(value)) is not None)


# --- parameters -------------------------------------------------------------------------------


def _parameter(value: object, distribution: object) -> str:
    """A parameter as its author knows it: a choice by its name, whole numbers as such."""
    tree = _json(distribution) if isinstance(distribution, str) else distribution
    attributes = tree.get("attributes", tree) if isinstance(tree, dict) else {}
    choices = attributes.get("choices") if isinstance(attributes, dict) else None
    number = as_number(value)
    if isinstance(choices, list) and number is not None and 0 <= number < len(choices):
        return as_text(choices[int(number)])
    return as_text(number if number is not None else value)


def _metric_names(found: object) -> tuple[str, ...]:
    return tuple(str(name) for name in found) if isinstance(found, list) else ()


def _json(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


# --- the first and the best -------------------------------------------------------------------


class Pair(NamedTuple):
    """The runs of two configurations: that of the first complete trial, and that of the best.

    complete, other: how many trials were complete, and were not. repeated: whether the best one was run again, so
    that the value it was chosen by is not counted. gain: by how much the best value is better than the first.
    """

    first: str
    best: str
    runs: list[tuple[str, LoggedRun]]
    complete: int
    other: int
    repeated: bool
    gain: float


def first_and_best(study: OptunaStudy, metric: str, goal: str, where: str, baseline: str | None = None) -> Pair:
    """The trials to compare: those with the parameters of the first (or of the trial asked for), and of the best.

    The best is that whose first trial is; what repeats it was not chosen by its value. Raises StudyError where the two
    are the same, or fewer than two trials are complete.
    """
    every = study.as_runs(where)
    complete = [run for run in every if run.finished and metric in run.metrics]
    if len(complete) < 2:
        raise StudyError(f"{where}: {len(complete)} complete trials", hint="A comparison needs two.")
    first = complete[0] if baseline is None else _trial(complete, baseline, where)
    sign = -1.0 if goal == "min" else 1.0
    settings = {run.name: _settings(study, run) for run in complete}
    tried = {settings[run.name]: run for run in reversed(complete)}  # of each configuration the first trial
    best = max(reversed(tried.values()), key=lambda run: sign * run.metrics[metric])
    if settings[first.name] == settings[best.name]:
        raise StudyError(
            f"{where}: the best trial has the parameters of {first.name}: nothing was found that is better",
            hint="--baseline N compares it with trial N instead.",
        )
    again = [run for run in complete if settings[run.name] == settings[best.name] and run is not best]
    chosen = [(best.name, run) for run in again or [best]]
    plain = [(first.name, run) for run in complete if settings[run.name] == settings[first.name]]
    gain = sign * (best.metrics[metric] - first.metrics[metric])
    return Pair(first.name, best.name, [*plain, *chosen], len(complete), len(every) - len(complete), bool(again), gain)


def _trial(runs: Sequence[LoggedRun], asked: str, where: str) -> LoggedRun:
    name = asked.strip().lower().removeprefix("trial").strip()
    found = next((run for run in runs if run.labels["trial"] == name), None)
    if found is None:
        raise StudyError(
            f"{where}: there is no complete trial {asked[:40]!r}",
            hint=f"--baseline is the number of a trial: {first_names([run.labels['trial'] for run in runs], 10)}.",
        )
    return found


def _settings(study: OptunaStudy, run: LoggedRun) -> tuple[tuple[str, str], ...]:
    number = int(run.labels["trial"])
    trial = next(trial for trial in study.trials if trial.number == number)
    return tuple(sorted(trial.params.items()))
