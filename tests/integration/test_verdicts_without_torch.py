"""What works with the packages of requirements-judge.txt alone, and what the other commands say there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docs.generate import command_names
from tests.slim_environment import ROOT, closure, make_environment, requirements_of

pytestmark = pytest.mark.slow  # part of `make evidence`

ARCHIVE = ROOT / "tests" / "golden" / "work" / "0.1.0.tar.xz"
QUICK, OWN = "studies/quickstart.yaml", "own_trainer.yaml"

DO: Mapping[str, list[str]] = {
    "check": ["check", QUICK],
    "check of an own trainer": ["check", OWN],
    "judge": ["judge", "results.csv", "--report", "judged"],
    "judge of event files": ["judge", str(ROOT / "tests" / "fixtures" / "logs" / "tensorboard")],
    "judge of a search": ["judge", f"{ROOT / 'tests' / 'fixtures' / 'logs' / 'optuna' / 'study.db'}::search"],
    "judge of published figures": ["judge", str(ROOT / "studies" / "hollywood.yaml")],
    "report --verify": ["report", QUICK, "--verify"],
    "report --verify of an own trainer": ["report", OWN, "--verify"],
    "report": ["report", QUICK],
    "report of an own trainer": ["report", OWN],
    "report of two": ["report", QUICK, OWN],
    "report --verify again": ["report", QUICK, "--verify"],
    "plan of an own trainer": ["plan", OWN],
    "status": ["status"],
    "status of a study": ["status", OWN],
    "init": ["init", "studies/new.yaml"],
    "schema": ["schema"],
    "schema of an own trainer": ["schema", "--trainer", "own_trainer:train"],
    "clean": ["clean"],
    "run of a trainer that needs nothing": ["run", "toy.yaml", "--executor", "inline", "--no-tracking"],
    "plan": ["plan", QUICK],
    "doctor": ["doctor", "--quick"],
    "version": ["--version"],
}
"""Commands that end well, in this order."""

NEED: Mapping[str, tuple[list[str], str]] = {
    "demo": (["demo", "--work", "fresh", "--workers", "1"], "mlflow"),
    "run": (["run", QUICK, "--retrain"], "mlflow"),
    "run without MLflow": (["run", QUICK, "--retrain", "--workers", "1", "--no-tracking"], "torch"),
    "run in this process": (["run", QUICK, "--retrain", "--executor", "inline", "--no-tracking"], "torch"),
    "run on Ray": (["run", QUICK, "--retrain", "--executor", "ray", "--no-tracking"], "ray"),
    "run of an own trainer": (["run", OWN, "--no-tracking"], "sklearn"),
    "join": (["join", QUICK, "--work", "fresh", "--workers", "1"], "torch"),
    "join of an own trainer": (["join", OWN], "sklearn"),
    "optuna": (["optuna", QUICK], "optuna"),
    "optuna of an own trainer": (["optuna", "searched.yaml"], "optuna"),
    "show": (["show", QUICK], "torch"),
    "predict": (["predict", "quickstart/BN/0", "image.png"], "torch"),
    "predict --check": (["predict", "quickstart/BN/0", "--check"], "torch"),
    "predict of an own trainer": (["predict", "own-trainer/baseline/0", "image.png"], "sklearn"),
    "explain": (["explain", "quickstart/BN/0"], "torch"),
    "ui": (["ui"], "mlflow"),
    "sync": (["sync", QUICK], "mlflow"),
    "pull": (["pull", QUICK], "mlflow"),
    "pull of nothing": (["pull"], "mlflow"),
    "judge of an experiment": (["judge", "quickstart", "--by", "variant"], "mlflow"),
    "data stats": (["data", "stats", QUICK], "torch"),
    "deploy": (["deploy", "quickstart/BN"], "torch"),
    "deploy of files": (["deploy", "network.onnx", "--on", "quickstart"], "onnx"),
}
"""Commands that need a package, and which."""

ELSEWHERE = {"data portraits"}
"""Draws for a minute, with Pillow and numpy alone."""

TOY = """\
study: toy
trainer: ablate.toy:train
base: {skill: 60.0}
chain: {BN: {gain: 20.0}}
evidence: {test: {folds: 2}, replicates: [2]}
"""

CALLS = """\
import json, sys
from typer.testing import CliRunner
from ablate.cli.app import app
found = {}
for name, words in json.load(sys.stdin).items():
    result = CliRunner().invoke(app, words)
    wrong = result.exception is not None and not isinstance(result.exception, SystemExit)
    found[name] = [result.exit_code, result.output + repr(result.exception) * wrong, wrong]
json.dump(found, open("found.json", "w"))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the packages of requirements-judge.txt, what they need, and ablate."""
    names = closure(requirements_of(ROOT / "requirements-judge.txt"))
    return make_environment(tmp_path_factory.mktemp("slim") / "environment", names)


def a_work_folder(folder: Path) -> Path:
    """A finished quick start, a finished study of an own trainer, which imports scikit-learn, and a table."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    quick = folder / QUICK  # written when runs were not in channels-last layout by default
    quick.write_text(
        quick.read_text(encoding="utf-8").replace(
            "  batch_size: 16\n", "  batch_size: 16\n  numerics: {channels_last: false}\n"
        ),
        encoding="utf-8",
    )
    (folder / "image.png").write_bytes(b"whatever it shows")
    (folder / "network.onnx").write_bytes(b"whatever it is")
    (folder / "toy.yaml").write_text(TOY, encoding="utf-8")
    search = "search: {space: {lr: {low: 1e-3, high: 1.0, log: true}}, val: 0.2}\n"
    (folder / "searched.yaml").write_text((folder / OWN).read_text(encoding="utf-8") + search, encoding="utf-8")
    return folder


def called(python: Path, work: Path, calls: Mapping[str, list[str]]) -> dict[str, Any]:
    """Name -> exit code, what was printed, whether it ended with a traceback."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    env["PYTHONDONTWRITEBYTECODE"] = "1"  # the packages are links
    done = subprocess.run(
        [python, "-P", "-c", CALLS],
        cwd=work,
        env=env,
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((work / "found.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder whose reports the full installation wrote."""
    folder = a_work_folder(tmp_path_factory.mktemp("full") / "work")
    for study in (QUICK, OWN):
        command = [sys.executable, "-P", "-m", "ablate", "report", study]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def work(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it, where the commands are called."""
    return shutil.copytree(written, tmp_path_factory.mktemp("slim") / "work")


@pytest.fixture(scope="module")
def found(python: Path, work: Path) -> dict[str, Any]:
    """What came of every command."""
    return called(python, work, DO | {name: words for name, (words, _) in NEED.items()})


def test_the_environment_is_as_slim_as_it_says(python: Path) -> None:
    """Nothing heavy is to be had in it, by whatever name it is asked for."""
    heavy = ["torch", "torchvision", "mlflow", "optuna", "sklearn", "statsmodels", "sqlalchemy", "safetensors"]
    code = f"import importlib.util as u; print([n for n in {heavy!r} if u.find_spec(n)])"

    assert subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_every_command_is_tried() -> None:
    """A new command says what it needs, too."""
    tried = {
        " ".join(words[: 1 + (words[0] == "data")]) for words in [*DO.values(), *(one for one, _ in NEED.values())]
    }

    assert set(command_names()) - tried == ELSEWHERE


@pytest.mark.parametrize("name", DO)
def test_a_verdict_needs_no_torch(found: dict[str, Any], name: str) -> None:
    """Checking, judging and reporting end well, of an own trainer that cannot be imported, too."""
    code, printed, _ = found[name]

    assert code == 0, printed


@pytest.mark.parametrize("name", NEED)
def test_a_command_that_needs_more_says_what_to_install(found: dict[str, Any], name: str) -> None:
    """One sentence with the package's name, exit code 2, no traceback."""
    code, printed, is_traceback = found[name]

    assert (code, is_traceback, "Traceback" in printed) == (2, False, False), printed
    assert NEED[name][1] in printed
    assert "not installed" in printed
    assert "nstall" in printed.split("not installed", 1)[1]


def test_a_check_says_what_a_run_would_miss(found: dict[str, Any]) -> None:
    """A study that is right is not one that can be run here."""
    assert "needed by the first run: sklearn" in found["check of an own trainer"][1]
    assert "needed by the first run" not in found["report of an own trainer"][1]


def test_the_report_is_the_one_that_a_full_installation_wrote(found: dict[str, Any], written: Path, work: Path) -> None:
    """Byte for byte, all figures and tables, and the images that were drawn then."""
    assert [found[name][0] for name in DO if name.startswith("report")] == [0] * 6
    names = [path.relative_to(written) for path in (written / "reports").rglob("*") if path.is_file()]

    assert len(names) > 20
    assert [str(name) for name in names if (work / name).read_bytes() != (written / name).read_bytes()] == []
    assert "data:image/" in (work / "reports" / "quickstart" / "report.html").read_text(encoding="utf-8")


def test_every_shipped_study_can_be_checked(python: Path) -> None:
    """Networks by name, own readers and stand-ins are looked into only by what trains."""
    code = (
        "import sys; from pathlib import Path; from ablate import load_study, make_plan\n"
        "print(sum(bool(make_plan(load_study(path)).variants) for path in Path('studies').glob('*.yaml')))"
    )
    done = subprocess.run([python, "-P", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)

    assert done.stdout.strip() == str(len(list((ROOT / "studies").glob("*.yaml")))), done.stderr
