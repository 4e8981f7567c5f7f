"""Trainers whose packages are not installed."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate.errors import TrainerError
from ablate.safety.own_modules import NamedModules
from ablate.study.absent import read_trainer
from ablate.trainer import Trainer, search_first, source_digest

NUMBERS = itertools.count()

TAKES_NAMES = """\
import ablate
import nobody_has_this.nn as nn
from nobody_has_this import Tensor, no_grad
from nobody_has_that.data import load as load_data

METRICS = {"accuracy": "max", "loss": "min"}

class Net(nn.Module):
    def forward(self, x: Tensor | None) -> "list[Tensor]":
        return nn.functional.relu(x)

class Config(ablate.Settings):
    lr: float = 0.5

@no_grad()
def helper(images: nn.Batch[int]) -> None: ...

def train(config: Config, run: ablate.Run) -> ablate.Outcome:
    return load_data(helper)

@nn.compiled
def check_config(config: Config, protocol) -> None:
    if nn.limit(config.lr) > 1:
        raise ValueError
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A work folder in which dotted paths are looked for first."""
    before, path = list(sys.meta_path), list(sys.path)
    search_first(tmp_path)
    yield tmp_path
    sys.meta_path[:], sys.path[:] = before, path
    assert not [finder for finder in sys.meta_path if isinstance(finder, NamedModules) and finder.folder == tmp_path]


def trainer_of(folder: Path, source: str) -> Trainer:
    """The trainer of a module with this text, read."""
    name = f"read_{next(NUMBERS)}"
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    return read_trainer(f"{name}:train")


def test_a_trainer_is_read_without_the_packages_it_trains_with(folder: Path) -> None:
    """Names taken from them, classes derived, decorators and annotations do not need them."""
    found = trainer_of(folder, TAKES_NAMES)

    assert found.missing == ("nobody_has_this", "nobody_has_that")
    assert found.metrics == {"accuracy": "max", "loss": "min"}
    assert found.config.model_validate({"lr": 1}).model_dump() == {"lr": 1.0}
    assert len(source_digest(found.path)) == 64


def test_nothing_that_stands_in_is_left_for_others(folder: Path) -> None:
    """Whoever asks for the package afterwards is told that it is missing."""
    trainer_of(folder, TAKES_NAMES)

    with pytest.raises(ModuleNotFoundError, match="nobody_has_this"):
        __import__("nobody_has_this")


def test_what_uses_a_missing_package_later_names_it(folder: Path) -> None:
    """A companion that is called all the same ends with the package's name, and with no made-up value."""
    found = trainer_of(folder, TAKES_NAMES)
    assert found.check_config is not None

    with pytest.raises(ModuleNotFoundError, match="nobody_has_this"):
        found.check_config(found.config(), None)
    with pytest.raises(ModuleNotFoundError, match="nobody_has_that"):
        found.train(found.config(), None)


def test_a_trainer_with_missing_packages_is_not_run(folder: Path) -> None:
    """All of them are named at once."""
    with pytest.raises(TrainerError) as caught:
        trainer_of(folder, TAKES_NAMES).refuse_missing("here.yaml:3: ")

    assert caught.value.message.startswith("here.yaml:3: trainer 'read_")
    assert caught.value.message.endswith(
        "needs the modules 'nobody_has_this', 'nobody_has_that', which are not installed"
    )


def test_a_package_that_was_installed_since_is_taken(folder: Path) -> None:
    """A notebook need not be started again."""
    source = TAKES_NAMES.replace("nobody_has_this", "comes_later").replace("nobody_has_that", "comes_later")
    first = trainer_of(folder, source)
    (folder / "comes_later").mkdir()
    (folder / "comes_later" / "__init__.py").write_text(
        "class Tensor: ...\ndef no_grad(): return lambda function: function\n", encoding="utf-8"
    )
    (folder / "comes_later" / "nn.py").write_text(
        "from comes_later import Tensor as Module\nBatch = list\ncompiled = lambda function: function\n",
        encoding="utf-8",
    )
    (folder / "comes_later" / "data.py").write_text("def load(of): return 'loaded'\n", encoding="utf-8")
    again = read_trainer(first.path)

    assert (first.missing, again.missing) == (("comes_later",), ())
    assert again.train(again.config(), None) == "loaded"


def test_a_fallback_that_a_trainer_has_itself_is_taken(folder: Path) -> None:
    """`try: import ... except ImportError:` goes its own way, as in a run."""
    source = """\
import ablate
try:
    import nobody_has_this
except ImportError:
    nobody_has_this = None
class Config(ablate.Settings):
    width: int = 8 if nobody_has_this is None else 64
def train(config: Config, run): ...
"""
    found = trainer_of(folder, source)

    assert (found.missing, found.config().model_dump()) == ((), {"width": 8})


HEAD = "import ablate\nimport nobody_has_this as lib\n"
TAIL = "class Config(ablate.Settings):\n    lr: float = 0.5\ndef train(config: Config, run): ...\n"


@pytest.mark.parametrize(
    "source",
    [
        HEAD + "WIDTH = 8 if lib.cuda.is_available() else 1\n" + TAIL,
        HEAD + "for one in lib.names(): pass\n" + TAIL,
        HEAD + "first, second = lib.pair()\n" + TAIL,
        HEAD + "WIDTH = 2 * lib.WIDTH\n" + TAIL,
        HEAD + "WIDTH = int(lib.WIDTH)\n" + TAIL,
        HEAD + "NAME = f'{lib.name}'\n" + TAIL,
        HEAD + "NAME = lib.__version__\n" + TAIL,
        HEAD + "NEW = lib.version > (2, 0)\n" + TAIL,
        HEAD + "with lib.no_grad(): pass\n" + TAIL,
        HEAD + "METRICS = lib.METRICS\n" + TAIL,
        HEAD + "METRICS = {'accuracy': lib.MAX}\n" + TAIL,
        HEAD + "WEIGHTS = lib.last\n" + TAIL,
        HEAD + TAIL.replace("0.5", "lib.LR"),
        HEAD + TAIL.replace(": float = 0.5", ": lib.Rate"),
        HEAD + TAIL.replace("config: Config", "config: lib.Config"),
        HEAD + TAIL.replace("(ablate.Settings)", "(lib.Settings)"),
        HEAD + "train = lib.train\n",
        HEAD + "from nobody_has_this import *\nprint(names)\n" + TAIL,
        HEAD + "1 / 0\n" + TAIL,
    ],
)
def test_a_trainer_that_needs_a_value_of_a_missing_package_names_it(folder: Path, source: str) -> None:
    """No setting, metric or branch is made up: the sentence is the one without stand-ins."""
    with pytest.raises(TrainerError, match="needs the module 'nobody_has_this', which is not installed"):
        trainer_of(folder, source)


def test_what_was_refused_before_does_not_refuse_another(folder: Path) -> None:
    """Settings of a trainer that could not be read may still be held somewhere, as in a notebook's traceback."""
    with pytest.raises(TrainerError) as held:
        trainer_of(folder, HEAD + TAIL.replace("0.5", "lib.LR"))

    assert trainer_of(folder, TAKES_NAMES).missing == ("nobody_has_this", "nobody_has_that")
    assert held.value.message.startswith("trainer 'read_")


def test_settings_that_were_refused_are_refused_again(folder: Path) -> None:
    """Also where their module has let go of what it took from the package, and was loaded meanwhile."""
    name = f"own_settings_{next(NUMBERS)}"
    (folder / f"{name}.py").write_text(HEAD + TAIL.replace("0.5", "lib.LR") + "del lib\n", encoding="utf-8")
    source = f"from {name} import Config\ndef train(config: Config, run): ...\n"
    first = f"read_{next(NUMBERS)}"
    (folder / f"{first}.py").write_text(source, encoding="utf-8")

    for _ in range(2):
        with pytest.raises(TrainerError, match="needs the module 'nobody_has_this'"):
            read_trainer(f"{first}:train")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_own_module_at_all.x\n1 / 0\n", "needs the module 'no_such_own_module_at_all'"),
        ("import numpy.no_such_part\n" + TAIL, "needs the module 'numpy.no_such_part'"),
        ("import ablate.no_such_part\n" + TAIL, "needs the module 'ablate.no_such_part'"),
        ("raise ImportError('pip install the_rest')\n", "cannot be imported: ImportError: pip install the_rest"),
    ],
)
def test_what_no_stand_in_can_mend_is_told_as_ever(folder: Path, source: str, message: str) -> None:
    """A part that an installed package lacks is a mistake, and so is an error of the module's own."""
    with pytest.raises(TrainerError, match=message):
        trainer_of(folder, source)


def test_a_module_that_is_not_there_is_not_stood_in_for() -> None:
    """The trainer itself has to be there."""
    with pytest.raises(TrainerError, match="there is no module 'no_such_trainer_anywhere'"):
        read_trainer("no_such_trainer_anywhere.exp:train")
