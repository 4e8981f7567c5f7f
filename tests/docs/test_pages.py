"""The commands of the pages, carried out one after the other as a reader would.

What each kind of block is and how a page says so: tests/docs/blocks.py. What the commands find: tests/docs/places.py.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import OWN_TESTS, ROOT, Block, blocks, name_of, pages
from tests.docs.places import (
    LIVED_IN,
    PYTHON,
    add_material,
    draw,
    furnish,
    live_in,
    substituted,
)

pytestmark = pytest.mark.slow

STAND_INS = Path(__file__).with_name("stand_ins")
REPEATING = ("README.md", "README.zh-CN.md", "docs/zh/")
"""Pages that say again what others say: a command that another page has is carried out for that page alone."""


def carried_out(path: Path) -> bool:
    """Whether the page has anything to carry out here."""
    kinds = {"bash", "python", "console"}
    return name_of(path) not in OWN_TESTS and any(one.language in kinds and not one.reason for one in blocks(path))


PAGES = [path for path in pages() if carried_out(path)]


RUN_OTHERS = """
import ablate
for name in ("studies/faces", "studies/other", "a", "b", "c"):
    ablate.run_study(ablate.load_study(f"{name}.yaml"), options=ablate.Options(track=False, executor="inline"))
"""


def steps_of_readme() -> list[str]:
    """The first column of README's table of the quick start, without the line for all changes together."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| ([^|]+) \| [0-9.]+ \[", text, re.MULTILINE)[:-1]


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the quick start and a study of faces have been run."""
    folder = furnish(tmp_path_factory.mktemp("lived_in"))
    add_material(folder)
    live_in(folder)
    said = bash("ablate demo", folder)
    assert [step for step in steps_of_readme() if step not in said] == []
    bash(f"{sys.executable} -c '{RUN_OTHERS}'", folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_works(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Also the later ones, on what the earlier ones left."""
    folder = tmp_path / "work"
    if name_of(page).startswith(LIVED_IN):
        shutil.copytree(request.getfixturevalue("lived_in"), folder, symlinks=True)
    else:
        folder.mkdir()
        furnish(folder)
        if name_of(page).count("/") == 1:
            add_material(folder)
    said = ""
    names: dict[str, Any] = {}
    for block in blocks(page):
        said += carry_out(block, folder, said, names)


def test_checksums_of_files_put_in_place_by_hand_are_those_of_torchvision() -> None:
    """Data sets and weights of the page on machines without a network."""
    from torchvision import datasets, models

    text = (ROOT / "docs" / "howto" / "no_network.md").read_text(encoding="utf-8")
    weights = [models.VGG16_Weights, models.VGG16_BN_Weights, models.ResNet18_Weights]
    pets = [part for resource in datasets.OxfordIIITPet._RESOURCES for part in resource]

    assert [part for part in pets if part.removeprefix("https://thor.") not in text and "https" not in part] == []
    assert f"[{datasets.CIFAR10.filename}]({datasets.CIFAR10.url})" in text
    assert datasets.CIFAR10.tgz_md5 in text
    assert [one.IMAGENET1K_V1.url for one in weights if f"({one.IMAGENET1K_V1.url})" not in text] == []


def carry_out(block: Block, folder: Path, said: str, names: dict[str, Any]) -> str:
    """Do what the block asks for; what it printed. `said`: what those above it have; `names`: those of its Python."""
    if block.reason or block.sphinx:
        return ""
    if block.file:
        (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.file).write_text(block.text, encoding="utf-8")
    elif block.note == "images":
        draw(folder, block)
    elif block.note == "output":
        missing = [line for line in block.text.splitlines() if not is_said(line, said)]
        assert missing == [], f"{block.place}: not among what the commands above have said:\n{said[-3000:]}"
    elif block.language == "console":
        return "".join(console(block, folder))
    elif block.language == "python":
        return python(block, folder, names)
    elif block.language == "bash":
        lines = [line for line in block.text.splitlines() if wanted(line, block.page)]
        return bash(substituted("\n".join(lines)), folder)
    return ""


def wanted(line: str, page: str) -> bool:
    """Whether a line is carried out here, and not for another page."""
    command = bare(line)
    return not (page.startswith(REPEATING) and command in said_elsewhere(page))


@cache
def said_elsewhere(page: str) -> frozenset[str]:
    """The commands of all other pages; of the Chinese pages, those of README, too."""
    others = [path for path in PAGES if not name_of(path).startswith(REPEATING)]
    if page != "README.md":
        others.append(ROOT / "README.md")
    texts = [block.text for path in others for block in blocks(path) if block.language == "bash" and not block.reason]
    return frozenset(bare(line) for text in texts for line in text.splitlines()) - {""}


def bare(line: str) -> str:
    """A command as it is carried out, without the remark behind it."""
    return substituted(re.split(r"\s+#", line)[0].strip())


def is_said(line: str, said: str) -> bool:
    """Whether the line is among the output; numbers may differ, and `...` stands for anything."""
    number = re.compile(r"[-+−]?\d[\d.,:]*")
    words = re.escape(number.sub("7", " ".join(line.split())))
    return re.search(words.replace(r"\.\.\.", ".*"), number.sub("7", " ".join(said.split()))) is not None


def bash(text: str, folder: Path) -> str:
    """Run commands in a shell; they have to end well and without a traceback. What they printed."""
    path = os.pathsep.join([str(STAND_INS), str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"HOME": str(folder / "home"), "PATH": path, "REPOSITORY": str(ROOT), "COLUMNS": "120"}
    own["PYTHONPATH"] = str(STAND_INS / "modules")
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=folder,
        env=os.environ | own,
        input="secret\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def console(block: Block, folder: Path) -> Iterator[str]:
    """Each `$ command`, and the lines below it among what it printed."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        said = bash(substituted(command), folder)
        assert [line for line in shown if not is_said(line, said)] == [], f"{block.place}:\n{said}"
        yield said


def python(block: Block, folder: Path, names: dict[str, Any]) -> str:
    """Run Python after what the page has above it; like a prompt, it shows what an expression is worth."""
    if not names:
        names["__name__"] = "a page"
        exec(PYTHON.get(block.page, ""), names)
    with chdir(folder), redirect_stdout(StringIO()) as shown:
        for statement in ast.parse(block.text).body:
            if isinstance(statement, ast.Expr):
                worth = eval(compile(ast.Expression(statement.value), block.place, "eval"), names)
                shown.write(f"{worth}\n")
            else:
                exec(compile(ast.Module([statement], []), block.place, "exec"), names)
        for name in [name for name in names if name.startswith("test_")]:
            names.pop(name)()
    return shown.getvalue()
