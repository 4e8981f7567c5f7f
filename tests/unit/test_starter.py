"""Study files to start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import DataError, StudyError
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.workflows.init_study import quickstart_path, write_starter

ROOT = Path(__file__).parents[2]


def images(root: Path, *classes: str) -> Path:
    """A folder of class folders."""
    for name in classes:
        (root / name).mkdir(parents=True)
    return root


def test_the_quick_start_is_written_into_the_work_folder_once(tmp_path: Path) -> None:
    """An edited one stays as it is."""
    path = quickstart_path(tmp_path)
    fresh = load_study(path)
    path.write_text("edited")

    assert (fresh.name, quickstart_path(tmp_path).read_text()) == ("quickstart", "edited")


def test_the_packaged_quick_start_is_the_one_in_the_repository(tmp_path: Path) -> None:
    """README and `ablate demo` run the same study."""
    assert quickstart_path(tmp_path).read_text() == (ROOT / "studies" / "quickstart.yaml").read_text()


@pytest.mark.parametrize("folder", ["faces", 'odd "quoted" \\ {name}', "Käse # 1", "a: b"])
def test_a_starter_over_a_folder_of_images_is_a_good_study(tmp_path: Path, folder: str) -> None:
    """Whatever the folder is called; classes are counted."""
    root = images(tmp_path / folder, "ann", "bob", "carl")
    path = tmp_path / "My Faces!.yaml"
    write_starter(path, root)
    plan = make_plan(load_study(path))
    data = plan.variants[0].config["data"]

    assert (plan.study, [variant.name for variant in plan.variants]) == (
        "my-faces",
        ["baseline", "BN", "Flip", "Dropout"],
    )
    assert (data["source"]["root"], data["classes"]) == (str(root), 3)


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


@pytest.mark.parametrize(
    ("classes", "message"), [(None, "there is no folder"), ([], "holds 0 class folders"), (["a"], "holds 1 class")]
)
def test_a_folder_without_classes_is_refused(tmp_path: Path, classes: list[str] | None, message: str) -> None:
    """With what it should look like; nothing is written."""
    root = tmp_path / "root"
    if classes is not None:
        root.mkdir()
        images(root, *classes)
    with pytest.raises(DataError, match=message) as caught:
        write_starter(tmp_path / "study.yaml", root)

    assert "class" in caught.value.hint
    assert not (tmp_path / "study.yaml").exists()
