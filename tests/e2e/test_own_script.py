"""Somebody's script, unchanged: from its path and what is to be tried to a verdict."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ablate.study.load import load_study
from ablate.study.plan import make_plan
from tests.command_line import ablate

PAGE = Path(__file__).parents[2] / "docs" / "command.md"
SWEEP = """\
program: train.py
method: METHOD
metric: {name: accuracy, goal: maximize}
parameters: {lr: {VALUES}, seed: {values: [1, 2]}}
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with the script of the page about commands, which knows nothing of us."""
    (found,) = re.findall(r"```python[^\n]*\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "train.py").write_text(found, encoding="utf-8")
    return tmp_path


def test_a_script_is_asked_run_and_judged_by_two_commands(work: Path) -> None:
    """Its options are read, its file of results is found, and a switch that helps is called better."""
    made = ablate(work, "init", "--script", "train.py", "--try", "--use-bn", "--seeds", "3")
    done = ablate(work, "run", "studies/train.yaml", "--no-tracking", "--executor", "inline", "--json")

    assert (made.exit_code, done.exit_code) == (0, 0)
    assert [row["verdict"] for row in json.loads(done.stdout)["effects"]] == ["better"]


@pytest.mark.parametrize(
    "words",
    [
        ["--from-hydra", "use_bn=false,true optimizer.lr=0.1,0.01", "--script", "train.py"],
        ["--from-sweep", "grid.yaml"],
        ["--from-sweep", "bayes.yaml"],
    ],
)
def test_sweeps_of_others_become_good_studies(work: Path, words: list[str]) -> None:
    """Every key, every variant and every word of the command is checked before the file stays."""
    (work / "grid.yaml").write_text(SWEEP.replace("METHOD", "grid").replace("VALUES", "values: [0.1, 0.01]"))
    (work / "bayes.yaml").write_text(SWEEP.replace("METHOD", "bayes").replace("VALUES", "min: 0.01, max: 0.1"))
    made = ablate(work, "init", *words, "--to", "mine.yaml")

    assert made.exit_code == 0, made.stderr
    assert make_plan(load_study(work / "mine.yaml")).variants


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--script", "train.py"], "nothing of train.py is tried"),
        (["--try", "--use-bn"], "none is named"),
        (["--script", "gone.py", "--try", "--lr 1"], "there is no file gone.py"),
        (["--script", "train.py", "--try", "--use_bn"], "no option '--use_bn'"),
        (["--script", "train.py", "--try", "--lr 1", "faces"], "a script and a folder of images"),
        (["--script", "train.py", "--from-sweep", "a.yaml"], "names its program"),
        (["--script", "train.py", "--from-hydra", "a=1,2", "--try", "--lr 1"], "is for a script with argparse"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(work: Path, words: list[str], message: str) -> None:
    """Exit 2, what is missing, and the folder as it was."""
    done = ablate(work, "init", *words)

    assert (done.exit_code, message in done.stderr) == (2, True)
    assert [path.name for path in work.iterdir()] == ["train.py"]
