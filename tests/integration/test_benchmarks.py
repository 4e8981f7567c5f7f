"""Benchmarks of several parts still work from end to end; what they measure here means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_all_contenders_do_the_same_work_and_are_set_beside_each_other(tmp_path: Path) -> None:
    """Each that is installed ends with an accuracy, an epoch and a time; the others are named as missing."""
    kept = tmp_path / "measured.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "peers.py"), "--small", "--profile", "--json", str(kept)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stderr
    measured = json.loads(kept.read_text(encoding="utf-8"))
    rows = {row["key"]: row for row in measured["rows"]}
    samples = {key: row["samples"][0][0] for key, row in rows.items() if not row["missing"]}

    assert set(rows) == {"a", "b", "c", "d", "d+", "e", "f"}
    assert {"a", "d", "d+", "e", "f"} <= set(samples)
    assert all(0 < one["first_epoch"] <= one["seconds"] and 0 <= one["accuracy"] <= 1 for one in samples.values())
    assert all(row["missing"].startswith("not installed: pip install") for row in rows.values() if not row["samples"])
    assert done.stdout.count("\n| (") == len(samples)
    assert "| backward |" in done.stdout


@pytest.mark.slow
def test_pseudo_studies_are_cut_from_real_trainings(tmp_path: Path) -> None:
    """Each rate lies in its interval over trainings; trainings that are there are not made again."""
    kept = tmp_path / "measured.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "aa.py"), "--small", "--json", str(kept)]
    command += ["--work", str(tmp_path / "work")]
    printed = []
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1500)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    measured = json.loads(kept.read_text(encoding="utf-8"))
    rates = [measured[design][what] for design in ("chain", "one at a time") for what in ("studies", "comparisons")]
    attempts = list((tmp_path / "work" / ".ablate" / "runs").glob("*/*"))

    assert all(0 <= rate["lo"] <= rate["share"] <= rate["hi"] <= 1 for rate in [*rates, *measured["halves"].values()])
    assert printed[0] == printed[1]
    assert len([path for path in attempts if path.is_dir()]) == 3 * (10 + 5)


@pytest.mark.slow
def test_the_benchmark_of_a_card_works_without_one(tmp_path: Path) -> None:
    """Both loops train and are compared; runs are carried out side by side."""
    kept = tmp_path / "measured.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "card.py"), "--device", "cpu", "--small", "--json", str(kept)]
    command += ["--only", "fp32", "bf16", "--runs", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    measured = json.loads(kept.read_text(encoding="utf-8"))

    assert [one["ratio"] > 0 for one in measured["loop"].values()] == [True, True]
    assert measured["runs"]["2"]["seconds"] > 0
