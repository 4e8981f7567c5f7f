"""When a study ends, as people write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ablate.errors import StudyError
from ablate.study.ends import checked_end, end_of, moment_words
from tests.builders import a_study

BEGUN = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("9h", BEGUN + timedelta(hours=9)),
        ("1d12h", BEGUN + timedelta(hours=36)),
        ("90", BEGUN + timedelta(seconds=90)),
        ("2026-12-01T18:00Z", datetime(2026, 12, 1, 18, tzinfo=UTC)),
        ("2026-12-01 18:00:30+01:00", datetime(2026, 12, 1, 17, 0, 30, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_moment_or_a_time_from_the_first_run(text: str, end: datetime) -> None:
    """A moment with its zone is the same everywhere."""
    assert end_of(checked_end(text), BEGUN) == end


def test_a_moment_without_a_zone_is_this_machines() -> None:
    """As everything else that people write on it."""
    assert end_of("2026-12-01T18:00", BEGUN) == datetime(2026, 12, 1, 18).astimezone()


@pytest.mark.parametrize("value", ["tomorrow", "2026-12-01", "2026-13-01T18:00", "0h", True, [9], "9999999999d"])
def test_what_is_no_end_is_refused_with_its_line(value: Any) -> None:
    """And with how to write one."""
    with pytest.raises(StudyError, match=r"evidence\.until: .* is not an end\. Write a moment") as caught:
        a_study(evidence={"until": value})

    assert "toy.yaml:" in str(caught.value)


def test_a_study_file_may_name_its_end() -> None:
    """A number is seconds, as everywhere."""
    assert a_study(evidence={"until": 90}).evidence.until == "90"
    assert a_study(sets=["evidence.until=9h"]).evidence.until == "9h"
    assert a_study().evidence.until is None


def test_a_moment_is_shown_with_its_zone() -> None:
    """Nobody has to guess."""
    assert moment_words("2026-12-01T18:00:00+01:00") == "2026-12-01 18:00 (+01:00)"
