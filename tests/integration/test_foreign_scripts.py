"""Scripts in the manner of well-known examples, none of which knows of the harness, each run as it is."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from ablate.records import Finished
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.run import run_study
from ablate.workflows.session import open_session

FOREIGN = Path(__file__).parents[1] / "foreign"
SCRIPTS = sorted(path.stem for path in FOREIGN.glob("*_style.yaml"))
FAST = ("hydra_style",)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scripts in a folder of the user's, which is the current one; `python` is this one."""
    here = tmp_path / "my scripts"
    shutil.copytree(FOREIGN, here)
    rows = images()
    (here / "images.csv").write_text(rows)
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return here


def images() -> str:
    """The table of the images that the scripts draw."""
    from tests.foreign.drawn import draw

    _, targets = draw()
    return "\n".join(["id,target", *(f"img{i:03d},{target}" for i, target in enumerate(targets))]) + "\n"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in SCRIPTS]
)
def test_a_script_runs_as_it_is(name: str, folder: Path) -> None:
    """Every run has a result better than chance, curves where the script has epochs, and a verdict."""
    study = load_study(folder / f"{name}.yaml")
    done = run_study(study, options=Options(track=False))
    session = open_session(study)
    runs = [session.store.finished(spec.fingerprint) for _, spec in session.plan.runs()]
    found = [run[0].metrics["accuracy"] for run in runs if run and isinstance(run[0], Finished)]

    assert done.exit_code == 0
    assert len(found) == len(runs)
    assert all(0.34 < value < 1 for value in found), found
    assert len(set(found)) > 1
    assert len(done.findings.effects) == len(session.plan.contrasts)
    if name != "notebook_style":
        assert all(run[0].epoch for run in runs)
