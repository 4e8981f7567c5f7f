"""A work folder that others may write to: links, forged records and bombs in it are neither followed nor believed."""

from __future__ import annotations

import json
import os
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.execute.inline import InlineExecutor
from ablate.execute.live import HEARTBEAT, STOP, ask_to_stop, read_heartbeat
from ablate.execute.pool import SpawnPool
from ablate.files import locked, read_json, remove_stale_temporary_files, write_atomically
from ablate.records import Failed, Finished
from ablate.safety.plain_files import NotPlain, is_inside, open_inside, plain_files
from ablate.store.journal import NAME, Journal, read_events, read_history
from ablate.store.outcome_columns import read_columns
from ablate.store.run_names import PLAN, TRIALS, add_trial, find_run, keep_on_refusal, read_names, write_names
from ablate.store.run_record import record_of
from ablate.store.work_folder import LOG, SPEC, Store, state_of_file
from ablate.track.local_artifacts import plain_copy, write_locally
from ablate.workflows.clean import find_garbage, remove
from tests.contract.tracking_builders import Attempt, a_card, a_label, a_summary
from tests.training_builders import a_live_run, a_spec

SECRET = "the victim's own"
RUN = a_spec({"gain": 0.0}, trainer="ablate.toy:train")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that its user can read and whoever shares the work folder cannot."""
    path = tmp_path / "home" / "id_rsa"
    path.parent.mkdir()
    path.write_text(f"{SECRET}\n")
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty work folder."""
    return Store(tmp_path / "work")


def a_finished(store: Store, forged: dict[str, Any] | None = None, **content: Any) -> Path:
    """An attempt whose journal ends with this result; forged: put into the line as it is."""
    attempt = store.new_attempt(RUN)
    result = Finished(folder=attempt, metrics={"accuracy": 0.5}, **content).to_json() | (forged or {})
    body = json.dumps({"sequence": 0, "time": 1.0, "kind": "finished", "data": result}).encode()[:-1]
    (attempt / NAME).write_bytes(body + b', "crc": %d}\n' % zlib.crc32(body))
    return attempt


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../x", "", "..", "a\\..\\x", "C:x", "a//b", "./a", "a\0b"]
)
def test_a_name_that_leads_out_of_the_folder_is_none(name: str, tmp_path: Path) -> None:
    """On this system or on another."""
    assert not is_inside(name)
    with pytest.raises(NotPlain):
        open_inside(tmp_path, name)


def test_a_file_behind_a_link_is_not_opened(tmp_path: Path, secret: Path) -> None:
    """Whether the file itself or a folder on the way is the link; links above the run's folder are the user's own."""
    run = tmp_path / "run"
    (run / "sub").mkdir(parents=True)
    (run / "sub" / "plain").write_text("x")
    (run / "link").symlink_to(secret)
    (run / "folder").symlink_to(secret.parent)
    os.mkfifo(run / "pipe")
    (tmp_path / "above").symlink_to(tmp_path)
    for name in ("link", f"folder/{secret.name}", "pipe", "sub"):
        with pytest.raises(NotPlain):
            open_inside(run, name)

    with open_inside(tmp_path / "above" / "run", "sub/plain") as stream:
        assert stream.read() == b"x"
    assert [path.name for path in plain_files(run)] == ["plain"]


@pytest.mark.parametrize("how", ["file", "folder"])
def test_a_link_among_the_files_of_a_run_is_not_sent(how: str, tmp_path: Path, secret: Path) -> None:
    """Weights, outcomes, the report's pages: what a link points at stays where it is."""
    from ablate.track.entities import of_result
    from ablate.track.memory import MemoryTracker

    attempt = Attempt(tmp_path / "runs", a_label()).started()
    name = secret.name if how == "file" else f"sub/{secret.name}"
    (attempt.folder / name.split("/")[0]).symlink_to(secret if how == "file" else secret.parent)
    event = attempt.finished(files={"weights": name}).events()[-1]
    update = of_result(event, a_label(), attempt.folder, epoch=1)
    report = tmp_path / "report"
    report.mkdir()
    (report / "page.md").symlink_to(secret)
    write_locally(update, tmp_path / "artifacts")
    tracker = MemoryTracker()
    tracker.begin(a_card())
    summary = a_summary(files=report)
    tracker.end(summary, timeout=1)
    with plain_copy(report) as copied:
        assert not os.listdir(copied)

    sent = [path.read_text(errors="replace") for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    assert not [text for text in sent if SECRET in text]


@pytest.mark.parametrize("name", [NAME, SPEC])
def test_a_journal_that_is_a_link_is_not_put_into_a_record(name: str, store: Store, secret: Path) -> None:
    """The record goes to the server."""
    attempt = a_finished(store)
    (attempt / name).unlink()
    (attempt / name).symlink_to(secret)

    assert SECRET.encode() not in (record_of(attempt.parent, [attempt.name]) or b"")


def test_nothing_is_written_through_a_link(store: Store, secret: Path) -> None:
    """Locks, journals and heartbeats: a link where one should be would have another file emptied or added to."""
    attempt = store.new_attempt(RUN)
    (attempt / NAME).symlink_to(secret)
    store.lock(RUN.fingerprint).symlink_to(secret)
    with pytest.raises(OSError, match="link"), locked(store.lock(RUN.fingerprint)):
        pass
    with pytest.raises(OSError, match="link"):
        Journal(attempt).append("started", {})

    assert secret.read_text() == f"{SECRET}\n"


def test_an_attempt_that_is_a_link_is_none(store: Store, tmp_path: Path) -> None:
    """It would lend a run the files of a folder somewhere else."""
    attempt = a_finished(store)
    (attempt.parent / "002").symlink_to(attempt)

    assert store.attempts(RUN.fingerprint) == [attempt]


@pytest.mark.parametrize("name", ["../../..", "/etc", "../../../home/id_rsa"])
def test_weights_elsewhere_are_not_the_runs(name: str, store: Store, secret: Path) -> None:
    """The result stays, its weights are gone."""
    a_finished(store, files={"weights": name}, digests={name: "0" * 64})
    (result,) = store.finished(RUN.fingerprint)

    assert result.files == {}
    assert result.digests == {}


def test_weights_behind_a_link_are_damaged(store: Store, secret: Path) -> None:
    """Nobody opens them."""
    attempt = a_finished(store, files={"weights": "weights.safetensors"})
    (attempt / "weights.safetensors").symlink_to(secret)
    (result,) = store.finished(RUN.fingerprint)

    assert state_of_file(result, "weights.safetensors") == "damaged"


def test_scores_elsewhere_are_no_result(store: Store, secret: Path) -> None:
    """They are neither read nor sent."""
    a_finished(store, images="../../../../../home/id_rsa")
    failed = store.last_failure(RUN.fingerprint)

    assert failed is not None
    assert failed.reason == "damaged"


@pytest.mark.parametrize(
    "forged",
    [
        {"metrics": {"accuracy": float("nan")}},
        {"metrics": {"accuracy": float("inf")}},
        {"metrics": {"accuracy": "0.9"}},
        {"metrics": {"accuracy": True}},
        {"metrics": [0.9]},
        {"metrics": None},
        {"files": {"weights": 7}},
        {"files": "weights"},
        {"images": 7},
        {"cost": {"flops": float("nan")}},
        {"cost": None},
        {"stamp": {"nonsense": 1}},
        {"stamp": {"source_digest": 7}},
        {"seconds": "long"},
        {"epoch": "last"},
        {"test_digest": []},
        {"nonsense": "x" * 100_000},
    ],
)
def test_a_forged_result_costs_its_own_run_alone(forged: dict[str, Any], store: Store) -> None:
    """It is said to be damaged, in a short sentence; everything else goes on."""
    a_finished(store, forged)
    results = store.results(RUN.fingerprint)

    assert all(isinstance(result, Failed) or result.files == {} for result in results)
    assert all(len(result.message) < 500 for result in results if isinstance(result, Failed))


@pytest.mark.parametrize(
    "line",
    [
        b'{"sequence": 0, "time": NaN, "kind": "epoch", "data": {"epoch": 1}}',
        b'{"sequence": 0, "time": 1, "kind": "epoch", "data": {"epoch": "x"}}',
        b'{"sequence": 0, "time": 1, "kind": "epoch", "data": {}}',
        b'{"sequence": 0, "time": 1, "kind": "epoch", "data": []}',
        b'{"sequence": 0, "time": 1, "kind": "resumed", "data": {"attempt": "../../x", "epoch": 1}}',
        b'{"sequence": 0, "time": 1, "kind": "resumed", "data": {"attempt": "001", "epoch": null}}',
        b"[" * 100_000,
    ],
)
def test_a_forged_line_of_a_journal_is_no_event(line: bytes, store: Store) -> None:
    """Like one that is torn."""
    attempt = store.new_attempt(RUN)
    (attempt / NAME).write_bytes(line + b"\n")

    assert read_events(attempt)[0] == []


def test_an_attempt_that_goes_on_from_itself_is_read_once(store: Store) -> None:
    """A circle has no end."""
    first, second = store.new_attempt(RUN), store.new_attempt(RUN)
    Journal(first).append("resumed", {"attempt": "002", "epoch": 1})
    Journal(second).append("resumed", {"attempt": "001", "epoch": 1})
    Journal(second).append("resumed", {"attempt": "002", "epoch": 1})

    assert read_history(second) == []


def test_a_pipe_is_not_waited_for(store: Store) -> None:
    """A journal, a JSON file or an npz that is a pipe nobody writes to."""
    attempt = store.new_attempt(RUN)
    for name in (NAME, "x.json", "x.npz"):
        os.mkfifo(attempt / name)

    assert read_events(attempt)[0] == []
    assert read_json(attempt / "x.json") is None
    with pytest.raises(OSError, match="not a regular file"):
        read_columns(attempt / "x.npz")


def test_a_name_of_a_run_never_leads_out_of_the_work_folder(store: Store) -> None:
    """plan.json is as untrusted as everything beside it."""
    folder = store.study("toy")
    write_names(folder, "toy", "toy.yaml", {"BN": {"0": "../../..", "1": "/etc", "2": RUN.fingerprint}})

    assert read_names(folder) == {"BN": {"2": RUN.fingerprint}}
    with pytest.raises(StudyError):
        find_run("toy/BN/0", store)


@pytest.mark.parametrize("part", ["", "runs", "cache", "studies"])
def test_nothing_is_removed_through_a_link(part: str, store: Store, tmp_path: Path) -> None:
    """A store that is a link may lead to anybody's folder; clean stops with a sentence."""
    theirs = tmp_path / "theirs"
    (theirs / "papers").mkdir(parents=True)
    (theirs / "papers" / "thesis.tex").write_text("x")
    link = store.root / part if part else store.root
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(theirs)

    with pytest.raises(StudyError, match="link"):
        find_garbage(store.work, caches=True, unused=True)
    assert (theirs / "papers" / "thesis.tex").exists()


def test_a_work_folder_behind_a_link_is_cleaned(store: Store, tmp_path: Path) -> None:
    """--work and its parents may be links: the user has put them there."""
    attempt = store.new_attempt(RUN)
    (tmp_path / "link").symlink_to(store.work)
    found = find_garbage(tmp_path / "link", unused=True)

    assert remove(found, tmp_path / "link") > 0
    assert not attempt.exists()


def test_only_folders_with_a_runs_name_are_taken_for_runs(store: Store, tmp_path: Path) -> None:
    """Whatever else lies under `runs` is not ours, and a link to a run neither."""
    attempt = store.new_attempt(RUN)
    runs = store.root / "runs"
    (runs / "my notes").mkdir()
    (runs / "my notes" / "x").write_text("x")
    (runs / ("a" * 63)).mkdir()
    (tmp_path / "elsewhere").mkdir()
    (runs / ("b" * 64)).symlink_to(tmp_path / "elsewhere")

    assert {item.path for item in find_garbage(store.work, unused=True)} == {attempt.parent}


def test_what_became_a_link_meanwhile_is_not_followed(store: Store, tmp_path: Path) -> None:
    """Between looking and removing anybody may have put one there."""
    store.new_attempt(RUN)
    found = find_garbage(store.work, unused=True)
    theirs = tmp_path / "theirs"
    (theirs / RUN.fingerprint).mkdir(parents=True)
    runs = store.root / "runs"
    runs.rename(store.root / "before")
    runs.symlink_to(theirs)

    with pytest.raises(StudyError, match="link"):
        remove(found, store.work)
    assert (theirs / RUN.fingerprint).exists()


def test_freed_is_what_is_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be removed is not counted."""
    attempt = store.new_attempt(RUN)
    (attempt / "large").write_bytes(b"x" * 1000)
    found = find_garbage(store.work, unused=True)
    monkeypatch.setattr("ablate.workflows.clean._take_away", lambda store, path: None)

    assert remove(found, store.work) == 0


def a_bomb(path: Path, *, rows: int, columns: int) -> Path:
    """Zeros, which take a thousandth of their size."""
    np.savez_compressed(path, id=np.array(["a", "b"]), score=np.zeros(2), prob=np.zeros((rows, columns), np.float16))
    return path


def test_a_file_that_unpacks_to_more_than_outcomes_have_is_not_loaded(tmp_path: Path) -> None:
    """The sizes stand in the file and are looked at first."""
    bomb = a_bomb(tmp_path / "x.npz", rows=2, columns=70_000_000)
    assert bomb.stat().st_size < 1_000_000

    with pytest.raises(ValueError, match="would become"):
        read_columns(bomb, "score")


@pytest.mark.parametrize("shape", [(10**12,), (2, 10**9), (6_000_000, 0)])
def test_a_column_that_claims_more_than_it_has_is_not_loaded(shape: tuple[int, ...], tmp_path: Path) -> None:
    """numpy would ask for the memory before it reads."""
    import io
    import zipfile

    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("score.npy", header.getvalue())

    with pytest.raises(ValueError, match="claims"):
        read_columns(tmp_path / "x.npz", "score")


def test_columns_with_python_objects_are_not_unpacked(tmp_path: Path) -> None:
    """A pickle runs code."""
    np.savez(tmp_path / "x.npz", score=np.array([{"a": 1}], dtype=object))

    with pytest.raises(ValueError, match="Python objects"):
        read_columns(tmp_path / "x.npz", "score")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"x" * 1000])
def test_what_is_no_archive_is_said_to_be_damaged(content: bytes, tmp_path: Path) -> None:
    """One kind of error for whatever is the matter."""
    (tmp_path / "x.npz").write_bytes(content)

    with pytest.raises(ValueError, match="damaged"):
        read_columns(tmp_path / "x.npz")


def test_what_a_run_prints_is_not_written_through_a_link(store: Store, secret: Path) -> None:
    """Neither in this process nor in one of its own."""
    attempt = store.new_attempt(RUN)
    (attempt / LOG).symlink_to(secret)

    for executor in (InlineExecutor(), SpawnPool(slots=1, work=store.work)):
        with pytest.raises(NotPlain):
            executor.start(attempt)
    assert secret.read_text() == f"{SECRET}\n"


def test_a_request_to_stop_is_not_written_through_a_link(store: Store, secret: Path) -> None:
    """The name it has before it is whole is known to everybody."""
    attempt = store.new_attempt(RUN)
    (attempt / f"{STOP}.new").symlink_to(secret)

    with pytest.raises(NotPlain):
        ask_to_stop(attempt, "interrupted")
    assert secret.read_text() == f"{SECRET}\n"


def test_a_trial_is_not_written_through_a_link(store: Store, secret: Path) -> None:
    """And what a link points at names no runs."""
    folder = store.study("s")
    write_names(folder, "s", "s.yaml", {"baseline": {}})
    (folder / TRIALS).symlink_to(secret)

    with pytest.raises(NotPlain):
        add_trial(folder, "trial 1", {})
    assert secret.read_text() == f"{SECRET}\n"
    assert read_names(folder) == {"baseline": {}}


def test_a_refusal_does_not_copy_what_a_link_points_at(store: Store, secret: Path) -> None:
    """The names of the runs are put back as they were, which a link never was."""
    folder = store.study("s")
    folder.mkdir(parents=True)
    (folder / PLAN).symlink_to(secret)

    with pytest.raises(StudyError), keep_on_refusal(folder):
        raise StudyError("refused")
    assert not (folder / PLAN).exists()
    assert secret.read_text() == f"{SECRET}\n"


def test_a_file_being_written_has_a_name_nobody_can_guess(tmp_path: Path) -> None:
    """A link of that name would have its target written to."""
    names = []

    def write(temporary: Path) -> None:
        names.append(temporary.name)
        temporary.write_bytes(b"")

    for _ in range(2):
        write_atomically(tmp_path / "plan.json", write)

    assert len(set(names)) == 2
    assert str(threading.get_ident()) not in names[0]


def test_a_forged_name_of_a_left_over_is_no_process(tmp_path: Path) -> None:
    """It stays, and the rest is cleaned up all the same."""
    made = []

    def write(temporary: Path) -> None:
        made.append(temporary.name)
        temporary.write_bytes(b"")

    write_atomically(tmp_path / "x", write)
    host = made[0].split("-")[1]
    (tmp_path / f".x.tmp-{host}-one-2").touch()
    (tmp_path / f".x.tmp-{host}-4999999-2").touch()

    remove_stale_temporary_files(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [f".x.tmp-{host}-one-2", "x"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes with a name")
@pytest.mark.parametrize("name", [STOP, HEARTBEAT])
def test_a_pipe_in_place_of_a_sign_is_not_waited_for(name: str, tmp_path: Path) -> None:
    """Neither by the run nor by who watches it."""
    run = a_live_run(tmp_path, RUN)
    os.mkfifo(run.folder / name)
    run._looked = -1e9

    assert read_heartbeat(run.folder) is None
    if name == STOP:
        assert not run.tick(1, 1, 9)
