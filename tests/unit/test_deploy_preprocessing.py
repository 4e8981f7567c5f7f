"""What a file says of its input comes back as it was written, and anything else is refused with the entry at fault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ablate.deploy.preprocessing import preprocessing_of_text, read_preprocessing, text_of
from ablate.deploy.records import Preprocessing
from ablate.errors import DataError

FULL = Preprocessing(
    image_size=64,
    classes=("b", "a", "中"),
    channels=3,
    exif="transpose",
    depth={"scale": [0.0, 4095.0]},
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.2, 0.2),
    study="portraits",
    variant="GAP head",
    replicate=2,
    fingerprint="ab" * 32,
)


def test_it_comes_back_unchanged() -> None:
    """Class order and all numbers survive the metadata's text."""
    assert preprocessing_of_text(text_of(FULL), "a.onnx") == FULL
    plain = Preprocessing(image_size=8, classes=("0", "1"))
    assert preprocessing_of_text(text_of(plain), "a.onnx") == plain


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_size": 0}, "image_size is 0"),
        ({"image_size": True}, "image_size is True"),
        ({"image_size": 10**9}, "whole number from 1 to 4096"),
        ({"classes": ["a"]}, "2 to 100000 different names"),
        ({"classes": ["a", "a"]}, "different names"),
        ({"classes": ["a", 1]}, "different names"),
        ({"classes": "ab"}, "different names"),
        ({"channels": 4}, "1 or 3"),
        ({"resize": "bicubic"}, "pil or device"),
        ({"exif": "yes"}, "ignore or transpose"),
        ({"depth": {"scale": [2, 1]}}, "scale: [lo, hi]"),
        ({"depth": "cut"}, "scale: [lo, hi]"),
        ({"mean": [float("nan")]}, "finite numbers"),
        ({"mean": None}, "belong together"),
        ({"mean": [0.1, 0.2]}, "2 values for 3 channels"),
        ({"std": [0, 1, 1]}, "positive numbers"),
        ({"multi_label": 1}, "true or false"),
        ({"replicate": -1}, "whole number"),
        ({"reader": 5}, "dotted path"),
        ({"study": 5}, "a text"),
        ({"version": 2}, "version 2"),
        ({"turn": "left"}, "entry 'turn' is unknown"),
    ],
)
def test_what_nobody_of_us_writes_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    """The file and the entry are named, before a pixel is read."""
    with pytest.raises(DataError) as caught:
        read_preprocessing(FULL.to_json() | change, "a.onnx")

    assert "a.onnx" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "{", "nan", "[" * 100_000, "{}", '{"image_size": 8}', " " * 10_000_001])
def test_a_hostile_text_is_one_error(text: str) -> None:
    """Neither depth nor length of the entry brings down the reader."""
    with pytest.raises(DataError, match=r"a\.onnx"):
        preprocessing_of_text(text, "a.onnx")


def test_a_file_without_the_entry_says_how_to_go_on() -> None:
    """An ONNX file of another program is told how to take part."""
    with pytest.raises(DataError, match="--preprocessing"):
        preprocessing_of_text(None, "a.onnx")


def test_a_single_mean_counts_for_all_channels() -> None:
    """As in a study file."""
    one = replace(FULL, mean=(0.5,), std=(0.5,))
    assert read_preprocessing(one.to_json(), "a.onnx") == one
