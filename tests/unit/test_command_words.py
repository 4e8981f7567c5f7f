"""A command's words: what becomes of each value, and that none becomes more than it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ablate.command.texts import config_text, hydra_text
from ablate.command.words import Values, fill_in, read_words, split_words
from ablate.errors import SettingError

CONFIG = {
    "lr": 0.1, "tiny": 1e-05, "n": 3, "bn": True, "off": False, "none": None, "name": "a b; rm -rf $HOME", "dash": "-x",
    "sizes": [64, 128], "empty": [], "model": {"width": 4, "norm": None, "kind": {"deep": 1}},
}  # fmt: skip
some = settings(deadline=None)  # a busy machine is no failure
GIVEN = {"seed": 7, "folder": "/tmp/a b"}


def words(*template: str, config: dict[str, Any] | None = None) -> list[str]:
    """What a template becomes."""
    return fill_in(read_words(template), Values(CONFIG if config is None else config, GIVEN))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (["t", "--lr", "{lr}"], ["t", "--lr", "0.1"]),
        (["t", "{tiny}", "{n}", "{bn}", "{off}"], ["t", "1e-05", "3", "true", "false"]),
        (["t", "--lr={lr}", "{n}x{model.width}"], ["t", "--lr=0.1", "3x4"]),
        (["t", "--name", "{name}"], ["t", "--name", "a b; rm -rf $HOME"]),
        (["t", "--seed", "{seed}", "{folder}/out"], ["t", "--seed", "7", "/tmp/a b/out"]),
        (["t", "{?bn}", "{?off}", "{?none}"], ["t", "--bn"]),
        (["t", "{?bn:--bn|--no-bn}", "{?off:--bn|--no-bn}", "{?none:--bn|--no-bn}"], ["t", "--bn", "--no-bn"]),
        (["t", "{?bn:-b}", "{?off:-b}"], ["t", "-b"]),
        (["t", "--drop", "{none}", "--lr", "{lr}"], ["t", "--lr", "0.1"]),
        (["t", "in.csv", "{none}"], ["t", "in.csv"]),
        (["t", "--verbose", "--drop={none}"], ["t", "--verbose"]),
        (["t", "--verbose", "{?none}"], ["t", "--verbose"]),
        (["t", "--norm", "{model.norm.name}"], ["t"]),
        (["t", "--sizes", "{sizes}"], ["t", "--sizes", "64", "128"]),
        (["t", "--sizes", "{sizes:,}", "x={sizes:-}"], ["t", "--sizes", "64,128", "x=64-128"]),
        (["t", "--size", "{sizes:*}"], ["t", "--size", "64", "--size", "128"]),
        (["t", "--sizes", "{empty}", "--size", "{empty:*}"], ["t"]),
        (["t", "{model:json}"], ["t", '{"width": 4, "norm": null, "kind": {"deep": 1}}']),
        (["t", "{{x}}", "${{y}}", ""], ["t", "{x}", "${y}", ""]),
        (["t", "-3", "{none}"], ["t", "-3"]),
    ],
)  # fmt: skip
def test_a_word_becomes_what_the_page_says(template: list[str], expected: list[str]) -> None:
    """Values, flags, lists, null, braces."""
    assert words(*template) == expected


def test_all_settings_become_overrides() -> None:
    """As Hydra and OmegaConf take them; what would be read as something else is in quotes."""
    config = {"a": {"b": 0.1, "c": [1, "x,y"]}, "t": "1e-3", "n": None, "s": 'say "hi"', "p": "data/x-1.csv"}

    assert words("t", "{overrides}", config=config) == [
        "t", "a.b=0.1", 'a.c=[1,"x,y"]', 't="1e-3"', "n=null", 's="say \\"hi\\""', "p=data/x-1.csv",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"C:\data\x", r"'C:\data\x'"),
        (r"\d+", r"'\d+'"),
        ("C:\\data\\", r"'C:\data\\'"),
        (r'"\d"', r"""'"\d"'"""),
        (r"a\'b", r"'a\\\'b'"),
    ],
)
def test_a_backslash_in_an_override_stays_one(text: str, expected: str) -> None:
    """Hydra halves them before a quote of the same kind and at the end, and nowhere else."""
    assert hydra_text(text) == expected


@some
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u0085\u2028\u2029\ufeff")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdefgh", min_size=1), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
def test_the_file_of_settings_reads_alike_as_json_and_as_yaml(value: Any) -> None:
    """Numbers such as 1e-05, which YAML takes for text where they have no dot, and everything else."""
    text = config_text({"value": value})

    assert json.loads(text) == {"value": value}
    assert yaml.safe_load(text) == {"value": value}


@some
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u0085\u2028\u2029\ufeff")))
def test_a_text_behind_an_override_reads_back_as_the_text(text: str) -> None:
    """By YAML, which OmegaConf reads values with; where it and Hydra differ, Hydra counts."""
    assume("\\" not in text or not ("'" in text or text.endswith("\\")))
    assert yaml.safe_load(hydra_text(text)) == text


@some
@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_no_value_becomes_more_than_one_argument(text: str) -> None:
    """Whatever a shell would make of it."""
    assert words("t", "--name", "{name}", "--end", config={"name": text}) == ["t", "--name", text, "--end"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python train.py --lr {lr}", ["python", "train.py", "--lr", "{lr}"]),
        ("python 'my train.py' \"a b\"", ["python", "my train.py", "a b"]),
        (r"python C:\code\train.py", ["python", r"C:\code\train.py"]),
        ("python train.py # no comment", ["python", "train.py", "#", "no", "comment"]),
        ("python train.py --x=$HOME `id` *", ["python", "train.py", "--x=$HOME", "`id`", "*"]),
    ],
)
def test_a_text_is_split_into_words_once(text: str, expected: list[str]) -> None:
    """On every platform alike, and before any value is put in."""
    assert split_words(text) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (["{lr}", "train.py"], "which program runs may not depend on a value"),
        (["t", "{lr"], "a brace that opens or closes nothing"),
        (["t", "x{?bn}"], "has to be a word of its own"),
        (["t", "x{overrides}"], "has to be a word of its own"),
        (["t", "{config:toml}"], "is no kind of file"),
        (["t", "{checkpoint}"], "is for the words of resume"),
        (["t", "|", "tee", "x"], "'|' is for a shell"),
        (["t", "&&", "u"], "'&&' is for a shell"),
        (["bash", "-c", "t --lr {lr}"], "is code, and a value put into it would be code"),
        (["env", "A=1", "/bin/sh", "-ec", "t {lr}"], "is code, and a value put into it would be code"),
        (["{python}", "-c", "print({lr})"], "is code, and a value put into it would be code"),
        (["bash", "-cx", "echo {lr}"], "is code, and a value put into it would be code"),
        (["bash", "-c", "-x", "echo {lr}"], "is code, and a value put into it would be code"),
        (["bash", "-o", "pipefail", "-c", "echo {lr}"], "is code, and a value put into it would be code"),
        (["python", "-cprint({lr})"], "is code, and a value put into it would be code"),
        (["uv", "run", "python3.11", "-c", "print({lr})"], "is code, and a value put into it would be code"),
        (["python", "-W", "ignore", "-c", "print({lr})"], "is code, and a value put into it would be code"),
        (["node", "-p", "{lr}"], "is code, and a value put into it would be code"),
        (["node", "--eval={lr}"], "is code, and a value put into it would be code"),
        (["perl", "-E", "{lr}"], "is code, and a value put into it would be code"),
        (["cmd", "/c", "t", "{lr}"], "reads its arguments as code"),
        (["go.bat", "{lr}"], "hands its arguments to a shell"),
    ],
)  # fmt: skip
def test_what_could_not_be_meant_is_refused(template: list[str], message: str) -> None:
    """With the key of the command."""
    with pytest.raises(SettingError) as caught:
        read_words(template)

    assert message in caught.value.message
    assert caught.value.key == "trainer.command"
    assert caught.value.hint


def test_values_may_be_handed_to_code_as_arguments() -> None:
    """Behind it, as the remedy says."""
    assert words("bash", "-c", 'train "$1"', "bash", "{name}")[-1] == CONFIG["name"]


@pytest.mark.parametrize(
    "template",
    [
        ["python", "train.py", "-c", "{lr}"],
        ["python", "-m", "train", "-e", "{lr}"],
        ["bash", "-e", "train.sh", "-c", "{lr}"],
        ["python", "-u", "train.py", "--epochs={n}"],
        ["node", "train.js", "-p", "{lr}"],
    ],
)
def test_options_of_the_script_are_no_code(template: list[str]) -> None:
    """Only those that stand before it are the interpreter's."""
    assert words(*template)[:2] == template[:2]


@pytest.mark.parametrize(
    ("template", "key", "message"),
    [
        (["t", "{model}"], "model", "names a block, not a value"),
        (["t", "{?lr}"], "lr", "is for true, false or null"),
        (["t", "x={sizes}"], "sizes", "is a list inside a word"),
        (["t", "x", "{sizes:*}"], "sizes", "repeats the option before it"),
        (["t", "{model.depth}"], "model.depth", "no such key"),
        (["t", "{lr.x}"], "lr.x", "no such key"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_stand_there_is_refused_by_its_key(template: list[str], key: str, message: str) -> None:
    """So that the line of the study file can be named."""
    with pytest.raises(SettingError) as caught:
        words(*template)

    assert caught.value.key == key
    assert message in caught.value.message


def test_a_quote_that_is_not_closed_is_refused() -> None:
    """Nobody knows where the word ends."""
    with pytest.raises(SettingError, match="a quote is not closed"):
        split_words("python 'train.py")
