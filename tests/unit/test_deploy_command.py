"""`ablate deploy` and `ablate predict --engine` on files of networks, without a study and without torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import ablate
from tests.grey_folder import CLASSES, HOW, NETWORK, write_grey_folder, write_three
from tests.linear_networks import a_linear, preprocessing_of, write_onnx


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files and 60 images."""
    folder = tmp_path_factory.mktemp("deploy")
    write_grey_folder(folder / "scans")
    write_three(folder)
    return folder


def test_files_are_measured_and_judged_against_the_first(place: Path) -> None:
    """Tables on the terminal, a Markdown page, the choice by a budget; exit code 0."""
    words = ["good.onnx", "same.onnx", "worse.onnx", "--on", "scans", "--out", "page.md", "--batch", "4"]
    done = ablate(place, "deploy", *words, "--tolerable", "12", "--budget", "size <= 1 GB")

    assert done.exit_code == 0, done.output
    for shown in ("onnxruntime", "non_inferior", "inferior", "images/s at 4", "1 thread"):
        assert shown in done.output
    page = (place / "page.md").read_text(encoding="utf-8")
    assert "| good.onnx | onnxruntime | fp32 |" in page
    assert "the most accurate file that fits is" in page


def test_where_no_file_fits_the_budget_it_is_said(place: Path) -> None:
    """Exit code 1."""
    done = ablate(place, "deploy", "good.onnx", "same.onnx", "--on", "scans", "--budget", "size < 1 kB")

    assert done.exit_code == 1
    assert "no file fits" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["good.onnx"], "--on"),
        (["good.onnx", "--on", "scans", "--budget", "speed <= 3"], "--budget"),
        (["none.onnx", "--on", "scans"], "there is no file none.onnx"),
        (["good.onnx", "--on", "nowhere/"], "neither such a folder or table, nor a study 'nowhere'"),
        (["good.onnx", "--on", "nowhere.csv"], "--on nowhere.csv: there is no such table"),
        (["good.onnx", "bare.onnx", "--on", "scans"], "--preprocessing"),
        (["good.onnx", "other.onnx", "--on", "scans"], "other classes"),
        (["good.onnx", "sized.onnx", "--on", "scans"], "its preprocessing makes"),
        (["good.onnx", "--on", "strange"], "'pale', which the network does not know"),
        (["good.onnx", "good.onnx", "--on", "scans"], "two rows"),
        (["reader.onnx", "--on", "scans"], "code that its file only names"),
        (["good.onnx", "--on", "scans", "--tolerable", "0"], "a loss of 0 points"),
        (["good.onnx", "--on", "scans", "--tolerable", "200"], "a loss of 200 points"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(place: Path, words: list[str], said: str) -> None:
    """Exit code 2, in one sentence with what to do."""
    write_onnx(place / "bare.onnx", NETWORK)
    write_onnx(place / "other.onnx", NETWORK, preprocessing_of(NETWORK, ("dark", "grey", "black")))
    write_onnx(place / "sized.onnx", a_linear(side=9), HOW)
    write_onnx(place / "reader.onnx", NETWORK, preprocessing_of(NETWORK, CLASSES, reader="os:system"))
    if not (place / "strange").exists():
        write_grey_folder(place / "strange", 1)
        (place / "strange" / "dark").rename(place / "strange" / "pale")

    done = ablate(place, "deploy", *words)

    assert done.exit_code == 2, done.output
    assert said in done.output.replace("\n", " ")
    assert "Timing" not in done.output


def test_a_file_that_says_nothing_takes_part_by_a_preprocessing_of_its_own(place: Path) -> None:
    """Of another program's file, written by hand."""
    write_onnx(place / "bare.onnx", NETWORK)
    (place / "how.json").write_text(json.dumps({"image_size": 8, "classes": list(CLASSES)}))
    done = ablate(place, "deploy", "good.onnx", "bare.onnx", "--on", "scans", "--preprocessing", "how.json", "--json")

    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["rows"][1]["changed"] == 0
    assert result["rows"][1]["largest_difference"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["good.onnx"], "Add --engine onnx."),
        (["good.xml"], "Add --engine openvino."),
        (["--engine", "onnx", "quickstart/GAP head/0"], "Leave --engine out"),
    ],
)
def test_a_file_in_the_place_of_a_run_and_the_reverse_names_the_option(
    place: Path, words: list[str], said: str
) -> None:
    """The way is one option more, or one less."""
    done = ablate(place, "predict", *words, "scans/dark")

    assert done.exit_code == 2, done.output
    assert said in done.output.replace("\n", " ")
