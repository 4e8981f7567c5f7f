"""Links lead somewhere: into the repository to a heading there is, elsewhere to an address that can be one.

Whether other people's pages answer is asked by `make links`, where there is a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.blocks import FENCE, ROOT, name_of
from tests.docs.llms import DOCS, ELSEWHERE

PAGES = [ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "reports/README.md")]
PAGES += [path for path in sorted(DOCS.rglob("*.md")) if path.stat().st_size > 2]


def links(path: Path) -> Iterator[str]:
    """The targets of a page's links, those in its blocks of code left out."""
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", path.read_text(encoding="utf-8")))
    yield from re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text)


@cache
def headings(path: Path) -> frozenset[str]:
    """The anchors of a page, as GitHub and the site make them of its headings."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").strip().lower() for title in titles]
    made: list[str] = []
    for title in plain:
        anchor = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
        seen = sum(re.sub(r"-\d+$", "", one) == anchor for one in made)
        made.append(f"{anchor}-{seen}" if seen else anchor)
    return frozenset(made)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    """On GitHub as on the site; a heading that was reworded is reworded in the links to it."""
    missing = []
    for target in links(page):
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        if anchor and not urlsplit(target).scheme and place.suffix == ".md" and anchor not in headings(place):
            missing.append(target)

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_address_can_be_one(page: Path) -> None:
    """Encrypted, with a host that has a dot, and nothing behind it that belongs to the sentence."""
    addresses = [urlsplit(target) for target in links(page) if re.match(r"[a-z]+:", target)]

    assert [one.geturl() for one in addresses if one.scheme not in {"https", "mailto"}] == []
    hosts = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
    assert [one.geturl() for one in addresses if one.scheme == "https" and not hosts.fullmatch(one.netloc)] == []
    assert [one.geturl() for one in addresses if one.geturl().endswith((".", ",", ";"))] == []


def test_every_page_that_stands_elsewhere_is_part_of_the_site() -> None:
    """README, CONTRIBUTING, the list of reports, the changelog and the list of decisions."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = {re.sub(r".*<(.+)>", r"\1", line) for line in index.splitlines()}

    assert {*ELSEWHERE, "adr/README"} <= listed


def test_what_explains_is_listed_as_explanation() -> None:
    """Why verdicts, what an interval means, the six ideas, statistics, security, performance."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    section = index.split(":caption: Explanation")[1].split("```")[0].split()

    assert {"why_verdicts", "intervals", "six_ideas", "statistics", "security", "performance"} <= set(section)
