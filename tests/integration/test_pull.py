"""A study put back from MLflow on a machine that has nothing of it but the study file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.errors import TrackingError
from ablate.files import sealed, unsealed
from ablate.store.closing import read_closing
from ablate.store.run_record import RECORD
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.study.study import Study
from ablate.workflows import pull
from ablate.workflows.options import Options
from ablate.workflows.pull import pull_study
from ablate.workflows.run import run_study, sync_study
from ablate.workflows.session import Session, open_session, resolved_options
from tests import invariants
from tests.contract.test_trackers import shown_by_mlflow, template_database

STUDY = """\
study: toy
question: Does the toy notice?
trainer: ablate.toy:train
base: {skill: 60.0, epochs: 2}
chain: {gain: {gain: 15.0}, breaks: {fail: error}}
evidence: {test: {folds: 3}, replicates: [2], until: 2999-01-01T00:00Z}
"""


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Trackers set defaults; other tests shall not see them."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work folder of the machine where the study ran: four runs finished, two failed."""
    work = tmp_path_factory.mktemp("there")
    (work / "mlflow.db").write_bytes(template_database())
    (work / "toy.yaml").write_text(STUDY, encoding="utf-8")
    with mock.patch.dict(os.environ):
        run_study(load_study(work / "toy.yaml"), work=work, options=Options(executor="inline"))
    return work


@pytest.fixture
def there(made: Path, tmp_path: Path) -> Path:
    """A copy of its store that a test may spoil."""
    work = tmp_path / "there"
    shutil.copytree(made, work)
    database = work / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?)", [str(made), str(work)])
        # Where runs that are yet to come keep their files, or one test would write into the store of all.
        query = "UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)"
        connection.execute(query, [str(made), str(work)])
    return work


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The new machine's work folder."""
    work = tmp_path / "here"
    work.mkdir()
    (work / "toy.yaml").write_text(STUDY, encoding="utf-8")
    return work


def uri_of(work: Path) -> str:
    return f"sqlite:///{work / 'mlflow.db'}"


def study_in(work: Path) -> Study:
    return load_study(work / "toy.yaml")


def session_in(work: Path) -> Session:
    return open_session(study_in(work), work)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but locks and logs."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("lock", "run.log")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def records_in(work: Path) -> list[Path]:
    return sorted((work / "mlartifacts").rglob(RECORD))


def replace_file(path: Path, content: bytes) -> None:
    """Not in place: an artifact may be a second name of an attempt's own file."""
    path.unlink()
    path.write_bytes(content)


def forge(work: Path, record: Path, content: dict[str, Any]) -> None:
    """What somebody can do who rules the store: the record's own checksum and the one in the database are right."""
    text = json.dumps(sealed(content)).encode()
    replace_file(record, text)
    run_id = record.parents[1].name
    with closing(sqlite3.connect(work / "mlflow.db")) as connection, connection:
        digest = hashlib.sha256(text).hexdigest()
        query = "UPDATE tags SET value = ? WHERE run_uuid = ? AND key = 'ablate.record'"
        assert connection.execute(query, [digest, run_id]).rowcount == 1


def elsewhere(folder: Path, here: Path) -> set[Path]:
    """Every path that is not here, but for what sqlite puts beside a database that is read."""
    return {path for path in folder.rglob("*") if here not in path.parents and not path.name.startswith("mlflow.db-")}


def to_train(work: Path) -> int:
    """How many runs the next `ablate run` has to train."""
    session = session_in(work)
    return len(session.survey(resolved_options(session, Options())).to_run)


def test_a_pulled_study_is_the_study(there: Path, here: Path, tmp_path: Path) -> None:
    """The same journals and scores byte for byte, the same report and end, nothing to train, nothing new in MLflow."""
    found = pull_study(study_in(here), here, uri_of(there))
    ends_at = [read_closing(Store(work).study("toy")) for work in (there, here)]
    before = shown_by_mlflow(there / "mlflow.db")
    again = run_study(study_in(here), work=here, options=Options(executor="inline", tracking_uri=uri_of(there)))

    assert (found.taken, found.here, found.refused) == (6, 0, {})
    assert contents(here / ".ablate" / "runs") == contents(there / ".ablate" / "runs")
    assert again.trained == 0
    assert contents(here / "reports") == contents(there / "reports")
    assert ends_at[0] is not None
    assert ends_at[0] == ends_at[1]
    assert [(run.name, run.status, run.history) for run in shown_by_mlflow(there / "mlflow.db")] == [
        (run.name, run.status, run.history) for run in before
    ]
    (tmp_path / "outside").mkdir()
    ends = invariants.ends_of(session_in(there))
    invariants.check(session_in(here), reference=ends, exit_code=again.exit_code, outside=tmp_path / "outside")


def test_pulling_again_takes_nothing_and_mends_what_was_lost(there: Path, here: Path) -> None:
    """What is here is not fetched again, unless its scores are gone."""
    pull_study(study_in(here), here, uri_of(there))
    with mock.patch.object(pull, "read_record", side_effect=AssertionError("fetched again")):
        assert pull_study(study_in(here), here, uri_of(there)).here == 6
    next((here / ".ablate" / "runs").rglob("*.npz")).unlink()
    found = pull_study(study_in(here), here, uri_of(there))

    assert (found.taken, found.here) == (1, 5)
    assert contents(here / ".ablate" / "runs") == contents(there / ".ablate" / "runs")


KILLED = """
import os, signal, sys
from ablate.workflows import pull as pulling
from ablate.study.load import load_study
steps = iter(range(100))
place = pulling.put_in_place
def put_in_place(new, path):
    if next(steps) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    place(new, path)
pulling.put_in_place = put_in_place
pulling.pull_study(load_study(sys.argv[1] + "/toy.yaml"), sys.argv[1], sys.argv[2])
"""


def test_a_pull_that_was_killed_goes_on(there: Path, here: Path) -> None:
    """What had been put back stays, nothing half is left, the rest comes with the next call."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(here), uri_of(there)], capture_output=True)
    left = {path.name for path in (here / ".ablate" / "runs").glob("*/*") if path.is_dir()}
    found = pull_study(study_in(here), here, uri_of(there))

    assert done.returncode == -signal.SIGKILL
    assert left == {"001"}
    assert (found.taken, found.here) == (3, 3)
    assert contents(here / ".ablate" / "runs") == contents(there / ".ablate" / "runs")
    assert not (here / ".ablate" / "studies" / "toy" / "pulling").exists()


@pytest.mark.parametrize("name", [RECORD, "outcomes.npz"])
@pytest.mark.parametrize("how", ["changed", "gone"])
def test_a_damaged_artifact_is_refused_and_the_others_are_taken(there: Path, here: Path, name: str, how: str) -> None:
    """The message names run and file; the run stays to be trained."""
    path = sorted((there / "mlartifacts").rglob(name))[0]
    if how == "gone":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        replace_file(path, bytes(content))
    found = pull_study(study_in(here), here, uri_of(there))

    assert found.taken == 5
    ((run, reason),) = found.refused.items()
    assert "replicate" in run
    assert name in reason
    assert to_train(here) == 1


@pytest.mark.parametrize("where", ["attempt", "file"])
def test_a_store_that_lies_writes_nothing_outside(there: Path, here: Path, tmp_path: Path, where: str) -> None:
    """Names that lead out of the folder are refused although every checksum is right."""
    record = next(path for path in records_in(there) if b"outcomes.npz" in path.read_bytes())
    content = dict(unsealed(json.loads(record.read_bytes())) or {})
    if where == "attempt":
        content["attempts"]["../../../../stolen"] = content["attempts"].pop("001")
    else:
        content["attempts"]["001"]["files"]["../../../../../stolen"] = "0" * 64
    forge(there, record, content)
    before = elsewhere(tmp_path, here)
    found = pull_study(study_in(here), here, uri_of(there))

    assert (found.taken, len(found.refused)) == (5, 1)
    assert elsewhere(tmp_path, here) == before
    assert not list(tmp_path.rglob("stolen"))


def test_runs_the_study_does_not_ask_for_are_left_there(there: Path, here: Path) -> None:
    """A store cannot bring in what nobody asked for, and a study it has nothing of is an error that says so."""
    (here / "toy.yaml").write_text(STUDY.replace("epochs: 2", "epochs: 3"), encoding="utf-8")

    with pytest.raises(TrackingError, match="no run of 'toy' as this study file asks"):
        pull_study(study_in(here), here, uri_of(there))
    assert not (here / ".ablate" / "runs").exists()


def test_a_begun_run_gives_way_and_a_finished_one_does_not(there: Path, here: Path) -> None:
    """Attempts of this machine are never overwritten: unfinished ones are kept under a later number."""
    first, second, *_ = [spec for _, spec in session_in(here).plan.runs()]
    session = session_in(here)
    begun = session.store.new_attempt(first)
    (begun / "mine").write_text("mine")
    run_study(study_in(here), work=here, options=Options(executor="inline", track=False, only=("gain",)))
    own = {spec.fingerprint for variant, spec in session.plan.runs() if variant.name == "gain"}
    found = pull_study(study_in(here), here, uri_of(there))

    assert second.fingerprint in own
    assert found.kept == len(own) == 2
    assert (begun.parent / "002" / "mine").read_text() == "mine"
    assert session.store.finished(first.fingerprint)[0].folder.name == "001"
    assert to_train(here) == 0


def test_training_what_the_store_has_already_says_so(there: Path, here: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Off the training path, once, with the command that saves the work."""
    caplog.set_level(logging.WARNING)
    run_study(study_in(here), work=here, options=Options(executor="inline", tracking_uri=uri_of(there)))

    said = [record.getMessage() for record in caplog.records if "ablate pull" in record.getMessage()]
    assert len(said) == 1
    assert "finished runs of this study that are missing here" in said[0]


def test_runs_of_an_earlier_version_gain_their_record_by_sync(there: Path, here: Path) -> None:
    """A run without one cannot be put back, which is said; the machine that has it adds it, once."""
    for record in records_in(there):
        record.unlink()
    with closing(sqlite3.connect(there / "mlflow.db")) as connection, connection:
        connection.execute("DELETE FROM tags WHERE key = 'ablate.record'")
    missing = pull_study(study_in(here), here, uri_of(there))
    options = resolved_options(session_in(there), Options())
    sync_study(session_in(there), options)
    times = [path.stat().st_mtime_ns for path in records_in(there)]
    sync_study(session_in(there), options)

    assert (missing.taken, missing.unrecorded) == (0, 4)
    assert len(times) == 6
    assert [path.stat().st_mtime_ns for path in records_in(there)] == times
    assert pull_study(study_in(here), here, uri_of(there)).taken == 6


def test_the_command_lists_pulls_and_says_what_it_refused(there: Path, here: Path) -> None:
    """Without a study it names what there is; exit 1 where something was refused, 2 where there is no store."""
    replace_file(records_in(there)[0], b"{}")
    uri = ["--tracking-uri", uri_of(there)]
    listed = CliRunner().invoke(app, ["pull", "--json", *uri])
    pulled = CliRunner().invoke(app, ["pull", str(here / "toy.yaml"), "--work", str(here), *uri])
    nowhere = CliRunner().invoke(app, ["pull", "--work", str(here / "empty")])

    assert json.loads(listed.stdout) == [{"study": "toy", "finished": 4, "recorded": 4}]
    assert pulled.exit_code == 1
    assert "5 runs restored, 0 already here; the study plans 6." in pulled.output
    assert f"its {RECORD} is not what was stored" in pulled.output
    assert nowhere.exit_code == 2
    assert "there is no MLflow database" in nowhere.output
