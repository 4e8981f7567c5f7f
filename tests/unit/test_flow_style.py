"""Values in YAML's flow style: a study file reads back what was written."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ablate.harness.tracker_feed import changes_text
from ablate.report.search.facts import shown_value
from ablate.study.flow_style import flow, without_off
from ablate.study.reader import read_value

WORDS = [
    "batch",
    "no",
    "Null",
    "1e-4",
    "a: b",
    "a:b",
    "a #b",
    "data/faces",
    "two words",
    "{x}",
    "x,y",
    "",
    " ",
    "é",
    "-1",
]
VALUES: list[Any] = [*WORDS, None, True, 3, -0.5, 1e-05, [1, [None, "a, b"]], {"name": "sgd", "a: b": {"x": [False]}}]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_written_reads_back(value: Any) -> None:
    """Whatever a study may hold, inside lists and blocks, too."""
    assert read_value(flow({"key": value}), name="here") == {"key": value}


def test_plain_words_have_no_quotes() -> None:
    """As people write them."""
    assert flow({"name": "batch", "root": "data/faces"}) == "{name: batch, root: data/faces}"
    assert flow("off") == '"off"'


def test_a_change_is_told_without_what_is_off() -> None:
    """A block is as short as a study file has it; null itself is a change."""
    assert without_off({"a": None, "b": [{"c": None, "d": 1}]}) == {"b": [{"d": 1}]}
    assert changes_text({"model.norm": {"name": "batch", "eps": None}, "dropout": None}) == (
        "model.norm: {name: batch}, dropout: null"
    )


def test_a_value_in_a_table_is_short_and_bare() -> None:
    """Four digits tell trials apart, and a label stands as it is."""
    assert [shown_value(value) for value in (None, True, 0.123456, "sgd, lr 0.1", [1, 2])] == [
        "null", "true", "0.1235", "sgd, lr 0.1", "[1, 2]",
    ]  # fmt: skip


def test_what_is_neither_a_number_nor_a_block_is_written_as_its_text() -> None:
    """A date is one that YAML makes by itself."""
    assert flow({"since": date(2024, 5, 1)}) == '{since: "2024-05-01"}'
