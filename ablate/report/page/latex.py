"""A table as LaTeX with booktabs; names become text, whatever characters they hold."""

from __future__ import annotations

import re

from ablate.report.tables.table import Table
from ablate.report.wording.escape import plain

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r'\string"{}', "`": r"\textasciigrave{}", "'": r"\textquotesingle{}",
}  # fmt: skip

_JOINED = re.compile(r"^[\[*]|(?<=-)-|(?<=,),")
"""What plain characters would not be themselves: a `[` or `*` that begins a row is read as an argument of the row
before, and a second dash or comma joins the first into another character."""

_MINUS = re.compile(r"(?<!\w)-(?=\d)")


def latex(text: str) -> str:
    """The text as itself within a LaTeX paragraph or cell."""
    apart = _JOINED.split(plain(text))
    kept = [f"{{{found}}}" for found in _JOINED.findall(plain(text))]
    escaped = ["".join(_SPECIAL.get(character, character) for character in part) for part in apart]
    return "".join(part for pair in zip(escaped, [*kept, ""], strict=True) for part in pair)


def latex_number(text: str) -> str:
    """Numbers as text, with signs as long as a minus."""
    return _MINUS.sub("$-$", latex(text))


def _cell(text: str, kind: str) -> str:
    return latex_number(text) if kind == "number" else latex(text)


def latex_table(table: Table) -> str:
    """A `tabular` to be put into a table of one's own; drawn columns are left out.

    Needs booktabs and textcomp (part of LaTeX since 2020), and for names in Chinese or the like XeLaTeX or
    LuaLaTeX with a font that has them.
    """
    kept = [i for i, kind in enumerate(table.kinds) if kind != "bar"]
    columns = "".join("r" if table.kinds[i] == "number" else "l" for i in kept)
    lines = [
        f"% {plain(table.title)}",
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _row([latex(table.columns[i]) for i in kept]),
        r"\midrule",
        *(_row([_cell(row[i], table.kinds[i]) for i in kept]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if table.note:
        lines.append(f"% {plain(table.note)}")
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
