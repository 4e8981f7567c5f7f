"""A study of somebody's script: its options are read off its text, which is never run."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.errors import StudyError
from ablate.workflows.beginning.results_guess import guess_results
from ablate.workflows.beginning.script import Option, read_script
from ablate.workflows.beginning.script_study import study_of_script
from ablate.workflows.beginning.sweeps import study_of_hydra, study_of_sweep
from ablate.workflows.beginning.tries import plain_value

APP = "-m app.train"
"""A module, which is not looked into."""

TRAIN = """\
import argparse, json
import torch

raise SystemExit("this script must not be run")

def get_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="path")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("-b", "--batch-size", default=256, type=int, metavar="N")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--use-bn", action="store_true", default=False)
    parser.add_argument("--no-aug", action="store_false", dest="aug")
    parser.add_argument("--ema", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--milestones", type=int, nargs="+", default=[30, 60])
    parser.add_argument("--opt", choices=["sgd", "adam"], default="sgd", type=str)
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--out", default="runs/x")
    return parser.parse_args()

def main(args):
    print(f"epoch {1}: loss {0.5:.3f}")
    print("Test Acc@1 {:.2f}% ({} images)".format(91.5, 100))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A script that would fail if it were run."""
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path / "train.py"


def words_of(path: Path, *tries: str, line: str = "data/x") -> list[str]:
    return list(study_of_script(f"'{path}' {line}", tries, 5).words)


def test_options_are_read_as_argparse_would_have_them(script: Path) -> None:
    """Name, default and what stands behind each."""
    found = {option.flag: option for option in read_script(script).options}

    assert found["--batch-size"] == Option("--batch-size", "batch_size", default=256, type="int")
    assert found["--use-bn"] == Option("--use-bn", "use_bn", kind="on", default=False)
    assert found["--no-aug"] == Option("--no-aug", "aug", kind="off", default=True)
    assert (found["--ema"].kind, found["--milestones"].kind) == ("pair", "list")
    assert list(read_script(script).positional) == ["data"]


def test_each_try_is_a_change_on_the_scripts_defaults(script: Path) -> None:
    """Switches, values, lists, two at once."""
    study = study_of_script(
        f"'{script}' data/x", ["--use-bn", "--dropout 0.5", "--no-aug", "--milestones 10 20", "--opt adam --lr=1e-3"], 5
    )

    assert [change.values for change in study.changes] == [
        {"use_bn": True},
        {"dropout": 0.5},
        {"aug": False},
        {"milestones": [10, 20]},
        {"opt": "adam", "lr": 0.001},
    ]
    assert study.base == {
        "lr": 0.1, "dropout": 0.0, "use_bn": False, "aug": True, "milestones": [30, 60], "opt": "sgd",
    }  # fmt: skip
    assert study.seeds == 5


def test_seed_and_folder_go_where_the_script_takes_them(script: Path) -> None:
    """By the names of its options."""
    words = words_of(script, "--dropout 0.5")

    assert words[:3] == ["python", str(script), "data/x"]
    assert words[-4:] == ["--seed", "{seed}", "--out", "{folder}"]


def test_the_printed_accuracy_is_found(script: Path) -> None:
    """In percent, since a % sign follows it."""
    guess = guess_results(read_script(script))
    found = re.search(str(guess.results["stdout"]), "Test Acc@1 91.50% (100 images)")

    assert found is not None
    assert found["accuracy"] == "91.50"
    assert guess.metrics == {"accuracy": {"percent": True}}


def test_the_line_of_a_well_known_example_is_read(tmp_path: Path) -> None:
    """Right answers of all, then the percentage: the latter is the accuracy."""
    (tmp_path / "mnist.py").write_text(
        "print('\\nTest set: Average loss: {:.4f}, Accuracy: {}/{} ({:.0f}%)\\n'.format(1.0, 2, 3, 4.0))"
    )
    guess = guess_results(read_script(tmp_path / "mnist.py"))
    line = "Test set: Average loss: 0.0264, Accuracy: 9913/10000 (99%)"
    found = re.search(str(guess.results["stdout"]), line)

    assert found is not None
    assert found["accuracy"] == "99"


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("import wandb", {"wandb": "."}),
        ("import lightning as L", {"lightning": "."}),
        ("import mlflow", {"mlflow": True}),
        ("import json\njson.dump({}, open(f'{out}/metrics.json', 'w'))", {"file": "metrics.json"}),
        ("from torch.utils.tensorboard import SummaryWriter\nw = SummaryWriter()", {"tensorboard": "."}),
        ("x = 1", {"file": "result.json"}),
    ],
)
def test_what_a_script_logs_to_is_guessed(text: str, results: dict[str, Any], tmp_path: Path) -> None:
    """By what it imports and names; the file says that it is a guess."""
    (tmp_path / "a.py").write_text(text)

    assert guess_results(read_script(tmp_path / "a.py")).results == results


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wandb.log({'train/acc': a, 'val/acc': b, 'test/acc': c})", "test/acc"),
        ("wandb.log({'train_acc': a, 'val_acc1': b})", "val_acc1"),
        ("wandb.log({'accuracy': a})", None),
        ("wandb.log({'loss': a})", None),
    ],
)
def test_the_name_of_the_accuracy_is_guessed(text: str, name: str | None, tmp_path: Path) -> None:
    """Of test images before validation images, of training images never."""
    (tmp_path / "a.py").write_text(f"import wandb\n{text}\n")

    assert guess_results(read_script(tmp_path / "a.py")).metrics == ({} if name is None else {"accuracy": name})


def test_options_of_a_module_beside_the_script_are_found(tmp_path: Path) -> None:
    """As many keep them in args.py."""
    (tmp_path / "args.py").write_text("p.add_argument('--seed', type=int)\np.add_argument('--lr', default=0.1)\n")
    (tmp_path / "main.py").write_text("import args\n")

    assert [one.flag for one in read_script(tmp_path / "main.py").options] == ["--seed", "--lr"]


@pytest.mark.parametrize(
    ("tried", "message"),
    [
        ("--use_bn", "no option '--use_bn'"),
        ("--dropout", "takes a value"),
        ("--dropout 0.0", "is 0.0 already"),
        ("--use-bn yes", "takes no value"),
        ("--lr 1 2", "is a second one"),
        ("--opt 'adam", "not closed"),
        ("", "--try is empty"),
        ("--opt adan", "does not take 'adan'. Did you mean 'adam'? Its choices are sgd, adam"),
        ("--dropout half", "takes a number (type=float), and 'half' is none"),
        ("--milestones 10 2.5", "takes a whole number (type=int), and '2.5' is none"),
    ],
)
def test_a_try_that_cannot_be_meant_is_refused(script: Path, tried: str, message: str) -> None:
    """With the option that is near, or what it takes."""
    with pytest.raises(StudyError, match=re.escape(message)):
        words_of(script, tried)


def test_what_the_script_cannot_do_without_is_asked_for(script: Path) -> None:
    """Before a run would find it out."""
    with pytest.raises(StudyError, match="cannot do without data"):
        words_of(script, "--dropout 0.5", line="")


def test_a_script_without_a_seed_is_refused_unless_its_place_is_named(tmp_path: Path) -> None:
    """Its replicates could not vary."""
    (tmp_path / "a.py").write_text("p.add_argument('--lr', default=0.1)\np.add_argument('--chance', default=0)\n")
    with pytest.raises(StudyError, match="no option for a seed"):
        words_of(tmp_path / "a.py", "--lr 1", line="")

    assert words_of(tmp_path / "a.py", "--lr 1", line="--chance {seed}")[2:4] == ["--chance", "{seed}"]


def test_what_is_no_script_is_refused(tmp_path: Path) -> None:
    """Absent, no Python, without options."""
    (tmp_path / "no.py").write_text("def (")
    (tmp_path / "empty.py").write_text("x = 1")
    for name, message in (
        ("gone.py", "no file"),
        ("no.py", "cannot be read as Python"),
        ("empty.py", "adds no option"),
    ):
        with pytest.raises(StudyError, match=message):
            words_of(tmp_path / name, "--lr 1", line="")


@given(st.floats(1e-6, 1e3), st.integers(1, 999), st.booleans())
def test_what_is_read_is_what_argparse_reads(rate: float, count: int, switch: bool) -> None:  # noqa: FBT001
    """The settings of a change, put back into words, mean to the script what was typed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float)
    parser.add_argument("--count", type=int)
    parser.add_argument("--switch", action="store_true")
    typed = ["--rate", repr(rate), "--count", str(count), *["--switch"] * switch]
    again = ["--rate", str(plain_value(repr(rate))), "--count", str(plain_value(str(count))), *["--switch"] * switch]

    assert parser.parse_args(typed) == parser.parse_args(again)


# --- sweeps -----------------------------------------------------------------------------------


def test_a_hydra_sweep_is_one_change_at_a_time_on_the_first_values() -> None:
    """With its seeds as replicates."""
    study = study_of_hydra("model=a,b aug=none,mixup,'cut mix' optim.lr=0.1 seed=1,2,3", APP, 5)

    assert study.base == {"model": "a", "aug": "none", "optim": {"lr": 0.1}}
    assert [change.values for change in study.changes] == [{"model": "b"}, {"aug": "mixup"}, {"aug": "cut mix"}]
    assert list(study.words) == ["python", "-m", "app.train", "{overrides}", "seed={seed}", "hydra.run.dir={folder}"]
    assert study.seeds == 3


def test_a_group_and_a_key_below_it_get_places_of_their_own() -> None:
    """`model: a` cannot be a word and a block; nor can `+new` be a key."""
    study = study_of_hydra("model=a,b model.width=64 +new.key=1,2", APP, 5)

    assert study.base == {"model": "a", "model_width": 64, "new_key": 1}
    assert list(study.words[3:6]) == ["model={model}", "model.width={model_width}", "+new.key={new_key}"]


def test_ranges_and_choices_of_hydra_are_listed() -> None:
    """What can be listed; the rest is refused with the way out."""
    study = study_of_hydra("a=range(1,4) b=choice(x,y) c=[1,2],[3]", APP, 5)

    assert study.base == {"a": 1, "b": "x", "c": "[1,2]"}
    assert [change.values for change in study.changes] == [{"a": 2}, {"a": 3}, {"b": "y"}, {"c": "[3]"}]
    for sweep, message in (
        ("a=interval(0,1)", "cannot be listed"),
        ("a=1", "nothing is compared"),
        ("a", "no override"),
        ("a=1,2 a=3", "appears twice"),
        ("a=range(0,1000)", "1000 values"),
    ):
        with pytest.raises(StudyError, match=message):
            study_of_hydra(sweep, APP, 5)


SWEEP = """\
program: train.py
method: METHOD
metric: {name: val_accuracy, goal: maximize}
parameters:
  optimizer: {values: [sgd, adam]}
  bn: {values: [false, true]}
  epochs: {value: 10}
  seed: {values: [1, 2, 3]}
"""


def test_a_grid_of_wandb_is_one_change_at_a_time(tmp_path: Path) -> None:
    """With the seeds of the sweep as replicates, and its metric."""
    (tmp_path / "sweep.yaml").write_text(SWEEP.replace("METHOD", "grid"))
    study = study_of_sweep(tmp_path / "sweep.yaml", 5)

    assert study.base == {"epochs": 10, "optimizer": "sgd", "bn": False}
    assert [change.values for change in study.changes] == [{"optimizer": "adam"}, {"bn": True}]
    assert list(study.words) == [
        "python", "train.py", "--epochs={epochs}", "--optimizer={optimizer}", "--bn={bn}", "--seed={seed}",
    ]  # fmt: skip
    assert (study.seeds, study.metric, study.guess.metrics) == (3, "accuracy", {"accuracy": {"key": "val_accuracy"}})
    assert not study.search


def test_a_random_sweep_is_a_search(tmp_path: Path) -> None:
    """Its ranges as ranges, by the logarithm where it draws by that; judged by its own metric."""
    (tmp_path / "sweep.yaml").write_text(
        SWEEP.replace("METHOD", "bayes")
        + "  lr: {distribution: log_uniform_values, min: 0.0001, max: 0.01}\n  layers: {min: 2, max: 6}\n"
    )
    study = study_of_sweep(tmp_path / "sweep.yaml", 5)

    assert study.search["space"] == {
        "optimizer": ["sgd", "adam"],
        "bn": [False, True],
        "lr": {"low": 0.0001, "high": 0.01, "log": True},
        "layers": {"low": 2, "high": 6},
    }
    assert (study.base["lr"], study.base["layers"]) == (0.001, 4)
    assert study.guess.results == {"wandb": ".", "validation": "val_accuracy"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1", "no sweep"),
        ("parameters: {a: {values: [1, 2]}}", "names no program"),
        ("program: x.py\nparameters: {a: {distribution: normal, mu: 0, sigma: 1}}", "distribution 'normal'"),
        ("program: x.py\nparameters: {a: {value: 1}}", "compares nothing"),
        ("program: x.py\nparameters: {a: 1}", "is no block"),
    ],
)
def test_what_is_no_sweep_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """With what it would need."""
    (tmp_path / "sweep.yaml").write_text(text)
    with pytest.raises(StudyError, match=message):
        study_of_sweep(tmp_path / "sweep.yaml", 5)
