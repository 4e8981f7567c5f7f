"""A command's answers, image by image: a CSV with one row per test image."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.command.numbers import QUOTES
from ablate.errors import TrainerError
from ablate.store.outcome_columns import CLASSES, GROUP, MOST_NUMBERED, in_order

LARGEST_BYTES = 500_000_000
KNOWN = ("id", "target", "predicted", "score", GROUP)


class Answers(NamedTuple):
    """One row per image. scores: right 1, wrong 0, or what the file says. groups: empty where it names none."""

    ids: list[str]
    targets: list[str]
    predicted: list[str]
    scores: list[float]
    groups: list[str]

    @property
    def accuracy(self) -> float:
        """The mean of the scores."""
        return sum(self.scores) / len(self.scores)


def read_answers(content: bytes, name: str) -> Answers:
    """The answers in a CSV file. Raises TrainerError, naming file and line, for what cannot be read as such."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TrainerError(f"{name}:{line}: not UTF-8 text", hint="Answers are a CSV file in UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    found = Answers([], [], [], [], [])
    lines: dict[str, int] = {}
    try:
        header = [column.strip() for column in next(reader, [])]
        _check_header(header, name)
        for row in filter(None, reader):
            where = f"{name}:{reader.line_num}"
            _add(found, dict(zip(header, row, strict=False)), len(row) == len(header), lines, where)
            lines.setdefault(found.ids[-1], reader.line_num)
    except csv.Error as error:
        raise TrainerError(f"{name}:{reader.line_num}: {error}", hint=QUOTES) from None
    if not found.ids:
        raise TrainerError(f"{name} has no row", hint="Write one row per test image below the header.")
    return found


def _check_header(header: Sequence[str], name: str) -> None:
    twice = next((column for column in header if header.count(column) > 1), None)
    if twice is not None:
        raise TrainerError(f"{name}:1: the column {twice!r} appears twice", hint="Keep one of the two.")
    missing = [column for column in ("id", "target", "predicted") if column not in header]
    if missing:
        raise TrainerError(
            f"{name}:1: there is no column {missing[0]!r}, only {', '.join(header)[:200] or 'none'}",
            hint="The header is id,target,predicted[,score,group], one row per test image.",
        )


def _add(found: Answers, row: dict[str, str], is_whole: bool, lines: dict[str, int], where: str) -> None:  # noqa: FBT001 - of the row
    if not is_whole:
        raise TrainerError(
            f"{where}: the row has another number of cells than the header", hint="A comma in a cell needs quotes."
        )
    name = row["id"].strip()
    if not name:
        raise TrainerError(
            f"{where}: the row has no id", hint="Give each image the name it always has, such as its path."
        )
    if name in lines:
        raise TrainerError(
            f"{where}: the image {name!r} appears twice, first on line {lines[name]}",
            hint="Write one row per image: which of the two answers counts?",
        )
    target, predicted = row["target"].strip(), row["predicted"].strip()
    found.ids.append(name)
    found.targets.append(target)
    found.predicted.append(predicted)
    found.scores.append(_score(row["score"], where) if "score" in row else float(target == predicted))
    if GROUP in row:
        found.groups.append(row[GROUP].strip())


def _score(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise TrainerError(
            f"{where}: the score {text.strip()[:40]!r} is not a number",
            hint="A score is what the image counts: right 1, wrong 0. Leave the column out to have it computed.",
        )
    return value


def write_outcomes(answers: Answers, path: Path) -> None:
    """The table of scores that verdicts are made from."""
    import numpy as np

    names = in_order({*answers.targets, *answers.predicted})
    more = {GROUP: np.array(answers.groups)} if answers.groups else {}
    if all(map(_is_class_number, names)):
        numbers = {name: int(name) for name in names}
    else:
        numbers = {name: place for place, name in enumerate(names)}
        more[CLASSES] = np.array(names)
    columns = {
        "id": np.array(answers.ids),
        "target": np.array([numbers[name] for name in answers.targets]),
        "predicted": np.array([numbers[name] for name in answers.predicted]),
        "score": np.array(answers.scores, dtype=np.float32),
    }
    np.savez_compressed(path, **columns, **more)  # type: ignore[arg-type]  # allow_pickle is no column


def _is_class_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10 and int(text) < MOST_NUMBERED
