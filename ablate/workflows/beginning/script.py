"""The options of somebody's training script, read off its text: it is never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ablate.errors import StudyError

TAKEN = ("seed", "replicate", "fold", "folder", "split", "config", "overrides", "python", "checkpoint")
"""Names that a command's placeholders have already; no setting of a study may be called so."""

PLAIN = {"str": str, "int": int, "float": float}
"""Types of argparse that can be asked without the script."""

Kind = Literal["value", "on", "off", "pair", "list", "repeated"]
"""What stands behind the option: a value, nothing (which switches on or off), nothing with a --no- beside it, several
values, or one value each time it is given."""


class Option(NamedTuple):
    """An option of a script, as argparse knows it. key: its setting in a study. type: `int`, `float`, or another name.

    choices: what argparse takes, as text; empty where that is anything, or computed.
    """

    flag: str
    key: str
    kind: Kind = "value"
    default: Any = None
    type: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = False

    @property
    def is_text(self) -> bool:
        """Whether a value stays the text that was typed."""
        return self.type == "str"

    @property
    def words(self) -> list[str]:
        """What the command has for it."""
        match self.kind:
            case "on" if self.flag == f"--{self.key.replace('_', '-')}":
                return [f"{{?{self.key}}}"]
            case "on" | "off":
                return [f"{{?{self.key}:{'' if self.kind == 'on' else '|'}{self.flag}}}"]
            case "pair":
                return [f"{{?{self.key}:{self.flag}|--no-{self.flag.removeprefix('--')}}}"]
            case "repeated":
                return [self.flag, f"{{{self.key}:*}}"]
            case _:
                return [self.flag, f"{{{self.key}}}"]


class Script(NamedTuple):
    """What a script's text says. texts: what it prints, logs or names, {} for a value put in. imports: of modules."""

    options: Sequence[Option] = ()
    positional: Sequence[str] = ()
    texts: Sequence[str] = ()
    names: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()


def read_script(path: Path) -> Script:
    """The options of a script, and of modules beside it where it has none itself.

    Raises StudyError where there is no such file, or it is no Python.
    """
    tree = _parsed(path)
    found = _script_of([tree])
    if not found.options and (beside := list(_modules_beside(path, tree))):
        found = _script_of([tree, *(_parsed(one) for one in beside)])
    return found


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except FileNotFoundError:
        raise StudyError(f"there is no file {path}", hint="Give the path of the script you train with.") from None
    except (SyntaxError, UnicodeDecodeError, ValueError, OSError) as error:
        raise StudyError(
            f"{path} cannot be read as Python: {error}", hint="Its options are read off its text."
        ) from None


def _modules_beside(path: Path, tree: ast.Module) -> Iterator[Path]:
    """Files in the script's folder that it imports."""
    for name in sorted(_imports(tree)):
        beside = path.parent / f"{name.replace('.', '/')}.py"
        if beside.is_file():
            yield beside


def _script_of(trees: Sequence[ast.Module]) -> Script:
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    arguments = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"]
    read = [one for call in arguments if (one := _option_of(call)) is not None]
    options = {one.flag: one for one in read if isinstance(one, Option)}
    return Script(
        options=tuple(options.values()),
        positional=tuple(one for one in read if isinstance(one, str)),
        texts=tuple(text for tree in trees for text in _texts(tree)),
        names=frozenset(name for call in calls if (name := _name_of(call.func))),
        imports=frozenset(name.split(".")[0] for tree in trees for name in _imports(tree)),
    )


def _option_of(call: ast.Call) -> Option | str | None:
    """The option that a call adds, or the name of what it takes without one; None for help and its like."""
    flags = [one for one in map(_literal, call.args) if isinstance(one, str)]
    given = {word.arg: word.value for word in call.keywords if word.arg is not None}
    action = _literal(given.get("action"))
    if not flags or action in ("help", "version", "count", "store_const", "append_const"):
        return None
    flag = next((one for one in flags if one.startswith("--")), flags[0])
    if not flag.startswith("-"):
        return flag if _literal(given.get("nargs")) not in ("?", "*") else None
    dest = _literal(given.get("dest"))
    name = dest if isinstance(dest, str) else flag.lstrip("-")
    key = "".join(c if c.isalnum() and c.isascii() else "_" for c in name)
    kind, default = _kind(given, action), _literal(given.get("default"))
    if kind in ("on", "off", "pair") and default is None:
        default = kind == "off"
    return Option(
        flag=flag,
        key=f"{key}_" if key in TAKEN else key,
        kind=kind,
        default=default,
        type=_name_of(given.get("type")),
        choices=_choices(given),
        is_required=_literal(given.get("required")) is True,
    )


def _choices(given: dict[str, ast.expr]) -> tuple[str, ...]:
    if "type" in given and _name_of(given["type"]) not in PLAIN:
        return ()  # it may turn what is typed into one of them
    found = _literal(given.get("choices"))
    return tuple(map(str, found)) if isinstance(found, list | tuple | set | dict) else ()


def _kind(given: dict[str, ast.expr], action: Any) -> Kind:
    if _name_of(given.get("action")) == "BooleanOptionalAction":
        return "pair"
    if action in ("store_true", "store_false"):
        return "on" if action == "store_true" else "off"
    if action in ("append", "extend"):
        return "repeated"
    nargs = _literal(given.get("nargs"))
    return "list" if nargs in ("+", "*") or isinstance(nargs, int) else "value"


def _literal(node: ast.expr | None) -> Any:
    """The value of a literal; None where it is computed."""
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _name_of(node: ast.expr | None) -> str:
    """The last word of a dotted name; empty for anything else."""
    match node:
        case ast.Attribute():
            return node.attr
        case ast.Name():
            return node.id
        case _:
            return ""


def _imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name for alias in node.names}
    return found


def _texts(tree: ast.Module) -> Iterator[str]:
    """Every text of the script, in order; {} for each value that is put into one."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value
