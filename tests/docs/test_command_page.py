"""Every example in the page on commands is a study that can be checked, and the first one runs."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.workflows.options import Options
from ablate.workflows.run import run_study

PAGE = Path(__file__).parents[2] / "docs" / "command.md"


def blocks(language: str) -> list[str]:
    """The examples in one language, in order."""
    return re.findall(rf"```{language}[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


STUDIES = {str(re.search(r"^study: (\S+)", text, re.MULTILINE)[1]): text for text in blocks("yaml")}  # type: ignore[index]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's script in the current folder, and the programs that it names on the PATH."""
    (tmp_path / "train.py").write_text(blocks("python")[0])
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("torchrun", "accelerate"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), str(programs), os.environ["PATH"]]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", STUDIES)
def test_every_example_is_a_study(name: str, here: Path) -> None:
    """Its command fits its base, and every change can be written."""
    (here / "study.yaml").write_text(STUDIES[name])
    study = load_study("study.yaml")
    study.trainer.refuse_absent()

    assert make_plan(study).variants


def test_the_first_example_runs(here: Path) -> None:
    """The script as it stands there, by the study as it stands there."""
    (here / "my_study.yaml").write_text(STUDIES["my-study"])
    done = run_study(load_study("my_study.yaml"), options=Options(track=False))

    assert done.exit_code == 0
    assert done.findings.effects[0].decision.verdict == "better"


def test_every_key_of_the_block_is_on_the_page() -> None:
    """What is not written there does not exist for a reader."""
    from ablate.command.schema import CommandBlock, ResultsBlock

    text = PAGE.read_text(encoding="utf-8")

    assert [
        name for block in (CommandBlock, ResultsBlock) for name in block.model_fields if f"{name}:" not in text
    ] == []
