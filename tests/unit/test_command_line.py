"""What the commands say of a request that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "x.yaml", "--lang", "fr"], "Error: --lang: 'fr' is not one of 'en', 'zh'."),
        (["optuna", "--trials", "many"], "Error: --trials: expected a whole number"),
        (["run", "x.yaml", "--look", "two"], "Error: --look: expected a whole number"),
    ],
)
def test_a_wrong_option_is_told_like_every_other_error(arguments: list[str], said: str) -> None:
    """Option, what is wrong with it, and where the choices stand; exit code 2."""
    refused = CliRunner().invoke(app, arguments)

    assert refused.exit_code == 2
    assert said in refused.stderr
    assert f"`ablate {arguments[0]} --help`" in refused.stderr


STUDY = """\
study: faces
base:
  data: {source: {name: image_folder, root: nowhere}, classes: 2, image_size: 32, train: 0.5}
  model: {name: vgg11, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-3}
  batch_size: 8
  epochs: 1
chain: {longer: {epochs: 2}}
"""


def test_check_says_what_the_first_run_will_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder or a weights file that is not there is no mistake of the study, and still worth a line."""
    monkeypatch.chdir(tmp_path)
    Path("faces.yaml").write_text(STUDY, encoding="utf-8")
    checked = CliRunner().invoke(app, ["check", "faces.yaml"])
    Path("nowhere").mkdir()
    found = CliRunner().invoke(app, ["check", "faces.yaml"])
    weights = CliRunner().invoke(app, ["check", "faces.yaml", "--set", "weights={file: first.pt}"])

    assert (checked.exit_code, found.exit_code, weights.exit_code) == (0, 0, 0)
    assert "base.data.source.root (nowhere)" in checked.stderr
    assert checked.stdout == "faces.yaml OK: 2 variants, 1 comparison, looks at 5, 10 and 20 replicates.\n"
    assert found.stderr == ""
    assert "base.weights.file: there is no file" in weights.stderr


def test_weights_that_are_not_there_are_told_before_the_first_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `run`, at once, with nothing written."""
    monkeypatch.chdir(tmp_path)
    Path("nowhere").mkdir()
    Path("faces.yaml").write_text(STUDY, encoding="utf-8")
    refused = CliRunner().invoke(app, ["run", "faces.yaml", "--set", "weights={file: first.pt}", "--no-tracking"])

    assert refused.exit_code == 2
    assert "first.pt" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.yaml", "nowhere"]
