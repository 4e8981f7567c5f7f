"""Whether a work folder can take what a study will write."""

from __future__ import annotations

import os
from collections import namedtuple
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.store import disk_space
from ablate.store.disk_space import refuse_full, refuse_unwritable
from ablate.store.work_folder import Store
from tests.training_builders import a_spec

SPEC = a_spec({}, trainer="ablate.toy:train")
Usage = namedtuple("Usage", "total used free")


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    """Also one that does not exist yet."""
    refuse_unwritable(tmp_path / "new" / "folder")

    assert os.listdir(tmp_path) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """With the path, the system's reason and the remedy."""
    (tmp_path / "file").touch()

    with pytest.raises(StudyError, match=r"file/work: Not a directory. Choose another by --work"):
        refuse_unwritable(tmp_path / "file" / "work")


@pytest.mark.parametrize(("free", "fits"), [(10**6, "too much"), (10**9, "fits")])
def test_a_plan_that_does_not_fit_is_refused_with_its_size(
    free: int, fits: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As finished runs tell it."""
    finished = tmp_path / "finished"
    finished.mkdir()
    (finished / "weights").write_bytes(b"x" * 100_000)
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: Usage(0, 0, free))

    if fits == "fits":
        refuse_full(Store(tmp_path), [SPEC] * 100, [finished])
    else:
        with pytest.raises(StudyError, match=r"100 runs need about 0\.1 GB"):
            refuse_full(Store(tmp_path), [SPEC] * 100, [finished])


def test_before_the_first_run_weights_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as somebody has counted them; of a run of unknown size only reports and journals are asked for."""
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: Usage(0, 0, 10**9))

    refuse_full(Store(tmp_path), [SPEC] * 100, [])
    with pytest.raises(StudyError, match=r"100 runs need about 53\.8 GB .* has 1\.0 GB left"):
        refuse_full(Store(tmp_path), [SPEC] * 100, [], weights=537_000_000)


def test_a_full_disk_takes_no_run_and_is_enough_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was finished can still be reported."""
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda _: Usage(0, 0, 0))

    refuse_full(Store(tmp_path), [], [tmp_path])
    with pytest.raises(StudyError, match=r"1 runs need about 0\.1 GB .* has 0\.0 GB left"):
        refuse_full(Store(tmp_path), [SPEC], [])
