"""A newcomer's walk: README's own commands, in an empty folder, from nothing to a verdict on one's own material.

The demo and the search of it: tests/docs/test_pages.py.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image_fixtures import write_bad_images, write_image_folder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRIPT = """
import argparse, json, os, random
parser = argparse.ArgumentParser()
parser.add_argument("--use-bn", action="store_true")
parser.add_argument("--dropout", type=float, default=0.0)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default="out")
asked = parser.parse_args()
luck = random.Random(f"{asked.seed} {asked.use_bn} {asked.dropout}")
accuracy = 0.8 + 0.08 * asked.use_bn + luck.gauss(0, 0.01)
os.makedirs(asked.out, exist_ok=True)
with open(os.path.join(asked.out, "result.json"), "w") as file:
    json.dump({"accuracy": accuracy}, file)
"""
"""Somebody's train.py, which knows nothing of ablate; one option helps and the other does not."""
RESULTS = "variant,seed,accuracy\n" + "".join(
    f"{name},{seed},{base + 0.003 * (seed % 3) + 0.001 * seed}\n"
    for name, base in (("baseline", 0.80), ("ours", 0.86))
    for seed in range(5)
)


def door(name: str) -> list[str]:
    """The commands of a row of README's table "Three ways in"."""
    (row,) = re.findall(rf"^\| {name} \|(.*)\|$", README, re.MULTILINE)
    return re.findall(r"`(ablate [^`]+)`", row.split(" | ")[0])


def walk(folder: Path, command: str) -> str:
    """What a command prints, on both streams; it has to end well."""
    words = shlex.split(command)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [str(Path(sys.executable).with_name(words[0])), *words[1:]],
        cwd=folder,
        env=os.environ | {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_numbers_get_verdicts(tmp_path: Path) -> None:
    """A published table has none; five seeds of one's own do."""
    shutil.copytree(ROOT / "studies", tmp_path / "studies")
    (tmp_path / "results.csv").write_text(RESULTS, encoding="utf-8")
    (published,) = re.findall(r"```bash\n(ablate judge studies/[^\n]+)\n```", README)

    assert "None of five changes can be judged yet" in walk(tmp_path, published)
    (numbers,) = door("numbers")
    said = walk(tmp_path, numbers)
    assert "ours gains 6.0 points" in said
    assert re.search(r"ours .* better", said)


def test_a_script_gets_verdicts_unchanged(tmp_path: Path) -> None:
    """Its options are read, its runs repeated, and the option that helps is told from the one that does not."""
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    for command in door("a script"):
        said = walk(tmp_path, command)

    assert re.search(r"use-bn .* better", said)
    assert not re.search(r"dropout 0.5 .* (better|worse) *$", said, re.MULTILINE)
    assert (tmp_path / "train.py").read_text(encoding="utf-8") == SCRIPT
    walk(tmp_path, "ablate report studies/train.yaml --verify")


def test_images_get_verdicts(tmp_path: Path) -> None:
    """A folder with broken files: looked at, a study written for the time named, run as it was written."""
    write_image_folder(tmp_path / "data" / "faces", classes=("ada", "bea", "cai"), per_class=20)
    write_bad_images(tmp_path / "data" / "faces" / "ada")
    look, run = door("images")
    walk(tmp_path, look.replace("--minutes 20", "--minutes 1"))
    study = tmp_path / "studies" / "faces.yaml"
    study.write_text(re.sub(r"epochs: \d+ ", "epochs: 2 ", study.read_text(encoding="utf-8")), encoding="utf-8")
    said = walk(tmp_path, run)

    assert "of three changes" in said
    assert "Report: reports/faces/report.html" in said
    assert "Nothing to train" in walk(tmp_path, run)
    walk(tmp_path, "ablate report studies/faces.yaml --verify")
