"""Predictions as tables: a competition's submission, and all probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import DataError, StudyError, near_match
from ablate.readers.sheet import TableSheet, read_sheet
from ablate.report.wording.escape import csv_lines

Prediction = tuple[Path, Mapping[str, float]]
"""An image, and class name -> probability."""


def submission(predictions: Sequence[tuple[Path, Mapping[str, float]]]) -> str:
    """Columns Id and Category, one line per image, in the order of the ids.

    Id: the number that is the file's name, else its place in the order given, counted from 1; four digits,
    padded with zeros. Category: see `categories`.
    Raises DataError where two files have the same number.
    """
    numbers = [_number(path) for path, _ in predictions]
    if None in numbers:
        ids = list(range(1, len(predictions) + 1))
    else:
        ids = [number for number in numbers if number is not None]
        twice = next((path for path, number in zip(predictions, ids, strict=True) if ids.count(number) > 1), None)
        if twice is not None:
            raise DataError(f"two images have the number of {twice[0]}", hint="Predict one folder at a time.")
    rows = []
    for number, (_, found) in sorted(zip(ids, predictions, strict=True), key=lambda item: item[0]):
        rows.append([f"{number:04d}", str(categories(list(found))[best_class(found)])])
    return csv_lines(["Id", "Category"], rows)


def categories(classes: Sequence[str]) -> dict[str, int]:
    """Class name -> the number that stands for it: the name itself where all names are numbers, else its place.

    Food-11's classes are called 0 to 10, as its file names have them, so they keep their numbers whatever
    their order; other classes are numbered from 0 as the training data list them.
    """
    if all(name.isascii() and name.isdecimal() for name in classes):
        return {name: int(name) for name in classes}
    return {name: place for place, name in enumerate(classes)}


def probability_table(predictions: Sequence[tuple[Path, Mapping[str, float]]]) -> str:
    """Columns image, class, then one probability a class."""
    classes = list(predictions[0][1]) if predictions else []
    rows = [[str(path), best_class(found), *(f"{found[name]:.6g}" for name in classes)] for path, found in predictions]
    return csv_lines(["image", "class", *classes], rows)


def best_class(probabilities: Mapping[str, float]) -> str:
    """The likeliest class; of equal ones the first."""
    return max(probabilities, key=probabilities.__getitem__)


def _number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isascii() and path.stem.isdecimal() else None


# --- in the form of somebody's sample ---------------------------------------------------------


class Written(NamedTuple):
    """A table in the form of a sample. notes: what was decided, and what was left out, in sentences."""

    text: str
    notes: tuple[str, ...]


def submission_like(sample: Path, predictions: Sequence[Prediction]) -> Written:
    """The predictions in a sample's columns, for its ids in its order.

    The first column identifies images: by file name, with or without ending, by the last parts of the path, or by
    number. The others are probabilities where their headings are the classes. A single one is a class: by name where
    the sample's values are names, by number where they are whole numbers; of two classes the probability of the
    second where they are other numbers.
    Raises StudyError for a sample that is none of this, DataError where an id has no image or several.
    """
    sheet = read_sheet(sample)
    if len(sheet.headings) < 2 or not sheet.rows:
        raise StudyError(f"{sample}: has no ids and columns to fill", hint="Give the competition's sample submission.")
    if not predictions:
        raise DataError("there is no answer to write", hint="Give the images that the sample asks for.")
    classes = list(predictions[0][1])
    fill = _probability_columns(sheet.headings[1:], classes)
    notes: tuple[str, ...] = ()
    if fill is None:
        if len(sheet.headings) > 2:
            wrong = next(heading for heading in sheet.headings[1:] if heading not in classes)
            raise StudyError(
                f"{sample}: the column {wrong!r} is no class of the run",
                hint=f"{near_match(wrong, classes)}Its classes are: {', '.join(classes[:20])}.",
            )
        fill, notes = _one_column(sheet, classes)
    found = _by_id(sheet, predictions)
    rows = [[row.cells[0], *fill(answer)] for row, answer in zip(sheet.rows, found, strict=True)]
    if left := len(predictions) - len(found):
        notes += (f"{left} images are not in {sample}, and were left out.",)
    return Written(csv_lines(sheet.headings, rows), notes)


Fill = Callable[[Mapping[str, float]], list[str]]


def _probability_columns(headings: Sequence[str], classes: Sequence[str]) -> Fill | None:
    """The probability of each heading's class; None where the headings are not just the classes."""
    plain = {name.strip().casefold(): name for name in classes}
    names = [plain.get(heading.casefold()) for heading in headings]
    if None in names or len(set(names)) != len(classes):
        return None
    order = [name for name in names if name is not None]
    return lambda found: [f"{found[name]:.6g}" for name in order]


def _one_column(sheet: TableSheet, classes: Sequence[str]) -> tuple[Fill, tuple[str, ...]]:
    values = {value for value in sheet.column(1) if value}
    heading = sheet.headings[1]
    if values <= set(classes):
        return (lambda found: [best_class(found)]), (f"{heading}: the name of the class.",)
    numbers = {_as_number(value) for value in values}
    numbered = categories(classes)
    if None not in numbers and all(number in numbered.values() for number in numbers):
        told = ", ".join(f"{number} {name}" for name, number in list(numbered.items())[:20])
        return (lambda found: [str(numbered[best_class(found)])]), (f"{heading}: the number of the class ({told}).",)
    if None not in numbers and len(classes) == 2:
        second = max(numbered, key=numbered.__getitem__)
        return (lambda found: [f"{found[second]:.6g}"]), (f"{heading}: the probability of {second!r}.",)
    example = next(value for value in sheet.column(1) if value and value not in classes)
    raise StudyError(
        f"{sheet.path}: {heading} holds {example!r}, which is neither a class of the run nor its number",
        hint=f"Its classes are: {', '.join(classes[:20])}. --table FILE writes every probability.",
    )


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _by_id(sheet: TableSheet, predictions: Sequence[Prediction]) -> list[Mapping[str, float]]:
    """The answer for each id of the sample."""
    names: dict[str, list[int]] = {}
    for i, (path, _) in enumerate(predictions):
        for name in _names_of(path):
            names.setdefault(name, []).append(i)
    found = []
    for row in sheet.rows:
        name = row.cells[0]
        number = f"#{int(name)}" if name.isascii() and name.isdecimal() else ""
        places = names.get(name.replace("\\", "/")) or names.get(number) or []
        if len(places) != 1:
            several = f"{len(places)} images: {', '.join(str(predictions[i][0]) for i in places[:2])}"
            raise DataError(
                f"{sheet.where(row)}: the id {name!r} is that of {several if places else 'none of the images'}",
                hint="An id is a file's name, with or without its ending, the last parts of its path, or its number.",
            )
        found.append(predictions[places[0]][1])
    return found


def _names_of(path: Path) -> set[str]:
    """What an id may call an image: its last parts with and without ending, and its number."""
    parts = path.as_posix().split("/")
    tails = {"/".join(parts[i:]) for i in range(len(parts))}
    bare = {tail.removesuffix(path.suffix) for tail in tails}
    number = _number(path)
    return tails | bare | (set() if number is None else {f"#{number}"})
