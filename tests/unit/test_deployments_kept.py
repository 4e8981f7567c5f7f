"""What is left of a deployment: its page and cards beside the report, and what a tracker is to have of it."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ablate.deploy.records import DeployResult, Preprocessing, Row, Step
from ablate.files import write_json
from ablate.report.page.markdown import markdown_page
from ablate.report.page.sections import page_of
from ablate.study.load import load_study
from ablate.study.study import Study
from ablate.workflows.deploy.kept import Kept, deployments_of, folder_name, keep_deployment, read_deployments, runs_of
from ablate.workflows.deploy.tell import tell_of_runs, tell_tracker
from ablate.workflows.options import Options
from ablate.workflows.report import judge_study
from ablate.workflows.run import run_study
from ablate.workflows.session import open_session, resolved_options
from tests.contract.test_trackers import shown_by_mlflow, template_database
from tests.deploy_builders import a_deployment, a_row
from tests.network_files import answers_of_onnx, digits, write_onnx

HOW = Preprocessing(
    image_size=8,
    classes=tuple("0123456789"),
    channels=1,
    mean=(0.25,),
    std=(0.5,),
    study="toy",
    variant="BN",
    replicate=0,
    fingerprint="f" * 64,
)


def a_result(folder: Path) -> DeployResult:
    """Three rows: of torch alone, an ONNX file that says nothing, and one with its preprocessing beside it."""
    made = a_deployment(classes=HOW.classes)
    rows = [replace(made.rows[0], steps=(replace(made.rows[0].step, opener="ablate.training.compress.eager:open"),))]
    for row, how in zip(made.rows[1:3], (None, HOW), strict=True):
        path = write_onnx(folder / f"{row.name}.onnx", metadata=None)
        rows.append(replace(row, steps=(replace(row.step, path=str(path), preprocessing=how),)))
    return replace(made, rows=tuple(rows))


def test_a_tracker_is_given_figures_claims_and_files_of_each_row(tmp_path: Path) -> None:
    """Under the row's name; a network that exists in torch alone is no file."""
    result = a_result(tmp_path)
    keep_deployment(tmp_path / "study", "BN", result, {"ONNX": Kept(None, "a card"), "INT8": Kept(HOW, "another")})
    (found,) = read_deployments(tmp_path / "study", ()).items()

    assert found[0] == "BN"
    assert found[1].metrics["deploy/INT8/latency_p50_ms"] == pytest.approx(37.5)
    assert found[1].metrics["deploy/INT8/speed_up"] == 3.2
    assert found[1].metrics["deploy/original/accuracy"] == pytest.approx(0.746)
    assert "deploy/original/speed_up" not in found[1].metrics
    assert found[1].tags == {"ablate.deploy.ONNX": "non inferior", "ablate.deploy.INT8": "non inferior"}
    assert set(found[1].given.files) == {"deploy/ONNX/ONNX.onnx", "deploy/INT8/INT8.onnx"}
    assert set(found[1].given.texts) == {
        "deploy/ONNX/card.md",
        *(f"deploy/INT8/{name}" for name in ("card.md", "MLmodel", "input_example.json")),
    }


def test_mlflow_opens_the_file_as_a_model_with_signature_and_input_example(tmp_path: Path) -> None:
    """Read by MLflow itself; the answers are those of the file."""
    import mlflow

    result = a_result(tmp_path)
    keep_deployment(tmp_path / "study", "BN", result, {"INT8": Kept(HOW, "a card")})
    given = read_deployments(tmp_path / "study", ())["BN"].given
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in given.texts.items():
        (folder / Path(name).name).write_bytes(content)
    network = given.files["deploy/INT8/INT8.onnx"]
    (folder / network.name).write_bytes(network.read_bytes())

    model = mlflow.models.Model.load(str(folder))
    images = digits()[1].images[:4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, of its own code
        answers = mlflow.pyfunc.load_model(str(folder)).predict(images)

    assert [one.shape for one in model.signature.inputs.inputs] == [(-1, 1, 8, 8)]
    assert [one.shape for one in model.signature.outputs.inputs] == [(-1, 10)]
    example = model.load_input_example(str(folder))
    assert (example.shape, float(example.min()), float(example.max())) == ((1, 1, 8, 8), 0.5, 0.5)
    np.testing.assert_array_equal(answers["logits"], answers_of_onnx(network, images))
    assert model.metadata["classes"] == list(HOW.classes)


def test_a_file_that_changed_since_is_not_sent_under_the_old_figures(tmp_path: Path) -> None:
    """The figures stay; another file, a link or none in its place is nobody's artifact."""
    result = a_result(tmp_path)
    keep_deployment(tmp_path / "study", "BN", result, {})
    before = read_deployments(tmp_path / "study", ())["BN"]
    (tmp_path / "ONNX.onnx").write_bytes(b"another")
    (tmp_path / "INT8.onnx").rename(tmp_path / "moved.onnx")
    (tmp_path / "INT8.onnx").symlink_to(tmp_path / "moved.onnx")
    after = read_deployments(tmp_path / "study", ())["BN"]

    assert (set(after.given.files), set(after.given.texts)) == (set(), set())
    assert after.metrics == before.metrics
    assert after.given.digest != before.given.digest


def test_a_record_that_is_torn_or_of_another_version_is_passed_over(tmp_path: Path) -> None:
    """The next deployment writes it anew."""
    keep_deployment(tmp_path, "BN", a_deployment(rows=(bare_row(),)), {})
    (path,) = (tmp_path / "deployed").glob("*.json")
    text = path.read_text()

    assert list(read_deployments(tmp_path, ())) == ["BN"]
    path.write_text(text.replace("37.5", "3.75"))
    assert read_deployments(tmp_path, ()) == {}
    assert read_deployments(tmp_path / "nowhere", ()) == {}


def test_what_was_deployed_of_former_runs_is_left_out(tmp_path: Path) -> None:
    """Their figures would stand beside those of the runs there are."""
    row = bare_row()
    row = replace(row, steps=(replace(row.step, preprocessing=HOW),))
    result = a_deployment(rows=(row,))
    keep_deployment(tmp_path, "BN", result, {})
    write_json(tmp_path / "deploy" / "BN" / "deploy.json", {"name": "toy/BN", "runs": runs_of(result)})

    assert list(read_deployments(tmp_path, {HOW.fingerprint})) == ["BN"]
    assert len(deployments_of(tmp_path, {HOW.fingerprint})) == 1
    assert read_deployments(tmp_path, {"g" * 64}) == {}
    assert deployments_of(tmp_path, {"g" * 64}) == ()


def bare_row() -> Row:
    """Of torch alone."""
    return replace(
        a_row("original", 37.5),
        steps=(Step(name="original", path="weights", engine="torch", opener="somewhere:open"),),
    )


def test_names_of_rows_are_as_plain_as_trackers_take_them(tmp_path: Path) -> None:
    """Without signs; two that would meet keep a digest."""
    rows = tuple(a_row(name) for name in ("ONNX INT8, trained aware", "a+b", "a,b", "数字"))
    rows = tuple(replace(row, steps=(replace(row.step, opener="somewhere:open"),)) for row in rows)
    keep_deployment(tmp_path, "BN", a_deployment(rows=rows), {})
    names = {name.split("/")[1] for name in read_deployments(tmp_path, ())["BN"].metrics}

    assert "ONNX INT8 trained aware" in names
    assert len(names) == 4
    assert all(name.isascii() and "," not in name for name in names)


def test_any_name_is_a_folder_of_its_own() -> None:
    """Two names that differ in a sign alone do not meet."""
    names = ["BN", "INT8, after training", "INT8; after training", "../up", "数字", "a b", "a-b"]
    folders = [folder_name(name) for name in names]

    assert folders[0] == "BN"
    assert len(set(folders)) == len(names)
    assert all(folder.replace("-", "").replace("_", "").isalnum() and folder.isascii() for folder in folders)


@pytest.mark.network
def test_a_deployment_is_told_beside_the_report_and_to_the_tracker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page, cards and a link in the study's report; a store that does not answer loses nothing."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    study = a_stored_study(tmp_path)
    run_study(study, work=tmp_path, options=Options(executor="inline", track=False))
    session = open_session(study, tmp_path)
    options = resolved_options(session, Options(tracking_uri="http://127.0.0.1:9"))
    page, reason = tell_of_runs("toy/BN", a_result(tmp_path), tmp_path, study, Options(track=False))
    report = tmp_path / "reports" / "toy"

    assert (page, reason) == (report / "deploy" / "BN" / "report.md", "")
    assert page.with_suffix(".html").is_file()
    assert "BN against baseline, accuracy" in (page.parent / "cards" / "INT8.md").read_text()
    assert json.loads((page.parent / "deploy.json").read_text())["rows"][2]["claim"]["word"] == "non_inferior"
    assert deployments_of(report, ()) == (("toy/BN", "deploy/BN/report.md"),)
    assert "[toy/BN](deploy/BN/report.md)" in markdown_page(page_of(judge_study(session, options)))

    store = tmp_path / "mlflow.db"
    store.write_bytes(template_database())
    here = replace(options, tracking_uri=f"sqlite:///{store}")
    assert "tracking store" in tell_tracker(session, options, timeout=0.1)
    assert tell_tracker(session, here) == ""
    (variant,) = [run for run in shown_by_mlflow(store) if run.name == "BN"]
    assert variant.tags["ablate.deploy.INT8"] == "non inferior"
    assert variant.values("variant/deploy/INT8/latency_p50_ms") == [pytest.approx(37.5)]
    assert {"deploy/INT8/INT8.onnx", "deploy/INT8/MLmodel", "deploy/ONNX/card.md"} <= set(variant.artifacts)


@pytest.mark.parametrize("name", ["toy/BN/0", "other/BN", "toy/gone"])
def test_what_no_study_stands_behind_gets_a_page_and_no_more(name: str, tmp_path: Path) -> None:
    """A single replicate, a study whose file is gone, a variant it has no longer: nobody's claim is overwritten."""
    study = a_stored_study(tmp_path)
    page, reason = tell_of_runs(name, a_result(tmp_path), tmp_path, study, Options())

    owner, _, variant = name.partition("/")
    assert page == tmp_path / "reports" / owner / "deploy" / folder_name(variant) / "report.md"
    assert reason == ""
    assert "not known here" in (page.parent / "cards" / "INT8.md").read_text()
    assert not list(tmp_path.rglob("deployed"))


def a_stored_study(work: Path) -> Study:
    """The toy's chain, in a file that stays."""
    content = {
        "study": "toy",
        "trainer": "ablate.toy:train",
        "base": {"skill": 60.0, "images": 600},
        "chain": {"BN": {"skill": 75.0}},
        "evidence": {"test": {"folds": 3}, "replicates": [3]},
    }
    path = work / "toy.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_study(path)
