"""Every example of docs/judge.md is carried out, and what it shows below a command is what the command says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner, Result

from ablate.cli.app import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "judge.md").read_text(encoding="utf-8")
LOGS = ROOT / "tests" / "fixtures" / "logs"
TABLE = "Method\tCIFAR-10\nResNet-18\t95.3 ± 0.1\nWide ResNet 28\t95.6 ± 0.2\nour method\t95.9 ± 0.2\n"


class Example(NamedTuple):
    """A command of the page, and what stands below it."""

    command: str
    shown: tuple[str, ...]


def examples() -> list[Example]:
    """Those in blocks, and those in the text that name no placeholder."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        command, *shown = block.splitlines()
        found.append(Example(command.removeprefix("$ ablate "), tuple(shown)))
    inline = re.findall(r"`ablate (judge [^`]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
    plain = [one for one in inline if not re.search(r"[A-Z]{3}| -$", one)]
    return [*found, *(Example(one, ()) for one in dict.fromkeys(plain))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples name."""
    for name, source in (("runs", "tensorboard"), ("lightning_logs", "lightning"), ("wandb", "wandb")):
        shutil.copytree(LOGS / source, tmp_path / name)
    shutil.copy(LOGS / "trackio" / "ablation.db", tmp_path)
    shutil.copy(LOGS / "optuna" / "study.db", tmp_path)
    shutil.copy(LOGS / "wandb_export.csv", tmp_path / "export.csv")
    (tmp_path / "table.txt").write_text(TABLE, encoding="utf-8")
    for name, every in (("plain", 3), ("bn", 5)):
        rows = [f"{i}.png,{i % 2},{i % 2 if i % every else 1 - i % 2}" for i in range(40)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,target,predicted", *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def carried_out(command: str, folder: Path) -> Result:
    """What the command says, with a file in its standard input where it asks for one."""
    words = shlex.split(command)
    given = ""
    if "<" in words:
        place = words.index("<")
        given = (folder / words[place + 1]).read_text(encoding="utf-8")
        words = words[:place]
    return CliRunner().invoke(app, words, input=given)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.command[:40])
def test_an_example_says_what_the_page_shows(example: Example, folder: Path) -> None:
    """Line by line; what the page leaves out does not count."""
    answer = carried_out(example.command, folder)
    said = " ".join(answer.output.split())

    assert answer.exit_code == 0, answer.output
    assert [line for line in example.shown if " ".join(line.split()) not in said] == []


def test_the_page_has_examples_of_every_kind() -> None:
    """The search for them is no empty promise."""
    assert len(examples()) >= 9
