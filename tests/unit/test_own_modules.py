"""A study's own code is found by its file; nothing else in the work folder is taken for a module of Python's."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate import trainer
from ablate.errors import TrainerError
from ablate.safety.own_modules import NamedModules, import_named, search_first, shadows
from ablate.trainer import load_trainer
from tests.training_builders import BUILT_IN

SOUND = """\
import ablate
MORE

class Config(ablate.Settings):
    lr: float = 0.1

def train(config: Config, run: ablate.Run) -> dict[str, float]:
    return {"accuracy": 0.5}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A work folder whose modules are forgotten afterwards."""
    before = dict(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    search_first(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - set(before):
        if "own_" in name:
            del sys.modules[name]


def installed(folder: Path, name: str, text: str = "WHOSE = 'installed'\n") -> Path:
    """A module in a place that Python knows before the work folder."""
    place = folder.parent / f"{folder.name}-installed"
    place.mkdir(exist_ok=True)
    (place / f"{name}.py").write_text(text)
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    importlib.invalidate_caches()
    return place / f"{name}.py"


def test_the_folder_is_the_last_place_for_other_imports(folder: Path) -> None:
    """Asked for twice it stands there once."""
    search_first(folder)

    assert sys.path[-1] == str(folder)
    assert sys.path.count(str(folder)) == 1
    assert sum(isinstance(finder, NamedModules) and finder.folder == folder for finder in sys.meta_path) == 1


def test_a_named_module_comes_from_the_folder_before_an_installed_one(folder: Path) -> None:
    """And it is said which of the two is used."""
    (folder / "own_a.py").write_text(SOUND.replace("MORE", ""))
    other = installed(folder, "own_a")
    trainer = load_trainer("own_a:train")

    assert trainer.train.__code__.co_filename == str(folder / "own_a.py")
    assert shadows("own_a:train") == [
        f"'own_a' is {folder / 'own_a.py'}, and not the installed module of that name, {other}."
    ]


@pytest.mark.parametrize("package", [True, False], ids=["package", "folder without __init__.py"])
def test_a_package_and_all_below_it_come_from_the_folder(package: bool, folder: Path) -> None:  # noqa: FBT001
    """Relative imports included."""
    name = f"own_package_{package}".lower()
    (folder / name / "inner").mkdir(parents=True)
    if package:
        (folder / name / "__init__.py").write_text("")
    (folder / name / "exp.py").write_text(SOUND.replace("MORE", "from .inner.nets import WHOSE"))
    (folder / name / "inner" / "nets.py").write_text("WHOSE = 'mine'\n")
    installed(folder, name)
    trainer = load_trainer(f"{name}.exp:train")

    assert trainer.train.__globals__["WHOSE"] == "mine"


def test_what_it_imports_beside_itself_is_found_behind_the_installed(folder: Path) -> None:
    """One's own utils.py stays one's own; where an installed module has its name, that one is used and it is said."""
    (folder / "own_b.py").write_text(SOUND.replace("MORE", "import own_utils\nimport own_twice"))
    (folder / "own_utils.py").write_text("WHOSE = 'mine'\n")
    (folder / "own_twice.py").write_text("WHOSE = 'mine'\n")
    other = installed(folder, "own_twice")
    found = load_trainer("own_b:train").train.__globals__
    (line,) = shadows("own_b:train")

    assert (found["own_utils"].WHOSE, found["own_twice"].WHOSE) == ("mine", "installed")
    assert str(other) in line
    assert str(folder / "own_twice.py") in line
    assert "rename the file" in line


def test_there_is_nothing_to_say_of_most_trainers(folder: Path) -> None:
    """Of the built-in one, and of one's own without namesakes, though a torch.py lies beside it."""
    (folder / "own_c.py").write_text(SOUND.replace("MORE", "import json"))
    (folder / "torch.py").write_text("raise SystemExit('executed')")
    load_trainer("own_c:train")

    assert shadows("own_c:train") == []
    assert shadows(BUILT_IN) == []


@pytest.mark.parametrize("name", ["json", "pydantic", "colorsys"])
def test_a_file_named_as_a_module_in_use_is_refused(name: str, folder: Path) -> None:
    """It cannot be both: rename it."""
    (folder / f"{name}.py").write_text(SOUND.replace("MORE", ""))

    with pytest.raises(TrainerError, match="has the name of a module that is in use") as refused:
        load_trainer(f"{name}:train")
    assert "another name" in refused.value.hint


def test_another_work_folder_has_a_module_of_its_own(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two trainers of one name in one process: each folder's own, and the first again."""
    other = tmp_path_factory.mktemp("other")
    for place in (folder, other):
        (place / "own_d.py").write_text(f"WHERE = {str(place)!r}\n")
    found = []
    for place in (folder, other, folder):
        search_first(place)
        found.append(import_named("own_d").WHERE)

    assert found == [str(folder), str(other), str(folder)]


NAMESAKES = ("torch", "numpy", "http", "json", "sqlite3", "yaml", "pandas", "scipy", "mlflow", "optuna", "secrets",
             "colorsys", "uuid", "matplotlib")  # fmt: skip
STUDY = """\
study: own
trainer: own_trainer:train
base: {lr: 0.2}
chain: {more: {lr: 0.4}}
evidence: {test: {folds: 2}, replicates: [2]}
"""
SEARCH = "search: {space: {lr: [0.1, 0.3]}, split: trainer, trials: 2}\n"


@pytest.fixture
def attacked(tmp_path: Path) -> Path:
    """A work folder in which modules of Python and of packages have namesakes that leave a trace."""
    for name in NAMESAKES:
        code = f"open({str(tmp_path / 'executed')!r}, 'a').write({name!r} + chr(10))\nraise ImportError('a namesake')\n"
        (tmp_path / f"{name}.py").write_text(code)
    (tmp_path / "own_trainer.py").write_text(SOUND.replace("MORE", "import numpy, json, own_part"))
    (tmp_path / "own_part.py").write_text("")
    (tmp_path / "own.yaml").write_text(STUDY)
    (tmp_path / "search.yaml").write_text(STUDY.replace("chain: {more: {lr: 0.4}}\n", SEARCH))
    return tmp_path


def called(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in that folder, by the interpreter's own search for `ablate`."""
    command = [sys.executable, "-m", "ablate", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "commands",
    [
        [("check", "own.yaml"), ("plan", "own.yaml"), ("status",), ("clean",)],
        [("run", "own.yaml", "--workers", "2"), ("report", "own.yaml"), ("sync", "own.yaml")],
        [("optuna", "search.yaml", "--executor", "inline", "--no-tracking")],
    ],
    ids=["looking", "running", "searching"],
)
def test_namesakes_in_the_work_folder_are_not_executed(commands: list[tuple[str, ...]], attacked: Path) -> None:
    """By no command, and in no process that it starts; the trainer beside them is found."""
    for arguments in commands:
        done = called(attacked, *arguments)

        assert done.returncode == 0, done.stdout + done.stderr
        trace = attacked / "executed"
        assert not trace.exists(), (arguments, trace.read_text())


def test_it_is_said_which_of_two_modules_is_used(attacked: Path) -> None:
    """On standard error, by every command that takes a study."""
    told = " ".join(called(attacked, "check", "own.yaml").stderr.split())

    assert "'own_trainer' imports 'numpy', which is the installed module" in told
    assert "numpy.py: rename the file to use it" in told


def test_a_reader_of_image_files_comes_from_the_work_folder_before_an_installed_namesake(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `data.reader` names is code of the study's, found as its trainer is."""
    from ablate.training.data.reader import find_reader

    installed = tmp_path_factory.mktemp("installed")
    (installed / "own_reader.py").write_text("def read(path):\n    return 'installed'\n", encoding="utf-8")
    (folder / "own_reader.py").write_text("def read(path):\n    return 'own'\n", encoding="utf-8")
    monkeypatch.syspath_prepend(installed)

    assert find_reader("own_reader:read")("any") == "own"


def test_a_callable_that_does_not_tell_its_parameters_is_taken_at_its_word() -> None:
    """As some that are written in C; whether it can be called is seen when it is."""
    assert trainer._first_parameter(dict, "builtins:dict") == "config"
