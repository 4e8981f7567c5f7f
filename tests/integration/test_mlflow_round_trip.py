"""A study as MLflow shows it afterwards: an experiment, a study, its variants, their replicates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.run import StudyRun, run_study

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STUDY = """\
study: toy
question: Does the toy notice?
trainer: ablate.toy:train
base: {skill: 60.0, epochs: 4}
chain: {gain: {gain: 15.0}}
evidence: {test: {folds: 3}, replicates: [3]}
tracking: {experiment: Toys}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """A study that ran with the embedded store."""
    work = tmp_path_factory.mktemp("work")
    (work / "toy.yaml").write_text(STUDY, encoding="utf-8")
    return run_study(load_study(work / "toy.yaml"), work=work, options=Options(executor="inline"))


@pytest.fixture(scope="module")
def client(done: StudyRun) -> MlflowClient:
    """MLflow's own client on what a plain `mlflow ui` in the work folder would open."""
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{work_of(done) / 'mlflow.db'}")


def work_of(done: StudyRun) -> Path:
    """The work folder."""
    return done.report.parents[2]


def all_runs(client: MlflowClient) -> list[Run]:
    """Every run of the experiment."""
    experiment = client.get_experiment_by_name("Toys")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def children(client: MlflowClient, parent: Run) -> list[Run]:
    """The runs below a run."""
    return [run for run in all_runs(client) if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def study_run(client: MlflowClient) -> Run:
    """The run at the top."""
    (top,) = [run for run in all_runs(client) if "mlflow.parentRunId" not in run.data.tags]
    return top


def test_a_study_holds_its_variants_and_they_their_replicates(done: StudyRun, client: MlflowClient) -> None:
    """Three levels, one run each."""
    top = study_run(client)
    variants = children(client, top)

    assert top.info.run_name == "toy"
    assert sorted(run.data.tags["ablate.variant"] for run in variants) == ["baseline", "gain"]
    assert [len(children(client, variant)) for variant in variants] == [3, 3]
    assert done.delivered


def test_the_study_carries_the_report(done: StudyRun, client: MlflowClient) -> None:
    """The table as description, the report and its figures as artifacts."""
    top = study_run(client)
    artifacts = {item.path for item in client.list_artifacts(top.info.run_id, "report")}

    assert "better" in top.data.tags["mlflow.note.content"]
    assert {"report/report.md", "report/figures", "report/tables"} <= artifacts


def test_a_variant_carries_its_summary(client: MlflowClient) -> None:
    """Mean and interval under `variant/`, which MLflow sorts after the charts of epochs."""
    (gain,) = [run for run in children(client, study_run(client)) if run.data.tags["ablate.variant"] == "gain"]

    assert gain.data.metrics["variant/replicates"] == 3
    assert gain.data.metrics["variant/accuracy/lo"] < gain.data.metrics["variant/accuracy/hi"]
    assert not [name for name in gain.data.metrics if name.startswith("val/")]


def test_a_replicate_carries_epochs_test_metrics_settings_and_tags(client: MlflowClient) -> None:
    """One point per epoch, the test once, the settings that differ, the tags to group by."""
    (gain,) = [run for run in children(client, study_run(client)) if run.data.tags["ablate.variant"] == "gain"]
    replicate = children(client, gain)[0]
    history = client.get_metric_history(replicate.info.run_id, "val/accuracy")
    tested = client.get_metric_history(replicate.info.run_id, "test/accuracy")

    assert [point.step for point in history] == [1, 2, 3, 4]
    assert len(tested) == 1
    assert replicate.data.params["gain"] == "15.0"
    assert replicate.data.tags["ablate.changes"] == "gain: 15.0"
    assert {"ablate.study", "ablate.variant", "ablate.replicate", "ablate.fingerprint"} <= set(replicate.data.tags)
    assert replicate.info.status == "FINISHED"


def test_running_the_study_again_changes_nothing_in_mlflow(done: StudyRun, client: MlflowClient) -> None:
    """The same runs, the same points, whether the report is new or not."""
    before = {run.info.run_id: run.data.metrics for run in all_runs(client)}
    work = work_of(done)
    (work / ".ablate/studies/toy/shown.json").unlink()
    run_study(load_study(work / "toy.yaml"), work=work, options=Options(executor="inline"))

    assert {run.info.run_id: run.data.metrics for run in all_runs(client)} == before
