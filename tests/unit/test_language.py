"""One table of fixed words a language: the same keys, the same blanks, and every key is used."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from ablate.report.page.html import html_page
from ablate.report.page.sections import page_of
from ablate.report.wording.language import ENGLISH, LANGUAGES, Language, read_words, words_of
from tests.builders import a_failed, a_study, findings_of

OTHERS = [language for language in LANGUAGES if language != "en"]
FREE = ("reason.", "short_reason.", "count.", "number.", "family.", "family_name.", "family_note.", "join.")
"""Groups that are looked up by a name which may not be there."""


def blanks(value: object) -> set[str]:
    """What is filled into a text."""
    texts = value if isinstance(value, list) else [str(value)]
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_text_with_the_same_blanks(language: Language) -> None:
    """A text that is missing would stand there in English."""
    own = read_words(language)
    needed = {key for key in ENGLISH.table if not key.startswith("reason.")}

    assert needed - set(own) == set()
    for key in needed:
        assert blanks(own[key]) <= blanks(ENGLISH.table[key]), key


def test_no_text_is_left_that_nobody_says() -> None:
    """Every key stands somewhere in the code, whole or by its group."""
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[2] / "ablate").rglob("*.[pj]*")
        if path.suffix != ".pyc"
    )
    grouped = {*re.findall(r'f"(\w+)\.\{', source), *re.findall(r'by\(\s*"(\w+)"', source), "glossary"}
    unused = [
        key
        for key in ENGLISH.table
        if f'"{key}"' not in source and key.split(".")[0] not in grouped and not key.startswith(FREE)
    ]

    assert unused == []


def test_a_chinese_report_keeps_names_and_numbers(tmp_path: Path) -> None:
    """Only the fixed words change."""
    failed = a_failed(tmp_path / "failed")
    findings = findings_of(a_study(), tmp_path, results={("BN", 1): failed})
    english, chinese = (html_page(page_of(findings, words_of(language))) for language in ("en", "zh"))

    assert '<html lang="zh">' in chinese
    assert "更好" in chinese
    assert "学习曲线" in chinese
    for text in ("+9.", "Dropout", "ablate run", "accuracy"):
        assert text in chinese
    shown = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", chinese, flags=re.DOTALL)
    assert re.search(r"-?\d+ 至 \+\d+", shown)
    assert not {"Verdict", "Difference", "better", "Learning", "Brackets"} & set(re.findall(r"\w+", shown))
    assert sorted(re.findall(r"[+-]\d+\.\d \[", english)) == sorted(re.findall(r"[+-]\d+\.\d \[", chinese))


def test_counts_and_lists_are_put_as_people_say_them() -> None:
    """`1 run`, `3 runs`, `a, b and c`."""
    assert [ENGLISH.count(n, "run") for n in (1, 1797)] == ["1 run", "1,797 runs"]
    assert ENGLISH.listed(["a", "b", "c"]) == "a, b and c"
    assert ENGLISH.listed(list("abcdefg")) == "a, b, c, d and 3 others"
    assert (ENGLISH.in_words(2), ENGLISH.in_words(13), words_of("zh").in_words(2)) == ("two", "13", "2")
