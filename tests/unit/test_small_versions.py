"""A small version: a study of its own that keeps the question at another size, and says so before anything else."""

from __future__ import annotations

from collections.abc import Callable
from html import escape as html_escape
from pathlib import Path
from typing import Any

import pytest
import yaml

from ablate.errors import DataMissing, StudyError
from ablate.harness.tracker_feed import study_card
from ablate.report.gather.next_steps import commands_for
from ablate.report.page.notebook import findings_html
from ablate.report.wording.evidence import banners
from ablate.report.wording.language import ENGLISH, Words, words_of
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from ablate.study.small import small_notes
from ablate.study.stand_in import with_way_out
from ablate.study.study import Study
from ablate.workflows.examine_data import not_there
from ablate.workflows.options import Options
from ablate.workflows.search.join import join_search
from ablate.workflows.search.run import run_search
from tests.builders import findings_of

STUDY: dict[str, Any] = {
    "study": "faces",
    "base": {
        "data": {"source": {"name": "image_folder", "root": "nowhere"}, "classes": 2, "image_size": 64},
        "model": {"name": "vgg11", "norm": None, "dropout": None, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 0.001},
        "epochs": 40,
    },
    "one_at_a_time": {
        "BN": {"model.norm": {"name": "batch"}},
        "warm-up": {"warmup": {"epochs": 5, "start": 0.01}},
        "rates": {"optimizer.lr": {"each": [0.1, 0.01]}},
    },
    "compare": {"wide": {"set": {"model.width": 128}}},
    "derive": {"flipped": {"from": "baseline", "tta": {"flip": True}}},
    "evidence": {
        "families": {"network": ["BN"], "training": ["warm-up", "rates"]},
        "also_test": {"other": {"source": {"name": "image_folder", "root": "elsewhere"}}},
    },
    "published": {"protocol": "one run each", "accuracy": {"baseline": 0.4}},
    "search": {"space": {"batch_size": [16, 32]}, "val": 100},
    "stand_in": {"make": "tests.unit.test_standing_in:write_two_classes", "set": {"data.image_size": 48}},
    "small": {
        "keeps": "The changes,\nnot their size.",
        "set": {"epochs": 4, "evidence.replicates": [2], "search.val": 10},
        "changes": {"warm-up": {"warmup": {"epochs": 1, "start": 0.01}}, "wide": {"model.width": 96}},
        "leave_out": ["BN", "flipped"],
    },
}


class PaperIsGoneError(Exception):
    """Nothing can be drawn."""


def draw_nothing(folder: Path) -> None:
    raise PaperIsGoneError(folder.name)


def study_of(
    tmp_path: Path, *, asked: Path | bool = True, drawn: Path | None = None, sets: tuple[str, ...] = (), **new: Any
) -> Study:
    """The study with other blocks; keys of `small:` by `small_KEY`."""
    inside = {key.removeprefix("small_"): value for key, value in new.items() if key.startswith("small_")}
    blocks = STUDY | {key: value for key, value in new.items() if not key.startswith("small_")}
    if inside:
        blocks["small"] = STUDY["small"] | inside
    path = tmp_path / "faces.yaml"
    path.write_text(yaml.safe_dump(blocks, sort_keys=False))
    return load_study(path, small=asked, stand_in=drawn, sets=sets)


def test_it_has_a_name_an_experiment_and_a_size_of_its_own(tmp_path: Path) -> None:
    """Its runs, its report and what MLflow shows never mix with the study's."""
    study = study_of(tmp_path)

    assert (study.name, study.experiment) == ("faces@small", "faces@small")
    assert (study.base["epochs"], study.evidence.replicates) == (4, [2])
    assert study.search is not None
    assert study.search.val == 10
    assert (study.published, dict(study.evidence.also_test)) == (None, {})


def test_without_the_option_the_block_changes_nothing(tmp_path: Path) -> None:
    """The study is the one it was before it offered a small version."""
    study, bare = study_of(tmp_path, asked=False), study_of(tmp_path, asked=False, small=None)

    assert (study.name, study.experiment, study.base) == (bare.name, bare.experiment, bare.base)
    assert make_plan(study).variants == make_plan(bare).variants
    assert small_notes(study) == ()


def test_changes_of_another_size_take_the_place_of_the_study_s(tmp_path: Path) -> None:
    """A warm-up of five epochs would fill a training of four; levels stay levels."""
    plan = make_plan(
        study_of(tmp_path, small_changes={**STUDY["small"]["changes"], "rates": {"optimizer.lr": {"each": [0.2]}}})
    )

    assert plan.variant("only warm-up").config["warmup"]["epochs"] == 1
    assert plan.variant("wide").config["model"]["width"] == 96
    assert plan.variant("only rates 0.2").config["optimizer"]["lr"] == 0.2


def test_what_it_leaves_out_is_neither_run_nor_judged(tmp_path: Path) -> None:
    """A family without questions is none."""
    study = study_of(tmp_path)

    assert [one.name for one in make_plan(study).variants] == [
        "baseline", "only warm-up", "only rates 0.1", "only rates 0.01", "wide",
    ]  # fmt: skip
    assert study.evidence.families == {"training": ["warm-up", "rates"]}
    assert study.derive == {}


def test_it_can_be_asked_of_synthetic_data(tmp_path: Path) -> None:
    """By its own block, as the study's cannot be had, or by whoever calls it; the size is its own both times."""
    by_itself = study_of(tmp_path, asked=tmp_path / "drawn", small_stand_in=True)
    by_option = study_of(tmp_path, drawn=tmp_path / "drawn")

    assert (by_itself.name, by_option.name) == ("faces@small", "faces@stand-in@small")
    for study in (by_itself, by_option):
        assert study.base["data"]["source"]["root"] == str(tmp_path / "drawn")
        assert (study.base["epochs"], study.base["data"]["image_size"]) == (4, 48)
    assert (by_itself.stand_in_is_asked, by_option.stand_in_is_asked) == (False, True)


def test_in_python_synthetic_data_lie_where_run_draws_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the current folder, as for the command without --work."""
    monkeypatch.chdir(tmp_path)

    study = study_of(tmp_path, small_stand_in=True)

    assert study.stand_in_root == tmp_path / ".ablate" / "stand-in" / "faces"


def test_synthetic_data_may_bring_further_files(tmp_path: Path) -> None:
    """First weights lie beside the images; what the block sets comes before."""
    block = STUDY["stand_in"] | {
        "set": {"weights": {"fresh": "output"}},
        "files": {"weights.file": "first.safetensors"},
    }

    study = study_with(tmp_path, block)

    assert study.base["weights"] == {"fresh": "output", "file": str(tmp_path / "drawn" / "first.safetensors")}


def study_with(tmp_path: Path, stand_in: dict[str, Any]) -> Study:
    path = tmp_path / "faces.yaml"
    path.write_text(yaml.safe_dump(STUDY | {"stand_in": stand_in}, sort_keys=False))
    return load_study(path, stand_in=tmp_path / "drawn")


def test_a_wrong_key_of_a_further_file_names_its_line(tmp_path: Path) -> None:
    """Not the line of the base."""
    with pytest.raises(StudyError, match=r"faces\.yaml:\d+: unknown key 'wights'"):
        study_with(tmp_path, STUDY["stand_in"] | {"files": {"wights.file": "first.safetensors"}})


def test_it_can_be_changed_further(tmp_path: Path) -> None:
    """`--set` comes on top and adds to the name."""
    study = study_of(tmp_path, sets=("epochs=2",), small_set={"epochs": 4})

    assert study.base["epochs"] == 2
    assert study.search is not None
    assert study.search.val == 100
    assert study.name.startswith("faces@small@")


def test_its_commands_ask_for_it_again(tmp_path: Path) -> None:
    """What a report tells to type goes on with the small version."""
    assert commands_for(study_of(tmp_path), tmp_path).run() == "ablate run faces.yaml --small"
    by_itself = study_of(tmp_path, small_stand_in=True)
    assert commands_for(by_itself, tmp_path).run() == "ablate run faces.yaml --small"
    by_option = study_of(tmp_path, drawn=tmp_path / "drawn")
    assert commands_for(by_option, tmp_path).run() == "ablate run faces.yaml --stand-in --small"


@pytest.mark.parametrize("begin", [run_search, join_search])
def test_a_search_draws_its_images_first(tmp_path: Path, begin: Callable[..., Any]) -> None:
    """Whoever begins it, as `ablate run` does."""
    maker = {"make": "tests.unit.test_small_versions:draw_nothing"}
    study = study_of(tmp_path, asked=tmp_path / "drawn", small_stand_in=True, stand_in=maker)

    with pytest.raises(PaperIsGoneError):
        begin(study, work=tmp_path, options=Options(executor="inline", track=False))


def test_what_it_keeps_is_told_to_the_tracker(tmp_path: Path) -> None:
    """As one line, beside the note that the images are made up."""
    study = study_of(tmp_path, small_stand_in=True)

    tags = study_card(study, make_plan(study).variants, name=study.name).tags

    assert tags["ablate.small"] == "The changes, not their size."
    assert tags["ablate.synthetic"].startswith("Synthetic")


@pytest.mark.parametrize(("say", "said"), [(ENGLISH, "Small version"), (words_of("zh"), "小型版本")])
def test_its_report_says_first_what_it_is(tmp_path: Path, say: Words, said: str) -> None:
    """Before the verdict, on the page, in a notebook and on the terminal; then that the images are made up."""
    small, itself = study_of(tmp_path, small_stand_in=True), study_of(tmp_path, asked=False)

    first, second = banners(findings_of(small, tmp_path), say)

    assert said in first
    assert "The changes, not their size." in first
    assert "ynthetic" in second
    assert html_escape(first) in findings_html(findings_of(small, tmp_path), say)
    assert banners(findings_of(itself, tmp_path), say) == []


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (STUDY["small"] | {"stand_in": True}, "ablate run faces.yaml --small"),
        (STUDY["small"], "ablate run faces.yaml --stand-in --small"),
        (None, "ablate run faces.yaml --stand-in"),
    ],
)
def test_where_data_are_missing_the_way_out_is_the_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: dict[str, Any] | None, words: str
) -> None:
    """Synthetic data at the study's full size would answer nothing, and slowly."""
    monkeypatch.chdir(tmp_path)
    study = study_of(tmp_path, asked=False, small=block)

    shown = with_way_out(DataMissing("nothing there", hint="Put it there."), study, work=tmp_path)

    assert shown.hint.splitlines()[-1].replace(str(tmp_path) + "/", "") == words


def test_drawings_that_the_first_run_makes_are_not_missing(tmp_path: Path) -> None:
    """`ablate plan` names what somebody has to put in place."""
    small, itself = study_of(tmp_path, small_stand_in=True), study_of(tmp_path, asked=False)

    assert not_there(small, make_plan(small)) == []
    assert "nowhere" in not_there(itself, make_plan(itself))[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"small": None}, r"--small: .*faces\.yaml has no small version.*small: \{keeps"),
        (
            {"stand_in": None, "small_stand_in": True},
            r"faces\.yaml:\d+: small\.stand_in: the study offers no synthetic",
        ),
        ({"small_leave_out": ["BNN"]}, r"faces\.yaml:\d+: there is no 'BNN' in the study.*Did you mean 'BN'"),
        (
            {"small_changes": {"warmup": {"epochs": 3}}},
            r"faces\.yaml:\d+: there is no 'warmup' in the study.*'warm-up'",
        ),
        ({"small_changes": {"warm-up": {"optimizer.rl": 3}}}, r"faces\.yaml:\d+: unknown key 'rl'"),
        ({"small_set": {"epochs": 0}}, r"faces\.yaml:\d+: 'epochs'"),
        ({"small_set": {"search.val": -1}}, r"faces\.yaml:\d+: .*val"),
        (
            {"small_set": {"search.val": 3}, "search": None},
            r"faces\.yaml:\d+: 'search\.val': the study searches nothing",
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_line(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    """Before anything runs, with what to write instead."""
    with pytest.raises(StudyError, match=message) as caught:
        make_plan(study_of(tmp_path, **changed))

    line = str(caught.value).partition("faces.yaml:")[2].split(":")[0]
    if line:
        below = (tmp_path / "faces.yaml").read_text().splitlines()
        assert below.index("small:") < int(line)
