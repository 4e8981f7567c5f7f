"""The source of a LaTeX table as lines of cells: a row a line, without rules, titles and remarks."""

from __future__ import annotations

import re
from itertools import accumulate

_BEGIN = re.compile(r"\\begin\s*\{(?:tabular[xy*]?|tabu|array|longtable)\}")
_END = re.compile(r"\\end\s*\{(?:tabular[xy*]?|tabu|array|longtable)\}.*")
_ROW_END = re.compile(r"\\\\\*?(?:\[[^\]]*\])?|\\tabularnewline\b")
_RULE = re.compile(
    r"\\(?:toprule|midrule|bottomrule|hline|hhline|cmidrule|cline|addlinespace|specialrule|noalign|centering|"
    r"endhead|endfirsthead|endfoot|endlastfoot)\b(?:\([^)]*\)|\[[^\]]*\]|\{[^}]*\})*"
)
_AROUND = re.compile(r"\s*\\(?:begin|end|caption|label|small|footnotesize|resizebox|setlength|renewcommand)\b")
_COLOR = re.compile(r"\\(?:textcolor|color|rowcolor|cellcolor)(?:\[[^\]]*\])?\{[^}]*\}")
_STACKED = re.compile(r"\\(?:makecell|shortstack|thead)(?:\[[^\]]*\])?\{([^{}]*)\}")
_ACROSS = re.compile(r"\\multicolumn\{(\d{1,2})\}\{[^{}]*\}")
_DOWN = re.compile(r"\\multirow(?:\[[^\]]*\])?\{[^{}]*\}(?:\[[^\]]*\])?\{[^{}]*\}")
ESCAPED = "\0"
"""Stands for `\\&`, an ampersand that is no end of a cell."""


def is_latex(text: str) -> bool:
    """Whether a text is the source of a LaTeX table: its cells end at `&`, its rows at two backslashes."""
    return _BEGIN.search(text) is not None or (text.count("&") > 1 and _ROW_END.search(text) is not None)


def latex_rows(text: str) -> list[tuple[int, str]]:
    """The rows of a table, each with the line it begins in; where the environment is missing, all lines are rows."""
    rows: list[tuple[int, str]] = []
    inside = not _BEGIN.search(text)
    begun, so_far = 0, ""
    for number, whole in enumerate(text.splitlines(), 1):
        line = whole
        if not inside and (begin := _BEGIN.search(line)):
            inside, line = True, _behind_arguments(line[begin.end() :])
        if not inside or line.lstrip().startswith("%"):
            continue
        ended, line = _END.search(line) is not None, _END.sub("", line)
        *done, rest = _ROW_END.split(_without_looks(line))
        for piece in done:
            rows.append((begun if so_far else number, f"{so_far} {piece}".strip()))
            so_far = ""
        rest = "" if rest.lstrip().startswith("%") else rest.strip()
        begun, so_far = (begun if so_far else number), f"{so_far} {rest}".strip()
        if ended:
            rows.append((begun, so_far))
            so_far = ""
            inside = False
    return [(number, row) for number, row in [*rows, (begun, so_far)] if row]


def _without_looks(line: str) -> str:
    if _AROUND.match(line):
        return ""
    line = _STACKED.sub(lambda match: match[1].replace("\\\\", " "), _RULE.sub("", line))
    line = _DOWN.sub("", _COLOR.sub("", line)).replace("\\&", ESCAPED)
    across = [int(match[1]) - 1 for match in _ACROSS.finditer(line)]
    for more in across:
        line = re.sub(_ACROSS.pattern + r"(\{[^&]*?\})(?=\s*(?:&|\\\\|$))", rf"\2{'& ' * more}", line, count=1)
    return line


def _behind_arguments(text: str) -> str:
    """What follows the arguments in braces or brackets at the beginning."""
    rest = text.lstrip()
    while rest[:1] in ("{", "["):
        depths = accumulate((sign in "{[") - (sign in "}]") for sign in rest)
        end = next((place for place, depth in enumerate(depths) if depth == 0), len(rest))
        rest = rest[end + 1 :].lstrip()
    return rest
