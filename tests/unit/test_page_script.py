"""The page's one script: allowed by its hash alone, with data that no name can break, the same on every page."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from ablate.report.page.blocks import Page, Sheet
from ablate.report.page.html import html_page
from ablate.report.page.script import PARTS
from ablate.report.page.sections import page_of
from ablate.report.tables.table import Table
from ablate.report.wording.language import LANGUAGES, Language, read_words, words_of
from tests.builders import a_study, findings_of

HOSTILE = "</script><script>alert(1)</script><!--<script>"
NAME = "<!--<script>alert(1)"
"""A name has no slash; these two together keep a script from ending."""


class Scripts(HTMLParser):
    """The elements that could run, with their attributes and their text, as a parser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.found.append((dict(attrs), ""))
        if tag == "meta" and dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = str(dict(attrs)["content"])

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            attributes, text = self.found[-1]
            self.found[-1] = (attributes, text + data)


def scripts_of(html: str) -> Scripts:
    """The page as a parser sees it."""
    seen = Scripts()
    seen.feed(html)
    seen.close()
    return seen


def hostile_page(tmp_path: Path, language: Language) -> str:
    """A report whose variant and question are made to break out."""
    factors = {NAME: {"gain": 1.0}, "second": {"gain": 1.5}}
    findings = findings_of(a_study(factors=factors, question=HOSTILE), tmp_path)
    return html_page(page_of(findings, words_of(language)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_script_that_the_policy_names_can_run(tmp_path: Path, language: Language) -> None:
    """One element with data, one with the script, whose hash is the policy's; no name becomes a third."""
    seen = scripts_of(hostile_page(tmp_path, language))
    (data, text), (attributes, script) = seen.found
    digest = b64encode(sha256(script.encode()).digest()).decode()

    assert data == {"type": "application/json", "id": "page-data"}
    assert attributes == {}
    assert f"script-src 'sha256-{digest}';" in seen.policy
    assert "unsafe-inline" not in seen.policy.split("style-src")[0]
    assert not {"<", ">", "&"} & set(text)
    assert json.loads(text)["words"]["turn.title"] == read_words(language)["turn.title"]


def test_every_verdict_that_can_move_says_which_comparison_it_is_of(tmp_path: Path) -> None:
    """Table and forest plot alike; the data has each of them, by a key that is no name."""
    html = hostile_page(tmp_path, "en")
    data: Any = json.loads(scripts_of(html).found[0][1])
    keys = {key for family in data["what_if"]["families"] for key in family["keys"]}

    assert keys
    assert set(re.findall(r'data-of="([^"]*)"', html)) == keys
    assert all(re.fullmatch(r"[a-z -]+ \d+", key) for key in keys)
    assert "alert" not in json.dumps(data)


def test_a_page_that_judges_nothing_has_no_thresholds_to_move() -> None:
    """Other pages have the same script, for their tables."""
    table = Table("t", ("a", "b"), (("x", "1"),), kinds=("text", "number"))
    html = html_page(Page(title="t", words=words_of("en"), opening=(Sheet(table),), sections=()))

    assert json.loads(scripts_of(html).found[0][1])["what_if"] is None


def test_the_script_says_no_word_of_its_own() -> None:
    """Whatever it shows comes from the language; it loads, evaluates and sends nothing."""
    for name in PARTS:
        source = (resources.files("ablate.report") / "templates" / name).read_text(encoding="utf-8")
        assert re.findall(r"textContent = \"[^\"]*[A-Za-z]", source) == []
        assert re.findall(r"innerHTML|eval|fetch\(|import |XMLHttp|localStorage|</|<!--", source) == []
