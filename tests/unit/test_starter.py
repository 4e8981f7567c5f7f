"""Study files to start from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ablate.errors import DataError, StudyError
from ablate.splits.rules import Protocol, Replicate
from ablate.study.flow_style import without_off
from ablate.study.load import load_study
from ablate.study.plan import Plan, make_plan
from ablate.training.config import DataConfig
from ablate.training.data.cache import load_images
from ablate.training.data.parts import First, split_images
from ablate.workflows.beginning import folder_study
from ablate.workflows.beginning.request import requested
from ablate.workflows.init_study import quickstart_path, remember_looks, write_starter
from ablate.workflows.options import Options
from ablate.workflows.plan_summary import plan_summary
from ablate.workflows.session import open_session
from tests.image_fixtures import write_bad_images, write_image, write_image_folder

ROOT = Path(__file__).parents[2]


def images(root: Path, *classes: str) -> Path:
    """A folder of class folders, without an image."""
    for name in classes:
        (root / name).mkdir(parents=True)
    return root


def looked_at(root: Path) -> tuple[Plan, str, tuple[str, ...]]:
    """The plan of the study that is written of a folder, its text, and what was told; nothing is measured."""
    path = root.parent / "study.yaml"
    notes = write_starter(path, root, work=root.parent, measure=False)
    return make_plan(load_study(path)), path.read_text(), notes


def data_of(plan: Plan) -> dict[str, Any]:
    """The settings of the baseline's images, without what is off."""
    data: dict[str, Any] = without_off(plan.variants[0].config["data"])
    return data


def split_of(plan: Plan, work: Path, replicate: int) -> Any:
    """The parts of a replicate of the baseline."""

    def cached(key: str, build: Callable[[Path], None]) -> Path:
        path = work / ".ablate" / "cache" / key
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            build(path)
        return path

    config = DataConfig.model_validate(data_of(plan))
    return split_images(config, First(plan.protocol, Replicate(index=replicate)), load_images(config, cached))


# --- the quick start --------------------------------------------------------------------------


def test_the_quick_start_is_written_into_the_work_folder_once(tmp_path: Path) -> None:
    """An edited one stays as it is."""
    path = quickstart_path(tmp_path)
    fresh = load_study(path)
    path.write_text("edited")

    assert (fresh.name, quickstart_path(tmp_path).read_text()) == ("quickstart", "edited")


def test_the_packaged_quick_start_is_the_one_in_the_repository(tmp_path: Path) -> None:
    """README and `ablate demo` run the same study."""
    assert quickstart_path(tmp_path).read_text() == (ROOT / "studies" / "quickstart.yaml").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_that_comes_along_says_how_many_threads_a_run_has(path: Path) -> None:
    """It is part of what its runs are, so nobody has to look up a default."""
    assert load_study(path).base["numerics"] == {"threads": 1}


# --- by names alone ---------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["faces", 'odd "quoted" \\ {name}', "Käse # 1", "a: b"])
def test_a_starter_over_a_folder_of_images_is_a_good_study(tmp_path: Path, folder: str) -> None:
    """Whatever the folder is called; classes are counted."""
    root = images(tmp_path / folder, "ann", "bob", "carl")
    path = tmp_path / "My Faces!.yaml"
    write_starter(path, root, look=False)
    plan = make_plan(load_study(path))

    assert (plan.study, [variant.name for variant in plan.variants]) == (
        "my-faces",
        ["baseline", "Flip", "Crop", "Smoothing"],
    )
    assert (data_of(plan)["source"]["root"], data_of(plan)["classes"]) == (str(root), 3)


@pytest.mark.parametrize(("here", "threads"), [(1, 1), (2, 1), (16, 1), (20, 1), (64, 3)])
def test_a_starter_says_how_many_threads_its_runs_have(
    here: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a line of the file, by the cores there are and the runs it begins with."""
    monkeypatch.setattr(folder_study, "cores", lambda: here)
    write_starter(tmp_path / "mine.yaml", None)
    plan = make_plan(load_study(tmp_path / "mine.yaml"))

    assert sum(1 for _ in plan.runs(1)) == 20
    assert [variant.config["numerics"]["threads"] for variant in plan.variants] == [threads] * len(plan.variants)
    assert f"numerics: {{threads: {threads}}}" in (tmp_path / "mine.yaml").read_text()


def test_a_starter_without_folder_is_a_good_study_too(tmp_path: Path) -> None:
    """With a root to be filled in."""
    write_starter(tmp_path / "-.yaml", None)

    assert load_study(tmp_path / "-.yaml").name == "my-study"


def test_a_long_file_name_becomes_a_study_name_that_is_allowed(tmp_path: Path) -> None:
    """At most 64 characters."""
    write_starter(tmp_path / f"{'a' * 63}-{'b' * 40}.yaml", None)

    assert load_study(tmp_path / f"{'a' * 63}-{'b' * 40}.yaml").name == "a" * 63


def test_a_file_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    """It may be somebody's work."""
    path = tmp_path / "study.yaml"
    path.write_text("mine")
    with pytest.raises(StudyError, match="exists already"):
        write_starter(path, None)

    assert path.read_text() == "mine"


@pytest.mark.parametrize("look", [True, False])
@pytest.mark.parametrize(
    ("classes", "message"), [(None, "there is no folder"), ([], "holds 0 class folders"), (["a"], "holds 1 class")]
)
def test_a_folder_without_classes_is_refused(
    tmp_path: Path, classes: list[str] | None, message: str, *, look: bool
) -> None:
    """With what it should look like; nothing is written."""
    root = tmp_path / "root"
    if classes is not None:
        root.mkdir()
        images(root, *classes)
    with pytest.raises(DataError, match=message) as caught:
        write_starter(tmp_path / "study.yaml", root, look=look)

    assert "class" in caught.value.hint
    assert not (tmp_path / "study.yaml").exists()


# --- what is asked for ------------------------------------------------------------------------


def test_the_folder_names_the_study_file(tmp_path: Path) -> None:
    """And a study file may be named, in either of two ways."""
    assert requested(tmp_path / "faces", None, None) == (Path("studies/faces.yaml"), tmp_path / "faces")
    assert requested(tmp_path, Path("x.yaml"), None) == (Path("x.yaml"), tmp_path)
    assert requested(Path("x.yaml"), None, tmp_path) == (Path("x.yaml"), tmp_path)
    assert requested(None, None, None) == (Path("studies/my_study.yaml"), None)


def test_what_is_named_twice_is_refused(tmp_path: Path) -> None:
    """Nobody could say which counts."""
    with pytest.raises(StudyError, match="images are named twice"):
        requested(tmp_path, None, tmp_path)
    with pytest.raises(StudyError, match="study file is named twice"):
        requested(Path("a.yaml"), Path("b.yaml"), None)


# --- after a look -----------------------------------------------------------------------------


def test_the_thresholds_are_asked_for_in_the_first_lines(tmp_path: Path) -> None:
    """Whoever opens the file reads the question first, with the values that answer it."""
    _, text, _ = looked_at(write_image_folder(tmp_path / "images", per_class=10))
    head = text.splitlines()[1:5]

    assert "What gain would change your decision?" in head[0]
    assert [line.split(":")[0].strip() for line in head[1:]] == ["evidence", "worthwhile", "negligible"]


@pytest.mark.parametrize("replicate", range(5))
def test_every_image_is_trained_or_tested_on_in_each_fold(tmp_path: Path, replicate: int) -> None:
    """Five folds of two classes of eleven do not come out even; none is left over."""
    plan, _, _ = looked_at(write_image_folder(tmp_path / "images", per_class=11))
    parts = split_of(plan, tmp_path, replicate)

    assert (len(parts.fit) + len(parts.test), parts.unused, parts.val) == (22, (), ())


def test_what_was_decoded_for_a_study_is_known_to_plan(tmp_path: Path) -> None:
    """Image counts of every variant, and the smallest difference that can be seen."""
    looked_at(write_image_folder(tmp_path / "images"))
    remember_looks(tmp_path / "study.yaml", tmp_path)
    found = plan_summary(open_session(load_study(tmp_path / "study.yaml"), tmp_path), Options(), with_parameters=False)

    assert all(row["train"] and row["test"] for row in found["variants"])
    assert all(row["points"] for row in found["visible_step"])


def test_images_that_cannot_be_read_are_counted_and_left_out(tmp_path: Path) -> None:
    """A run would refuse them; the file says how many they are, and the terminal which."""
    root = write_image_folder(tmp_path / "images", per_class=10)
    bad = write_bad_images(root / "dog")
    plan, text, notes = looked_at(root)

    assert data_of(plan)["on_bad_image"] == "skip"
    assert f"{len(bad)} files cannot be read" in text
    assert any("left out as unreadable" in note for note in notes)


def test_equal_images_and_ones_that_look_alike_are_told(tmp_path: Path) -> None:
    """Copies stay together by themselves, the others by a line that is named."""
    root = write_image_folder(tmp_path / "images", per_class=10)
    first = next((root / "cat").glob("*.png"))
    shutil.copy(first, root / "cat" / "copy.png")
    with Image.open(first) as image:
        image.point(lambda value: min(255, value + 4)).save(root / "cat" / "brighter.png")
    _, _, notes = looked_at(root)

    assert any("2 duplicate images in 1 group" in note for note in notes)
    assert any("look alike" in note and "groups: near" in note for note in notes)


def test_equal_images_of_two_classes_are_refused(tmp_path: Path) -> None:
    """A run would refuse them, so that no file could be run as written."""
    root = write_image_folder(tmp_path / "images", per_class=10)
    shutil.copy(next((root / "cat").glob("*.png")), root / "dog" / "also.png")
    with pytest.raises(DataError, match="equal one of another class"):
        looked_at(root)

    assert not (tmp_path / "study.yaml").exists()


def test_names_that_look_like_origins_become_groups(tmp_path: Path) -> None:
    """Leaking is the worse mistake; the line says when to take it out."""
    root = write_image_folder(tmp_path / "images", per_class=12)
    for label, folder in enumerate(sorted(root.iterdir())):
        for place, path in enumerate(sorted(folder.iterdir())):
            path.rename(path.with_name(f"patient{label}{place // 2}_{path.name}"))
    plan, text, notes = looked_at(root)

    assert "groups" in data_of(plan)
    assert "leave it out if they are not alike" in text
    assert any("look like" in note for note in notes)


@pytest.mark.parametrize(("smallest", "folds"), [(2, 2), (4, 4), (5, 5), (9, 5)])
def test_there_are_as_many_folds_as_the_smallest_class_allows(tmp_path: Path, smallest: int, folds: int) -> None:
    """Five where it can be."""
    root = write_image_folder(tmp_path / "images", classes=["cat"], per_class=10)
    write_image_folder(root, classes=["dog"], per_class=smallest, seed=1)
    plan, text, _ = looked_at(root)

    assert plan.protocol == Protocol(test=plan.protocol.test)
    assert f"test: {{folds: {folds}}}" in text


def test_a_class_of_one_image_is_refused(tmp_path: Path) -> None:
    """It could be tested or trained on, not both."""
    root = write_image_folder(tmp_path / "images", classes=["cat"], per_class=10)
    write_image_folder(root, classes=["dog"], per_class=1, seed=1)
    with pytest.raises(DataError, match="'dog' has 1 image"):
        looked_at(root)


def test_an_uneven_folder_is_offered_balance(tmp_path: Path) -> None:
    """One of the three changes, where the largest class has twice the images of the smallest."""
    root = write_image_folder(tmp_path / "images", classes=["cat"], per_class=20)
    write_image_folder(root, classes=["dog"], per_class=10, seed=1)
    plan, text, _ = looked_at(root)

    assert plan.variants[-1].config["sampling"] == "balanced"
    assert "2.0 times the images of the smallest" in text
    assert "66.7% for always naming the largest class" in text


def test_images_of_16_bits_get_the_line_a_run_would_ask_for(tmp_path: Path) -> None:
    """Without it every value above 255 would be white, and a run refuses."""
    root = write_image_folder(tmp_path / "images", per_class=6, kinds=["grey_16_bit_png"])
    plan, _, _ = looked_at(root)

    assert data_of(plan)["depth"] == "scale"


@pytest.mark.parametrize(
    ("parts", "source"),
    [
        (["train", "test"], {"train": "train", "test": "test"}),
        (["train", "val"], {"train": "train", "test": "val"}),
        (["train", "val", "test"], {"train": "train", "val": "val", "test": "test"}),
        (["Training", "validation", "Testing"], {"train": "Training", "val": "validation", "test": "Testing"}),
    ],
)
def test_parts_that_are_there_are_kept(tmp_path: Path, parts: list[str], source: dict[str, str]) -> None:
    """What somebody kept apart for testing is tested on, and all else is trained on."""
    root = tmp_path / "images"
    for seed, part in enumerate(parts):
        write_image_folder(root / part, per_class=4, seed=seed)
    plan, text, _ = looked_at(root)
    parts_of_run = split_of(plan, tmp_path, 0)

    assert data_of(plan)["source"] == {"name": "image_folder", "root": str(root), **source}
    assert "test: official" in text
    assert (len(parts_of_run.test), len(parts_of_run.fit)) == (8, 8 * (len(parts) - 1))


def test_a_test_part_without_classes_is_left_out(tmp_path: Path) -> None:
    """As competitions hand them out: its labels are not known."""
    root = tmp_path / "images"
    write_image_folder(root / "train", per_class=6)
    (root / "test").mkdir()
    write_image(root / "test" / "1", "rgb_png")
    plan, _, notes = looked_at(root)

    assert data_of(plan)["source"] == {"name": "image_folder", "root": str(root), "train": "train"}
    assert "not read beside the parts: test" in notes


def test_a_folder_in_a_folder_is_found(tmp_path: Path) -> None:
    """As archives unpack."""
    write_image_folder(tmp_path / "images" / "images", per_class=6)
    plan, _, notes = looked_at(tmp_path / "images")

    assert data_of(plan)["source"]["root"] == str(tmp_path / "images" / "images")
    assert any("the only folder in" in note for note in notes)
