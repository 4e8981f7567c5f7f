"""A page as Markdown: figures as files beside it, long tables folded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

from ablate.report.page.blocks import (
    Block,
    Bullets,
    Claim,
    Commands,
    Figure,
    Gallery,
    Image,
    Legend,
    Links,
    Page,
    Sheet,
    Terms,
    Text,
)
from ablate.report.tables.table import Kind, Table
from ablate.report.wording.escape import code_block, code_span, markdown, markdown_block

_RULES: Mapping[Kind, str] = {"text": ":--", "number": "--:", "code": ":--", "bar": ":--", "verdict": ":--"}
_CELLS: Mapping[Kind, Callable[[str], str]] = {
    "text": markdown,
    "verdict": markdown,
    "number": lambda text: text.replace("|", "&#124;"),  # ours: digits, units and brackets
    "code": code_span,
    "bar": code_span,
}


def markdown_page(page: Page) -> str:
    """The whole report. A figure without a file is left out; its numbers are in a table."""
    parts = [f"# {markdown(page.title)}", *map(_block, page.opening)]
    for found in page.sections:
        blocks = [text for text in map(_block, found.blocks) if text]
        if blocks:
            parts += [f"## {markdown(found.title)}", *blocks]
    parts += [page.words("method.judged", n=page.method)] if page.method is not None else []
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(part for part in parts if part)).strip() + "\n"


def markdown_blocks(blocks: Iterable[Block]) -> str:
    """Some blocks by themselves, as a description shows them."""
    return "\n\n".join(filter(None, map(_block, blocks)))


def _block(block: Block) -> str:
    match block:
        case Text():
            return _text(block)
        case Claim(label=label, sentence=sentence, why=why):
            return f"**{markdown(label)}** {markdown(sentence)}{f' {markdown(why)}' if why else ''}"
        case Bullets() | Legend():
            return _list(block)
        case Sheet(folded=folded):
            return _folded(markdown_table(block.on_page) if block.table.rows else "", folded)
        case Figure(title=title, caption=caption, path=path) | Image(title=title, caption=caption, path=path):
            return f"![{markdown(title)}]({path})\n\n{markdown_block(caption)}" if path else ""
        case Commands(lines=lines):
            return code_block(lines, "sh")
        case Links(items=items):
            return "\n".join(f"- [{markdown(name)}]({quote(path)})" for name, path in items)
        case Terms(items=items):
            return "\n".join(f"- **{markdown(term)}**: {markdown(meaning)}" for term, meaning in items)
        case Gallery():
            return ""


def _list(block: Bullets | Legend) -> str:
    lines = block.plain if isinstance(block, Legend) else block.items
    text = "\n".join(f"- {markdown_block(line)}" for line in lines)
    return text if isinstance(block, Legend) else _folded(text, block.folded)


def _folded(text: str, words: str) -> str:
    return f"<details>\n<summary>{markdown(words)}</summary>\n\n{text}\n\n</details>" if words else text


def _text(block: Text) -> str:
    text = _paragraph(block)
    return f"{text} [{markdown(block.link[0])}]({quote(block.link[1])})" if block.link else text


def _paragraph(block: Text) -> str:
    match block.kind:
        case "lead" | "subheading":
            return f"**{markdown(block.text)}**"
        case "warning" | "figures":
            return f"> {markdown_block(block.text)}"
        case "banner":
            return f"> **{markdown(block.text)}**"
        case "heading":
            return f"## {markdown(block.text)}"
        case _:
            return markdown_block(block.text)


def markdown_table(table: Table) -> str:
    """The table in Markdown, every cell on one line."""
    lines = [map(markdown, table.columns), (_RULES[kind] for kind in table.kinds)]
    asides = table.asides or ((),) * len(table.rows)
    for row, aside in zip(table.rows, asides, strict=True):
        cells = [_CELLS[kind](cell) for kind, cell in zip(table.kinds, row, strict=True)]
        if aside:
            at = table.kinds.index("verdict")
            cells[at] = "; ".join([cells[at], *map(markdown, aside)])
        lines.append(iter(cells))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
