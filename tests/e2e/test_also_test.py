"""Other test sets, as a user types it: scored without training, each with its verdicts; refused before any work."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits

from ablate.errors import DataError
from ablate.harness.interruption import Interruption
from ablate.records import Prepared
from ablate.store.outcome_columns import read_columns
from ablate.study.load import load_study
from ablate.workflows.executor import lazy_executor
from ablate.workflows.options import Options
from ablate.workflows.other_tests import check_sets, score_sets
from ablate.workflows.session import open_session
from tests.command_line import ablate
from tests.e2e.test_cli_walk import schema

STUDY: dict[str, Any] = {
    "study": "cameras",
    "base": {
        "data": {
            "source": {"name": "image_folder", "root": "camera_a"},
            "classes": 3,
            "image_size": 8,
            "channels": 1,
            "train": "all",
        },
        "model": {"name": "vgg", "blocks": [1], "width": 4, "norm": {"name": "batch"}, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 2e-2},
        "batch_size": 16,
        "epochs": 12,
    },
    "chain": {"Crop": {"augment.crop": {"padding": 1}}},
    "evidence": {"test": {"folds": 2}, "replicates": [2]},
}
CLASSES = ("ant", "bee", "cow")
CAMERA_B = {"source": {"name": "image_folder", "root": "camera_b"}, "classes": {"BEE": "bee"}, "groups": "p([0-9]+)-"}
RUN = ("run", "cameras.yaml", "--executor", "inline", "--no-tracking", "--json")


def write_camera(folder: Path, counts: dict[str, int], *, first: int, noise: float, per_patient: int = 2) -> None:
    """Scans of digits 0, 1 and 2 under other names, from the `first` one of each on, with so much noise."""
    digits, rng = load_digits(), np.random.default_rng(first)
    for name, count in counts.items():
        label = ("ant", "bee", "cow").index(name.lower())
        (folder / name).mkdir(parents=True)
        scans = digits.images[digits.target == label][first : first + count] * 255 / 16
        for number, scan in enumerate(scans):
            noisy = np.clip(scan + noise * rng.normal(size=scan.shape), 0, 255).astype(np.uint8)
            patient = number // per_patient
            Image.fromarray(noisy).save(folder / name / f"p{label}{patient:02}-{number:03}.png")


def write_study(
    work: Path, sets: dict[str, Any] | None = None, *, keep: str | None = None, evidence: dict[str, Any] | None = None
) -> None:
    """The study file with these other test sets, or none."""
    also = {"also_test": sets} if sets else {}
    study = STUDY | {"evidence": STUDY["evidence"] | (evidence or {}) | also}
    (work / "cameras.yaml").write_text(yaml.safe_dump(study | ({"keep": {"weights": keep}} if keep else {})))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which the study has run before anybody thought of another camera."""
    work = tmp_path_factory.mktemp("cameras")
    write_camera(work / "camera_a", {"ant": 20, "bee": 20, "cow": 20}, first=0, noise=0)
    write_camera(work / "camera_b", {"ant": 12, "BEE": 24}, first=60, noise=20)
    write_study(work)
    done = ablate(work, *RUN)
    assert done.exit_code == 0, done.output
    assert "also_test" not in json.loads(done.stdout)
    return work


@pytest.fixture
def work(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    folder = tmp_path / "work"
    shutil.copytree(trained, folder)
    return folder


def runs_of(work: Path) -> set[str]:
    """The attempts there are."""
    return {str(path.relative_to(work)) for path in (work / ".ablate" / "runs").glob("*/[0-9]*")}


def test_a_set_that_is_named_after_training_is_scored_without_any(work: Path) -> None:
    """No new attempt; verdicts, both prevalences, groups and the ledger, in JSON, report, CSV and on the terminal."""
    before = runs_of(work)
    write_study(work, {"camera B": CAMERA_B})
    offered = ablate(work, "report", "cameras.yaml")
    done = ablate(work, *RUN)
    told = json.loads(done.stdout)
    jsonschema.validate(told, schema("run"))
    there = told["also_test"][0]

    assert "have not been scored on it yet" in offered.output
    assert (done.exit_code, runs_of(work)) == (0, before)
    assert (there["name"], there["images"], there["groups"]) == ("camera B", 36, 18)
    assert (there["scored"], there["runs"], there["classes"]) == (4, 4, {"ant": 12, "bee": 24})
    assert not any("camera B" in line for line in told["cautions"])
    assert [row["n"] for row in there["variants"]] == [2, 2]
    assert [row["name"] for row in there["effects"]] == ["Crop"]
    assert there["effects"][0]["images"] == 36
    assert [row["variant"] for row in there["prevalence"]] == ["baseline", "Crop"]
    assert there["prevalence"][0]["here"] == pytest.approx(there["variants"][0]["mean"], abs=1e-6)
    report = (work / "reports/cameras/report.md").read_text()
    assert "## On camera B" in report
    assert "No image is of the study's cow." in report
    assert "| verdicts on camera B: each run once, by its kept weights | 36 | 144 | 4 |" in report
    with (work / "reports/cameras/tables/also_test.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["set"], row["name"]) for row in rows] == [("camera B", "Crop")]
    assert "On camera B" in ablate(work, "report", "cameras.yaml").output


@pytest.mark.slow
def test_what_was_scored_is_not_scored_again_and_a_killed_command_goes_on(work: Path) -> None:
    """Answers stay as they are, file by file; one that is damaged or gone alone is made again."""
    write_study(work, {"camera B": CAMERA_B})
    first = json.loads(ablate(work, *RUN).stdout)
    kept = sorted((work / ".ablate/runs").glob("*/*/also_test/*.npz"))
    kept[0].write_bytes(b"cut")
    kept[1].unlink()
    written = kept[2].stat().st_mtime_ns
    missing = json.loads(ablate(work, "report", "cameras.yaml", "--json").stdout)
    again = json.loads(ablate(work, *RUN).stdout)

    assert len(kept) == 4
    assert missing["also_test"][0]["scored"] == 2
    assert any("2 of 4 finished runs are scored" in line for line in missing["cautions"])
    assert kept[2].stat().st_mtime_ns == written
    assert again["also_test"] == first["also_test"]


@pytest.mark.slow
def test_copies_are_scored_by_each_run_on_those_of_its_own_test_images(work: Path) -> None:
    """With folds every original is a training image of some run, and of none that answers for its copy."""
    write_camera(work / "fog", dict.fromkeys(CLASSES, 20), first=0, noise=40)
    source = {"name": "image_folder", "root": "fog"}
    write_study(work, {"fog": {"source": source}})
    plain = json.loads(ablate(work, *RUN).stdout)
    write_study(work, {"fog": {"source": source, "copies": True}})
    told = json.loads(ablate(work, *RUN).stdout)

    assert any("write copies: true" in line for line in plain["cautions"])
    assert not any("fog" in line for line in told["cautions"] if "changed" not in line and "others" not in line)
    assert told["also_test"][0]["effects"][0]["images"] == 60
    kept = (work / ".ablate/runs").glob("*/*/also_test/*.npz")
    assert sorted(len(read_columns(path, "id")["id"]) for path in kept) == [30] * 4 + [60] * 4


@pytest.mark.slow
def test_a_set_that_was_read_and_then_changed_is_said(work: Path) -> None:
    """Whatever is changed: an image, the classes or the groups."""
    write_study(work, {"camera B": CAMERA_B})
    ablate(work, *RUN)
    (work / "camera_b/ant/p000-000.png").unlink()
    told = json.loads(ablate(work, *RUN).stdout)

    assert told["also_test"][0]["changed"]
    assert any("first shown on other images" in line for line in told["cautions"])


@pytest.mark.slow
def test_another_study_reads_of_an_earlier_one(work: Path) -> None:
    """The same images in another study are the second family on them."""
    write_study(work, {"camera B": CAMERA_B})
    ablate(work, *RUN)
    text = (work / "cameras.yaml").read_text().replace("study: cameras", "study: later")
    (work / "later.yaml").write_text(text)
    told = json.loads(ablate(work, "run", "later.yaml", *RUN[2:]).stdout)

    assert told["also_test"][0]["number"] == 2
    assert told["also_test"][0]["earlier"] == [{"study": "cameras", "families": 1}]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"source": {"name": "image_folder", "root": "nowhere"}}, "source.root (nowhere)"),
        ({"source": {"name": "image_folder", "rot": "camera_b"}}, "unknown key 'rot' in source"),
        (CAMERA_B | {"classes": {}}, "the study has no class 'BEE'"),
        (CAMERA_B | {"classes": {"bee": "BEE"}}, "Write the set's name first: {BEE: bee}"),
        (CAMERA_B | {"classes": {"BEE": "bee", "wolf": "cow"}}, "the set has no class 'wolf'"),
        (CAMERA_B | {"classes": {"BEE": "bea"}}, "the study has no class 'bea'"),
        (CAMERA_B | {"groups": "patient([0-9]+)"}, "is found in none of 36"),
        ({"source": {"name": "digits"}}, "this source has no files"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_any_work(work: Path, block: dict[str, Any], said: str) -> None:
    """Exit 2, with the place in the study file, and nothing scored."""
    write_study(work, {"camera B": block})
    done = ablate(work, *RUN)

    assert done.exit_code == 2, done.output
    assert said in " ".join(done.stderr.split())
    assert "evidence.also_test.camera B" in done.stderr
    assert not list((work / ".ablate/runs").glob("*/*/also_test"))


def test_an_image_that_runs_were_trained_on_is_named(work: Path) -> None:
    """By its content, under whatever name it lies."""
    shutil.copy(work / "camera_a/ant/p000-000.png", work / "camera_b/ant/p099-099.png")
    write_study(work, {"camera B": CAMERA_B})
    done = ablate(work, *RUN)

    assert done.exit_code == 2
    assert "ant/p099-099.png is 'ant/p000-000.png'" in " ".join(done.stderr.split())


def test_a_trainer_that_does_not_tell_its_data_is_asked_each_time(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `prepare` nobody knows whether the training images are still those that were looked at."""
    monkeypatch.chdir(work)
    write_study(work, {"camera B": CAMERA_B})
    session, options = open_session(load_study(work / "cameras.yaml"), work), Options(executor="inline")
    session.prepared = dict.fromkeys(session.prepared, Prepared(digest=""))
    with lazy_executor(session, options) as executor:
        check_sets(session, options, executor, Interruption())
        shutil.copy(work / "camera_b/ant/p000-000.png", work / "camera_a/ant/p099-099.png")
        with pytest.raises(DataError, match="1 of 36 image is among those that runs of baseline are trained"):
            check_sets(session, options, executor, Interruption())


def test_images_that_change_between_reading_and_scoring_give_no_answers(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers stand under the digest of what was read, and training may lie between; the next command has them."""
    monkeypatch.chdir(work)
    write_study(work, {"camera B": CAMERA_B})
    session, options = open_session(load_study(work / "cameras.yaml"), work), Options(executor="inline")
    with lazy_executor(session, options) as executor:
        check_sets(session, options, executor, Interruption())
        shutil.copy(work / "camera_b/ant/p001-002.png", work / "camera_b/ant/p000-000.png")
        score_sets(session, options, executor.open, lambda: False, lambda _: None)
    told = json.loads(ablate(work, "report", "cameras.yaml", "--json").stdout)
    again = json.loads(ablate(work, *RUN).stdout)

    assert told["also_test"][0]["scored"] == 0
    assert any("its images changed after they were read" in line for line in told["cautions"])
    assert again["also_test"][0]["scored"] == 4


def test_a_file_under_two_classes_is_refused(work: Path) -> None:
    """Nobody knows which is right."""
    shutil.copy(work / "camera_b/ant/p000-000.png", work / "camera_b/BEE/p199-099.png")
    write_study(work, {"camera B": CAMERA_B})
    done = ablate(work, *RUN)

    assert done.exit_code == 2
    assert "are the same file" in done.stderr


def test_runs_without_weights_are_named_with_what_to_do(work: Path) -> None:
    """The study that keeps none is refused as it is read; runs that lost theirs are named by their folders."""
    write_study(work, {"camera B": CAMERA_B}, keep="none")
    unkept = ablate(work, *RUN)
    for path in (work / ".ablate/runs").glob("*/*/weights.safetensors"):
        path.unlink()
    write_study(work, {"camera B": CAMERA_B})
    lost = ablate(work, *RUN)

    assert (unkept.exit_code, lost.exit_code) == (2, 2)
    assert "keep.weights: none drops them" in unkept.stderr
    assert "4 finished runs have none: .ablate/runs/" in " ".join(lost.stderr.split())
    assert "Remove these folders" in " ".join(lost.stderr.split())


@pytest.mark.slow
def test_a_threshold_stays_the_one_of_the_runs_own_validation_images(work: Path) -> None:
    """What is stored beside the answers are the first set's validation answers, bit for bit."""
    evidence = {"metric": "sensitivity:bee@specificity=0.8", "val": 0.3, "test": {"share": 0.3}}
    write_study(work, {"camera B": CAMERA_B}, evidence=evidence)
    told = json.loads(ablate(work, *RUN).stdout)
    kept = list((work / ".ablate/runs").glob("*/*/also_test/*.npz"))

    assert told["also_test"][0]["scored"] == 4
    assert told["also_test"][0]["prevalence"] == []
    assert len(kept) == 4
    for path in kept:
        names = ("val_target", "val_prob")
        own, there = read_columns(path.parents[1] / "outcomes.npz", *names), read_columns(path, *names)
        assert all(np.array_equal(own[name], there[name]) for name in names)
    assert "none is chosen here" in (work / "reports/cameras/report.md").read_text()
