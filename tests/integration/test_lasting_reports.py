"""A report keeps what it said of the data, whatever becomes of the data, of the caches and of the trainer's code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.workflows.clean import find_garbage, remove
from ablate.workflows.options import Options
from ablate.workflows.report import judge_study
from ablate.workflows.session import open_session, resolved_options
from ablate.workflows.tracked_summary import study_record
from tests.command_line import ablate
from tests.image_fixtures import write_bad_images, write_image_folder

STUDY = """\
study: pets
base:
  data:
    source: {name: image_folder, root: images}
    classes: 2
    image_size: 20
    normalize: imagenet
    train: 0.5
    on_bad_image: skip
  model: {name: vgg, blocks: [1, 1], width: 4, head: {name: gap}}
  optimizer: {name: adam, lr: 1e-2}
  batch_size: 4
  epochs: 1
chain:
  BN: {model.norm: {name: batch}}
evidence: {test: {folds: 2}, replicates: [2]}
derive:
  flipped: {from: baseline, tta: {flip: true}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study on cats and dogs that has run, with images that could not be read, views, and its report."""
    work = tmp_path_factory.mktemp("pets") / "work"
    write_image_folder(work / "images", classes=("cat", "dog"), per_class=10)
    write_bad_images(work / "images/dog")
    (work / "pets.yaml").write_text(STUDY, encoding="utf-8")
    done = ablate(work, "run", "pets.yaml", "--no-tracking", "--workers", "1")
    assert done.exit_code == 0, done.output
    shutil.copytree(work, work.with_name("kept"))
    return work


@pytest.fixture
def work(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same for each test, in its place and with the times its files had."""
    shutil.rmtree(finished)
    shutil.copytree(finished.with_name("kept"), finished)
    monkeypatch.chdir(finished)
    return finished


def text_of(work: Path) -> str:
    """The report as it stands."""
    return (work / "reports/pets/report.md").read_text(encoding="utf-8")


def rewritten(work: Path) -> str:
    """The report written again, which nothing contradicts."""
    done = ablate(work, "report", "pets.yaml")
    assert done.exit_code == 0, done.output
    checked = ablate(work, "report", "pets.yaml", "--verify")
    assert checked.exit_code == 0, checked.output
    return text_of(work)


def clean_caches(work: Path) -> None:
    """What `ablate clean --caches --yes` removes."""
    remove(find_garbage(work, caches=True), work)


def test_cleaned_caches_change_nothing_in_a_report(work: Path) -> None:
    """Names, counts, notes, images and rows made without training live with the study."""
    before = text_of(work)
    clean_caches(work)
    checked = ablate(work, "report", "pets.yaml", "--verify")

    assert checked.exit_code == 0, checked.output
    assert rewritten(work) == before
    assert "cat" in before
    assert "unreadable" in before
    assert "flipped" in before


def test_an_image_that_is_gone_takes_nothing_else_along(work: Path) -> None:
    """The report says that the data are others now, and goes on saying what it knew."""
    before = text_of(work)
    next((work / "images/cat").iterdir()).unlink()
    after = rewritten(work)

    assert set(before.splitlines()) <= set(after.splitlines())
    assert "from the last look at them" in after


def test_all_data_and_all_caches_may_be_gone(work: Path) -> None:
    """Together, as on another machine."""
    before = text_of(work)
    shutil.rmtree(work / "images")
    clean_caches(work)
    after = rewritten(work)

    assert set(before.splitlines()) <= set(after.splitlines())


def test_a_study_without_a_record_of_its_own_asks_its_runs(work: Path) -> None:
    """Written by an earlier version: the look that came before a run is found by that run's own stamp."""
    before = text_of(work)
    (work / ".ablate/studies/pets/data.json").unlink()
    next((work / "images/cat").iterdir()).unlink()
    after = rewritten(work)

    assert set(before.splitlines()) <= set(after.splitlines())


def test_weights_know_the_names_of_the_classes(work: Path) -> None:
    """With the caches gone as well, that is what is left, and what is not is said."""
    (work / ".ablate/studies/pets/data.json").unlink()
    next((work / "images/cat").iterdir()).unlink()
    clean_caches(work)
    after = rewritten(work)

    assert "cat" in after
    assert "numbers of images and notes are missing" in after


def test_a_new_look_at_the_data_ends_the_remark(work: Path) -> None:
    """What was found is found again."""
    clean_caches(work)
    next((work / "images/cat").iterdir()).touch()
    assert "from the last look" in rewritten(work)
    done = ablate(work, "run", "pets.yaml", "--no-tracking", "--workers", "1")

    assert done.exit_code == 0, done.output
    assert "from the last look" not in text_of(work)


def test_what_goes_to_a_tracking_store_outlives_the_caches(work: Path) -> None:
    """`ablate pull` brings it to another machine."""

    def record() -> object:
        session = open_session(load_study(work / "pets.yaml"), work)
        return study_record(session)["prepared"]

    before = record()
    clean_caches(work)

    assert record() == before
    assert before


def test_looking_at_a_report_takes_no_data_for_known(work: Path) -> None:
    """A plan still asks for a look: what is remembered serves reports alone."""
    clean_caches(work)
    session = open_session(load_study(work / "pets.yaml"), work)
    findings = judge_study(session, resolved_options(session, Options()))

    assert session.prepared == {}
    assert findings.exploratory.images is not None
    assert findings.exploratory.images.labels == ("cat", "dog")
    assert Store(work).study("pets").is_dir()
