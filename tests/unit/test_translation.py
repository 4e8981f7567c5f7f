"""What commands say in Chinese: every remedy, every help text and nearly every message, looked up as it is printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
import typer
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.cli.help_pages import width, wrapped
from ablate.cli.show import errors_shown
from ablate.cli.terminal import say
from ablate.cli.translation import SAID, Entry, count_words, speak, table, translated, translated_part
from ablate.errors import AblateError, DataError, DataProblems, StudyError, near_match
from ablate.study.load import load_study
from tests.translating import (
    CATALOGUES,
    all_templates,
    catalogue,
    composed,
    help_texts,
    needed,
    reached,
    remedies,
    warnings,
)

HOW = "`python -m tests.translating` prints them, to be filled in"


@pytest.fixture(autouse=True)
def _chinese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The reader's language is Chinese, and no study has named another."""
    monkeypatch.setenv("ABLATE_LANG", "zh")
    speak(None)
    yield
    speak(None)


def test_what_is_said_has_its_entry() -> None:
    """Every remedy and every help text: what to do next is what a reader needs most. Of the rest, nine in ten."""
    wanted, there = needed(), {text for name in CATALOGUES for text in catalogue(name)}
    lacking = {name: sorted(texts - there) for name, texts in wanted.items()}

    assert (lacking["remedies"], lacking["help"]) == ([], []), HOW
    for name in ("messages", "lines"):
        assert len(lacking[name]) <= len(wanted[name]) / 10, f"{HOW}: {lacking[name]}"
    # A remedy that is computed so that no text of it is found would never be translated.
    assert [f"{one.file.name}:{one.line}" for one in reached(remedies())[1]] == []


def test_remedies_name_commands_that_there_are() -> None:
    """`ablate WORD`, with what stands behind it."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    named = {word: text for text in needed()["remedies"] for word in re.findall(r"`ablate ([a-z][a-z-]*)", text)}

    assert {word: text for word, text in named.items() if word not in commands} == {}


def test_no_entry_is_of_a_sentence_that_nobody_says() -> None:
    """An English sentence that was changed takes its translation along."""
    said, texts = all_templates() | warnings() | help_texts(), composed()
    by_text = {"{0}".join(one.pieces): one for one in table("zh", "lines").blanks}

    def is_said(english: str) -> bool:
        entry = by_text.get(renumbered(english))
        return (
            english in said
            or english in texts
            or (entry is not None and any(entry.values(text) is not None for text in texts))
        )

    assert [english for name in CATALOGUES for english in catalogue(name) if not is_said(english)] == []


def renumbered(english: str) -> str:
    """The template with every blank called `{0}`."""
    return "".join(letters + ("" if number is None else "{0}") for letters, number, _, _ in Formatter().parse(english))


def blanks(text: str) -> set[str]:
    """What is filled into a template."""
    return {number for _, number, _, _ in Formatter().parse(text) if number is not None}


@pytest.mark.parametrize("name", CATALOGUES)
def test_translations_hold_the_same_blanks(name: str) -> None:
    """None more; one fewer only where it holds an ending, which follows a letter: `run{1}`."""
    for english, chinese in catalogue(name).items():
        endings = {blank for letters, blank, _, _ in Formatter().parse(english) if blank and letters[-1:].isalpha()}
        assert chinese, english
        assert blanks(chinese) <= blanks(english), english
        assert blanks(english) - blanks(chinese) <= endings, english


@pytest.mark.parametrize("name", CATALOGUES)
def test_commands_stay_as_they_are(name: str) -> None:
    """What stands between backquotes is typed, not read."""
    for english, chinese in catalogue(name).items():
        commands = [part for part in english.split("`")[1::2] if part.startswith(("ablate ", "pip ", "python "))]
        assert [command for command in commands if f"`{command}`" not in chinese] == [], english


def test_a_sentence_keeps_its_names_and_numbers() -> None:
    """Only the words around them change."""
    text = "studies/x.yaml: factor 'at least 3' and family 'b' ..."

    assert translated("the study 'toy' has no variant 'a number'") == "研究 'toy' 没有变体 'a number'"
    assert translated(text) == text


def test_sentences_that_were_joined_are_translated_one_by_one() -> None:
    """As remedies are: a near match, then the known keys."""
    hint = f"{near_match('skil', ['skill', 'noise'])}Known keys: noise, skill."

    assert translated(hint) == "是不是想写 'skill'？已知的键：noise, skill。"


def test_what_has_no_entry_stays_english() -> None:
    """Beside a place, or beside a sentence that has one."""
    assert translated("Nobody ever wrote this down here.") == "Nobody ever wrote this down here."
    assert translated("x.yaml:3: unknown key 'a' in 'b'") == "x.yaml:3: 未知的键 'a'（在 'b' 中）"
    assert translated("No such words 1. Keep one.") == "No such words 1. 只留一个。"


def test_a_validators_two_halves_are_known_apart() -> None:
    """It says `what is wrong; what to do`, and an error tells the one as message, the other as remedy."""
    assert translated("normalize: imagenet needs channels: 3") == "normalize: imagenet 需要 channels: 3"
    assert translated("nesterov: true needs a momentum above 0") == "nesterov: true 需要大于 0 的动量"
    assert translated("Write {flip: true}, {crops: 4} or {draws: 5}.") == (
        "请写 {flip: true}、{crops: 4} 或 {draws: 5}。"
    )


def test_a_part_of_a_sentence_is_translated_only_where_it_is_ours() -> None:
    """`a or b` stands in many texts, and is a list of choices in few."""
    assert translated_part("a number above 0, a whole number of at least 1, or all") == (
        "大于 0 的数、不小于 1 的整数，或 all"
    )
    assert translated("left or right") == "left or right"


def test_several_problems_are_translated_each() -> None:
    """The numbers before them stay."""
    told = DataProblems([DataError("a.csv is empty", hint="Rename it."), DataError("no rows at all here")])

    assert translated(told.message).splitlines() == [
        "2 个问题，每一个都会使运行停止：",
        "1. a.csv 是空的。请改名。",
        "2. no rows at all here",
    ]


def test_no_blank_takes_in_several_lines() -> None:
    """A list of problems is translated line by line; a pattern of files keeps its dot."""
    lines = [f"left/{n}.mp4: too short: 12 frames, where 40 frames with clip.every: 2 take 79" for n in range(2)]
    place = "It must hold one sub-folder per class (root/<class>/*.jpg)."

    assert translated("\n  ".join(["2 clips:", *lines])).splitlines() == [
        "2 个视频片段：",
        "  left/0.mp4: 太短：有 12 帧，而 clip.every: 2 的 40 帧需要 79 帧",
        "  left/1.mp4: 太短：有 12 帧，而 clip.every: 2 的 40 帧需要 79 帧",
    ]
    assert translated(place) == "其中每个类别应有一个子文件夹（root/<class>/*.jpg）。"


def test_a_study_names_the_language_of_what_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the environment, as in its report."""
    speak("en")
    assert translated("Keep one.") == "Keep one."

    monkeypatch.setenv("ABLATE_LANG", "")
    speak("zh")
    assert translated("Keep one.") == "只留一个。"
    speak(None)
    assert translated("Keep one.") == "Keep one."


def test_a_language_without_words_is_told_of_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error that says so can be printed."""
    monkeypatch.setenv("ABLATE_LANG", "fr")

    assert translated("Keep one.") == "Keep one."


def test_an_error_ends_the_command_in_the_readers_language(capsys: pytest.CaptureFixture[str]) -> None:
    """Message and remedy, with the exit code of its kind."""
    error = StudyError("--set a appears twice", hint="Give it once: which of the values counts?")
    with pytest.raises(typer.Exit) as ended, errors_shown():
        raise error

    assert ended.value.exit_code == AblateError.exit_code
    assert capsys.readouterr().err.splitlines() == ["错误：--set a 出现了两次", "只给一次：以哪个取值为准？"]


def test_a_line_of_the_result_is_translated(capsys: pytest.CaptureFixture[str]) -> None:
    """By the one function that prints it."""
    say("There is nothing to remove.")

    assert capsys.readouterr().out == "没有可删除的内容。\n"


def test_a_key_that_does_not_exist_is_told_in_chinese(tmp_path: Path) -> None:
    """The whole way, from the file to the terminal."""
    study = tmp_path / "toy.yaml"
    study.write_text("study: toy\ntrainer: ablate.toy:train\nbase: {skil: 1}\nchain: {a: {gain: 1.0}}\n", "utf-8")
    told = CliRunner().invoke(app, ["check", str(study)]).stderr.splitlines()

    assert told[0] == f"错误：{study}:3: 未知的键 'skil'"
    assert told[1].startswith("是不是想写 'skill'？已知的键：epochs")


def test_help_is_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Summary, options and headings; commands and options keep their names."""
    page = CliRunner().invoke(app, ["run", "--help"]).stdout
    listed = CliRunner().invoke(app, ["--help"]).stdout
    monkeypatch.setenv("ABLATE_LANG", "en")
    english = CliRunner().invoke(app, ["run", "--help"]).stdout

    assert "训练缺少的运行，评判每一步，写出报告。" in page
    assert "例如：ablate run studies/quickstart.yaml" in page
    assert ("用法：" in page, "选项:" in page, "研究文件。" in page) == (True, True, True)
    assert "由已有的结果得出结论和区间；不训练。" in listed
    assert "Train what is missing, judge every step, write the report." in english


def test_lines_of_help_are_as_wide_as_they_look() -> None:
    """A Chinese character takes two columns; a line begins with no full stop, and ends in no opening bracket."""
    text = "在 1,797 张手写数字扫描图上（两分钟）对一个小型 VGG 作五项改动，写出 `report.html`。"
    for columns in range(12, 60):
        lines = wrapped(text, columns)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert max(map(width, lines)) <= max(columns, 18)
        assert not any(line.startswith(("，", "。", "）")) or line.endswith("（") for line in lines)
    assert (width("ab"), width("消融")) == (2, 4)


def test_catalogues_are_looked_into_in_order() -> None:
    """Lines before errors: most of what is said is a line, and the others need not be read for it."""
    assert SAID == ("lines", "messages", "remedies")
    assert count_words("4 of 12 images") == 2
    assert Entry(("no ", " in ", ""), (1, 0), "{0}：{1}", 2).values("no x in y") == {1: "x", 0: "y"}


SCRIPT = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--dropout", type=float, default=0.0)
parser.add_argument("--seed", type=int, default=0)
"""


def test_remarks_of_a_study_that_was_written_are_in_the_readers_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said about its settings, and nothing of the settings."""
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT, encoding="utf-8")
    written = {}
    for language in ("en", "zh"):
        monkeypatch.setenv("ABLATE_LANG", language)
        to = f"{language}.yaml"
        CliRunner().invoke(app, ["init", "--script", "train.py", "--try", "--dropout 0.5", "--to", to])
        written[language] = Path(to).read_text(encoding="utf-8")

    assert "# 多大的提升会改变你的决定？" in written["zh"]
    assert "# 百分点；更小的提升不值得" in written["zh"]
    assert "question: 这些改动中哪些让模型变好？" in written["zh"]
    english, chinese = (load_study(Path(f"{language}.yaml")) for language in written)
    assert (english.base, english.evidence, english.trainer.path) == (
        chinese.base,
        chinese.evidence,
        chinese.trainer.path,
    )


def test_what_a_trainer_says_is_not_mixed() -> None:
    """A foreign sentence with our short words in it stays whole."""
    said = "the toy was asked to fail, left and right"

    assert (translated(said), translated("failed, error")) == (said, "失败，error")


def test_a_stop_inside_a_name_is_no_end_of_a_sentence() -> None:
    """A glob or a path can be copied."""
    assert translated("It must hold one sub-folder per class (root/<class>/*.jpg).") == (
        "其中每个类别应有一个子文件夹（root/<class>/*.jpg）。"
    )


@pytest.mark.parametrize(
    "said",
    [
        "wrong has images of 'cat', which nobody there knows, and of 1 more such classes",
        "expected ',' or '}', but got '<stream end>' (while parsing a flow mapping)",
        "Nobody ever wrote this: 3 runs",
        "nobody ever wrote this down; a.csv is empty",
    ],
)
def test_a_sentence_is_translated_whole_or_not_at_all(said: str) -> None:
    """A few words of ours at its end, or its half behind a semicolon, are left as they are."""
    assert translated(said) == said


def test_lines_of_a_list_are_sentences_of_their_own() -> None:
    """None of them fills the blank of another."""
    told = translated("a: 12 frames, where clip asks for 79\n  b: 12 frames, where clip asks for 79").splitlines()

    assert [line.count("帧") for line in told] == [told[0].count("帧")] * 2
    assert [line.lstrip()[0] for line in told] == ["a", "b"]


def test_a_list_of_short_clips_is_in_chinese() -> None:
    """Its heading, every line, what was left out, and when it was found."""
    told = translated(
        "8 clips cannot be read:\n  left/clip0.mp4: too short: 12 frames, where 40 frames with clip.every: 2 take 79\n"
        "  and 5 more\nThis was found before any training"
    )

    assert told.splitlines() == [
        "8 个视频片段无法读取：",
        "  left/clip0.mp4: 太短：有 12 帧，而 clip.every: 2 的 40 帧需要 79 帧",
        "  另有 5 项",
        "这是在训练之前发现的",
    ]


def test_a_folder_that_is_missing_is_told_of_in_chinese() -> None:
    """Its place, and what it should hold."""
    assert translated("base.data.source.root (data/h): /data/h does not exist") == (
        "base.data.source.root (data/h)：/data/h 不存在"
    )
    assert translated(
        "It must hold one sub-folder per class, root/<class>/*.jpg; a relative path starts at the current folder, /w."
    ) == ("其中应有每个类别一个子文件夹，即 root/<class>/*.jpg；相对路径从当前文件夹 /w 算起。")
