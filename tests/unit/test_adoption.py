"""A shipped study over somebody's own images."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.workflows.init_study import adopt_study

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
OF_OTHER_DATA = {"image_text", "video"}
"""Studies of what no folder of images holds."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Class folders, which are all that is looked at."""
    for name in ("ann", "bob", "carl"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        (tmp_path / "mine" / name / "1.png").write_bytes(name.encode())
    return tmp_path / "mine"


@pytest.mark.parametrize(
    "original", [one for one in STUDIES if one.stem not in OF_OTHER_DATA], ids=lambda path: path.stem
)
def test_every_study_that_comes_along_can_be_asked_of_own_images(original: Path, root: Path, tmp_path: Path) -> None:
    """The same variants, other images; figures published of others are left out."""
    path = tmp_path / "studies" / "mine.yaml"
    adopt_study(path, original, root)
    own, theirs = load_study(path), load_study(original)

    assert own.name == "mine"
    assert own.base["data"]["source"] == {"name": "image_folder", "root": str(root)}
    assert own.base["data"]["classes"] == 3
    assert own.published is None
    assert (own.stand_in, own.small) == (None, None)
    assert [one.name for one in make_plan(own).variants] == [one.name for one in make_plan(theirs).variants]


def test_a_study_of_images_with_texts_is_not_one_of_a_folder(root: Path, tmp_path: Path) -> None:
    """It says what is missing and where a table goes."""
    with pytest.raises(StudyError, match=r"images with texts, and a folder of images has none.*base\.data\.source"):
        adopt_study(tmp_path / "mine.yaml", ROOT / "studies" / "image_text.yaml", root)


def test_a_test_part_of_the_folder_takes_the_place_of_folds(tmp_path: Path, root: Path) -> None:
    """And where there is none, folds take the place of a test part."""
    parts = tmp_path / "parts"
    parts.mkdir()
    for part in ("train", "test"):
        (tmp_path / "mine").rename(parts / part)
        (tmp_path / "mine").mkdir()
        for name in ("ann", "bob", "carl"):
            (tmp_path / "mine" / name).mkdir()
            (tmp_path / "mine" / name / "1.png").write_bytes(name.encode())
    adopt_study(tmp_path / "a.yaml", ROOT / "studies" / "hollywood.yaml", parts)
    adopt_study(tmp_path / "b.yaml", ROOT / "studies" / "cifar10_vgg16.yaml", root)

    assert load_study(tmp_path / "a.yaml").evidence.test == "official"
    assert load_study(tmp_path / "b.yaml").evidence.model_dump()["test"] == {"folds": 5, "share": None}
    assert load_study(tmp_path / "b.yaml").base["data"]["train"] == "all"


def test_comments_of_the_original_stay(root: Path, tmp_path: Path) -> None:
    """They say why its settings are what they are; the first line says whose they are."""
    adopt_study(tmp_path / "mine.yaml", ROOT / "studies" / "hollywood.yaml", root)
    text = (tmp_path / "mine.yaml").read_text()

    assert text.splitlines()[1].startswith("# hollywood.yaml over your own images.")
    assert "# coupled, as Adam has it" in text


def test_a_study_of_another_trainer_is_refused(root: Path, tmp_path: Path) -> None:
    """Nobody knows where its data are named; nothing is written."""
    (tmp_path / "other.yaml").write_text(
        "study: other\ntrainer: ablate.toy:train\nbase: {skill: 1.0}\nchain: {a: {gain: 1}}\n"
    )
    with pytest.raises(StudyError, match=r"no base\.data"):
        adopt_study(tmp_path / "mine.yaml", tmp_path / "other.yaml", root)
    with pytest.raises(StudyError, match="needs a folder"):
        adopt_study(tmp_path / "mine.yaml", STUDIES[0], None)

    assert not (tmp_path / "mine.yaml").exists()
