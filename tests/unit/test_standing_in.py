"""A stand-in: another identity, at the scale the file gives it, and a way out where the data are missing."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from ablate.errors import DataError, DataMissing, StudyError, TrainerError
from ablate.study import stand_in
from ablate.study.load import load_study
from ablate.study.stand_in import (
    PORTRAITS,
    find_maker,
    find_portraits,
    make_stand_in,
    stand_in_folder,
    synthetic_notes,
    with_way_out,
)
from ablate.study.study import Study

ROOT = Path(__file__).parents[2]
STUDY: dict[str, Any] = {
    "study": "faces",
    "about_data": "Ten images of Ann and Ben; ask Cleo.\n",
    "base": {
        "data": {"source": {"name": "image_folder", "root": "nowhere"}, "classes": 2, "image_size": 64},
        "model": {"name": "vgg11", "norm": None, "dropout": None, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 0.001},
        "epochs": 40,
    },
    "chain": {"BN": {"model.norm": {"name": "batch"}}},
    "compare": {
        "wide": {"set": {"model.width": 128}},
        "tuned": {"set": {"optimizer.lr": 0.01}},
    },
    "published": {"protocol": "one run each", "accuracy": {"baseline": 0.4}},
    "stand_in": {
        "make": "tests.unit.test_standing_in:write_two_classes",
        "set": {"epochs": 1, "data.image_size": 8, "evidence.replicates": [2]},
        "leave_out": ["wide"],
    },
}


def write_two_classes(folder: Path) -> None:
    for name in ("ann", "ben"):
        (folder / name).mkdir()
        (folder / name / "1.txt").touch()


def study_with(tmp_path: Path, *, root: Path | None = None, sets: tuple[str, ...] = (), **changes: Any) -> Study:
    path = tmp_path / "faces.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes, sort_keys=False))
    return load_study(path, stand_in=root, sets=sets)


def test_a_stand_in_has_its_own_name_data_and_scale(tmp_path: Path) -> None:
    """The published figures belong to other data, the comparison left out to weights it cannot use."""
    study = study_with(tmp_path, root=tmp_path / "drawn")

    assert study.name == "faces@stand-in"
    assert study.base["data"]["source"]["root"] == str(tmp_path / "drawn")
    assert (study.base["epochs"], study.base["data"]["image_size"]) == (1, 8)
    assert study.evidence.replicates == [2]
    assert [one.name for one in study.comparisons] == ["tuned"]
    assert study.published is None


def test_without_the_option_the_block_changes_nothing(tmp_path: Path) -> None:
    """The study is asked of its own data."""
    study, bare = study_with(tmp_path), study_with(tmp_path, stand_in=None)

    assert (study.name, study.base, study.evidence) == (bare.name, bare.base, bare.evidence)
    assert synthetic_notes(study) == ()


def test_a_stand_in_can_be_changed_further(tmp_path: Path) -> None:
    """`--set` comes on top and adds to the name."""
    study = study_with(tmp_path, root=tmp_path / "drawn", sets=("epochs=3",))

    assert study.base["epochs"] == 3
    assert study.name.startswith("faces@stand-in@")


def test_a_study_without_a_stand_in_says_so(tmp_path: Path) -> None:
    """And how a study offers one."""
    with pytest.raises(StudyError, match=r"--stand-in: .*faces\.yaml offers no synthetic data.*stand_in:"):
        study_with(tmp_path, root=tmp_path / "drawn", stand_in=None)


def test_a_comparison_that_is_not_there_cannot_be_left_out(tmp_path: Path) -> None:
    """With the line and a near match."""
    block = STUDY["stand_in"] | {"leave_out": ["wde"]}

    with pytest.raises(StudyError, match=r"faces\.yaml:\d+: there is no comparison 'wde'.*Did you mean 'wide'"):
        study_with(tmp_path, root=tmp_path / "drawn", stand_in=block)


def test_a_wrong_setting_of_the_stand_in_names_its_line(tmp_path: Path) -> None:
    """Not the base's, nor an option that was never given."""
    block = STUDY["stand_in"] | {"set": {"epochs": 0}}

    with pytest.raises(StudyError, match=r"faces\.yaml:\d+: 'epochs'") as caught:
        study_with(tmp_path, root=tmp_path / "drawn", stand_in=block)

    line = int(str(caught.value).split("faces.yaml:")[1].split(":")[0])
    assert (tmp_path / "faces.yaml").read_text().splitlines()[line - 1].strip() == "epochs: 0"


def test_the_data_are_made_once(tmp_path: Path) -> None:
    """A second call finds them; they lie in the work folder, by the file's name."""
    root = stand_in_folder(tmp_path, tmp_path / "faces.yaml")
    study = study_with(tmp_path, root=root)
    make_stand_in(study)
    (root / "ann" / "kept.txt").touch()

    make_stand_in(study)

    assert root == tmp_path / ".ablate" / "stand-in" / "faces"
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.txt")} == {
        "ann/1.txt",
        "ann/kept.txt",
        "ben/1.txt",
    }


def test_a_maker_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is trained."""
    block = STUDY["stand_in"] | {"make": "nowhere.at_all:draw"}
    study = study_with(tmp_path, root=tmp_path / "drawn", stand_in=block)

    with pytest.raises(TrainerError, match=r"faces\.yaml:\d+: stand_in\.make: nowhere\.at_all:draw cannot be loaded"):
        make_stand_in(study)


def test_a_stand_in_calls_itself_synthetic(tmp_path: Path) -> None:
    """With the name of what it stands in for."""
    (note,) = synthetic_notes(study_with(tmp_path, root=tmp_path / "drawn"))

    assert note.startswith("Synthetic stand-in data")
    assert "not the data of faces" in note


def test_missing_data_end_in_the_command_that_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's own words on its data come first; the last line can be copied as it is."""
    monkeypatch.chdir(tmp_path)
    error = with_way_out(DataMissing("no folder", hint="Put it there."), study_with(tmp_path), work=tmp_path)

    lines = str(error).splitlines()
    assert lines[0] == "no folder. Put it there."
    assert "Ann and Ben; ask Cleo." in lines[1]
    assert lines[-1] == f"ablate run {tmp_path / 'faces.yaml'} --stand-in"


def test_without_a_stand_in_only_the_words_are_added(tmp_path: Path) -> None:
    """No command that would be refused."""
    error = with_way_out(DataMissing("no folder"), study_with(tmp_path, stand_in=None), work=tmp_path)

    assert "ask Cleo" in str(error)
    assert "--stand-in" not in str(error)


def test_the_maker_may_lie_beside_the_study_file(tmp_path: Path) -> None:
    """From wherever the command is called; its own modules come with it, and no other module of that folder."""
    package = tmp_path / "drawn_beside"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "size.py").write_text("COUNT = 3\n")
    (package / "draw.py").write_text(
        "from .size import COUNT\n\ndef write(folder):\n    for n in range(COUNT):\n"
        "        (folder / 'ann').mkdir(exist_ok=True)\n        (folder / 'ann' / f'{n}.txt').touch()\n"
    )
    (tmp_path / "not_asked_for.py").write_text("")
    block = STUDY["stand_in"] | {"make": "drawn_beside.draw:write"}

    make_stand_in(study_with(tmp_path, root=tmp_path / "drawn", stand_in=block))

    assert len(list((tmp_path / "drawn").rglob("*.txt"))) == 3
    with pytest.raises(ModuleNotFoundError):
        import_module("not_asked_for")


def test_a_study_without_its_maker_says_where_it_is_looked_for(tmp_path: Path) -> None:
    """A file that was copied alone, and one that was written when the portraits were a part of the package."""
    earlier = "ablate.stand_ins.portraits:write_portraits"
    for make, words in (("nowhere.at_all:draw", str(tmp_path)), (earlier, PORTRAITS)):
        block = STUDY["stand_in"] | {"make": make}
        with pytest.raises(TrainerError) as caught:
            make_stand_in(study_with(tmp_path, root=tmp_path / "drawn", stand_in=block))
        assert words in str(caught.value)


def test_what_is_drawn_already_needs_no_maker(tmp_path: Path) -> None:
    """A work folder goes on though the code that drew its data is gone."""
    root = tmp_path / "drawn"
    root.mkdir()

    make_stand_in(study_with(tmp_path, root=root, stand_in=STUDY["stand_in"] | {"make": "nowhere.at_all:draw"}))


def test_the_shipped_stand_in_draws_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `ablate run PATH/studies/hollywood.yaml --stand-in` asks, called elsewhere."""
    monkeypatch.chdir(tmp_path)
    study = load_study(ROOT / "studies" / "hollywood.yaml", stand_in=tmp_path / "drawn")
    assert study.stand_in is not None

    assert study.stand_in.make == PORTRAITS
    assert find_maker(PORTRAITS, "here", ROOT / "studies").__module__ == "stand_in_portraits.portraits"


def test_portraits_are_drawn_in_a_clone_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed without one, the command says where the drawing lies."""
    monkeypatch.chdir(tmp_path)
    assert find_portraits().__name__ == "write_portraits"

    monkeypatch.setattr(stand_in, "__file__", str(tmp_path / "site" / "ablate" / "study" / "stand_in.py"))
    with pytest.raises(DataError, match="not part of the installed package"):
        find_portraits()


def test_the_command_names_a_work_folder_that_is_not_the_current_one(tmp_path: Path) -> None:
    """So that it can be copied as it is from anywhere."""
    error = with_way_out(DataMissing("no folder"), study_with(tmp_path), work=tmp_path / "a work")

    command = f"ablate run {tmp_path / 'faces.yaml'} --stand-in --work '{tmp_path / 'a work'}'"
    assert str(error).splitlines()[-1] == command
