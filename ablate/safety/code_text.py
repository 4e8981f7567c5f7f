"""What Python code does, whatever it looks like: the text that a digest of somebody's source is of."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
import secrets
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

RULE = 1
"""Counted up where `normalised` gives another text than before."""
REMEMBERED = 64
"""How many digests are kept."""


def remembered_digest(sources: Sequence[tuple[str, bytes]], package: str, folder: Path) -> str:
    """`digest_of`, read from the folder where it was asked of the same bytes before, by the same Python.

    A folder that cannot be read or written to is done without.
    """
    key = hashlib.sha256(f"{RULE}\0{sys.version_info[:2]}\0{package}\0".encode())
    for name, source in sources:
        key.update(f"{name}\0{len(source)}\0".encode())
        key.update(source)
    path = folder / key.hexdigest()
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if re.fullmatch("[0-9a-f]{64}", known := path.read_text(encoding="ascii")):
            return known
    found = digest_of(sources, package)
    with contextlib.suppress(OSError):
        _keep(path, found)
    return found


def _keep(path: Path, text: str) -> None:
    """Write it in one step; of more than are worth keeping, the oldest goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{secrets.token_hex(8)}")
    beside.write_text(text, encoding="ascii")
    os.replace(beside, path)
    kept = sorted(path.parent.iterdir(), key=lambda one: one.stat().st_mtime)
    for old in kept[:-REMEMBERED]:
        old.unlink()


def digest_of(sources: Sequence[tuple[str, bytes]], package: str) -> str:
    """sha256 of the names of files and of what their code does. package: see `normalised`."""
    digest = hashlib.sha256()
    for name, source in sources:
        content = normalised(source, package)
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def normalised(source: bytes, package: str = "") -> bytes:
    """The code without comments, formatting and docstrings; as it is where it is no Python of this version.

    package: imports from modules of ablate outside it lose the module's name; "": none do, as in earlier versions.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in somebody's code is not the matter here
            tree = ast.parse(source)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                # Docstrings, and the strings under a field that serve as its documentation.
                node.body = [item for item in body if not _is_bare_string(item)]  # type: ignore[attr-defined]
            for block in ("body", "orelse", "finalbody") if package else ():
                if isinstance(items := getattr(node, block, None), list):
                    setattr(node, block, _without_places(items, package))
        return ast.unparse(tree).encode()  # and not ast.dump, whose form changes from one Python to the next
    except (SyntaxError, ValueError):
        return source


def _without_places(body: list[ast.stmt], package: str) -> list[ast.stmt]:
    """A block whose imports from elsewhere in ablate are one, sorted by name: modules may move, split and join."""
    moved = [item for item in body if isinstance(item, ast.ImportFrom) and _is_elsewhere(item, package)]
    if not moved:
        return body
    names = {(alias.name, alias.asname or ""): alias for item in moved for alias in item.names}
    joined = ast.ImportFrom(module="ablate", names=[names[key] for key in sorted(names)], level=0)
    return [joined, *(item for item in body if item not in moved)]


def _is_elsewhere(node: ast.ImportFrom, package: str) -> bool:
    module = node.module or ""
    return node.level == 0 and module.startswith("ablate.") and not f"{module}.".startswith(f"{package}.")


def _is_bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
