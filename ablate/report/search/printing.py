"""The page of a search as blocks, and two printers for them: Markdown and HTML with the figures inside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import NamedTuple, assert_never

from ablate.report.wording.escape import code_block, markdown


class Heading(NamedTuple):
    """A line above a part; level 1 is the page's title."""

    text: str
    level: int = 2


class SearchWords(NamedTuple):
    """A paragraph. link: a page beside this one that it ends in, as (what it is, its path)."""

    text: str
    link: tuple[str, str] | None = None
    is_lead: bool = False


class Lines(NamedTuple):
    """A list."""

    items: tuple[str, ...]


class Grid(NamedTuple):
    """A table of plain text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Command(NamedTuple):
    """A line for a shell."""

    line: str


class SearchImage(NamedTuple):
    """A figure of the page, as PNG. path: from the page's folder."""

    path: str
    title: str
    caption: str
    content: bytes


Block = Heading | SearchWords | Lines | Grid | Command | SearchImage

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;display:block;overflow-x:auto;margin:1rem 0}"
    "td,th{padding:.2rem .8rem;text-align:left;"
    "border-bottom:1px solid #8886}img{max-width:100%;background:#fff}figure{margin:0}"
    "pre{background:#8882;padding:.6rem;overflow-x:auto}h1{overflow-wrap:anywhere}"
    ".lead{font-size:1.15rem;font-weight:600}.note{color:#555}"
    "@media(prefers-color-scheme:dark){body{background:#14171a;color:#e8eaed}.note{color:#a9b1ba}a{color:#7cb8ff}}"
)
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Grid:
    """A table from lists."""
    return Grid(tuple(columns), tuple(map(tuple, rows)))


def as_markdown(blocks: Sequence[Block]) -> str:
    """The blocks in Markdown, figures by their paths."""
    return "\n\n".join(_in_markdown(block) for block in blocks) + "\n"


def _in_markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {markdown(text)}"
        case SearchWords(text, link):
            return markdown(text) + (f" [{markdown(link[0])}]({link[1]})" if link else "")
        case Lines(items):
            return "\n".join(f"- {markdown(item)}" for item in items)
        case Grid(columns, rows):
            lines = [map(markdown, columns), [":--"] * len(columns), *(map(markdown, row) for row in rows)]
            return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        case Command(line):
            return code_block([line], "sh")
        case SearchImage(path, title, caption):
            return f"![{markdown(title)}]({path})\n\n{markdown(caption)}"
        case _:
            assert_never(block)


def as_html(title: str, blocks: Sequence[Block]) -> str:
    """One page that needs no other file; whatever a name holds stays text."""
    body = "\n".join(_in_html(block) for block in blocks)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _in_html(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case SearchWords(text, link, is_lead):
            more = f' <a href="{escape(link[1])}">{escape(link[0])}</a>' if link else ""
            return f"<p{' class=lead' if is_lead else ''}>{escape(text)}{more}</p>"
        case Lines(items):
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
        case Grid(columns, rows):
            head = "".join(f"<th>{escape(column)}</th>" for column in columns)
            body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
            return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        case Command(line):
            return f"<pre>{escape(line)}</pre>"
        case SearchImage(_, title, caption, content):
            data = base64.b64encode(content).decode()
            image = f'<img alt="{escape(title)}" src="data:image/png;base64,{data}">'
            return f"<figure>{image}<figcaption class=note>{escape(caption)}</figcaption></figure>"
        case _:
            assert_never(block)
