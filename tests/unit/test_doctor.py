"""What is measured of a machine, and what is advised."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ablate import doctor
from ablate.doctor import examine
from ablate.execute.devices import Device


def found_in(work: Path, **options: bool) -> dict[str, tuple[str, str]]:
    return {finding.what: (finding.measured, finding.advice) for finding in examine(work, **options)}


def test_looking_names_what_there_is_and_writes_nothing(tmp_path: Path) -> None:
    """Versions, cores, cards, disk, tracking store."""
    found = found_in(tmp_path, measure=False)

    assert {"versions", "cores", "graphics cards", "work folder", "tracking"} <= set(found)
    assert "torch" in found["versions"][0]
    assert os.listdir(tmp_path) == []


def test_what_is_wrong_is_said_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A work folder that is a file, a tracking store that no longer is one, cards of two kinds."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    monkeypatch.setattr(doctor, "devices", lambda: (Device("0", "A100"), Device("1", "T4")))
    found = found_in(tmp_path / "file", measure=False)

    assert "--work" in found["work folder"][1]
    assert "migrate-filestore" in found["tracking"][1]
    assert "one kind of card" in found["graphics cards"][1]


@pytest.mark.parametrize(("both", "advised"), [(12.0, "runs"), (19.5, "threads")])
def test_threads_are_advised_by_what_they_bring(
    both: float, advised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs at once against one run with two threads."""
    speeds = {"steps": {"1": 10.0, "2": both}, "pictures": 100.0}
    monkeypatch.setattr(doctor, "cores", lambda: 2)
    monkeypatch.setattr(doctor, "_measured", lambda environment, threads: speeds)
    monkeypatch.setattr(doctor, "_fresh", lambda work: 2.0)
    found = found_in(tmp_path)

    assert ("numerics.threads" in found["training, 2 threads"][1]) == (advised == "runs")
    assert found["allocator settings"][0].startswith("1.00 times")


def test_a_torch_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends nothing."""
    monkeypatch.setattr(doctor, "_measured", lambda environment, threads: None)

    assert "could not be measured" in found_in(tmp_path)["speed"][0]
