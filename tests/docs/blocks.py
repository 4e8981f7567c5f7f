"""The blocks of code on the site's pages and in the two READMEs, and what is done with each kind.

A page says it behind the language, where neither GitHub nor the site shows it:

    ```bash                    carried out, in a folder that tests/docs/places.py prepares
    ```bash no-run: WHY        not carried out; at most ten on all pages
    ```python                  carried out, after the blocks of Python above it
    ```yaml                    a whole study, or a part of one: read and planned
    ```console                 each `$ command` is carried out; the lines below it are among what it says
    ```text output             among what the commands above have said; numbers may differ
    ```text images             paths; an image is put at each before anything is carried out
    ```LANGUAGE file: NAME     written to that file, for the commands below it
    ```json                    parsed
    ```latex                   every macro that is not LaTeX's is one that a report writes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
GENERATED = {"docs/cli.md", "docs/python_reference.md", "docs/study_file.md", "docs/techniques.md"}
"""Made from the code by `make docs`; what they show is compared with the code."""
OWN_TESTS = {"docs/judge.md": "tests/docs/test_judge_page.py"}
"""Pages whose examples need files that only a test of their own has -> that test."""
LANGUAGES = {"bash", "console", "json", "latex", "python", "yaml"}
FENCE = re.compile(r"^( *)(```+)([^\n`]*)\n(.*?)^\1\2[ ]*$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """One block: its page, the line it begins in, its language, what stands behind the language, and its text."""

    page: str
    line: int
    language: str
    note: str
    text: str

    @property
    def place(self) -> str:
        """Where to look."""
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str:
        """Why it is not carried out; empty if it is."""
        return self.note.removeprefix("no-run: ").strip() if self.note.startswith("no-run:") else ""

    @property
    def file(self) -> str:
        """The file it is written to; empty if to none."""
        return self.note.removeprefix("file: ").strip() if self.note.startswith("file: ") else ""

    @property
    def sphinx(self) -> bool:
        """Whether it is an order to the site, such as a list of pages or a notebook's cell, which the build obeys."""
        return self.language.startswith("{")

    @property
    def known(self) -> bool:
        """Whether something is done with it."""
        if self.sphinx or self.file or self.reason:
            return True
        return (self.language in LANGUAGES and not self.note) or (self.language, self.note) in SHOWN


SHOWN = {("text", "output"), ("text", "images")}


def pages() -> list[Path]:
    """Every page with blocks that somebody wrote; decisions (docs/adr) hold no commands to follow."""
    docs = [path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent.name != "adr"]
    names = [ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md", *docs]
    return [path for path in names if name_of(path) not in GENERATED]


def name_of(path: Path) -> str:
    """A page as its path in the repository."""
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path) -> Iterator[Block]:
    """Those of a page, in order."""
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, _, note = found[3].strip().partition(" ")
        inner = re.sub(rf"^{found[1]}", "", found[4], flags=re.MULTILINE) if found[1] else found[4]
        yield Block(name_of(path), text[: found.start()].count("\n") + 1, language, note.strip(), inner)


def all_blocks() -> list[Block]:
    """Those of every page."""
    return [block for path in pages() for block in blocks(path)]
