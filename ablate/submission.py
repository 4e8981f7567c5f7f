"""Predictions as tables: a submission in the homework's form, or all probabilities."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ablate.errors import DataError
from ablate.report.escape import no_formula


def submission(predictions: Sequence[tuple[Path, Mapping[str, float]]]) -> str:
    """Columns Id and Category, a line a picture, in the order of the ids.

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
            raise DataError(f"two pictures have the number of {twice[0]}", hint="Predict one folder at a time.")
    rows = []
    for number, (_, found) in sorted(zip(ids, predictions, strict=True), key=lambda item: item[0]):
        rows.append([f"{number:04d}", str(categories(list(found))[best_class(found)])])
    return _csv(["Id", "Category"], rows)


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
    return _csv(["image", "class", *classes], rows)


def best_class(probabilities: Mapping[str, float]) -> str:
    """The likeliest class; of equal ones the first."""
    return max(probabilities, key=probabilities.__getitem__)


def _number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isascii() and path.stem.isdecimal() else None


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(map(no_formula, columns))
    writer.writerows(map(no_formula, row) for row in rows)
    return stream.getvalue()
