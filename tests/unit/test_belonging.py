"""Two data sets asked the same question in one work folder: each study counts its own runs only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ablate.files import write_json
from ablate.records import Finished, Stamp
from ablate.results.survey import CurrentProvenance, best_result
from ablate.settings import DataPath, NotIdentity, Settings, identity_of, places_of
from ablate.store.data_identity import DataIdentity
from ablate.store.run_names import newest_finished, read_source, write_names
from ablate.store.work_folder import SPEC, Store

HERE, THERE = "data/here", "data/there"


def a_finished(folder: Path, *, root: str, digest: str) -> Finished:
    """A run made from a root, on images with that digest."""
    folder.mkdir(parents=True)
    write_json(folder / SPEC, {"spec": {"config": {"data": {"source": {"root": root}}, "epochs": 3}}})
    return Finished(folder=folder, metrics={"accuracy": 0.5}, stamp=Stamp(source_digest="code", data_digest=digest))


def source(root: str | None = HERE, digest: str | None = None) -> DataIdentity:
    return DataIdentity(places={} if root is None else {"data.source.root": root}, digest=digest)


@pytest.mark.parametrize(
    ("root", "digest", "known", "belongs"),
    [
        (HERE, "a", None, True),  # made from here; nobody has looked since
        (THERE, "a", None, False),  # another folder, not compared yet
        (THERE, "a", "a", True),  # the folder was moved: the images are the same
        (THERE, "b", "a", False),  # another data set under the same configuration
        (HERE, "b", "a", True),  # the images here have changed: the study has to decide
    ],
)
def test_a_run_belongs_to_the_same_images_or_to_the_same_place(
    tmp_path: Path, root: str, digest: str, known: str | None, *, belongs: bool
) -> None:
    """The images decide where they are known, the place where they are not."""
    finished = a_finished(tmp_path / "001", root=root, digest=digest)

    assert source(HERE, known).is_of(finished) == belongs


def test_without_a_place_every_run_belongs(tmp_path: Path) -> None:
    """A trainer whose settings name none is served as before."""
    assert source(None).is_of(a_finished(tmp_path / "001", root=THERE, digest="b"))


def test_the_newest_run_of_another_data_set_does_not_hide_ours(tmp_path: Path) -> None:
    """Both lie under one fingerprint; each study takes its own."""
    ours = a_finished(tmp_path / "001", root=HERE, digest="a")
    theirs = a_finished(tmp_path / "002", root=THERE, digest="b")
    places = {"baseline": {"data.source.root": HERE}}

    unknown = CurrentProvenance(source_digest="code", places=places)
    looked = CurrentProvenance(source_digest="code", places=places, data_digests={"baseline": "a"})

    for origin in (unknown, looked):
        assert best_result([ours, theirs], origin, "baseline") == ours
        assert best_result([theirs], origin, "baseline") is None


def test_the_study_remembers_its_data_for_status_and_predict(tmp_path: Path) -> None:
    """plan.json holds where they lie, and their digest once they were looked at."""
    sources = {"baseline": source(HERE, "a"), "BN": source(HERE)}

    write_names(tmp_path, "faces", "faces.yaml", {"baseline": {}, "BN": {}}, sources)

    assert read_source(tmp_path, "baseline") == source(HERE, "a")
    assert read_source(tmp_path, "BN") == source(HERE)
    assert read_source(tmp_path, "trial 3") == DataIdentity()


def test_a_place_is_no_part_of_the_identity() -> None:
    """It is found at any depth by its dotted key; other settings that are no identity are no place."""

    class Inner(Settings):
        root: DataPath[str]
        workers: NotIdentity[int] = 0
        size: int = 3

    class Outer(Settings):
        inner: Inner
        file: DataPath[str | None] = None

    config = Outer.model_validate({"inner": {"root": "x", "size": 4}})

    assert places_of(config) == {"inner.root": "x", "file": None}
    assert identity_of(config) == {"inner": {"size": 4}}


def test_predictions_come_from_the_runs_of_ones_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest of all is not asked where it is another data set's."""
    theirs: Any = a_finished(tmp_path / "002", root=THERE, digest="b")
    monkeypatch.setattr(Store, "finished", lambda self, fingerprint: [theirs])

    assert newest_finished("f", Store(tmp_path), source(HERE, "a")) is None
