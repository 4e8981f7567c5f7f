"""What is measured of a machine, and what is advised."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from ablate.execute.devices import Device
from ablate.execute.precisions import Speeds
from ablate.workflows import common_troubles, doctor
from ablate.workflows.doctor import examine_machine


def found_in(work: Path, **options: bool) -> dict[str, tuple[str, str]]:
    return {finding.what: (finding.measured, finding.advice) for finding in examine_machine(work, **options)}


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


@pytest.mark.parametrize(
    ("version", "environment", "measured", "advice"),
    [
        (None, {}, "not installed", "pip install 'ray>=2.54'"),
        ("2.60.0", {}, "2.60.0; without --ray-address on this machine alone", ""),
        ("2.53.9", {}, "2.53.9", "below 2.54"),
        ("3.0.0", {"RAY_AUTH_MODE": "disabled"}, "3.0.0", "lets in everybody"),
        ("2.60.0", {"RAY_ADDRESS": "127.0.0.1:1"}, "RAY_ADDRESS is 127.0.0.1:1", "nothing answers there"),
        ("2.60.0", {"RAY_ADDRESS": "auto"}, "RAY_ADDRESS is auto", ""),
    ],
)
def test_what_is_said_of_ray_is_true(
    version: str | None,
    environment: dict[str, str],
    measured: str,
    advice: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it is there, safe, and where runs would go."""

    def version_of(name: str) -> str:
        if version is None:
            raise metadata.PackageNotFoundError(name)
        return version

    known = SimpleNamespace(version=version_of, PackageNotFoundError=metadata.PackageNotFoundError)
    monkeypatch.setattr(doctor, "metadata", known)
    for name in ("RAY_AUTH_MODE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = found_in(tmp_path, measure=False)["ray"]

    assert measured in found[0]
    assert advice in found[1]
    assert bool(advice) == bool(found[1])


@pytest.mark.parametrize(("both", "advised"), [(12.0, "runs"), (19.5, "threads")])
def test_threads_are_advised_by_what_they_bring(
    both: float, advised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs at once against one run with two threads."""
    measured = {"steps": {"1": 10.0, "2": both}, "images": 100.0}
    monkeypatch.setattr(doctor, "cores", lambda: 2)
    monkeypatch.setattr(doctor, "_measured", lambda environment, threads: measured)
    monkeypatch.setattr(doctor, "speeds", lambda kind: Speeds(kind, {"fp32": 7e10, "bf16": 1e9, "fp16": None}))
    monkeypatch.setattr(doctor, "_fresh", lambda work: 2.0)
    found = found_in(tmp_path)

    assert ("numerics.threads" in found["training, 2 threads"][1]) == (advised == "runs")
    assert found["allocator settings"][0].startswith("1.00 times")
    assert found["convolutions, cpu"][0] == "fp32 70 GFLOPS; bf16 0.014 times that, fp16 not possible"
    assert "bf16: 70 times slower" in found["convolutions, cpu"][1]


def test_a_torch_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends nothing."""
    monkeypatch.setattr(doctor, "_measured", lambda environment, threads: None)

    assert "could not be measured" in found_in(tmp_path)["speed"][0]


@pytest.mark.parametrize(
    ("installed", "version", "cards", "fonts", "advice"),
    [
        (["ablate-harness"], "2.12.0", 0, "", {}),
        ([], "2.12.0+cpu", 0, "", {}),
        (["ablate", "ablate-harness"], "2.12.0", 0, "", {"packages called ablate": "`pip uninstall ablate`"}),
        (["ablate-harness"], "2.12.0+cpu", 1, "", {"torch": "pip install --force-reinstall torch"}),
        (["ablate-harness"], "2.12.0", 0, "missing", {"fonts": "apt-get install fonts-noto-cjk"}),
    ],
)
def test_common_troubles_are_told_with_the_command_that_fixes_them(
    installed: list[str],
    version: str,
    cards: int,
    fonts: str,
    advice: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another package of the same name, a torch that sees no card, no font for some names; else nothing is advised."""
    known = SimpleNamespace(packages_distributions=lambda: {"ablate": installed}, version=lambda _: version)
    monkeypatch.setattr(common_troubles, "metadata", known)
    monkeypatch.setattr(common_troubles, "devices", lambda: (Device("0", "A100"),) * cards)
    monkeypatch.setattr("ablate.report.figures.fonts.missing_font", lambda _: fonts)
    found = {one.what: one.advice for one in common_troubles.troubles(tmp_path) if one.advice}

    assert set(found) == set(advice)
    assert all(words in found[what] for what, words in advice.items())


def test_runs_in_a_file_store_are_found(tmp_path: Path) -> None:
    """With the command that moves them; a folder without runs is not mentioned."""
    (tmp_path / "mlruns" / "1").mkdir(parents=True)
    before = [one.what for one in common_troubles.troubles(tmp_path)]
    (tmp_path / "mlruns" / "1" / "meta.yaml").write_text("name: old")
    (found,) = (one for one in common_troubles.troubles(tmp_path) if one.what == "file store")

    assert "file store" not in before
    assert "mlflow migrate-filestore --source" in found.advice
