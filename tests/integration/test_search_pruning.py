"""Trials that do not promise much are given up early, and everybody is told so."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from ablate.records import Failed
from ablate.store.journal import read_events
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.workflows.options import Options
from ablate.workflows.search.result import SearchOptions, SearchRun
from ablate.workflows.search.run import run_search
from ablate.workflows.status import study_states
from tests.search_builders import a_study_file, searched

SPACE = "{gain: {low: -30.0, high: 30.0}}"
EPOCHS = 8


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SearchRun]:
    """A search with successive halving over two workers, told to MLflow."""
    wishes = ", ".join(f"{{gain: {gain}.0}}" for gain in (25, 20, -25, -28, -29, -30))
    search = f"{{space: {SPACE}, pruner: successive_halving, enqueue: [{wishes}]}}"
    path = a_study_file(tmp_path_factory.mktemp("prune"), search, epochs=EPOCHS, seconds=2.4)
    found = run_search(load_study(path), search=SearchOptions(trials=7), work=path.parent, options=Options(workers=2))
    return path, found


def _attempts(path: Path, found: SearchRun) -> list[list[Path]]:
    """The attempts of each trial that was given up."""
    store = Store(path.parent)
    trials = [trial for trial in found.tried if trial.state == "pruned"]
    return [
        store.attempts(spec.fingerprint) for t in trials for spec in found.question.runs_of(t.number, t.point).values()
    ]


def test_hopeless_trials_end_within_an_epoch_of_the_verdict(pruned: tuple[Path, SearchRun]) -> None:
    """Optuna has the epochs that were judged; the journal has at most one more."""
    path, found = pruned
    opened = optuna.load_study(study_name="toy-search", storage=_storage(path))
    given_up = [trial for trial in opened.trials if trial.state == TrialState.PRUNED]
    assert len(given_up) >= 2
    for attempts, trial in zip(_attempts(path, found), given_up, strict=True):
        trained = sum(event.kind == "epoch" for event in read_events(attempts[-1])[0])
        assert trained <= max(trial.intermediate_values) + 1 < EPOCHS


def _storage(path: Path) -> optuna.storages.BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path.parent / ".ablate/studies/toy-search/optuna.journal")))


def test_what_was_given_up_keeps_its_checkpoint_and_says_why(pruned: tuple[Path, SearchRun]) -> None:
    """It is no failure: the search ends well, and the run could go on."""
    path, found = pruned
    store = Store(path.parent)
    for attempts in _attempts(path, found):
        result = store.results(attempts[-1].parent.name)[-1]
        assert isinstance(result, Failed)
        assert result.reason == "pruned"
        assert list(attempts[-1].glob("checkpoint-*[0-9]"))

    assert found.exit_code == 0
    state = next(state for state in study_states(path.parent) if state["study"] == "toy-search")
    assert state["pruned"] == sum(trial.state == "pruned" for trial in found.tried)
    assert state["failed"] == 0


def test_mlflow_shows_what_was_given_up(pruned: tuple[Path, SearchRun]) -> None:
    """Its run is marked, and ended as stopped, not as failed."""
    from mlflow import MlflowClient

    path, found = pruned
    client = MlflowClient(tracking_uri=f"sqlite:///{path.parent / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    marked = client.search_runs([experiment.experiment_id], "tags.`ablate.pruned` = 'true'")
    (study,) = client.search_runs([experiment.experiment_id], "tags.`ablate.level` = 'study'")
    artifacts = {item.path for item in client.list_artifacts(study.info.run_id, "report")}

    assert len(marked) == sum(trial.state == "pruned" for trial in found.tried)
    assert {run.info.status for run in marked} == {"KILLED"}
    assert {"report/report.md", "report/best.yaml", "report/figures", "report/trials.csv"} <= artifacts


def test_replicates_are_compared_one_by_one(tmp_path: Path) -> None:
    """Wilcoxon's test gives up a setting that is worse replicate by replicate."""
    wishes = ", ".join(f"{{gain: {gain}.0}}" for gain in (25, -25))
    path = a_study_file(tmp_path, f"{{space: {SPACE}, pruner: wilcoxon, replicates: 6, enqueue: [{wishes}]}}")
    found = searched(path, 3)

    assert [trial.state for trial in found.tried] == ["complete", "complete", "pruned"]
    assert found.trained < 3 * 6


def test_trials_in_this_very_process_are_given_up_too(tmp_path: Path) -> None:
    """`--executor inline` hears an epoch when it happens, though nobody else runs meanwhile."""
    wishes = ", ".join(f"{{gain: {gain}.0}}" for gain in (25, 20, -25, -30))
    search = f"{{space: {SPACE}, pruner: successive_halving, enqueue: [{wishes}]}}"
    path = a_study_file(tmp_path, search, epochs=EPOCHS)
    found = searched(path, 5)
    pruned = [attempts[-1] for attempts in _attempts(path, found)]

    assert len(pruned) >= 2
    assert all(sum(event.kind == "epoch" for event in read_events(attempt)[0]) <= 2 for attempt in pruned)
