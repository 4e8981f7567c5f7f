"""The commands of the pages, carried out one after the other as a reader would, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.image_fixtures import write_image_folder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGES = [path for room in ("tutorial", "howto", "zh") for path in sorted((ROOT / "docs" / room).glob("*.md"))]
SHORTER = {"--minutes 20": "--minutes 1"}
"""What a page asks for -> what is asked for here, where it is only a matter of time."""


class Block(NamedTuple):
    """One block of code on a page: its language, what stands behind the language, and its text."""

    language: str
    note: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """In order; those without a language or of a language that nothing runs are left out."""
    text = page.read_text(encoding="utf-8")
    for language, note, code in re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language in {"bash", "python"} or note.startswith(" file: "):
            yield Block(language, note.strip(), code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_works(page: Path, tmp_path: Path) -> None:
    """Also the later ones, on what the earlier ones left."""
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    write_image_folder(tmp_path / "data" / "faces", classes=("ada", "bea", "cai"), per_class=20)
    for block in blocks(page):
        if block.note.startswith("no-run: "):
            continue
        if block.note.startswith("file: "):
            (tmp_path / block.note.removeprefix("file: ")).write_text(block.text, encoding="utf-8")
            continue
        carry_out(block, tmp_path)


def carry_out(block: Block, folder: Path) -> None:
    """Run a block in a shell or as a script; it has to end well and without a traceback."""
    text = block.text
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    start = ["bash", "-euc"] if block.language == "bash" else [sys.executable, "-c"]
    (folder / "home").mkdir(exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*start, text],
        cwd=folder,
        env=os.environ | {"HOME": str(folder / "home"), "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr
