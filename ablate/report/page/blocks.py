"""A page as a list of sections, before it is Markdown, HTML or LaTeX: one content, several printers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ablate.report.figures.answers import AnswerCurvesInfo
from ablate.report.figures.forest import ForestInfo
from ablate.report.figures.numbers import CurvesInfo, LevelsInfo, ParetoInfo
from ablate.report.tables.table import Table
from ablate.report.wording.language import Words

TextKind = Literal[
    "plain", "lead", "warning", "banner", "note", "question", "heading", "subheading", "figures", "basis"
]


class Text(NamedTuple):
    """A paragraph. lead: the sentence to take home; banner and warning: seen before any number.

    figures: a warning about the figures beside the Markdown. drawn: what is said instead on a page that draws
    by itself. link: a page beside this one that it ends in, as (what it is, its path).
    """

    text: str
    kind: TextKind = "plain"
    drawn: str = ""
    link: tuple[str, str] | None = None


class Claim(NamedTuple):
    """A sentence with what is said of it: `One may write:`. why: beside it, empty where it needs none.

    cited: whether it is there to be copied whole.
    """

    label: str
    sentence: str
    why: str = ""
    cited: bool = False


class Bullets(NamedTuple):
    """A list of lines. folded: the words under which it is hidden until asked for; empty: it is shown."""

    items: tuple[str, ...]
    folded: str = ""


class Sheet(NamedTuple):
    """A table. folded: the words under which it is hidden until asked for; empty: it is shown."""

    table: Table
    folded: str = ""
    matrix: bool = False
    first: bool = False
    """Whether it is the table of the first screen, which has to be read on a telephone, too."""
    shown: Table | None = None
    """What pages show in its place; its files hold `table`."""
    in_order: bool = False
    """Whether its rows keep their order: they are no ranking, and no press on a heading makes one of them."""

    @property
    def on_page(self) -> Table:
        """The table as pages show it."""
        return self.table if self.shown is None else self.shown


class Key(NamedTuple):
    """One line of a legend. mark: what is drawn beside the text: a part of a drawing, a verdict, or a word."""

    mark: str
    text: str


class Legend(NamedTuple):
    """What the drawings of the tables above mean. drawn: on a page that draws; plain: in characters alone."""

    drawn: tuple[Key, ...]
    plain: tuple[str, ...]


class Figure(NamedTuple):
    """A figure: its numbers, and the image of them where there is one. path: from the report's folder."""

    info: ForestInfo | LevelsInfo | CurvesInfo | ParetoInfo | AnswerCurvesInfo
    title: str
    caption: str
    path: str = ""


class Image(NamedTuple):
    """A figure that every printer shows as it was drawn, as PNG. path: from the page's folder."""

    path: str
    title: str
    caption: str
    content: bytes


class Commands(NamedTuple):
    """Lines for a shell."""

    lines: tuple[str, ...]


class Links(NamedTuple):
    """Pages beside the report: (what it is, path from the report's folder)."""

    items: tuple[tuple[str, str], ...]


class Terms(NamedTuple):
    """Words with their meaning."""

    items: tuple[tuple[str, str], ...]


class Thumbnail(NamedTuple):
    """One small image with what is said of it. text: what comes with the image, where the data have texts."""

    id: str
    label: str
    png: bytes
    right_by: str
    wrong_by: str
    text: str = ""


class Gallery(NamedTuple):
    """Small images. right_by, wrong_by: what the two lines below each are called; the second may be empty for none."""

    items: tuple[Thumbnail, ...]
    right_by: str
    wrong_by: str


Block = Text | Claim | Bullets | Legend | Sheet | Figure | Image | Commands | Links | Terms | Gallery


class Section(NamedTuple):
    """A heading with its blocks. anchor: what a link within the page leads to."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole page. footer: its last line, empty for none. what_if: what judges again in the
    page, as JSON values. method: by which version of the rules it judges."""

    title: str
    words: Words
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]
    footer: str = ""
    what_if: Mapping[str, Any] | None = None
    method: int | None = None
    contents: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Groups of the table of contents: what each is called, and the anchors of its sections, `set` for `set-1`, too."""

    def grouped(self) -> list[tuple[str, list[Section]]]:
        """The sections as the table of contents shows them; those that no group names go with the last."""
        groups: dict[str, list[Section]] = {title: [] for title, _ in self.contents} or {"": []}
        title_of = {anchor: title for title, anchors in self.contents for anchor in anchors}
        last = list(groups)[-1]
        for part in self.sections:
            groups[title_of.get(re.sub(r"-\d+$", "", part.anchor), last)].append(part)
        return [(title, parts) for title, parts in groups.items() if parts]

    def blocks(self) -> Iterator[Block]:
        """Every block in the order it is read."""
        yield from self.opening
        for section in self.sections:
            yield from section.blocks

    def tables(self) -> Iterator[Table]:
        """Every table that has rows."""
        for block in self.blocks():
            if isinstance(block, Sheet) and block.table.rows:
                yield block.table


def section(title: str, anchor: str, blocks: Sequence[Block | None]) -> Section | None:
    """The section with the blocks that are there; None where nothing is."""
    kept = tuple(block for block in blocks if block is not None and not is_empty(block))
    return Section(title, anchor, kept) if any(not isinstance(block, Text) for block in kept) else None


def is_empty(block: Block) -> bool:
    """Whether there is nothing to print."""
    match block:
        case Text(text=text):
            return not text
        case Claim(sentence=sentence):
            return not sentence
        case Sheet(table=table):
            return not table.rows
        case Bullets(items=items) | Links(items=items) | Terms(items=items) | Gallery(items=items):
            return not items
        case Commands(lines=lines):
            return not lines
        case Legend(drawn=drawn, plain=plain):
            return not drawn and not plain
        case Figure() | Image():
            return False
