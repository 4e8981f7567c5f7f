"""What a user imports, and what importing it does not drag along."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ablate
from ablate.cli.app import app
from ablate.files import write_sealed
from ablate.harness import descriptions
from ablate.inspection import Description
from ablate.study.load import load_study
from ablate.workflows.session import open_session

HEAVY = {"torch", "torchvision", "pandas", "sklearn", "mlflow", "optuna", "matplotlib", "statsmodels", "scipy"}
NOWHERE = """\
study: faces
base:
  data: {source: {name: image_folder, root: nowhere}, classes: 2, image_size: 32, train: 0.5}
  model: {name: vgg11, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-3}
  batch_size: 8
  epochs: 1
chain: {longer: {epochs: 2}}
"""
ROOT = Path(__file__).parents[2]
RUN = "import sys; from ablate.cli.app import app; app({arguments!r}, standalone_mode=False)"


def loaded_by(code: str) -> set[str]:
    """The heavy packages that a fresh Python has loaded after some code."""
    report = f"{code}\nimport sys; print('loaded:', *(name for name in {sorted(HEAVY)!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_the_public_names_are_these() -> None:
    """A name added or removed is a decision."""
    assert ablate.__all__ == [
        "Comparison",
        "Cost",
        "Description",
        "Embedding",
        "Examination",
        "Explained",
        "ExplainedImage",
        "FeatureMaps",
        "Heatmap",
        "IdentityDefault",
        "JudgedTable",
        "Layer",
        "ModelAnswer",
        "NearPair",
        "Neighbours",
        "NotIdentity",
        "Options",
        "Outcome",
        "Prepared",
        "Replicate",
        "Run",
        "Settings",
        "assert_no_worse",
        "compare",
        "estimate_effects",
        "judge",
        "load_study",
        "make_plan",
        "render_report",
        "results_frame",
        "run_study",
    ]


@pytest.mark.parametrize("name", ablate.__all__)
def test_every_public_name_leads_to_something_documented(name: str) -> None:
    """Loaded on first use."""
    found = getattr(ablate, name)

    assert found is not None
    assert inspect.getdoc(found) or name == "NotIdentity"


@pytest.mark.parametrize(
    ("old", "new"), [("Explained", "Explained"), ("Picture", "ExplainedImage"), ("Answer", "ModelAnswer")]
)
def test_the_names_of_before_are_taken_with_a_note(old: str, new: str) -> None:
    """A trainer written against `ablate.explained` goes on working, and is told where the name stands now."""
    from ablate import explained

    with pytest.warns(DeprecationWarning, match=f"ablate.{new}"):
        assert getattr(explained, old) is getattr(ablate, new)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    """As of every module."""
    with pytest.raises(AttributeError, match="module 'ablate' has no attribute 'lod_study'"):
        _ = ablate.lod_study


def test_importing_ablate_loads_nothing_heavy() -> None:
    """A trainer that needs Settings does not wait for pandas."""
    assert loaded_by("import ablate; ablate.Settings, ablate.Outcome, ablate.load_study, ablate.make_plan") == set()


@pytest.mark.parametrize(
    "arguments",
    [["check", "studies/quickstart.yaml"], ["status"], ["schema"]],
    ids=lambda arguments: arguments[0],
)
def test_commands_that_train_nothing_load_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """They answer at once."""
    work = [] if arguments[0] == "schema" else ["--work", str(tmp_path)]

    assert loaded_by(RUN.format(arguments=arguments + work)) == set()


BY_NAME = """
study: by-name
base:
  data: {source: {name: image_folder, root: nowhere}, classes: 3, image_size: 32, normalize: null}
  model: {name: "torchvision:resnet18"}
  optimizer: {name: adam, lr: 1e-3}
  batch_size: 8
  epochs: 1
one_at_a_time: {smaller steps: {optimizer.lr: 1e-4}}
evidence: {test: {share: 0.2}, replicates: 3}
"""
PLAN_AS_JSON = ["plan", "studies/quickstart.yaml", "--json", "--work"]


@pytest.mark.parametrize(
    "arguments", [PLAN_AS_JSON, ["plan", "studies/quickstart.yaml", "--work"]], ids=["json", "text"]
)
def test_a_warm_plan_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """What a network has is remembered."""
    session = open_session(load_study(ROOT / "studies" / "quickstart.yaml"), tmp_path)
    for variant in session.plan.variants:
        memo = descriptions._memo(variant, session.study.trainer, session.store, session.source)
        write_sealed(memo, asdict(Description(parameters=1)))

    assert loaded_by(RUN.format(arguments=[*arguments, str(tmp_path)])) == set()


@pytest.mark.parametrize("as_json", [["--json"], []], ids=["json", "text"])
def test_the_first_plan_of_our_own_networks_loads_nothing_heavy(as_json: list[str], tmp_path: Path) -> None:
    """Their parameters are counted by arithmetic."""
    arguments = ["plan", "studies/quickstart.yaml", *as_json, "--work", str(tmp_path)]

    assert loaded_by(RUN.format(arguments=arguments)) == set()


@pytest.mark.slow
def test_only_the_first_plan_of_a_network_by_name_needs_torch(tmp_path: Path) -> None:
    """It builds the network to count its parameters, and writes them down."""
    study = tmp_path / "own.yaml"
    study.write_text(BY_NAME, encoding="utf-8")
    cold, warm = (loaded_by(RUN.format(arguments=["plan", str(study), "--work", str(tmp_path)])) for _ in range(2))

    assert cold >= {"torch"}
    assert warm == set()


def test_a_wrong_path_is_told_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    """Somebody who mistyped a folder does not wait for torch."""
    study = tmp_path / "faces.yaml"
    study.write_text(NOWHERE, encoding="utf-8")
    arguments = ["run", str(study), "--work", str(tmp_path), "--no-tracking"]
    refused = CliRunner().invoke(app, arguments)

    assert (refused.exit_code, "nowhere does not exist" in refused.stderr) == (2, True)
    assert loaded_by(RUN.format(arguments=arguments)) == set()


def test_a_name_that_was_never_in_explained_is_an_attribute_error() -> None:
    """As of every module."""
    from ablate import explained

    with pytest.raises(AttributeError, match=r"module 'ablate.explained' has no attribute 'Piktur'"):
        _ = explained.Piktur


def test_importing_the_main_module_runs_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tools that walk a package import every module; a path that does not begin here stays as it is."""
    path = ["/nowhere", *sys.path]
    monkeypatch.setattr(sys, "path", list(path))
    monkeypatch.delitem(sys.modules, "ablate.__main__", raising=False)
    importlib.import_module("ablate.__main__")

    assert sys.path == path
