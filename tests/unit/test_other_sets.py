"""Other test sets as a study file names them and as they lie on the disk: what is refused, what makes it another."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ablate.errors import AblateError, DataError, StudyError
from ablate.files import read_json, write_json
from ablate.records import Finished
from ablate.report.facts.other_sets import SetFacts
from ablate.report.gather.assemble import make_findings
from ablate.report.gather.other_sets import judged_set
from ablate.results.set_ledger import SHOWN, OpenedSet, Showing, read_opened, read_shown, remember_shown, set_uses
from ablate.results.uses import Use
from ablate.stats.measured import without_absent
from ablate.stats.score_book import ScoreBook
from ablate.store.other_answers import OtherAnswers, failure_of, keep_answers, keep_failure, path_of, read_answers
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.study.other_sets import other_sets
from ablate.study.plan import make_plan
from ablate.study.study import Study
from ablate.workflows.other_sets import listing_of, open_sets
from ablate.workflows.other_tests import on_set
from ablate.workflows.session import open_session
from tests.builders import a_failed, a_study, cells_with
from tests.image_fixtures import write_bad_images, write_image, write_image_folder

FOLDER = {"source": {"name": "image_folder", "root": "other"}}
SEVERAL = {"source": {"name": "csv", "file": "own.csv"}, "multi_label": True}
TABLE = {"source": {"name": "csv", "file": "other.csv", "group": "patient"}}


def study_text(also: dict[str, Any], **changes: Any) -> str:
    """A study of the built-in trainer with other test sets. changes: by block, laid over its own."""
    study: dict[str, Any] = {
        "study": "sets",
        "base": {
            "data": {"source": {"name": "image_folder", "root": "own"}, "classes": 2, "image_size": 8, "train": "all"},
            "model": {"name": "vgg", "blocks": [1], "width": 4, "head": {"name": "gap"}},
            "optimizer": {"name": "adam", "lr": 0.1},
            "batch_size": 4,
            "epochs": 1,
        },
        "chain": {"Crop": {"augment.crop": {"padding": 1}}},
        "evidence": {"test": {"folds": 2}, "replicates": [2]},
    }
    study["base"]["data"] |= changes.pop("data", {})
    study["base"] |= changes.pop("base", {})
    study["evidence"] |= changes.pop("evidence", {}) | {"also_test": also}
    return yaml.safe_dump(study | changes)


def read_study(work: Path, also: dict[str, Any], **changes: Any) -> Study:
    """The study, read from a file in a folder."""
    (work / "sets.yaml").write_text(study_text(also, **changes), encoding="utf-8")
    return load_study(work / "sets.yaml")


def opened(work: Path, also: dict[str, Any], **changes: Any) -> dict[str, OpenedSet]:
    """The sets of the study as they lie in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        return open_sets(open_session(read_study(work, also, **changes), work))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with another set: four images of each of two classes, as a folder and as a table of four patients."""
    write_image_folder(tmp_path / "other")
    names = sorted(path.relative_to(tmp_path) for path in (tmp_path / "other").rglob("*.*"))
    rows = [f"{name},{name.parent.name},P{number // 2}" for number, name in enumerate(names)]
    (tmp_path / "other.csv").write_text("\n".join(["path,label,patient", *rows]) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("also", "changes", "said"),
    [
        ({"source": {"name": "image_folder", "rot": "x"}}, {}, r"evidence.also_test.B.source: unknown key 'rot'"),
        (FOLDER, {"keep": {"weights": "none"}}, "keep.weights: none drops them"),
        (
            FOLDER,
            {
                "base": {"robustness": {"eps": 0.1, "steps": 1, "step_size": 0.1}},
                "evidence": {"metric": "robust_accuracy"},
            },
            "robust_accuracy is told by the trainer alone",
        ),
        (
            {"source": {"name": "csv", "file": "other.csv"}},
            {"data": SEVERAL, "base": {"loss": {"name": "binary_cross_entropy"}}},
            "images with several labels cannot be an",
        ),
        (
            {"source": {"name": "csv", "file": "other.csv"}},
            {
                "data": {"source": {"name": "csv", "file": "t.csv", "text": "caption"}},
                "base": {"model": {"name": "fusion", "text": {"name": "tfidf"}}},
            },
            "images with texts cannot be another test set",
        ),
    ],
)
def test_what_no_image_could_make_good_is_refused_as_the_file_is_read(
    tmp_path: Path, also: dict[str, Any], changes: dict[str, Any], said: str
) -> None:
    """With file, line and key."""
    with pytest.raises(StudyError, match=said) as refused:
        read_study(tmp_path, {"B": also}, **changes)
    assert "sets.yaml:" in refused.value.message


def test_a_trainer_that_cannot_predict_is_refused() -> None:
    """Nobody could ask it."""
    with pytest.raises(StudyError, match="cannot be asked about other images"):
        a_study(evidence={"also_test": {"B": FOLDER}})


def test_synthetic_data_have_no_other_sets(tmp_path: Path) -> None:
    """Real images of another camera say nothing of networks that saw drawings."""
    study = read_study(tmp_path, {"B": FOLDER})

    assert list(other_sets(study)) == ["B"]
    assert other_sets(replace(study, stand_in_root=tmp_path)) == {}


def test_naming_a_set_changes_no_run(tmp_path: Path) -> None:
    """Every fingerprint of the plan stays."""

    def fingerprints(also: dict[str, Any]) -> list[str]:
        plan = open_session(read_study(tmp_path, also), tmp_path).plan
        return [spec.fingerprint for _, spec in plan.runs()]

    assert fingerprints({"B": FOLDER}) == fingerprints({})


def test_a_table_brings_its_groups_whatever_the_study_groups_by(work: Path) -> None:
    """Of the two columns, and of the study's pattern, its own counts; images of a class may be left out."""
    whole = opened(work, {"B": TABLE}, data={"groups": "([0-9]+)"})["B"]
    some = opened(work, {"B": TABLE | {"classes": {"dog": None}}})["B"]

    assert (whole.images, whole.groups, whole.counts) == (8, 4, {"cat": 4, "dog": 4})
    assert (some.images, some.groups, some.left_out) == (4, 2, 4)


def test_without_a_word_of_its_own_a_set_has_the_groups_of_the_study(work: Path) -> None:
    """Its pattern; `none` for none; another pattern for another camera."""
    studys = opened(work, {"B": FOLDER}, data={"groups": "(cat|dog)"})["B"]
    none = opened(work, {"B": FOLDER | {"groups": "none"}}, data={"groups": "(cat|dog)"})["B"]
    own = opened(work, {"B": FOLDER | {"groups": "/00([0-9])"}})["B"]

    assert (studys.groups, none.groups, own.groups) == (2, 0, 4)


@pytest.mark.parametrize(
    ("also", "data", "said"),
    [
        (FOLDER, {"groups": "near"}, "nothing says which of these belong together"),
        (FOLDER, {"source": {"name": "csv", "file": "own.csv", "group": "patient"}}, "nothing says which"),
        (FOLDER | {"groups": "visit([0-9])"}, {}, "is found in none of 8"),
        (FOLDER | {"classes": {"wolf": "dog"}}, {}, "the set has no class 'wolf'"),
        (FOLDER | {"classes": {"cat": None, "dog": None}}, {}, "no image is left"),
        ({"source": {"name": "image_folder", "root": "nowhere"}}, {}, r"also_test.B.source: source.root \(nowhere\)"),
        ({"source": {"name": "digits"}}, {}, "this source has no files"),
    ],
)
def test_what_is_wrong_with_a_set_is_told_with_its_place(
    work: Path, also: dict[str, Any], data: dict[str, Any], said: str
) -> None:
    """File, line, the set's name."""
    with pytest.raises(AblateError, match=said) as refused:
        opened(work, {"B": also}, data=data)
    assert "sets.yaml:" in refused.value.message


def test_equal_files_are_one_group_and_never_of_two_classes(work: Path) -> None:
    """A copy is not a second image; under another class nobody knows which is right."""
    first = next((work / "other" / "cat").iterdir())
    shutil.copy(first, first.with_name("again" + first.suffix))
    assert (opened(work, {"B": FOLDER})["B"].images, opened(work, {"B": FOLDER})["B"].groups) == (9, 8)
    shutil.copy(first, work / "other" / "dog" / f"third{first.suffix}")
    with pytest.raises(DataError, match="are the same file, of class 'cat' and of class 'dog'"):
        opened(work, {"B": FOLDER})


def test_images_that_cannot_be_read_are_named(work: Path) -> None:
    """Before anything is trained, not when the runs are asked."""
    write_bad_images(work / "other" / "dog")
    with pytest.raises(DataError, match=r"images cannot be read: dog/.* and [0-9]+ more"):
        opened(work, {"B": FOLDER})


def test_deeper_images_need_a_word_on_their_depth_here_too(work: Path) -> None:
    """Nobody guesses how 16 bits become 8."""
    write_image(work / "other" / "cat" / "deep", "grey_16_bit_png")
    with pytest.raises(DataError, match=r"also_test.B: .*16"):
        opened(work, {"B": FOLDER})


def test_the_same_images_under_two_names_are_refused(work: Path) -> None:
    """As a folder and as a table they would be one set judged twice."""
    with pytest.raises(StudyError, match="its images are those of 'B', file by file"):
        opened(work, {"B": FOLDER, "C": TABLE})


def test_the_digest_is_of_images_classes_and_groups_and_of_nothing_else(work: Path) -> None:
    """Another place is the same set; another label, group or image is another one."""
    digest = opened(work, {"B": FOLDER})["B"].digest
    shutil.copytree(work / "other", work / "moved")
    moved = {"source": {"name": "image_folder", "root": "moved"}}

    assert opened(work, {"B": moved})["B"].digest == digest
    others = [FOLDER | {"classes": {"cat": "lion"}}, FOLDER | {"groups": "(cat|dog)"}, FOLDER | {"copies": True}]
    digests = {opened(work, {"B": other})["B"].digest for other in others}
    next((work / "other" / "cat").iterdir()).unlink()
    digests.add(opened(work, {"B": FOLDER})["B"].digest)
    assert len(digests | {digest}) == 5


def test_files_that_stay_as_they_are_are_not_read_again(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by size and time; where the list of them is gone it is written again."""
    monkeypatch.setattr("ablate.workflows.other_sets.FRESH_SECONDS", 0.0)
    first = opened(work, {"B": FOLDER})["B"]
    listing = listing_of(open_session(read_study(work, {"B": FOLDER}), work), first.digest)
    write_json(listing, {"images": []})  # seen again: nobody has read the files anew
    second = opened(work, {"B": FOLDER})["B"]
    assert (second, read_json(listing)["images"]) == (first, [])
    listing.unlink()
    assert opened(work, {"B": FOLDER})["B"] == first
    assert len(read_json(listing)["images"]) == 8


@pytest.mark.parametrize(("label", "group"), [("dog", "P1"), ("cat", "P0")])
def test_an_edited_table_is_another_set_though_no_file_changed(
    work: Path, label: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another class or another group of one image: what the table says now counts."""
    monkeypatch.setattr("ablate.workflows.other_sets.FRESH_SECONDS", 0.0)
    before = opened(work, {"B": TABLE})["B"]
    rows = (work / "other.csv").read_text(encoding="utf-8").splitlines()
    rows[4] = ",".join([rows[4].split(",")[0], label, group])  # the last cat
    (work / "other.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    after = opened(work, {"B": TABLE})["B"]
    shutil.rmtree(work / ".ablate")

    assert after.digest != before.digest
    assert after == opened(work, {"B": TABLE})["B"]


def test_a_failed_run_is_no_run_to_come_on_another_set(tmp_path: Path) -> None:
    """The study's verdict does without it; so does the one on the set, whose answers are those of the others."""
    study = a_study(evidence={"test": {"share": 0.2}, "replicates": [4]}, factors={"BN": {"gain": 10.0}})
    plan = make_plan(study)
    failed = {("BN", 1): a_failed(tmp_path / "failed")}
    levels = {"baseline": 60.0, "BN": 75.0}
    cells = cells_with(plan, tmp_path / "work", look=1, results=failed, levels=levels)
    findings = make_findings(study, plan, cells, look=1, prepared={}, work=tmp_path / "work", origin=None)
    there = [on_set(one, OtherAnswers(one.result) if isinstance(one.result, Finished) else None) for one in cells]
    facts = SetFacts(name="B", counts={"a": 300, "b": 300})
    found = judged_set(study, plan, cells, there, facts, findings, look=1, looks_before=None)

    assert found.findings is not None
    assert [one.decision for one in found.findings.effects] == [one.decision for one in findings.effects]
    assert (found.facts.scored, found.facts.wanted) == (7, 7)
    assert all(on_set(one, None).result is None for one in cells if isinstance(one.result, Finished))


def test_the_ledger_keeps_every_content_that_verdicts_were_shown_on(tmp_path: Path) -> None:
    """Once each, with what others had judged before; under another name it is an earlier use, too."""
    store = Store(tmp_path)
    first, second = store.study("first"), store.study("second")
    remember_shown(first, {"B": Showing("d1", "c1", 2, ())})
    remember_shown(first, {"B": Showing("d1", "c1", 5, ())})
    remember_shown(first, {"B": Showing("d2", "c2", 1, ())})
    uses = set_uses(store, "second", "camera", "c2")
    remember_shown(second, {"camera": Showing("other names", "c2", 1, uses)})
    remember_shown(first, {"late": Showing("d2", "c2", 1, ())})

    assert (read_shown(first)["B"].digests, read_shown(first)["B"].families) == (("d1", "d2"), 2)
    assert uses == (Use("first", 2),)
    assert set_uses(store, "second", "camera", "c2") == uses  # later ones change nothing of it
    assert set_uses(store, "first", "third", "c2") == (Use("first", 2), Use("first", 1), Use("second", 1))


def test_a_ledger_that_somebody_spoilt_is_passed_over(tmp_path: Path) -> None:
    """It bears witness; nothing is computed from it."""
    write_json(tmp_path / SHOWN, {"B": {"digests": 3}, "C": []})
    write_json(tmp_path / "also_test.json", {"B": {"asked": "x"}, "C": None})

    assert read_shown(tmp_path) == {}
    assert read_opened(tmp_path) == {}


def test_answers_count_whole_or_not_at_all(tmp_path: Path) -> None:
    """Those of other images, cut or without their note are none; a reason is kept until there are some."""
    run = Finished(folder=tmp_path, metrics={"accuracy": 0.9}, images="outcomes.npz", test_digest="own")
    keep_failure(run, "d", "cannot read x.png")
    assert (failure_of(run, "d"), read_answers(run, "d")) == ("cannot read x.png", None)
    keep_answers(run, "d", b"answers", {"metrics": {"accuracy": 0.5}, "test_digest": "t", "alike": 3})
    told = read_answers(run, "d")

    assert told is not None
    assert (told.result.metrics, told.result.test_digest, told.alike) == ({"accuracy": 0.5}, "t", 3)
    assert (failure_of(run, "d"), read_answers(run, "other")) == ("", None)
    path_of(run, "d").write_bytes(b"answer")
    assert read_answers(run, "d") is None
    path_of(run, "d").unlink()
    assert read_answers(run, "d") is None


def test_a_class_that_a_set_lacks_does_not_keep_the_others_from_a_verdict() -> None:
    """One that single runs alone lack stays: their values are of other classes than those of the others."""
    book = ScoreBook({}, {}, None, {("A", 0): {"ant": 3, "bee": 0, "cow": 0}, ("A", 1): {"ant": 2, "bee": 5, "cow": 0}})
    found = without_absent(book)

    assert found is not None
    assert found.needs == {("A", 0): {"ant": 3, "bee": 0}, ("A", 1): {"ant": 2, "bee": 5}}
    assert without_absent(None) is None
