"""Predictions as tables: the homework's submission, and all probabilities."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import DataError
from ablate.workflows.predict import best_class, categories, probability_table, submission


def predicted(
    *named: tuple[str, str], classes: tuple[str, ...] = ("cat", "dog", "eel")
) -> list[tuple[Path, dict[str, float]]]:
    """Images by name, each with the class it is taken for."""
    return [(Path(name), {c: 0.9 if c == found else 0.05 for c in classes}) for name, found in named]


def test_files_named_by_numbers_keep_them_as_ids() -> None:
    """Four digits with zeros in front, in the order of the numbers, as the homework has it."""
    text = submission(predicted(("t/10.jpg", "eel"), ("t/0002.jpg", "cat"), ("t/3.jpg", "dog")))

    assert text == "Id,Category\n0002,0\n0003,1\n0010,2\n"


def test_other_files_are_numbered_from_one_as_they_come() -> None:
    """One file without a number is enough."""
    assert submission(predicted(("b.jpg", "dog"), ("7.jpg", "cat"))) == "Id,Category\n0001,1\n0002,0\n"


def test_a_number_beyond_four_digits_is_written_whole() -> None:
    """Nothing is cut."""
    assert submission(predicted(("12345.jpg", "cat"))) == "Id,Category\n12345,0\n"


def test_two_files_of_one_number_are_refused() -> None:
    """They would be one line for two images."""
    with pytest.raises(DataError, match=r"number of b/1\.jpg|number of a/1\.jpg"):
        submission(predicted(("a/1.jpg", "cat"), ("b/1.jpg", "dog")))


def test_classes_called_by_numbers_stand_for_themselves() -> None:
    """Food-11's ten comes before two in the alphabet, and is ten all the same."""
    assert categories(["0", "1", "10", "2"]) == {"0": 0, "1": 1, "10": 10, "2": 2}
    assert categories(["apple", "10"]) == {"apple": 0, "10": 1}


def test_names_that_are_formulas_are_text_in_a_spreadsheet() -> None:
    """Of images and of classes; blanks within them stay as they are."""
    text = probability_table([(Path("=1+1  .png"), {"@SUM(A1)": 0.75, "-1": 0.25})])

    assert text == "image,class,'@SUM(A1),-1\n'=1+1  .png,'@SUM(A1),0.75,0.25\n"


def test_the_table_has_a_column_a_class() -> None:
    """And the likeliest class beside the image; of equal ones the first."""
    text = probability_table([(Path("a,b.png"), {"cat": 0.25, "dog": 0.75})])

    assert text == 'image,class,cat,dog\n"a,b.png",dog,0.25,0.75\n'
    assert best_class({"cat": 0.5, "dog": 0.5}) == "cat"
