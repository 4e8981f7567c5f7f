"""Which runs the names within a study stand for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ablate.errors import DataError, StudyError
from ablate.files import write_json
from ablate.records import Finished
from ablate.store.journal import Journal
from ablate.store.run_names import PLAN, TRIALS, fingerprint_of, keep_on_refusal, read_names, write_names, write_trials
from ablate.store.work_folder import Store
from tests.training_builders import a_spec


def ask_in_vain(folder: Path) -> None:
    """A study that writes its names and then turns out to have no data."""
    with keep_on_refusal(folder):
        write_names(folder, "s", "s.yaml", {"baseline": {"0": "new"}})
        raise DataError("there are no images")


def test_a_refused_study_leaves_the_names_as_they_were(tmp_path: Path) -> None:
    """Runs stay to be found by `predict` after the study was asked for with data that are not there."""
    write_names(tmp_path, "s", "s.yaml", {"baseline": {"0": "old"}})

    with pytest.raises(DataError):
        ask_in_vain(tmp_path)

    assert read_names(tmp_path) == {"baseline": {"0": "old"}}


def test_a_refused_first_call_leaves_no_names(tmp_path: Path) -> None:
    """`status` does not list a study that never ran."""
    with pytest.raises(DataError):
        ask_in_vain(tmp_path)

    assert read_names(tmp_path) is None


@pytest.mark.parametrize(
    ("run", "said", "advice"),
    [
        ("s/BN", "does not say which replicate, and 'BN' has 3", r"Write s/BN/1\. Finished: 1\."),
        ("s/BN/7", "s/BN has no replicate '7'", r"Finished: 1\."),
        ("s/Dropout", "does not say which replicate", "None of its runs has finished yet"),
    ],
)
def test_only_runs_that_were_trained_are_offered(tmp_path: Path, run: str, said: str, advice: str) -> None:
    """A plan has more replicates than were trained; a name without one gets the name to write."""
    store = Store(tmp_path)
    spec = a_spec({}, trainer="ablate.toy:train")
    attempt = store.new_attempt(spec)
    Journal(attempt).append("finished", Finished(folder=attempt, metrics={"accuracy": 0.5}).to_json())
    runs = {"0": "none", "1": spec.fingerprint, "2": "none"}
    write_names(store.study("s"), "s", "s.yaml", {"BN": runs, "Dropout": {"0": "none", "1": "none"}})

    with pytest.raises(StudyError, match=said) as refused:
        fingerprint_of(run, store)
    assert re.search(advice, refused.value.hint)


def test_names_in_which_a_bit_has_changed_are_none(tmp_path: Path) -> None:
    """Wherever it is; a run must not be found under another's name."""
    write_names(tmp_path, "s", "s.yaml", {"baseline": {"0": "a1"}})
    whole = (tmp_path / PLAN).read_bytes()
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        (tmp_path / PLAN).write_bytes(changed)

        assert read_names(tmp_path) in (None, {"baseline": {"0": "a1"}})


def test_a_refused_study_leaves_even_damaged_names_as_they_were(tmp_path: Path) -> None:
    """Bytes that are no text."""
    (tmp_path / PLAN).write_bytes(b"\xff{")

    with pytest.raises(DataError):
        ask_in_vain(tmp_path)

    assert (tmp_path / PLAN).read_bytes() == b"\xff{"


def test_names_of_an_older_version_are_read(tmp_path: Path) -> None:
    """They carry no checksum."""
    write_json(tmp_path / PLAN, {"study": "s", "file": "s.yaml", "variants": {"baseline": {"0": "a1"}}})

    assert read_names(tmp_path) == {"baseline": {"0": "a1"}}


@pytest.mark.parametrize("line", [b"\xff\n", b'{"trial": "trial 1"}\n', b"[]\n", b'{"tri'])
def test_a_damaged_trial_is_passed_over(line: bytes, tmp_path: Path) -> None:
    """The others are found."""
    write_names(tmp_path, "s", "s.yaml", {"baseline": {"0": "a1"}})
    write_trials(tmp_path, [("trial 0", {"0": "b2"})])
    with (tmp_path / TRIALS).open("ab") as stream:
        stream.write(line)

    assert read_names(tmp_path) == {"baseline": {"0": "a1"}, "trial 0": {"0": "b2"}}
