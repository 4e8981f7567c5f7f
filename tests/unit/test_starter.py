"""Study files to start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import DataError, StudyError
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.workflows import init_study
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


@pytest.mark.parametrize(("here", "threads"), [(1, 1), (2, 1), (16, 1), (20, 1), (64, 3)])
def test_a_starter_says_how_many_threads_its_runs_have(
    here: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a line of the file, by the cores there are and the runs it begins with."""
    monkeypatch.setattr(init_study, "cores", lambda: here)
    write_starter(tmp_path / "mine.yaml", None)
    plan = make_plan(load_study(tmp_path / "mine.yaml"))

    assert sum(1 for _ in plan.runs(1)) == init_study.STARTER_RUNS
    assert [variant.config["numerics"]["threads"] for variant in plan.variants] == [threads] * len(plan.variants)
    assert f"numerics: {{threads: {threads}}}" in (tmp_path / "mine.yaml").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_that_comes_along_says_how_many_threads_a_run_has(path: Path) -> None:
    """It is part of what its runs are, so nobody has to look up a default."""
    assert load_study(path).base["numerics"] == {"threads": 1}


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
