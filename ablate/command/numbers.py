"""The numbers of a run from what its command left: by the names it has for them, then by those of the study."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ablate.command.schema import CommandBlock, metric_of
from ablate.errors import TrainerError, near_match
from ablate.metrics import measured_goal, no_fraction
from ablate.splits.rules import Protocol

OF_THE_RUN = ("seed", "replicate", "fold")
"""Keys by which a result says whose it is."""


QUOTES = "A quote that is opened has to be closed: look for a single quotation mark in or before that line."
"""What to look for where a CSV file cannot be read."""


class Twice(ValueError):
    """A key that stands twice in an object."""


def read_object(text: str) -> Any:
    """JSON in which no key stands twice. Raises ValueError."""
    return json.loads(text, object_pairs_hook=_without_doubles)


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Twice(f"{key!r} appears twice")
        found[key] = value
    return found


def read_result_file(content: bytes, name: str) -> dict[str, float]:
    """Key -> number of a JSON or CSV file. Raises TrainerError, naming the file, for anything else."""
    text = content.decode("utf-8-sig", errors="replace")
    if name.lower().endswith(".csv") or (not text.lstrip().startswith("{") and "," in text.split("\n", 1)[0]):
        return _of_csv(text, name)
    try:
        found = read_object(text)
    except Twice as error:
        raise TrainerError(f"{name}: {error}", hint="Which of the two counts? Write each metric once.") from None
    except (ValueError, RecursionError) as error:
        raise TrainerError(
            f"{name} is not JSON: {str(error)[:200]}", hint='Write an object such as {"accuracy": 0.87}.'
        ) from None
    if not isinstance(found, Mapping):
        raise TrainerError(f"{name} holds no object", hint='Write {"accuracy": 0.87}.')
    return numbers_in(found)


def numbers_in(found: Mapping[str, Any], path: str = "") -> dict[str, float]:
    """Dotted key -> number, for all that is one."""
    numbers: dict[str, float] = {}
    for key, value in found.items():
        if isinstance(value, Mapping):
            numbers |= numbers_in(value, f"{path}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[f"{path}{key}"] = _float_of(value)
        elif value is None:
            numbers[f"{path}{key}"] = math.nan
    return numbers


def _float_of(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _of_csv(text: str, name: str) -> dict[str, float]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise TrainerError(f"{name}:{reader.line_num}: {error}", hint=QUOTES) from None
    header = [column.strip() for column in rows[0]] if rows else []
    if [column.lower() for column in header] == ["metric", "value"]:
        return _of_pairs(rows[1:], name)
    twice = next((column for column in header if header.count(column) > 1), None)
    if twice is not None:
        raise TrainerError(f"{name}:1: the column {twice!r} appears twice", hint="Write each metric once.")
    if len(rows) < 2:
        raise TrainerError(f"{name} has no row below its header", hint="Write the metrics of the run in one row.")
    if len(rows) > 2 and "epoch" not in [column.lower() for column in header]:
        raise TrainerError(
            f"{name} has {len(rows) - 1} rows and no column `epoch`",
            hint="Write one row, or number the rows: of epochs the last counts.",
        )
    return {key: number for key, text in zip(header, rows[-1], strict=False) if (number := as_number(text)) is not None}


def _of_pairs(rows: Sequence[Sequence[str]], name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for line, row in enumerate(rows, start=2):
        key, number = row[0].strip(), as_number(row[1] if len(row) > 1 else "")
        if key in found:
            raise TrainerError(f"{name}:{line}: {key!r} appears twice", hint="Write each metric once.")
        if number is None:
            raise TrainerError(f"{name}:{line}: the value of {key!r} is not a number", hint="Such as accuracy,0.87.")
        found[key] = number
    return found


class Percent(float):
    """The fraction that a text with a percent sign says: 85.3% is 0.853."""


def as_number(text: str) -> float | None:
    """The number that a text is, as a fraction where it has a percent sign; None where it is none."""
    text = text.strip()
    try:
        return Percent(float(text[:-1]) / 100) if text.endswith("%") else float(text)
    except ValueError:
        return None


def refuse_other_run(found: Mapping[str, float], given: Mapping[str, str | int], used: set[str], where: str) -> None:
    """Raise TrainerError where a result says that it is of another run."""
    for key in OF_THE_RUN:
        if key in used and key in found and found[key] != given[key]:
            raise TrainerError(
                f"{where} is of another run: it says {key} {found[key]:g}, and this run has {given[key]}",
                hint="Let the script write what it was given, into the folder it was given.",
            )


def metrics_of(block: CommandBlock, found: Mapping[str, float], protocol: Protocol, where: str) -> dict[str, float]:
    """The metrics by the study's names, fractions where they are rates. Raises TrainerError for one that is missing.

    where: what the numbers were read from, for messages. In a search only what the command declares to be of
    validation images is taken.
    """
    if protocol.sealed:
        return _of_validation(block, found, protocol, where)
    metrics = {name: _one(block, name, found, metric_of(block, name).key or name, where) for name in block.metrics}
    computed = block.answers is not None and measured_goal(protocol.metric) is not None and protocol.metric not in found
    if protocol.metric not in metrics and not computed:
        metrics[protocol.metric] = _one(block, protocol.metric, found, protocol.metric, where)
    taken = {metric_of(block, name).key or name for name in metrics}
    others = {
        name: float(value)
        for key, value in found.items()
        if key not in taken and key not in (*OF_THE_RUN, "epoch", "step") and not block.metrics
        if (name := metric_name(key)) not in metrics and math.isfinite(value) and not no_fraction(name, value)
    }
    return metrics | others


def _of_validation(block: CommandBlock, found: Mapping[str, float], protocol: Protocol, where: str) -> dict[str, float]:
    told = block.results.validation if block.results is not None else None
    keys = {protocol.metric: told} if isinstance(told, str) else (told or {})
    return {name: _one(block, name, found, key, where) for name, key in keys.items()}


def _one(block: CommandBlock, name: str, found: Mapping[str, float], key: str, where: str) -> float:
    told = metric_of(block, name)
    if key not in found:
        listed = ", ".join(list(found)[:20]) or "no number at all"
        raise TrainerError(
            f"{where} has no {key!r}; it has {listed}",
            hint=f"{near_match(key, found)}`metrics: {{{name}: KEY}}` says how the command calls {name}.",
        )
    value = found[key]
    if told.percent and not isinstance(value, Percent):
        value /= 100
    if not told.percent and no_fraction(name, value) and 1 < value <= 100:
        raise TrainerError(
            f"{where} says {key} = {value:g}, which is not a fraction",
            hint=f"Where it is in percent, say so: metrics: {{{name}: {{key: {key}, percent: true}}}}.",
        )
    return float(value)


def metric_name(key: str) -> str:
    """A name that trackers take: letters, digits and `_ - . / :`, other characters as `_`."""
    return re.sub(r"[^\w\-./: ]", "_", key)[:200] or "_"
