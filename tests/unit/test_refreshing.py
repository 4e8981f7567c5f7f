"""The report while a study runs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ablate.harness import live_report
from ablate.harness.coordinator import RunUpdate
from ablate.harness.live_report import Refresher
from ablate.records import Failed, RunSpec
from tests.training_builders import a_spec

SPECS = [
    a_spec({"gain": float(variant)}, trainer="ablate.toy:train", replicate=index)
    for index in range(3)
    for variant in range(2)
]


@pytest.fixture(autouse=True)
def from_the_first_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits."""
    monkeypatch.setattr(live_report, "FIRST_SECONDS", 0.0)


def end(spec: RunSpec, *, again: bool = False) -> RunUpdate:
    """The run has ended; how does not matter."""
    return RunUpdate(spec, Path(), "ended", result=Failed(folder=Path(), reason="error"), again=again)


def written(news: list[RunUpdate]) -> list[int]:
    """After how many pieces of news the report was written."""
    reports: list[int] = []
    heard = 0
    refresher = Refresher(SPECS, lambda: reports.append(heard))
    for one in news:
        heard += 1
        refresher.hear(one)
        refresher.close()
    return reports


def test_the_report_is_written_after_each_complete_replicate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the order of the runs; not after the last, which ends the study."""
    monkeypatch.setattr(live_report, "REST", 0.0)
    order = [0, 2, 1, 3, 4, 5]

    assert written([end(SPECS[i]) for i in order]) == [3, 4]


def test_a_run_that_is_tried_again_completes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its last word does."""
    monkeypatch.setattr(live_report, "REST", 0.0)

    assert written([end(SPECS[0]), end(SPECS[1], again=True), end(SPECS[1])]) == [3]


def test_a_study_that_is_soon_over_needs_no_report_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing one takes longer than hundreds of its runs."""
    monkeypatch.setattr(live_report, "FIRST_SECONDS", 1e12)

    assert written([end(spec) for spec in SPECS]) == []


def test_reports_do_not_follow_one_another_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study of short runs would do nothing else."""
    monkeypatch.setattr(live_report, "REST", 1e12)

    assert written([end(spec) for spec in SPECS]) == [2]


def test_a_report_that_cannot_be_written_stops_no_run(caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and the study goes on."""

    def fail() -> None:
        raise OSError("disk full")

    refresher = Refresher(SPECS, fail)
    with caplog.at_level(logging.WARNING):
        for spec in SPECS[:2]:
            refresher.hear(end(spec))
        refresher.close()

    assert "could not be written" in caplog.text
