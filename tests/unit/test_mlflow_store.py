"""MLflow over sqlite: what it shows, what it costs, what it leaves alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from ablate.errors import TrackingError
from ablate.track import mlflow_store
from ablate.track.entities import DataSet, NewRun, Point, Update
from ablate.track.environment import DEFAULTS, quiet_environment, with_patience
from ablate.track.local_artifacts import local_folder, write_locally
from ablate.track.mlflow_files import add_folder
from ablate.track.mlflow_store import MlflowSink, MlflowTracker
from tests.contract.test_trackers import MlflowStore, template_database
from tests.contract.tracking_builders import Attempt, a_card, a_label, a_summary, eventually, run_named, tell


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder with a store that needs no migration."""
    (tmp_path / "mlflow.db").write_bytes(template_database())
    return tmp_path


def uri_in(work: Path) -> str:
    """The default store of a work folder."""
    return f"sqlite:///{work / 'mlflow.db'}"


def test_defaults_leave_alone_what_a_user_set() -> None:
    """Only unset variables are set."""
    with mock.patch.dict(os.environ, {"MLFLOW_HTTP_REQUEST_TIMEOUT": "7"}, clear=True):
        quiet_environment()
        with with_patience():
            assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
        assert os.environ == DEFAULTS | {"MLFLOW_HTTP_REQUEST_TIMEOUT": "7"}


def test_files_get_more_time_than_metrics() -> None:
    """The default deadline is longer while a file travels, and short again afterwards."""
    with mock.patch.dict(os.environ, clear=True):
        quiet_environment()
        with with_patience():
            assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "120"
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"


def test_the_process_keeps_its_own_tracking_uri(work: Path) -> None:
    """A tracker does not touch the fluent API, whose state belongs to the user's own code."""
    import mlflow

    before = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    tracker = MlflowTracker(uri_in(work), work)
    tracker.begin(a_card())
    assert tracker.end(a_summary(), timeout=20)

    assert (mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")) == before
    assert mlflow.active_run() is None


def test_a_uri_that_cannot_work_is_refused_at_once(tmp_path: Path) -> None:
    """Before anything runs."""
    with pytest.raises(TrackingError, match="file stores"):
        MlflowTracker("./mlruns", tmp_path)


def test_an_experiment_knows_its_question_and_its_metric(work: Path) -> None:
    """The page of the experiment says what was asked and which way is up."""
    from mlflow import MlflowClient

    tracker = MlflowTracker(uri_in(work), work)
    tracker.begin(a_card(experiment="pets", goal="min", metric="loss"))
    assert tracker.end(a_summary(), timeout=20)

    experiment = MlflowClient(uri_in(work)).get_experiment_by_name("pets")
    assert experiment is not None
    assert experiment.tags["mlflow.note.content"] == "Does dropout help?"
    assert experiment.tags["mlflow.experiment.primaryMetric.name"] == "test/loss"
    assert experiment.tags["mlflow.experiment.primaryMetric.greaterIsBetter"] == "False"
    assert experiment.artifact_location == str(work / "mlartifacts" / "pets")


def test_a_deleted_experiment_makes_room_under_another_name(work: Path) -> None:
    """MLflow keeps the names of deleted experiments; the study is shown all the same."""
    from mlflow import MlflowClient

    client = MlflowClient(uri_in(work))
    client.delete_experiment(client.create_experiment("toy"))
    tracker = MlflowTracker(uri_in(work), work)
    tracker.begin(a_card())

    assert tracker.end(a_summary(), timeout=20)
    assert client.get_experiment_by_name("toy (2)") is not None


def test_large_files_are_not_stored_twice(work: Path) -> None:
    """On one disk an artifact is the attempt's own file under a second name."""
    attempt = Attempt(work, a_label()).started()
    (attempt.folder / "weights.bin").write_bytes(b"weights")
    tracker = MlflowTracker(uri_in(work), work)
    tracker.begin(a_card())
    tell(tracker, attempt.finished(files={"weights": "weights.bin", "gone": "gone.bin"}))

    assert tracker.end(a_summary(), timeout=20)
    (stored,) = (work / "mlartifacts").rglob("weights.bin")
    assert stored.samefile(attempt.folder / "weights.bin")


def test_files_are_copied_where_they_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another disk, or one without links, gets a copy; an older artifact is replaced."""

    def refuse(source: Path, target: Path) -> None:
        raise OSError("cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    source, target = tmp_path / "new", tmp_path / "artifacts" / "file"
    source.write_bytes(b"new")
    target.parent.mkdir()
    target.write_bytes(b"old")
    write_locally(Update(files={"file": source}), target.parent)

    assert target.read_bytes() == b"new"
    assert not target.samefile(source)


def test_a_run_deleted_in_mlflow_is_given_up_and_reported(work: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Someone who deletes a run in the middle of a study stops its projection, not the study."""
    from mlflow import MlflowClient

    tracker = MlflowTracker(uri_in(work), work)
    tracker.begin(a_card())
    attempt = Attempt(work, a_label()).started().epochs(1)
    tell(tracker, attempt)
    client = MlflowClient(uri_in(work))

    def found() -> list[str]:
        experiment = client.get_experiment_by_name("toy")
        runs = client.search_runs([experiment.experiment_id]) if experiment else []
        shown = [run for run in runs if run.info.run_name == "baseline r0" and "train/loss" in run.data.metrics]
        return [run.info.run_id for run in shown]

    assert eventually(lambda: bool(found()))
    client.delete_run(found()[0])
    tell(tracker, attempt.epochs(2).finished(), attempt.events()[2:])

    assert not tracker.end(a_summary(), timeout=20)
    assert "refused an entry" in caplog.text


def test_one_batch_is_written_for_one_epoch(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch costs one call, whatever the number of its metrics."""
    sink = MlflowSink(uri_in(work), str(work / "mlartifacts"))
    calls: list[str] = []
    monkeypatch.setattr(mlflow_store, "MlflowSink", lambda *_: sink)
    real = sink._client.log_batch
    monkeypatch.setattr(sink._client, "log_batch", lambda *a, **k: (calls.append("batch"), real(*a, **k))[1])
    tracker = MlflowTracker(uri_in(work), work)
    tracker.begin(a_card())
    attempt = Attempt(work, a_label()).started()
    tell(tracker, attempt)
    assert eventually(lambda: calls.count("batch") == 2)  # the study's and the run's description
    calls.clear()
    tell(tracker, attempt.epoch(1, {f"val/metric {n}": n for n in range(40)}), attempt.events()[1:])
    assert eventually(lambda: bool(calls))

    assert calls == ["batch"]
    assert tracker.end(a_summary(), timeout=20)
    assert run_named(MlflowStore(work), "baseline r0").values("val/metric 39") == [39.0]


@pytest.mark.parametrize("size", [10, 11])
def test_a_large_file_goes_to_a_server_as_its_path(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over the limit stays where it is; a server is told the host and the path."""
    sent: list[tuple[str, str]] = []

    class Client:
        def log_artifact(self, run_id: str, path: str, above: str | None) -> None:
            sent.append(("file", Path(path).name))

        def log_text(self, run_id: str, text: str, name: str) -> None:
            sent.append((text.strip().rpartition(":")[2], name))

    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"w" * size)
    monkeypatch.setattr(mlflow_store, "LARGEST_UPLOAD", 10)
    sink = object.__new__(MlflowSink)
    monkeypatch.setattr(sink, "_client", Client(), raising=False)
    monkeypatch.setattr(sink, "_places", {"run": "mlflow-artifacts:/1/run/artifacts"}, raising=False)
    sink._write_files("run", Update(files={"weights.safetensors": weights}))

    expected = ("file", weights.name) if size == 10 else (str(weights), f"{weights.name}.path.txt")
    assert sent == [expected]


def a_sink_with_a_run(work: Path) -> tuple[MlflowSink, str]:
    """A sink, and a run in it."""
    sink = MlflowSink(uri_in(work), str(work / "mlartifacts"))
    sink.open(a_card())
    run_id = sink.create(NewRun("run", None, 1000, {"ablate.run_uid": "u", "ablate.attempts": "001"}))
    return sink, run_id


def test_what_is_written_of_a_run_at_once_is_one_transaction(work: Path) -> None:
    """Numbers, settings, tags and data set wait for the disk once, not a dozen times."""
    from sqlalchemy import event

    sink, run_id = a_sink_with_a_run(work)
    commits: list[object] = []
    event.listen(sink._client._tracking_client.store.engine, "commit", commits.append)
    numbers = Update(points=(Point("a", 1.0, 1000, 1),), params={"lr": "1"}, tags={"t": "1"})
    sink.write(run_id, replace(numbers, data=DataSet("pets", "d" * 64, "{}")))

    assert len(commits) == 1


def test_a_point_that_is_there_already_takes_nothing_along(work: Path) -> None:
    """A batch told again after a crash is stored with what is new in it."""
    sink, run_id = a_sink_with_a_run(work)
    first, second = Point("a", 1.0, 1000, 1), Point("a", 2.0, 2000, 2)
    sink.write(run_id, Update(points=(first,)))
    sink.write(run_id, Update(points=(first, second), params={"lr": "1"}, tags={"t": "1"}))

    run = run_named(MlflowStore(work), "run")
    assert run.values("a") == [1.0, 2.0]
    assert (run.params, run.tags["t"]) == ({"lr": "1"}, "1")


@pytest.mark.parametrize("key", ["work/epoch", "progress/epoch"])
def test_a_store_tells_how_far_a_run_was_by_either_name(key: str, work: Path) -> None:
    """A run begun by an earlier version, which named the epoch otherwise, goes on where it was."""
    sink, _ = a_sink_with_a_run(work)
    run = NewRun("run", None, 1000, {"ablate.run_uid": "v", "ablate.attempts": "001", "ablate.study": a_card().name})
    run_id = sink.create(run)
    sink.write(run_id, Update(points=(Point(key, 3.0, 1000, 3),)))

    assert [known.epoch for known in sink.open(a_card()) if known.run_id == run_id] == [3]


def test_a_page_is_added_to_a_run_without_importing_mlflow(work: Path) -> None:
    """The newest run with the tags has it, byte for byte; no run has it where the tags are no run's."""
    tracker = MlflowTracker(uri_in(work), work)
    tracker.begin(a_card())
    attempt = Attempt(work, a_label()).started().epochs(1).finished(epoch=1)
    tell(tracker, attempt)
    assert tracker.end(a_summary(), timeout=20)
    with closing(sqlite3.connect(work / "mlflow.db")) as store:
        (run, place), *_ = store.execute(
            "SELECT run_uuid, artifact_uri FROM runs JOIN tags USING (run_uuid) "
            "WHERE key = 'ablate.level' AND value = 'replicate'"
        ).fetchall()
        known = dict(store.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run,)).fetchall())
    page = work / "page"
    (page / "figures").mkdir(parents=True)
    (page / "explain.md").write_text("what it looks at")
    (page / "figures" / "map.png").write_bytes(b"png")
    tags = {key: known[key] for key in ("ablate.study", "ablate.level", "ablate.fingerprint")}
    with mock.patch("ablate.track.mlflow_files.open_client", side_effect=AssertionError):
        added = add_folder(uri_in(work), tags, page, "explain")
    unknown = add_folder(uri_in(work), {**tags, "ablate.fingerprint": "0" * 64}, page, "explain")
    artifacts = local_folder(place)

    assert (added, unknown) == (True, False)
    assert artifacts is not None
    assert (artifacts / "explain" / "explain.md").read_text() == "what it looks at"
    assert (artifacts / "explain" / "figures" / "map.png").read_bytes() == b"png"
