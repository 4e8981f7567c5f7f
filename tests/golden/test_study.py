"""Golden files of the study side: what a run is called for ever, and what a user reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.regenerate_study import FINGERPRINTS, FOLDER, cases, expected, fingerprints, printed, refusal


@pytest.fixture(autouse=True)
def _in_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in messages are the same everywhere."""
    monkeypatch.chdir(FOLDER)


def test_every_run_keeps_its_fingerprint() -> None:
    """A change here orphans finished runs: it needs a reason, and a new format version."""
    assert fingerprints() == json.loads(FINGERPRINTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_a_mistake_is_told_as_it_was_reviewed(case: Path) -> None:
    """File, line, key, near match, choices, and what to do next."""
    assert printed(refusal(case)) == expected(case).read_text(encoding="utf-8")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.stem)
def test_a_mistake_ends_with_two_and_a_remedy(case: Path) -> None:
    """Or with what was expected instead; and it says where."""
    error = refusal(case)

    assert error.exit_code == 2
    assert error.hint or ": expected " in error.message
    assert str(case) in error.message or error.message.startswith("--")


def test_no_text_is_left_of_a_case_that_is_gone() -> None:
    """Every expected text belongs to a study file."""
    texts = {path.stem for path in (FOLDER / "errors").glob("*.txt")}

    assert texts == {case.stem for case in cases()}
