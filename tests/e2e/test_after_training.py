"""After training, as a user types it: derived rows, predictions, the check of the weights, the page about a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from typer.testing import CliRunner, Result

from ablate.cli.app import app
from tests.e2e.test_cli_walk import schema

STUDY = """\
study: after
base:
  data: {source: {name: digits}, classes: 10, image_size: 8, channels: 1, train: 120}
  model: {name: vgg, blocks: [1, 1], width: 4, norm: {name: batch}, head: {name: gap}}
  optimizer: {name: adam, lr: 2e-2}
  batch_size: 16
  epochs: 3
chain:
  Crop: {augment.crop: {padding: 1}}
derive:
  mirrored: {from: baseline, tta: {flip: true}}
  two seeds: {from: baseline, ensemble: {members: 2}}
  both: {from: [baseline, Crop], ensemble: {how: vote}}
evidence: {test: {share: 0.1}, replicates: [2]}
"""


def ablate(*arguments: object) -> Result:
    """One command; what it printed and how it ended."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which the study has run; run.json holds what it printed."""
    folder = tmp_path_factory.mktemp("after")
    (folder / "after.yaml").write_text(STUDY, encoding="utf-8")
    done = ablate("run", folder / "after.yaml", "--work", folder, "--executor", "inline", "--no-tracking", "--json")
    assert done.exit_code == 0, done.output
    (folder / "run.json").write_text(done.stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scans in a folder of folders."""
    folder = tmp_path_factory.mktemp("images")
    for number, name in enumerate(("0003.png", "deep/0001.png", "deep/0002.png")):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.round(load_digits().images[number] * 255 / 16).astype(np.uint8)).save(folder / name)
    return folder


def derived(folder: Path) -> dict[str, Any]:
    """The derived rows that `run --json` printed, by name."""
    printed = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    jsonschema.validate(printed, schema("run"))
    return {row["name"]: row for row in printed["derived"]}


def test_run_makes_the_derived_rows_without_training(work: Path) -> None:
    """Four runs were trained; views are computed by a worker, ensembles from what the runs stored."""
    rows = derived(work)

    assert len(list((work / ".ablate" / "runs").iterdir())) == 4
    assert {name: (row["n"], row["networks"]) for name, row in rows.items()} == {
        "mirrored": (2, 1),
        "two seeds": (1, 2),
        "both": (2, 2),
    }
    assert all(row["lo"] <= row["mean"] <= row["hi"] and not row["reason"] for row in rows.values())
    assert "Made without training" in (work / "reports" / "after" / "report.md").read_text(encoding="utf-8")
    assert "Made without training" in (work / "reports" / "after" / "report.html").read_text(encoding="utf-8")


def test_an_ensemble_of_stored_answers_is_what_numpy_computes(work: Path) -> None:
    """The mean of the two runs' probabilities, and its largest."""
    printed = json.loads((work / "run.json").read_text(encoding="utf-8"))
    plan = json.loads((work / ".ablate" / "studies" / "after" / "plan.json").read_text(encoding="utf-8"))
    stored = []
    for replicate in ("0", "1"):
        folder = work / ".ablate" / "runs" / plan["variants"]["baseline"][replicate] / "001"
        with np.load(folder / "outcomes.npz") as arrays:
            order = np.argsort(arrays["id"])
            stored.append((arrays["prob"][order].astype(float), arrays["target"][order]))
    by_hand = 100 * float(((stored[0][0] + stored[1][0]).argmax(1) == stored[0][1]).mean())

    assert printed["study"] == "after"
    assert derived(work)["two seeds"]["mean"] == pytest.approx(by_hand)


def test_the_report_is_written_again_from_what_was_computed(work: Path) -> None:
    """The same rows; where the computed views are gone, the report says what to do."""
    report = json.loads(ablate("report", work / "after.yaml", "--work", work, "--json").stdout)
    assert {row["name"]: row for row in report["derived"]} == derived(work)

    kept = work / ".ablate" / "cache" / "views"
    kept.rename(kept.with_name("aside"))
    without = json.loads(ablate("report", work / "after.yaml", "--work", work, "--json").stdout)
    kept.with_name("aside").rename(kept)
    rows = {row["name"]: row for row in without["derived"]}
    assert "`ablate run` computes it" in rows["mirrored"]["reason"]
    assert rows["both"] == derived(work)["both"]


def test_the_stored_weights_are_checked_against_the_recorded_accuracy(work: Path) -> None:
    """Exactly, and said so."""
    result = ablate("predict", "after/Crop/1", "--check", "--work", work)

    assert result.exit_code == 0
    assert "give the recorded accuracy again, exactly" in result.stdout


def test_a_folder_is_predicted_into_a_submission(work: Path, images: Path, tmp_path: Path) -> None:
    """Four digits and a class number, in the order of the numbers."""
    csv, table = tmp_path / "submission.csv", tmp_path / "all.csv"
    result = ablate("predict", "after/baseline/0", images, "--work", work, "--csv", csv, "--table", table, "--json")
    found = json.loads(result.stdout)
    best = {Path(row["image"]).name: max(row["probabilities"], key=row["probabilities"].get) for row in found}

    assert result.exit_code == 0
    assert csv.read_text() == "Id,Category\n" + "".join(f"{i:04}," + best[f"{i:04}.png"] + "\n" for i in (1, 2, 3))
    assert table.read_text().splitlines()[0] == "image,class,0,1,2,3,4,5,6,7,8,9"


def test_an_image_that_cannot_be_read_stops_nothing(work: Path, images: Path, tmp_path: Path) -> None:
    """It is left out and named, and the command says so by its exit code."""
    folder = tmp_path / "some"
    shutil.copytree(images, folder)
    (folder / "0009.png").write_bytes(b"no image")
    result = ablate("predict", "after/baseline/0", folder, "--work", work, "--json")
    nothing = ablate("predict", "after/baseline/0", folder / "0009.png", "--work", work)

    assert (result.exit_code, nothing.exit_code) == (1, 2)
    assert len(json.loads(result.stdout)) == 3
    assert "0009.png (not an image" in result.stderr
    assert "1 of 4 images" in result.stderr


def test_nothing_to_predict_is_told(work: Path) -> None:
    """With what to add."""
    result = ablate("predict", "after/baseline/0", "--work", work)
    unlabelled = ablate("predict", "after/baseline/0", "--unlabelled", "--work", work)

    assert (result.exit_code, unlabelled.exit_code) == (2, 2)
    assert "--oof or --check" in result.stderr
    assert "no unlabelled part" in unlabelled.stderr


def test_explain_writes_a_page_that_the_report_links_to(work: Path) -> None:
    """Every figure the page names is there; the next report names the page."""
    result = ablate("explain", "after/baseline/1", "--work", work, "--no-tracking", "--layer", "features.conv1_1")
    page = work / "reports" / "after" / "explain" / "baseline-1" / "explain.md"
    text = page.read_text(encoding="utf-8")
    named = {line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")}
    facts = json.loads((page.parent / "explain.json").read_text(encoding="utf-8"))
    ablate("report", work / "after.yaml", "--work", work)
    report = (work / "reports" / "after" / "report.md").read_text(encoding="utf-8")

    assert result.exit_code == 0, result.output
    assert named >= {"grid.png", "confusion.png", "predicted.png", "tsne.png", "nearest.png", "maps.png", "gradcam.png"}
    assert all((page.parent / name).read_bytes().startswith(b"\x89PNG") for name in named)
    assert "exactly" in text
    assert facts["layer"] == "features.conv1_1"
    assert "[after/baseline/1](explain/baseline-1/explain.md)" in report


def test_a_layer_that_is_not_there_is_refused_before_anything_is_written(work: Path) -> None:
    """With the near name."""
    result = ablate("explain", "after/Crop/0", "--work", work, "--no-tracking", "--layer", "features.conv2")

    assert result.exit_code == 2
    assert "features.conv2_1" in result.stderr
    assert not (work / "reports" / "after" / "explain" / "Crop-0").exists()


# --- all replicates of a variant ---------------------------------------------------------------


def outcomes(work: Path, replicate: int) -> dict[str, np.ndarray]:
    """The stored answers of a run of the baseline."""
    plan = json.loads((work / ".ablate" / "studies" / "after" / "plan.json").read_text(encoding="utf-8"))
    folder = work / ".ablate" / "runs" / plan["variants"]["baseline"][str(replicate)] / "001"
    with np.load(folder / "outcomes.npz") as arrays:
        return dict(arrays)


def scans(names: list[str], folder: Path) -> list[Path]:
    """Some of the digits as files called by their ids."""
    folder.mkdir(exist_ok=True)
    digits = load_digits().images
    files = []
    for name in names:
        files.append(folder / f"{name.replace(':', '-')}.png")
        scan = digits[int(name.split(":")[1])]
        Image.fromarray(np.round(scan * 255 / 16).astype(np.uint8)).save(files[-1])
    return files


def test_a_variant_is_predicted_by_the_mean_over_its_replicates(work: Path, tmp_path: Path) -> None:
    """Of images that neither was trained on; one run alone answers as ever."""
    files = scans(outcomes(work, 0)["id"][:5].tolist(), tmp_path / "scans")
    rows = {}
    for name in ("after/baseline/0", "after/baseline/1", "after/baseline"):
        done = ablate("predict", name, *files, "--work", work, "--json")
        assert done.exit_code == 0, done.output
        rows[name] = np.array([list(row["probabilities"].values()) for row in json.loads(done.stdout)])

    assert "The mean over the finished replicates: 0, 1." in done.stderr
    assert np.allclose(rows["after/baseline"], (rows["after/baseline/0"] + rows["after/baseline/1"]) / 2)
    assert not np.allclose(rows["after/baseline/0"], rows["after/baseline/1"])


def test_images_that_a_replicate_was_trained_on_are_refused_with_the_way_to_ask_for_one(
    work: Path, tmp_path: Path
) -> None:
    """Told by their pixels, wherever a copy of them lies; nothing is written."""
    tested = set(outcomes(work, 0)["id"].tolist())
    rest = [f"digits:{i:04}" for i in range(len(load_digits().images)) if f"digits:{i:04}" not in tested]
    table = tmp_path / "all.csv"
    done = ablate("predict", "after/baseline", *scans(rest, tmp_path / "scans"), "--work", work, "--table", table)
    told = " ".join(done.stderr.split())

    assert done.exit_code == 2
    assert " of the 1617 images were trained or validated on: " in told
    assert "by replicate" in told
    assert "after/baseline/" in told
    assert "--oof FILE" in told
    assert not table.exists()


def test_the_out_of_fold_answers_are_the_stored_ones(work: Path, tmp_path: Path) -> None:
    """Both replicates were tested on the same images here, so each row is the mean of two."""
    stored = [outcomes(work, replicate) for replicate in (0, 1)]
    order = [np.argsort(one["id"]) for one in stored]
    done = ablate("predict", "after/baseline", "--oof", tmp_path / "oof.csv", "--work", work)
    heading, *lines = (tmp_path / "oof.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in lines]
    mean = sum(one["prob"][places].astype(float) for one, places in zip(stored, order, strict=True)) / 2

    assert done.exit_code == 0, done.output
    assert heading == "image,target,predicted,replicates,0,1,2,3,4,5,6,7,8,9"
    assert [row[0] for row in rows] == stored[0]["id"][order[0]].tolist()
    assert [row[1] for row in rows] == [str(label) for label in stored[0]["target"][order[0]]]
    assert [row[2] for row in rows] == [str(label) for label in mean.argmax(1)]
    assert {row[3] for row in rows} == {"0 1"}
    assert np.allclose(np.array([row[4:] for row in rows], float), mean, atol=1e-3)


def test_a_submission_takes_ids_columns_and_order_from_the_sample(work: Path, tmp_path: Path) -> None:
    """What the sample does not ask for is left out, and said."""
    files = scans(outcomes(work, 0)["id"][:4].tolist(), tmp_path / "scans")
    sample = tmp_path / "sample_submission.csv"
    sample.write_text("file,label\n" + "".join(f"{path.name},0\n" for path in reversed(files[:3])), encoding="utf-8")
    words = ["predict", "after/baseline", *files, "--work", work, "--like", sample]
    done = ablate(*words, "--csv", tmp_path / "mine.csv")
    lines = (tmp_path / "mine.csv").read_text(encoding="utf-8").splitlines()

    assert done.exit_code == 0, done.output
    assert [line.split(",")[0] for line in lines] == ["file", *(path.name for path in reversed(files[:3]))]
    assert "1 images are not in" in done.stderr
    assert ablate(*words).exit_code == 2
