"""`ablate show`: a variant's network, layer by layer, without data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app

STUDY = """\
study: tiny
base:
  data: {source: {name: image_folder, root: nowhere}, classes: 5, image_size: 16}
  model: {name: vgg, blocks: [1, 1], width: 4, head: {name: fc, hidden: [8], pool: 1}}
  optimizer: {name: adam, lr: 1e-3}
  batch_size: 10
  epochs: 1
chain:
  frozen: {freeze: {all_but: output}}
evidence: {metric: accuracy, test: {share: 0.2}, replicates: [3]}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study file in studies/ of the current folder; its data do not exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    path = tmp_path / "studies" / "tiny.yaml"
    path.write_text(STUDY)
    return path


@pytest.mark.parametrize("name", ["tiny/frozen", "studies/tiny.yaml/frozen"])
def test_layers_shapes_parameters_and_memory_by_hand(name: str, study: Path) -> None:
    """Two convolutions and two linear layers; of them the last is trained."""
    answer = CliRunner().invoke(app, ["show", name, "--json"])

    assert answer.exit_code == 0, answer.output
    shown = json.loads(answer.stdout)
    rows = {layer["name"]: (layer["shape"], layer["parameters"], layer["trained"]) for layer in shown["layers"]}
    assert rows["features.conv1_1"] == ([4, 16, 16], 3 * 9 * 4 + 4, 0)
    assert rows["features.pool2"] == ([8, 4, 4], 0, 0)
    assert rows["head.out"] == ([5], 8 * 5 + 5, 8 * 5 + 5)
    assert shown["trained"] == 45
    assert shown["parameter_bytes"] == 4 * shown["parameters"]
    values = 4 * 16 * 16 + 4 * 8 * 8 + 8 * 8 * 8 + 8 * 4 * 4 + 8 + 8 + 5  # ReLU and Flatten need no memory of their own
    assert shown["batch_output_bytes"] == 10 * 4 * values


def test_the_baseline_is_shown_where_no_variant_is_named(study: Path) -> None:
    """As text, with the sums below the layers."""
    answer = CliRunner().invoke(app, ["show", "studies/tiny.yaml"])

    assert answer.exit_code == 0, answer.output
    assert "features.conv2_1" in answer.stdout
    assert "Parameters: 525." in answer.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [("tiny/frosen", "Did you mean 'frozen'"), ("nothing/frozen", "does not begin with a study file")],
)
def test_what_is_not_there_is_refused(name: str, said: str, study: Path) -> None:
    """With exit code 2 and a near name."""
    answer = CliRunner().invoke(app, ["show", name])

    assert answer.exit_code == 2
    assert said in answer.stderr


def test_the_plan_counts_parameters_before_the_first_run_and_says_what_is_frozen(study: Path) -> None:
    """In text and in JSON; whether the frozen part is computed once, too."""
    text = CliRunner().invoke(app, ["plan", str(study)])
    rows = json.loads(CliRunner().invoke(app, ["plan", str(study), "--json"]).stdout)["variants"]

    assert "frozen: 45 of the parameters are trained" in text.stdout
    assert "frozen: frozen features are computed once, up to head.act1 (0.032 kB per image)" in text.stdout
    assert [(row["parameters"], row["trained"]) for row in rows] == [(525, 525), (525, 45)]


def test_a_network_that_cannot_be_is_refused_by_the_plan(study: Path) -> None:
    """Without data, with the variant's name and exit code 2."""
    study.write_text(STUDY.replace("all_but: output", "modules: [feature]"))

    answer = CliRunner().invoke(app, ["plan", str(study)])

    assert answer.exit_code == 2
    assert "variant 'frozen': freeze.modules: the network has no module 'feature'" in answer.stderr
    assert "Did you mean 'features'?" in answer.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("image_size: 16", "image_size: 3", "image_size"),
        ("blocks: [1, 1]", "blocks: [1, 1, 1, 1, 1]", "data.image_size (16) is smaller than the stride of vgg (32)"),
        ("head: {", "norm: {name: batch}, head: {", "batch_size (1)"),
    ],
)
def test_images_and_batches_that_are_too_small_are_refused(old: str, new: str, said: str, study: Path) -> None:
    """An image smaller than the stride, and a batch of one with batch norm: exit code 2 before any training."""
    text = STUDY.replace(old, new)
    study.write_text(text.replace("batch_size: 10", "batch_size: 1") if "norm" in new else text)

    answer = CliRunner().invoke(app, ["plan", str(study)])

    assert answer.exit_code == 2
    assert said in answer.stderr
