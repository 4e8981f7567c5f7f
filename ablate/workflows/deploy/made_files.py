"""The files of a run's networks below the work folder: made once, kept with what they were made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ablate import deploy, files

BOOK = "made.json"
"""File name -> what it was made of, and its digest."""

VERSIONS = ("torch", "onnx", "onnxscript", "onnxruntime", "openvino", "nncf")


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one replicate. made: told the name of each file that is made now, before it is."""

    path: Path
    made: Callable[[str], None]

    def make(self, name: str, origin: Mapping[str, Any], write: Callable[[Path], None]) -> Path:
        """The file of that name, written by `write` unless it is there, whole, and was made of the same.

        origin: all that the file depends on, as JSON; the packages' versions are added. `write` puts the file in
        place in one step, so that one that is there is whole.
        """
        path = self.path / name
        asked = {**origin, "versions": versions()}
        book = files.read_json(self.path / BOOK) or {}
        found = book.get(name)
        if isinstance(found, dict) and found.get("of") == asked and found.get("sha256") == _digest(path):
            return path
        self.made(name)
        self.path.mkdir(parents=True, exist_ok=True)
        write(path)
        book[name] = {"of": asked, "sha256": _digest(path)}
        files.write_json(self.path / BOOK, book)
        return path


def versions() -> dict[str, str]:
    """Of what makes files, as far as it is installed; of `ablate.deploy` its source, which changes between versions."""
    found = {"ablate.deploy": _own_source()}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def _own_source() -> str:
    folder = Path(deploy.__file__).parent
    return files.sha256_json({path.name: files.sha256_file(path) for path in sorted(folder.glob("*.py"))})


def _digest(path: Path) -> str:
    """Of a file, and of an IR's weights beside it; empty where one is not there."""
    parts = [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
    return "-".join(files.sha256_file(one) for one in parts) if all(one.is_file() for one in parts) else ""
