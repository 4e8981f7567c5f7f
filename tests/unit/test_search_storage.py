"""Where Optuna keeps a search: what a kill leaves behind is fixed, what cannot be is said."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy import event

from ablate.errors import Held, StudyError
from ablate.search import OptunaAdapter, open_search
from ablate.search.storage import JOURNAL, LEASE, mend_journal, points_of
from ablate.workflows.search.memory import refuse_other_storage
from tests.search_builders import a_question


def an_asked_search(folder: Path, trials: int = 2) -> Path:
    """A journal with some trials that were told; its path."""
    opened = open_search(a_question(folder), folder)
    book = OptunaAdapter(optuna_study=opened.optuna_study, question=a_question(folder))
    for _ in range(trials):
        trial, _ = book.ask()
        opened.optuna_study.tell(trial, 0.5)
    return folder / JOURNAL


def test_a_journal_cut_anywhere_in_its_last_line_is_mended(tmp_path: Path) -> None:
    """Whatever a killed writer left of a line, the search opens, goes on, and opens again."""
    whole = an_asked_search(tmp_path).read_bytes()
    last = len(whole) - whole.rfind(b"\n", 0, -1) - 1
    for cut in range(1, last + 1):
        (tmp_path / JOURNAL).write_bytes(whole[:-cut])
        mend_journal(tmp_path / JOURNAL)
        lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
        assert all(line.endswith(b"\n") and json.loads(line) for line in lines)
    for _ in range(2):
        opened = open_search(a_question(tmp_path), tmp_path).optuna_study
        opened.tell(opened.ask(), 0.1)

    assert len(open_search(a_question(tmp_path), tmp_path).optuna_study.trials) == 4


def test_the_lock_of_a_dead_writer_is_taken_away(tmp_path: Path) -> None:
    """Optuna would wait half a minute for it; one that was made just now belongs to a living reader."""
    journal = an_asked_search(tmp_path)
    lock = journal.with_name(f"{JOURNAL}.lock")
    os.symlink(journal, lock)
    mend_journal(journal)
    assert lock.is_symlink()
    os.utime(lock, (0, 0), follow_symlinks=False)
    mend_journal(journal)

    assert not lock.is_symlink()


def test_a_search_that_was_begun_otherwise_is_refused_with_what_changed(tmp_path: Path) -> None:
    """Trials of two questions are not one search; each difference has a line."""
    first = open_search(a_question(tmp_path), tmp_path)
    assert first.optuna_study.user_attrs["made_with"]["optuna"] == optuna.__version__
    other = a_question(tmp_path, "{space: {gain: {low: 0.0, high: 40.0}}, objective: loss, replicates: 2}")

    with pytest.raises(StudyError) as refused:
        open_search(other, tmp_path)
    assert refused.value.exit_code == 2
    for line in (
        "space: gain: number from 0 to 30 -> number from 0 to 40",
        "space: noise: one of 0.5, 1.0 -> (nothing)",
        "objective: loss: (nothing) -> min",
        "replicates: [0] -> [0, 1]",
    ):
        assert line in str(refused.value)
    assert "--new NAME" in refused.value.hint


def test_another_study_of_that_name_is_left_alone(tmp_path: Path) -> None:
    """Somebody's own Optuna study is no search of ours."""
    url = f"sqlite:///{tmp_path}/optuna.db"
    theirs = optuna.create_study(study_name="toy", storage=url)
    theirs.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)

    with pytest.raises(StudyError, match="holds another study called 'toy'"):
        open_search(a_question(tmp_path), tmp_path, url)
    assert len(optuna.load_study(study_name="toy", storage=url).trials) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////no/such/folder/x.db", "unable to open database file"),
        ("postgresql://me:secret@127.0.0.1:1/x", "me:***@127.0.0.1"),
        ("nonsense://x", "nonsense"),
    ],
)
def test_a_storage_that_cannot_be_used_is_named_without_its_password(tmp_path: Path, url: str, said: str) -> None:
    """One sentence and exit code 2, whatever the database's driver says."""
    with pytest.raises(StudyError) as refused:
        open_search(a_question(tmp_path), tmp_path, url)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / JOURNAL).exists()


def test_a_shared_storage_says_who_has_the_search(tmp_path: Path) -> None:
    """Two work folders have two locks; the lease in the storage tells them apart, and dies with its owner."""
    url = f"sqlite:///{tmp_path}/optuna.db"
    opened = open_search(a_question(tmp_path), tmp_path, url)

    def lease(**changes: object) -> None:
        holder = {"process": 4_000_000, "host": "elsewhere", "at": time.time()} | changes
        opened.optuna_study.set_user_attr(LEASE, holder)

    lease()
    with pytest.raises(Held, match="process 4000000 on elsewhere"), opened.held():
        pass
    for gone in ({"at": time.time() - 3600}, {"host": socket.gethostname()}):
        lease(**gone)
        with opened.held():
            assert opened.optuna_study.user_attrs[LEASE]["process"] == os.getpid()

    assert opened.optuna_study.user_attrs[LEASE] is None


def test_the_points_of_an_earlier_search_can_be_read(tmp_path: Path) -> None:
    """For one that goes on under another name."""
    an_asked_search(tmp_path, trials=2)

    assert [set(point) for point in points_of("toy", tmp_path)] == [{"gain", "noise"}] * 2
    assert points_of("other", tmp_path) == []
    assert points_of("toy", tmp_path / "nowhere") == []


def test_a_trial_that_was_killed_while_it_was_asked_for_is_asked_whole(tmp_path: Path) -> None:
    """What it has keeps its value; nothing of the budget is lost."""
    question = a_question(tmp_path)
    opened = open_search(question, tmp_path)
    half = opened.optuna_study.ask()
    gain = half.suggest_float("gain", 0.0, 30.0)
    again = open_search(question, tmp_path).optuna_study
    _, point = OptunaAdapter(optuna_study=again, question=question).ask_again(again.trials[0])

    assert point["gain"] == gain
    assert set(point) == {"gain", "noise"}


def test_a_journal_elsewhere_has_a_lease_whatever_it_is_called(tmp_path: Path) -> None:
    """The lock of the work folder says nothing of a file that other work folders use, too."""
    shared = tmp_path / "shared" / JOURNAL
    first, second = (open_search(a_question(tmp_path), tmp_path / name, str(shared)) for name in ("a", "b"))
    elsewhere = {"process": 4_000_000, "host": "elsewhere", "at": time.time()}
    with first.held():
        first.optuna_study.set_user_attr(LEASE, elsewhere)
        with pytest.raises(Held), second.held():
            pass


@pytest.mark.parametrize("given", ["own", "by its path", "by a relative path"])
def test_the_searchs_own_journal_is_that_by_whatever_path(
    tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the work folder's lock, and no lease."""
    monkeypatch.chdir(tmp_path)
    urls = {"own": None, "by its path": str(tmp_path / JOURNAL), "by a relative path": f"./{JOURNAL}"}
    opened = open_search(a_question(tmp_path), tmp_path, urls[given])
    with opened.held():
        assert LEASE not in opened.optuna_study.user_attrs
    assert opened.place == str(tmp_path / JOURNAL)


def test_half_a_line_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    """Who holds Optuna's lock is writing it: it is looked at again when the lock is free, and is whole then."""
    journal = an_asked_search(tmp_path)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-10])
    lock = journal.with_name(f"{JOURNAL}.lock")
    os.symlink(journal, lock)

    def write_on() -> None:
        journal.write_bytes(whole)
        lock.unlink()

    writer = threading.Timer(0.3, write_on)
    writer.start()
    mend_journal(journal)
    writer.join()

    assert journal.read_bytes() == whole


def moved(folder: Path, known: str, url: str | None, **more: object) -> None:
    """A search that is remembered to lie in one place, asked for in another."""
    (folder / "search.json").write_text(json.dumps({"storage": known, **more}))
    refuse_other_storage(folder, url)


def test_only_the_searchs_own_journal_moves_with_its_folder(tmp_path: Path) -> None:
    """Another file that happens to have the same name is another storage, with other trials."""
    folder = tmp_path / ".ablate/studies/toy-search"
    folder.mkdir(parents=True)
    own = "/before/.ablate/studies/toy-search/optuna.journal"
    moved(folder, own, None)
    moved(folder, own, str(folder / JOURNAL))
    moved(folder, "/shared/optuna.journal", "/shared/optuna.journal", is_own=False)
    moved(folder, "relative/optuna.journal", "relative/optuna.journal")

    for known, url in (
        (own, "/shared/optuna.journal"),
        ("/shared/optuna.journal", None),
        ("/shared/optuna.journal", "/other/optuna.journal"),
        ("/before/.ablate/studies/other/optuna.journal", None),
    ):
        with pytest.raises(StudyError, match="is kept in") as refused:
            moved(folder, known, url)
        assert ("Leave --storage out" in refused.value.hint) == (known == own)


def lose_the_answer_once(storage: Any, statement: str) -> list[str]:
    """The next commit of such a statement reaches the database, and its answer is lost; the list says which was."""
    dialect, sent, lost = storage.engine.dialect, list[str](), list[str]()
    commit = dialect.do_commit

    @event.listens_for(storage.engine, "before_cursor_execute")
    def hear(connection: Any, cursor: Any, text: str, *more: Any) -> None:
        sent.append(" ".join(text.split()))

    def commits(connection: Any) -> None:
        commit(connection)
        if not lost and any(text.startswith(statement) for text in sent):
            lost.append(statement)
            raise sqlite3.OperationalError("server closed the connection unexpectedly")
        sent.clear()

    dialect.do_commit = commits
    return lost


def test_a_trial_is_made_once_although_the_answer_was_lost(tmp_path: Path) -> None:
    """Nobody would ever end the second, and the next call would train it beyond the total."""
    opened = open_search(a_question(tmp_path), tmp_path, f"sqlite:///{tmp_path}/optuna.db")
    book = OptunaAdapter(optuna_study=opened.optuna_study, question=a_question(tmp_path))
    lost = lose_the_answer_once(opened.storage, "INSERT INTO trials ")
    trial, _ = book.ask()
    made = opened.optuna_study.get_trials(deepcopy=False)

    assert lost == ["INSERT INTO trials "]
    assert [(one.number, one.state.name) for one in made] == [(trial.number, "RUNNING")]
    assert made[0].datetime_start is not None
    opened.close()


def test_a_point_is_enqueued_once_although_the_answer_was_lost(tmp_path: Path) -> None:
    """And asked for once."""
    opened = open_search(a_question(tmp_path), tmp_path, f"sqlite:///{tmp_path}/optuna.db")
    book = OptunaAdapter(optuna_study=opened.optuna_study, question=a_question(tmp_path))
    lose_the_answer_once(opened.storage, "INSERT INTO trials ")
    book.enqueue([{"gain": 1.0, "noise": 0.5}])
    assert [one.state.name for one in book.trials()] == ["WAITING"]
    lost = lose_the_answer_once(opened.storage, "UPDATE trials SET state")
    trial, point = book.ask()

    assert lost == ["UPDATE trials SET state"]
    assert (trial.number, point) == (0, {"gain": 1.0, "noise": 0.5})
    assert [one.state.name for one in book.trials()] == ["RUNNING"]
    opened.close()
