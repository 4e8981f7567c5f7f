"""A precision that is slower here than fp32 is told of before anything is trained, and measured only when asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.execute.precisions import Speeds, remember
from ablate.files import user_cache
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.workflows.slow_precision import precision_note, precision_notes

SLOW = Speeds("cpu", {"fp32": 70e9, "bf16": 1e9, "fp16": None})
FAST = Speeds("cpu", {"fp32": 70e9, "bf16": 140e9, "fp16": 70e9})


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of this test's alone, wherever the system has it."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def a_study(folder: Path, precision: str) -> Path:
    """Digits by a small network, in a precision; a factor goes back to fp32."""
    path = folder / "study.yaml"
    base = {
        "data": {"source": {"name": "image_folder", "root": "nowhere"}, "classes": 10, "image_size": 16},
        "model": {"name": "vgg", "blocks": [1], "width": 8, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 1e-3},
        "epochs": 1,
        "device": "cpu",
        "numerics": {"precision": precision},
    }
    content = {"study": "digits", "base": base, "chain": {"faster": {"optimizer.lr": 2e-3}}}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_factor_is_told_where_a_precision_is_slower() -> None:
    """With what to do; nothing where it pays, or is as fast within what a measurement can tell."""
    assert precision_note("bf16", SLOW).startswith("numerics.precision bf16: 70 times slower than fp32 on this machine")
    assert precision_note("bf16", SLOW).endswith("; use fp32.")
    assert precision_note("bf16", SLOW._replace(per_second={"fp32": 3.0, "bf16": 2.0})).count("1.5 times slower") == 1
    assert precision_note("bf16", FAST) == precision_note("fp16", FAST) == ""


def test_a_precision_that_torch_lacks_is_told() -> None:
    """Not as a factor."""
    assert "torch has no such convolutions" in precision_note("fp16", SLOW)


def test_a_card_is_not_blamed_for_what_the_processor_lacks() -> None:
    """And is called a card."""
    note = precision_note("bf16", SLOW._replace(kind="cuda"))

    assert "graphics card" in note
    assert "AVX512" not in note


def test_a_study_in_fp32_measures_nothing(tmp_path: Path) -> None:
    """Neither is anything left in the cache folder."""
    assert precision_notes(make_plan(load_study(a_study(tmp_path, "fp32")))) == []
    assert not user_cache().exists()


def test_a_device_that_is_not_measured_is_not_judged_by_another(tmp_path: Path) -> None:
    """Apple's GPU, say, by what the processor does."""
    remember(SLOW)
    study = load_study(a_study(tmp_path, "bf16"), sets=["device=mps"])

    assert precision_notes(make_plan(study)) == []


def test_nothing_is_kept_where_a_repository_may_be(tmp_path: Path) -> None:
    """What is remembered lies in the user's cache folder, by what it depends on."""
    path = remember(SLOW)

    assert user_cache() in path.parents
    assert (tmp_path / "home") in path.parents


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_each_command_before_training_tells_it(command: str, tmp_path: Path) -> None:
    """Also a run that ends at once, because its images are not there."""
    remember(SLOW)
    work = [] if command == "check" else ["--work", str(tmp_path)]
    result = CliRunner().invoke(app, [command, str(a_study(tmp_path, "bf16")), *work])

    assert "numerics.precision bf16: 70 times slower than fp32" in result.stderr
    assert result.exit_code == (2 if command == "run" else 0)


def test_what_is_remembered_is_of_these_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer allowed, it is another measurement."""
    for name in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    first = remember(SLOW)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")

    assert remember(SLOW) != first


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="the variables are of x86-64")
def test_bf16_without_its_instructions_is_measured_slow_and_remembered(tmp_path: Path) -> None:
    """As on a processor that has AVX2 alone; measured once, by the first command that needs it."""
    allowed = os.environ | {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    command = [sys.executable, "-m", "ablate", "check", str(a_study(tmp_path, "bf16"))]
    first, second = (
        subprocess.run(command, env=allowed, capture_output=True, text=True, check=True).stderr for _ in range(2)
    )
    (kept,) = user_cache().iterdir()
    per_second = json.loads(kept.read_text())["per_second"]

    assert "times slower than fp32 on this machine" in first
    assert second == first
    assert per_second["fp32"] > 2 * per_second["bf16"] > 0
