"""Which runs the names within a study stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import DataError
from ablate.naming import kept_if_refused, read_names, write_names


def ask_in_vain(folder: Path) -> None:
    """A study that writes its names and then turns out to have no data."""
    with kept_if_refused(folder):
        write_names(folder, "s", "s.yaml", {"baseline": {"0": "new"}})
        raise DataError("there are no pictures")


def test_a_refused_study_leaves_the_names_as_they_were(tmp_path: Path) -> None:
    """Runs stay to be found by `predict` after the study was asked for with data that are not there."""
    write_names(tmp_path, "s", "s.yaml", {"baseline": {"0": "old"}})

    with pytest.raises(DataError):
        ask_in_vain(tmp_path)

    assert read_names(tmp_path) == {"baseline": {"0": "old"}}


def test_a_refused_first_call_leaves_no_names(tmp_path: Path) -> None:
    """`status` does not list a study that never ran."""
    with pytest.raises(DataError):
        ask_in_vain(tmp_path)

    assert read_names(tmp_path) is None
