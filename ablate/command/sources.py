"""Which program a command runs, the digest of its source, and that of its data."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ablate.command.schema import CommandBlock
from ablate.command.settings import listed
from ablate.command.words import split_words
from ablate.errors import DataMissing, TrainerError, near_match
from ablate.safety.code_text import normalised

PATTERNS = ("**/*.py", "**/*.yaml", "**/*.yml", "**/*.toml", "**/*.json")
"""What of a script's folder is its source, where nobody says."""
LEFT_OUT = {
    "__pycache__", "node_modules", "reports", "mlruns", "mlartifacts", "wandb", "lightning_logs", "outputs",
    "multirun", "checkpoints", "site-packages",
}  # fmt: skip
"""Folders that hold no source; hidden ones and virtual environments on top."""
MOST_ENTRIES = 50_000
MOST_FILES = 2_000
LARGEST_BYTES = 1_000_000
"""Of a file that is taken for source unless it is named."""
STUDY_SCHEMA = "study.schema.json"
"""What `ablate init` lays beside a study, for editors; another version of ablate writes another."""
_SCRIPT = re.compile(r"\.(py|sh|r|jl|m|js|ts|pl|rb|lua)$", re.IGNORECASE)
_STUDY = re.compile(rb"^study[ \t]*:", re.MULTILINE)
_STUDY_IN_JSON = re.compile(rb"\"study\"\s*:[^{]*\"trainer\"\s*:")


class Script(NamedTuple):
    """What is run. file: the script, None where the command names an installed program. folder: where it lies."""

    file: Path | None
    folder: Path


def folder_of(block: CommandBlock) -> Path:
    """Where the command runs."""
    return Path.cwd() / (block.cwd or "")


def script_of(block: CommandBlock) -> Script:
    """The first word that is a script, the module behind -m, or else the first word that is a file."""
    words, here = split_words(block.command), folder_of(block)
    fixed = [(number, word) for number, word in enumerate(words) if "{" not in word]
    files = [here / word for number, word in fixed if (number or _has_folder(word)) and _is_file(here / word)]
    modules = [_module(here, word) for number, word in fixed if number and words[number - 1] == "-m"]
    scripts = [path for path in files if _SCRIPT.search(path.name)]
    found = next(filter(None, [*modules, *scripts, *files]), None)
    return Script(found, here if found is None else found.parent)


def _has_folder(word: str) -> bool:
    return "/" in word or os.sep in word


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _module(here: Path, name: str) -> Path | None:
    path = here.joinpath(*name.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__main__.py") if _is_file(one)), None)


def refuse_absent(block: CommandBlock) -> None:
    """Raise TrainerError where the program or the script is not there, or cannot be executed."""
    words, here = split_words(block.command), folder_of(block)
    if not here.is_dir():
        raise TrainerError(
            f"there is no folder {here} to run the command in", hint="`cwd:` is read from where you are."
        )
    program = words[0]
    if program != "{python}" and find_program(program, here) is None:
        path = here / program
        if _is_file(path):
            raise TrainerError(
                f"{path} is not executable", hint=f"`chmod +x {program}`, or name what runs it: [bash, {program}, ...]."
            )
        if program in ("python", "python3"):
            raise TrainerError(f"there is no {program} on PATH", hint="Write {python}: the one `ablate` runs in.")
        near = near_match(program, ("python", "python3", "torchrun", "accelerate", "bash", "uv"))
        raise TrainerError(f"there is no program {program!r} on PATH or in {here}", hint=f"{near}Is it installed here?")
    for number, word in enumerate(words[1:], start=1):
        if "{" not in word and _SCRIPT.search(word) and not word.startswith("-") and not _is_file(here / word):
            if words[number - 1].startswith("-"):
                continue  # the value of an option
            beside = sorted(one.name for one in here.glob("*.py"))
            raise TrainerError(
                f"there is no file {word} in {here}, where the command runs",
                hint=f"{near_match(word, beside)}The command runs in the folder that `ablate` is called in, or `cwd:`.",
            )


def find_program(name: str, here: Path) -> str | None:
    """The path of a program: by PATH, or below the folder where its name has a slash."""
    if _has_folder(name):
        return shutil.which(str(here / name))
    return shutil.which(name)


def source_files(block: CommandBlock) -> list[tuple[str, Path]]:
    """Name below the script's folder and place of each file the digest is of.

    Raises TrainerError where a pattern finds nothing, or there is too much to be source.
    """
    script = script_of(block)
    if block.sources is None and script.file is None:
        return []
    found: dict[str, Path] = {}
    if block.sources is None:
        for path in _walked(script.folder):
            if path.suffix.lower() in (".py", ".yaml", ".yml", ".toml", ".json") and _is_source(path):
                found[path.relative_to(script.folder).as_posix()] = path
        if script.file is not None:
            found[script.file.name] = script.file
    for pattern in block.sources or ():
        matched = [path for path in _glob(script.folder, pattern) if _is_file(path)]
        if not matched:
            raise TrainerError(
                f"sources: {pattern!r} matches no file below {script.folder}",
                hint="Patterns begin at the script's folder: train.py, src/**/*.py.",
            )
        found |= {os.path.relpath(path, script.folder).replace(os.sep, "/"): path for path in matched}
    if len(found) > MOST_FILES:
        raise TrainerError(f"{len(found)} files below {script.folder} would be its source", hint=_SAY_WHICH)
    return sorted(found.items())


_SAY_WHICH = "Say which they are: sources: [train.py, src/**/*.py]."


def _glob(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
    except (ValueError, NotImplementedError) as error:
        raise TrainerError(f"sources: {pattern!r} is no pattern: {error}", hint="Such as src/**/*.py.") from error


def _walked(folder: Path) -> Iterator[Path]:
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _may_hold_source(Path(place, name)))
        seen += len(names)
        if seen > MOST_ENTRIES:
            raise TrainerError(f"{folder} holds more than {MOST_ENTRIES} files", hint=_SAY_WHICH)
        yield from (Path(place, name) for name in sorted(names))


def _may_hold_source(folder: Path) -> bool:
    name = folder.name
    return not name.startswith(".") and name not in LEFT_OUT and not (folder / "pyvenv.cfg").exists()


def _is_source(path: Path) -> bool:
    """A plain file of moderate size, and no study: what is asked is no part of what is done."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_BYTES:
        return False
    if path.suffix.lower() not in (".yaml", ".yml", ".json"):
        return True
    if path.name == STUDY_SCHEMA:
        return False
    content = path.read_bytes()
    return (_STUDY_IN_JSON if content.lstrip()[:1] == b"{" else _STUDY).search(content) is None


def source_digest(block: CommandBlock) -> str:
    """Of the names and contents of the source files; comments, formatting and docstrings of Python do not count."""
    stats = tuple((name, str(path), path.stat()) for name, path in source_files(block))
    return _digest_of(tuple((name, path, stat.st_mtime_ns, stat.st_size) for name, path, stat in stats))


@lru_cache(maxsize=32)
def _digest_of(files: tuple[tuple[str, str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, path, _, _ in files:
        content = Path(path).read_bytes()
        content = normalised(content) if name.endswith(".py") else content
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def input_paths(block: CommandBlock) -> list[Path]:
    """The files and folders of the data, as named. Raises DataMissing where one is not there."""
    named = [*(block.inputs or ()), *([block.images] if block.images is not None else [])]
    paths = [folder_of(block) / name for name in named]
    for name, path in zip(named, paths, strict=True):
        if not path.exists():
            raise DataMissing(
                f"there is no {name} in {folder_of(block)}", hint="`inputs:` and `images:` name files and folders."
            )
    return paths


def walked_inputs(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Name and place of each file of the data, and of each folder."""
    for path in paths:
        if not path.is_dir():
            yield path.name, path
            continue
        for place, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            below = Path(place).relative_to(path).as_posix()
            yield f"{path.name}/{below}", Path(place)
            yield from ((f"{path.name}/{below}/{name}", Path(place, name)) for name in sorted(names))


def digest_of_inputs(found: Sequence[tuple[str, Path]]) -> str:
    """Of names, sizes and times; of a folder its name alone."""
    digest = hashlib.sha256()
    for name, path in found:
        stat = path.stat()
        seen = "" if path.is_dir() else f"{stat.st_size}\0{stat.st_mtime_ns}"
        digest.update(f"{name}\0{seen}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def told(block: CommandBlock) -> list[str]:
    """What a run is known by beside its words: sentences for `plan`."""
    files = [name for name, _ in source_files(block)]
    script = script_of(block)
    source = (
        f"Source of the command: {listed(files)} in {script.folder}; a change of these makes finished runs stale."
        if files
        else "Source of the command: not known; `sources:` names files whose change would make finished runs stale."
    )
    named = [*(block.inputs or ()), *filter(None, [block.images])]
    data = (
        f"Data of the command: {listed(named)}, by name, size and time."
        if named
        else "Data of the command: not checked; `inputs:` names files and folders whose change would be noticed."
    )
    return [source, data]
