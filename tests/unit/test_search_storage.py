"""Where Optuna keeps a search: what a kill leaves behind is mended, what cannot be is said."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import optuna
import pytest

from ablate.errors import Held, StudyError
from ablate.search import Book, open_search
from ablate.search.storage import JOURNAL, LEASE, mend_journal, points_of, without_secrets
from tests.search_builders import a_question


def an_asked_search(folder: Path, trials: int = 2) -> Path:
    """A journal with some trials that were told; its path."""
    opened = open_search(a_question(folder), folder)
    book = Book(optuna_study=opened.optuna_study, question=a_question(folder))
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


def test_passwords_are_not_shown() -> None:
    """URLs end up in reports."""
    assert without_secrets("postgresql://me:p%40ss@host/db") == "postgresql://me:***@host/db"
    assert without_secrets("sqlite:///x.db") == "sqlite:///x.db"


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
    _, point = Book(optuna_study=again, question=question).ask_again(again.trials[0])

    assert point["gain"] == gain
    assert set(point) == {"gain", "noise"}
