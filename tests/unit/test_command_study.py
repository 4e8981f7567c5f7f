"""A study of a command: what is refused before anything runs, what a run is known by, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.command.schema import path_of
from ablate.errors import AblateError, DataMissing, StudyError
from ablate.execute.devices import Device, bundles
from ablate.execute.resources import Need, Node, refuse_unschedulable
from ablate.records import Cell, Failed, Finished
from ablate.report.gather.cautions import command_cautions
from ablate.search.question import make_question
from ablate.search.unread import caution
from ablate.splits.rules import Replicate
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.study.study import Study
from ablate.trainer import former_source_digests, load_trainer, shown_path, source_digest
from tests.command_builders import a_block
from tests.command_line import ablate
from tests.training_builders import a_live_run, a_spec

TRAINER: dict[str, Any] = {
    "command": ["python", "train.py", "--lr", "{optimizer.lr}", "{?bn}", "--seed", "{seed}", "--out", "{folder}"],
    "results": {"file": "result.json"},
}
BASE = {"optimizer": {"lr": 0.1}, "bn": False}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the script lies in is the current one."""
    (tmp_path / "train.py").write_text("print(1)  # a script\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(base: dict[str, Any] | None = None, *, more: dict[str, Any] | None = None, **trainer: Any) -> Study:
    """A study of the script, written to study.yaml, one key a line."""
    content = {"study": "s", "trainer": TRAINER | trainer, "base": base or BASE}
    content |= {"one_at_a_time": {"BN": {"bn": True}}} | (more or {})
    Path("study.yaml").write_text(json.dumps(content, indent=1))
    return load_study("study.yaml")


def refusal(*asked: Any, **trainer: Any) -> str:
    """Why a study is refused, with the line of the file that is named."""
    with pytest.raises(AblateError) as caught:
        make_plan(study(*asked, **trainer))
    assert caught.value.hint
    place, _, message = caught.value.message.partition(": ")
    line = Path("study.yaml").read_text().splitlines()[int(place.rpartition(":")[2]) - 1]
    return f"{line.strip()} | {message}"


@pytest.mark.parametrize(
    ("metric", "metrics"), [("acuracy", {}), ("accuracy", {"accuracy": "acuracy"}), ("accuracy", {"kappa": "acuracy"})]
)
def test_a_metric_that_no_pattern_can_give_is_refused_before_anything_is_trained(
    metric: str, metrics: dict[str, str]
) -> None:
    """By its line, with the name that is near."""
    results = {"stdout": ["acc (?P<accuracy>[0-9.]+)", "f (?P<f1>[0-9.]+)"]}
    with pytest.raises(StudyError, match=r"gives accuracy, f1, and no 'acuracy'") as caught:
        make_plan(study(more={"evidence": {"metric": metric}}, results=results, metrics=metrics))
    assert "Did you mean 'accuracy'" in str(caught.value.hint)


def test_a_metric_by_another_name_and_one_of_the_answers_need_no_group() -> None:
    """The first is mapped, the second is computed."""
    results = {"stdout": "top1 (?P<top1>[0-9.]+)"}
    make_plan(study(results=results, metrics={"accuracy": "top1"}))
    make_plan(study(results=results, answers="answers.csv", more={"evidence": {"metric": "macro_f1"}}))


def test_a_key_that_the_command_never_uses_is_refused_at_its_line() -> None:
    """A change of it would change nothing."""
    assert (
        refusal(BASE | {"extra": 1})
        == "\"extra\": 1 | the command never uses 'extra', so a change of it would change nothing"
    )


def test_a_place_that_names_no_key_is_refused() -> None:
    """With the nearest one."""
    command = [*TRAINER["command"], "{optimizer.rl}"]

    assert "{optimizer.rl} names no key of base" in refusal(command=command)


@pytest.mark.parametrize("name", ["seed", "fold", "folder", "config"])
def test_a_key_cannot_have_the_name_of_what_is_put_in(name: str) -> None:
    """Nobody could say which is meant."""
    assert "is put in by ablate, and no key of base" in refusal(BASE | {name: 1})


def test_a_key_with_a_dot_is_refused() -> None:
    """Blocks are written as blocks."""
    assert "has a dot in it" in refusal({"optimizer.lr": 0.1, "bn": False})


@pytest.mark.parametrize("place", ["{seed}", "{replicate}", "{fold}:{seed}"])
def test_a_command_that_could_not_vary_is_refused(place: str) -> None:
    """One of the places that differ from replicate to replicate will do."""
    base, changes = {"lr": 0.1}, {"one_at_a_time": {"slower": {"lr": 0.01}}}

    assert "nothing in the command differs" in refusal(base, more=changes, command=["python", "train.py", "{lr}"])
    assert make_plan(study(base, more=changes, command=["python", "train.py", "{lr}", place])).variants


def test_what_a_resumed_run_alone_is_handed_makes_no_run_differ() -> None:
    """Nor does it use a key of base: a run that is never interrupted has neither."""
    words = ["--resume", "{checkpoint}", "--seed", "{seed}", "{lr}"]
    resume = {"resume": {"file": "last.ckpt", "words": words}}
    changes = {"one_at_a_time": {"slower": {"lr": 0.01}}}
    same = refusal({"lr": 0.1}, more=changes, command=["python", "train.py", "{lr}"], **resume)
    unused = refusal({"lr": 0.1}, more=changes, command=["python", "train.py", "{seed}"], **resume)

    assert "nothing in the command differs" in same
    assert "the command never uses 'lr'" in unused


def test_more_replicates_than_folds_need_more_than_the_fold() -> None:
    """Replicate 5 would be replicate 0 again, and count as another."""
    command = ["python", "train.py", "{optimizer.lr}", "{?bn}", "--fold", "{fold}"]
    asked = {"evidence": {"test": {"folds": 5}, "replicates": [3, 10]}}
    few = {"evidence": {"test": {"folds": 5}, "replicates": [3, 5]}}
    told = refusal(more=asked, command=command)

    assert "10 replicates of a command that differs by {fold} alone are 5 different runs" in told
    assert make_plan(study(more=few, command=command)).variants
    assert make_plan(study(more=asked, command=[*command, "{seed}"])).variants


def test_a_change_of_a_key_that_base_does_not_have_is_refused() -> None:
    """A typing error would change nothing, or a script's default."""
    told = refusal(more={"one_at_a_time": {"slower": {"optimizer.lrr": 0.01}}})

    assert told == "\"optimizer.lrr\": 0.01 | unknown key 'optimizer.lrr': base does not have it"


def test_a_block_that_is_replaced_may_have_other_keys() -> None:
    """Where the whole of it is handed over."""
    base = {"model": {"name": "a", "width": 4}}
    command = ["python", "train.py", "{overrides}", "seed={seed}"]
    other = {"one_at_a_time": {"b": {"model": {"name": "b", "depth": 2}}, "wide": {"model.width": 8}}}

    assert [v.config for v in make_plan(study(base, more=other, command=command)).variants][1:] == [
        {"model": {"name": "b", "depth": 2}}, {"model": {"name": "a", "width": 8}},
    ]  # fmt: skip
    assert "unknown key 'model.dept'" in refusal(
        base, more={"one_at_a_time": {"b": {"model.dept": 2}}}, command=command
    )


def test_a_value_that_cannot_be_written_is_refused_before_any_run() -> None:
    """At the line of the change."""
    told = refusal(more={"one_at_a_time": {"BN": {"bn": "yes"}}})

    assert told == '"bn": "yes" | {?bn} is for true, false or null, and the value is \'yes\''


def test_folds_need_a_test_in_folds() -> None:
    """{fold} of a fixed part would be 0 for ever."""
    command = ["python", "train.py", "{optimizer.lr}", "{?bn}", "{fold}"]

    assert "the test images are no folds" in refusal(more={"evidence": {"test": "official"}}, command=command)


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        ({"results": None}, "nobody would know what came of a run"),
        ({"results": {"file": "../x.json"}}, "does not lie in the run's folder"),
        ({"results": {"file": "a.json", "stdout": "json"}}, "are two places"),
        ({"results": {"stdout": "acc: (.*)"}}, "names no metric"),
        ({"results": {"stdout": "acc: (?P<a>.*"}}, "is no regular expression"),
        ({"curves": {"file": "a.csv", "stdout": "json"}}, "curves come from one place"),
        ({"curves": {"lightning": "/tmp"}}, "does not lie in the run's folder"),
        ({"answers": "../a.csv"}, "does not lie in the run's folder"),
        ({"command": "python 'train.py"}, "a quote is not closed"),
        ({"resume": {"file": "x", "words": ["--resume"]}}, "never name the file"),
        ({"images": "images.csv"}, "the command has no {split}"),
        ({"resources": {"gpus": -1}}, "expected a whole number of at least 0"),
        ({"command": []}, "expected a list of at least 1 value"),
    ],
)
def test_a_block_that_cannot_be_meant_is_refused(trainer: dict[str, Any], message: str) -> None:
    """With file and line."""
    assert message in refusal(**trainer)


@pytest.mark.parametrize(
    ("command", "message", "verb"),
    [
        ("pyhton train.py {optimizer.lr} {?bn} {seed}", "there is no program 'pyhton'", "check"),
        ("python tarin.py {optimizer.lr} {?bn} {seed}", "there is no file tarin.py", "plan"),
        ("./train.py {optimizer.lr} {?bn} {seed}", "is not executable", "run"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_written(here: Path, command: str, message: str, verb: str) -> None:
    """Exit code 2; a report can be written all the same, from runs that are there."""
    study(command=command)
    told = ablate(here, verb, "study.yaml")

    assert told.exit_code == 2
    assert message in told.output
    assert sorted(path.name for path in here.iterdir()) == ["study.yaml", "train.py"]


def test_a_command_may_run_in_another_folder(here: Path) -> None:
    """From where `ablate` is called; its script and its programs are looked for there."""
    (here / "inner").mkdir()
    (here / "inner" / "go.py").write_text("")
    inner = study(cwd="inner", command="python go.py {optimizer.lr} {?bn} {seed}")
    inner.trainer.refuse_absent()

    with pytest.raises(AblateError, match="there is no folder"):
        study(cwd="nowhere").trainer.refuse_absent()


def test_a_module_may_be_the_script(here: Path) -> None:
    """As `python -m` finds it."""
    (here / "pkg").mkdir()
    (here / "pkg" / "go.py").write_text("print(1)\n")
    path = study(command="python -m pkg.go {optimizer.lr} {?bn} {seed}").trainer.path
    before = source_digest(path)
    (here / "pkg" / "go.py").write_text("print(2)\n")

    assert before != source_digest(path)


def test_words_in_a_text_and_in_a_list_are_the_same_command() -> None:
    """And what stands at its default is no part of it."""
    listed, text = (
        a_block(command=["python", "a b.py", "{seed}"]),
        a_block(command='python "a b.py" {seed}', metrics={}),
    )

    assert path_of(listed) == path_of(text)
    assert path_of(listed) != path_of(a_block(command=["python", "a", "b.py", "{seed}"]))


def test_a_record_tells_all_that_a_run_needs() -> None:
    """The trainer of a record is made from its path, and a message calls it by its words."""
    path = study().trainer.path

    assert load_trainer(path).path == path
    assert shown_path(path).startswith("`python train.py --lr {optimizer.lr}")
    assert shown_path("ablate.command:train {") == "a command"
    assert former_source_digests(path) == ()
    with pytest.raises(AblateError, match="cannot be read"):
        load_trainer('ablate.command:train {"comand": []}')


def test_the_source_is_what_the_script_does(here: Path) -> None:
    """Not how it is commented, nor the study file; files named by `sources:` alone where there are some."""
    path = study().trainer.path
    before = source_digest(path)
    (here / "train.py").write_text("print( 1 )\n")
    (here / "other.yaml").write_text("study: other\n")
    (here / "study.schema.json").write_text('{"properties": {"study": {}}}')
    (here / "reports").mkdir()
    (here / "reports" / "x.json").write_text("{}")
    same = source_digest(path)
    (here / "conf.yaml").write_text("lr: 1\n")
    with_config = source_digest(path)
    (here / "train.py").write_text("print(2)\n")

    assert before == same
    assert len({before, with_config, source_digest(path)}) == 3
    assert source_digest(study(sources=["train.py"]).trainer.path) == source_digest(
        study(sources=["*.py"]).trainer.path
    )
    with pytest.raises(AblateError, match="matches no file"):
        source_digest(study(sources=["*.pyx"]).trainer.path)


def test_the_plan_lists_what_is_digested(here: Path) -> None:
    """Source and data, or that these are not checked."""
    (here / "data").mkdir()
    study()
    without = ablate(here, "plan", "study.yaml").output
    study(inputs=["data"])
    with_inputs = ablate(here, "plan", "study.yaml").output

    assert "Source of the command: train.py" in " ".join(without.split())
    assert "not checked" in without
    assert "by name, size and time" in " ".join(with_inputs.split())


def test_data_that_were_changed_or_are_gone_are_noticed(here: Path) -> None:
    """By name, size and time; a folder by all that lies in it."""
    (here / "data").mkdir()
    (here / "data" / "a.bin").write_text("1")
    trainer = study(inputs=["data"]).trainer
    assert trainer.prepare is not None
    assert trainer.locate is not None
    config = trainer.config.model_validate(BASE)
    run = a_live_run(here, a_spec(BASE, trainer=trainer.path))
    before, again = trainer.prepare(config, run), trainer.prepare(config, run)
    (here / "data" / "b.bin").write_text("2")
    after = trainer.prepare(config, run)
    (here / "data").rename(here / "elsewhere")

    assert before == again
    assert before.digest != after.digest
    assert [Path(path).name for path in before.watch] == ["data", "a.bin"]
    with pytest.raises(DataMissing, match="there is no data"):
        trainer.locate(config)


def test_a_search_needs_to_know_which_number_is_of_validation() -> None:
    """Its page says that this is the script's word."""
    asked = {"search": {"space": {"optimizer.lr": {"low": 0.01, "high": 1.0}}}}
    with pytest.raises(StudyError, match="which of its numbers is of validation"):
        make_question(study(more=asked))
    question = make_question(study(more=asked, results={"file": "r.json", "validation": "val_acc"}))

    assert "'val_acc' to be of validation images, and nobody checked that" in caution(question, [], Store(Path()))


def cell(variant: str, replicate: int, value: float, images: str | None = None) -> Cell:
    """A finished run of one number."""
    result = Finished(folder=Path(), metrics={"accuracy": value}, images=images)
    return Cell(variant=variant, replicate=Replicate(index=replicate), result=result)


def test_a_script_that_ignores_its_seed_is_named_from_its_equal_results() -> None:
    """One that differs once is not."""
    cells = [cell("a", r, 0.5) for r in range(3)] + [cell("b", r, 0.5 + r / 100) for r in range(3)]
    told = list(command_cautions(study().trainer, cells))

    assert [line.split(". ")[0] for line in told if "exactly the same numbers" in line] == [
        "Every replicate gave exactly the same numbers: a"
    ]


def test_two_equal_numbers_are_no_ground_for_doubting_the_seed() -> None:
    """A share of few images is met twice by chance; two metrics at once hardly are."""
    one = [cell("a", r, 0.5) for r in range(2)]
    several = [replace(c, result=replace(c.result, metrics={"accuracy": 0.5, "loss": 0.123})) for c in one]

    assert not any("same numbers" in line for line in command_cautions(study().trainer, one))
    assert any("same numbers" in line for line in command_cautions(study().trainer, several))


def test_replicates_that_come_again_on_the_same_fold_are_named() -> None:
    """As of a script that takes the seed and uses the fold alone; one that differs once is not, nor one alone."""
    again = [cell("a", r, 0.5 + r % 5 / 100) for r in range(10)]
    other = [cell("b", r, 0.5 + r % 5 / 100 + (r == 7) / 50) for r in range(10)]
    short = [cell("c", r, 0.5 + r % 5 / 100) for r in range(6)]
    told = list(command_cautions(study().trainer, [*again, *other, *short], folds=5))

    assert [line.split(". ")[0] for line in told if "same numbers" in line] == [
        "Replicates on the same fold gave exactly the same numbers: a"
    ]
    assert not any("same numbers" in line for line in command_cautions(study().trainer, again))


def test_the_report_says_what_is_lost() -> None:
    """Without inputs nobody looks at the data, without answers no image is compared; nothing of either with both."""
    failed = Cell(variant="a", replicate=Replicate(index=1), result=Failed(folder=Path(), reason="error"))
    bare = list(command_cautions(study().trainer, [cell("a", 0, 0.5), failed]))
    full = list(command_cautions(study(inputs=["train.py"]).trainer, [cell("a", 0, 0.5, images="o.npz")]))

    assert [line.split(":")[0][:40] for line in bare] == [
        "The data of these runs are not checked", "The command hands over no answers image ",
    ]  # fmt: skip
    assert full == []


def test_cards_are_handed_out_together_by_kind() -> None:
    """Those left over are in no set."""
    cards = [Device("0", "A"), Device("1", "A"), Device("2", "B"), Device("3", "A"), Device("4", "B")]

    assert bundles(cards, 2) == (Device("0,1", "A"), Device("2,4", "B"))
    assert bundles(cards, 4) == ()


def test_a_node_carries_runs_of_several_cards() -> None:
    """As many as its cards make sets."""
    node = Node("n", processors=64, cards=5)

    assert node.carries(Need(8, 2.0)) == 2
    with pytest.raises(StudyError, match="takes 6 graphics cards"):
        refuse_unschedulable([node], Need(8, 6.0))
