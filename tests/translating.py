"""The sentences that stand in the source, as templates, for the catalogues of other languages.

A template is the text with its blanks numbered: `f"no variant {name!r}"` is `no variant {0}`. `python -m
tests.translating` prints which a catalogue lacks, ready to be filled in, and which it no longer needs.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.cli.translation import paragraphs

if TYPE_CHECKING:
    from ablate.settings import Settings

PACKAGE = Path(__file__).parents[1] / "ablate"
CATALOGUES = ("remedies", "messages", "lines", "help")
REMEDIES = frozenset({"hint", "remedy", "instead"})
"""Arguments that say what to do next."""
SPEAKERS = frozenset({"say", "note", "note_lines"})
"""Functions that write to the terminal."""


class Text(NamedTuple):
    """An expression that becomes a text, and where it stands."""

    value: ast.expr
    file: Path
    line: int


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module of the package."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def nodes() -> tuple[tuple[Path, ast.AST], ...]:
    """Every node of every module."""
    return tuple((path, node) for path, tree in trees().items() for node in ast.walk(tree))


@cache
def errors() -> frozenset[str]:
    """AblateError, all that inherit from it, and what pydantic turns into one."""
    classes = [node for _, node in nodes() if isinstance(node, ast.ClassDef)]
    known: set[str] = set()
    found = {"AblateError"}
    while found - known:
        known |= found
        found = {one.name for one in classes if {name_of(base) for base in one.bases} & known}
    return frozenset(known)


def name_of(node: ast.AST) -> str:
    """The last part of a dotted name, else nothing."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call in the package."""
    for path, node in nodes():
        if isinstance(node, ast.Call):
            yield path, node


def remedies() -> Iterator[Text]:
    """What errors say to do next."""
    for path, call in calls():
        for given in call.keywords:
            if given.arg in REMEDIES:
                yield Text(given.value, path, given.value.lineno)


def messages() -> Iterator[Text]:
    """What errors say has happened."""
    for path, call in calls():
        if name_of(call.func) in errors() | {"ValueError"} and call.args:
            yield Text(call.args[-1], path, call.lineno)


def lines() -> Iterator[Text]:
    """What commands print."""
    for path, call in calls():
        if name_of(call.func) in SPEAKERS and call.args and PACKAGE / "cli" in path.parents:
            yield Text(call.args[0], path, call.lineno)


class Found(NamedTuple):
    """A template, and what stands in its blanks."""

    template: str
    blanks: tuple[ast.expr, ...] = ()


def _text(node: ast.expr) -> Iterator[list[str | ast.expr]]:
    """The pieces of each text that an expression can be: letters, and what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            yield [text]
        case ast.JoinedStr():
            yield [_part(part) for part in node.values]
        case ast.BinOp(op=ast.Add()):
            for left, right in itertools.product(_text(node.left), _text(node.right)):
                yield [*left, *right]
        case ast.IfExp():
            yield from _text(node.body)
            yield from _text(node.orelse)
        case ast.BoolOp():
            for value in node.values:
                yield from _text(value)
        case _:
            yield [node]


def _part(part: ast.expr) -> str | ast.expr:
    return part.value if isinstance(part, ast.FormattedValue) else str(getattr(part, "value", ""))


def templates(node: ast.expr) -> Iterator[Found]:
    """The templates of an expression; a blank alone is none."""
    for pieces in _text(node):
        shown = ""
        blanks: list[ast.expr] = []
        for piece in pieces:
            if isinstance(piece, str):
                shown += piece.replace("{", "{{").replace("}", "}}")
            else:
                shown += f"{{{len(blanks)}}}"
                blanks.append(piece)
        yield Found(shown, tuple(blanks))


def is_said(template: str) -> bool:
    """Whether a template has words of its own: `{0}: {1}` has none, and a single word is a name."""
    bare = re.sub(r"`[^`]*`|\{\d+\}", "", template)
    return (
        " " in template.strip()
        and not re.fullmatch(r"[\w.]+\(.*\)", template)
        and re.search(r"[A-Za-z]{2}", bare) is not None
    )


@cache
def assigned() -> dict[str, list[Text]]:
    """What the package assigns to a name, whole or added to it."""
    found: dict[str, list[Text]] = {}
    for path, node in nodes():
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if name := name_of(target):
                    found.setdefault(name, []).append(Text(node.value, path, node.lineno))
    return found


@cache
def returned() -> dict[str, list[Text]]:
    """What the functions of a name return."""
    found: dict[str, list[Text]] = {}
    for path, function in nodes():
        if isinstance(function, ast.FunctionDef):
            found.setdefault(function.name, []).extend(
                Text(node.value, path, node.lineno)
                for statement in function.body
                for node in _statements(statement)
                if isinstance(node, ast.Return) and node.value is not None
            )
    return found


def _statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those inside it."""
    yield statement
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(statement, block, []):
            yield from _statements(inner)


PASSED_ON = frozenset({"hint", "remedy", "instead"})
"""Names that hold another error's remedy, or one handed in."""


def sources(blank: ast.expr, file: Path) -> list[Text]:
    """The expressions that fill a blank, so far as names tell."""
    match blank:
        case ast.Name() | ast.Attribute():
            there = assigned().get(name_of(blank), [])
            here = [one for one in there if one.file == file]
            return here or [one for one in there if name_of(blank).isupper()]
        case ast.Call(func=ast.Attribute(value=value, attr="strip" | "rstrip" | "format")):
            return [Text(value, file, blank.lineno)]
        case ast.Call():
            there = returned().get(name_of(blank.func), [])
            return [one for one in there if one.file == file] or there
    return []


def reached(texts: Iterable[Text]) -> tuple[dict[str, Text], list[Text]]:
    """The templates of some expressions and of what fills their blanks; then the expressions nothing is known of."""
    found: dict[str, Text] = {}
    unknown: list[Text] = []
    waiting = [(text, True) for text in texts]
    seen: set[int] = set()
    while waiting:
        text, needed = waiting.pop()
        if id(text.value) in seen:
            continue
        seen.add(id(text.value))
        for one in templates(text.value):
            if is_said(one.template) and (needed or len(re.findall(r"[A-Za-z]{2,}", one.template)) >= 3):
                found.setdefault(one.template, text)
            whole = one.template == "{0}"
            for blank in one.blanks:
                inside = sources(blank, text.file) or ([] if whole else _choices(blank, text.file))
                waiting.extend((each, needed and whole) for each in inside)
                if whole and needed and not inside and isinstance(blank, ast.Name) and not _is_passed_on(blank):
                    unknown.append(text)
    return found, unknown


def _choices(blank: ast.expr, file: Path) -> list[Text]:
    return [Text(blank, file, blank.lineno)] if isinstance(blank, ast.IfExp | ast.BoolOp | ast.JoinedStr) else []


def _is_passed_on(blank: ast.expr) -> bool:
    inner = blank.slice if isinstance(blank, ast.Subscript) else blank
    name = inner.value if isinstance(inner, ast.Constant) else name_of(inner)
    return name in PASSED_ON


@cache
def all_templates() -> frozenset[str]:
    """Every text that stands anywhere in the package."""
    return frozenset(
        one.template
        for _, node in nodes()
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp)
        for one in templates(node)
    )


@cache
def warnings() -> frozenset[str]:
    """What is logged as a warning, which a command prints; `%s` is a blank, too."""
    found = set()
    for _, call in calls():
        if name_of(call.func) == "warning" and call.args:
            for one in templates(call.args[0]):
                numbers = itertools.count()
                found.add(re.sub(r"%[.\d]*[a-z]", lambda _, n=numbers: f"{{{next(n)}}}", one.template))  # type: ignore[misc]
    return frozenset(found)


def composed() -> frozenset[str]:
    """Texts that are put together from words: counts, and what a setting expects."""
    import ablate.study.study  # its settings have to be known below
    import ablate.training.config  # noqa: F401
    from ablate.report.wording.language import ENGLISH
    from ablate.settings import Settings
    from ablate.study.expectations import expectation, slot_at

    counts = {
        form.replace("{n}", number)
        for key in ENGLISH.keys_below("count")
        for form, number in zip(ENGLISH.table[key], ("1", "7"), strict=True)
    }
    for _, call in calls():
        if name_of(call.func) == "counted":
            noun, plural = [*(word.value for word in call.args[1:] if isinstance(word, ast.Constant)), "", ""][:2]
            counts |= {f"1 {noun}", f"7 {plural or f'{noun}s'}"} if noun else set()
    return frozenset(
        counts
        | {
            expectation(slot_at(block, [name], {}))
            for block in _below(Settings)
            if block.__module__.startswith("ablate.")
            for name in block.model_fields
        }
    )


def _below(block: type[Settings]) -> Iterator[type[Settings]]:
    for child in block.__subclasses__():
        yield child
        yield from _below(child)


_HEADINGS = ("Usage:", "Arguments", "Options", "Commands", "Example: {0}")


def help_texts() -> frozenset[str]:
    """The paragraphs of every command's help, the help of its options, and the headings of the page."""
    import typer

    from ablate.cli.app import app

    def of(command: Any) -> Iterator[str]:
        yield from (part for part in paragraphs(command.help or "") if not part.startswith("Example: "))
        for parameter in [*command.params, command.get_help_option(command.context_class(command))]:
            yield from paragraphs(getattr(parameter, "help", None) or "")[:1]
        for child in getattr(command, "commands", {}).values():
            yield from of(child)

    texts = of(typer.main.get_command(app))
    return frozenset({*(text.replace("{", "{{").replace("}", "}}") for text in texts), *_HEADINGS})


def catalogue(name: str) -> dict[str, str]:
    """The Chinese catalogue of a name, as it is written."""
    text = (PACKAGE / "cli" / "languages" / "zh" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def needed() -> dict[str, set[str]]:
    """What each catalogue should hold."""
    said = set(reached(remedies())[0])
    return {
        "remedies": said,
        "messages": set(reached(messages())[0]) - said,
        "lines": {text for text in reached(lines())[0] if is_said(text)} | warnings(),
        "help": set(help_texts()),
    }


if __name__ == "__main__":
    there = {text for name in CATALOGUES for text in catalogue(name)}
    for name, texts in needed().items():
        lacking = sorted(texts - there)
        sys.stdout.write(f"# {name}.toml lacks {len(lacking)}\n")
        sys.stdout.writelines(f'{json.dumps(text, ensure_ascii=False)} = ""\n' for text in lacking)
