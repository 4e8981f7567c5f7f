"""Predictions as tables: the homework's submission, and all probabilities."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import DataError, StudyError
from ablate.workflows.submission import best_class, categories, probability_table, submission, submission_like


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


# --- in the form of a sample -------------------------------------------------------------------


def like(folder: Path, sample: str, *named: tuple[str, str], classes: tuple[str, ...] = ("cat", "dog", "eel")) -> str:
    """What is written for these images in the form of a sample."""
    path = folder / "sample.csv"
    path.write_text(sample, encoding="utf-8")
    return submission_like(path, predicted(*named, classes=classes)).text


PETS = (("a/10.jpg", "eel"), ("a/0002.jpg", "cat"), ("b/x.y.jpg", "dog"))


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("image,class\nx.y.jpg,cat\n0002.jpg,cat\n", "image,class\nx.y.jpg,dog\n0002.jpg,cat\n"),
        ("id,label\n2,0\n10,0\nx.y,0\n", "id,label\n2,0\n10,2\nx.y,1\n"),
        ("path,y\na/10.jpg,\nb/x.y,\n", "path,y\na/10.jpg,eel\nb/x.y,dog\n"),
        ("id,Eel,cat,dog\n10,0.3,0.3,0.4\n", "id,Eel,cat,dog\n10,0.9,0.05,0.05\n"),
    ],
    ids=["names", "numbers", "paths", "probabilities"],
)
def test_a_sample_says_what_stands_in_which_column(sample: str, expected: str, tmp_path: Path) -> None:
    """Ids as they are written there, in their order."""
    assert like(tmp_path, sample, *PETS) == expected


def test_of_two_classes_a_share_is_the_probability_of_the_second(tmp_path: Path) -> None:
    """And so it is said."""
    path = tmp_path / "sample.csv"
    path.write_text("id,label\n1,0.5\n", encoding="utf-8")
    written = submission_like(path, predicted(("1.jpg", "dog"), classes=("cat", "dog")))

    assert written.text == "id,label\n1,0.9\n"
    assert written.notes == ("label: the probability of 'dog'.",)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("id,label\n3,cat\n", "the id '3' is that of none of the images"),
        ("id,label\n10,0.5\n", "neither a class of the run nor its number"),
        ("id,label\n10,bird\n", "label holds 'bird'"),
        ("id,cat,dgo,eel\n10,0,0,0\n", "the column 'dgo' is no class of the run. Did you mean 'dog'"),
        ("id\n10\n", "has no ids and columns to fill"),
        ("id,label\n", "has no ids"),
    ],
)
def test_what_a_sample_cannot_mean_is_refused(sample: str, message: str, tmp_path: Path) -> None:
    """With the line, and what to do."""
    with pytest.raises((DataError, StudyError)) as refused:
        like(tmp_path, sample, *PETS)
    assert message in str(refused.value)


def test_an_id_of_two_images_is_refused(tmp_path: Path) -> None:
    """In two folders, by the name alone."""
    with pytest.raises(DataError, match=r"'1' is that of 2 images: a.1\.jpg, b.1\.jpg"):
        like(tmp_path, "id,label\n1,cat\n", ("a/1.jpg", "cat"), ("b/1.jpg", "dog"))
    assert like(tmp_path, "id,label\nb/1,cat\n", ("a/1.jpg", "cat"), ("b/1.jpg", "dog")) == "id,label\nb/1,dog\n"
