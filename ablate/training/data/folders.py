"""Folders of pictures: a sub-folder a class, or the label in each file's name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ablate.errors import DataError, DataMissing
from ablate.training.config import ImageFolder, LabelledFiles
from ablate.training.data.listing import (
    EXTENSIONS,
    Contents,
    Listing,
    Picture,
    by_label,
    class_names,
    first_of,
    nfc,
    resolved,
    version_of,
)


class File(NamedTuple):
    """A file below a root: path below it as it is on disk, absolute path."""

    name: str
    path: str


class Found(NamedTuple):
    """What lies below a folder: pictures by their extension, other files' ids, every folder."""

    pictures: list[File]
    ignored: list[str]
    folders: list[str]


def find_image_folder(source: ImageFolder) -> Path:
    """Where it is. Raises DataMissing."""
    folder = resolved(source.root)
    refuse_missing(folder, f"base.data.source.root ({source.root})", "one sub-folder a class, root/<class>/*.jpg")
    return folder


def list_image_folder(source: ImageFolder) -> Listing:
    """A sub-folder a class, whose names are the classes'."""
    folder = find_image_folder(source)
    top = _entries(str(folder))
    class_folders = _class_folders([entry for entry in top if entry.is_dir()], folder)
    ignored = [entry.name for entry in top if not (entry.is_dir() or entry.name.startswith("."))]
    labelled: list[tuple[int, File]] = []
    folders = [str(folder)]
    for label, entry in enumerate(class_folders.values()):
        found = files_below(entry.path, entry.name, above=(_place(str(folder)),))
        if not found.pictures:
            raise DataError(
                f"class folder {entry.path} holds no picture",
                hint=f"Remove it, or add pictures ({', '.join(EXTENSIONS)}).",
            )
        labelled += [(label, file) for file in found.pictures]
        ignored += found.ignored
        folders += found.folders
    files = [file for _, file in labelled]

    def read() -> Contents:
        return Contents(
            classes=tuple(class_folders),
            pictures=by_label(Picture(name, label, path) for label, (name, path) in _unique(labelled)),
        )

    watch = (*folders, *(file.path for file in files))
    return Listing(str(folder), version_of(str(folder), files), watch, read, tuple(nfc(name) for name in ignored))


def find_labelled_files(source: LabelledFiles) -> Path:
    """Where they are. Raises DataMissing."""
    root = resolved(source.root)
    holds = "the parts, such as root/train/<label>_<number>.jpg"
    refuse_missing(root, f"base.data.source.root ({source.root})", holds)
    return root


def list_labelled_files(source: LabelledFiles) -> Listing:
    """Parts in sub-folders, every file name with its label in it."""
    root = find_labelled_files(source)
    parts = {"train": source.train} | ({"test": source.test} if source.test is not None else {})
    found: dict[str, Found] = {}
    for key, name in parts.items():
        refuse_missing(root / name, f"base.data.source.{key} ({name})", "pictures named <label>_<number>.jpg")
        found[key] = files_below(str(root / name), name, above=(_place(str(root)),))
        if not found[key].pictures:
            raise DataError(f"{root / name} holds no picture", hint=f"Set base.data.source.{key} to another folder.")
    files = [file for part in found.values() for file in part.pictures]

    def read() -> Contents:
        texts = _labels_in(files, source.pattern)
        classes = class_names(texts)
        places = {name: index for index, name in enumerate(classes)}
        labelled = [(places[text], file) for text, file in zip(texts, files, strict=True)]
        test = frozenset(nfc(file.name) for file in found["test"].pictures) if "test" in found else None
        return Contents(
            classes=_given_names(classes, source.names),
            pictures=by_label(Picture(name, label, path) for label, (name, path) in _unique(labelled)),
            official_test=test,
        )

    folders = [folder for part in found.values() for folder in part.folders]
    version = version_of(f"{root}\0{source.pattern}\0{source.names}", files)
    ignored = tuple(nfc(name) for part in found.values() for name in part.ignored)
    return Listing(str(root), version, (*folders, *(file.path for file in files)), read, ignored)


def _labels_in(files: Sequence[File], pattern: str) -> list[str]:
    texts, wrong = [], []
    for file in files:
        match = re.fullmatch(pattern, PurePosixPath(nfc(file.name)).stem)
        if match is None or not match[1]:
            wrong.append(nfc(file.name))
        else:
            texts.append(match[1])
    if wrong:
        names = "the name of 1 file" if len(wrong) == 1 else f"the names of {len(wrong)} files"
        raise DataError(
            f"{names} of {len(files)} cannot be read as {pattern!r}: {first_of(wrong)}",
            hint="Rename them, or set base.data.source.pattern to a regular expression for the file name without "
            "its extension, with one group around the label.",
        )
    return texts


def _given_names(labels: tuple[str, ...], names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return labels
    if labels != tuple(str(number) for number in range(len(names))):
        raise DataError(
            f"base.data.source.names gives {len(names)} names, for the labels 0 to {len(names) - 1}, but the files "
            f"are labelled {', '.join(labels)}",
            hint="Give one name a label, in the order of the numbers, or leave names out.",
        )
    return tuple(nfc(name) for name in names)


# --- walking ----------------------------------------------------------------------------------


def refuse_missing(folder: Path, key: str, holds: str) -> None:
    """Raise DataMissing where there is no such folder."""
    if folder.is_dir():
        return
    found = "is not a folder" if folder.exists() else "does not exist"
    raise DataMissing(
        f"{key}: {folder} {found}",
        hint=f"It must hold {holds}; a relative path starts at the current folder, {Path.cwd()}.",
    )


def files_below(folder: str, prefix: str, above: tuple[tuple[int, int], ...] = ()) -> Found:
    """Everything below a folder, links followed; names begin with `prefix`. Hidden files are nobody's."""
    found = Found([], [], [folder])
    for name, entry in _walk(folder, prefix, (*above, _place(folder))):
        if entry.is_dir():
            found.folders.append(entry.path)
        elif entry.name.lower().endswith(EXTENSIONS):
            found.pictures.append(File(name, entry.path))
        elif not entry.name.startswith("."):
            found.ignored.append(name)
    return found


def _class_folders(entries: Sequence[os.DirEntry[str]], root: Path) -> dict[str, os.DirEntry[str]]:
    """Class name (NFC) -> its folder, by codepoint. Raises DataError below two classes."""
    named: dict[str, os.DirEntry[str]] = {}
    for entry in entries:
        name = nfc(entry.name)
        if name in named:
            raise DataError(
                f"{root} has two class folders that both read {name!r}: {named[name].name!a}, {entry.name!a}",
                hint="They differ in Unicode normalisation only; merge them.",
            )
        named[name] = entry
    if len(named) < 2:
        inner = [entry.path for entry in entries if any(item.is_dir() for item in _entries(entry.path))]
        guess = f" Did you mean {inner[0]}?" if inner else ""
        raise DataError(
            f"base.data.source.root: {root} has {len(named)} class folder{'s' * (len(named) != 1)}, two or "
            "more are needed",
            hint=f"It must hold one sub-folder a class, root/<class>/*.jpg.{guess}",
        )
    return dict(sorted(named.items()))


def _walk(folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file and folder below, links followed, each with its path below the root."""
    for entry in _entries(folder):
        name = f"{prefix}/{entry.name}"
        yield name, entry
        if entry.is_dir():
            place = _place(entry.path)
            if place in above:
                raise DataError(f"{entry.path} links to a folder it lies in", hint="Remove the link.")
            yield from _walk(entry.path, name, (*above, place))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror}", hint="Check that you may read it.") from error


def _place(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _unique(labelled: Sequence[tuple[int, File]]) -> Iterator[tuple[int, File]]:
    """The files under their composed names. Raises DataError where two have the same."""
    seen: dict[str, File] = {}
    for label, file in labelled:
        name = nfc(file.name)
        if name in seen:
            raise DataError(
                f"two files read {name!r}: {seen[name].path!a} and {file.path!a}",
                hint="They differ in Unicode normalisation only; rename or remove one.",
            )
        seen[name] = file
        yield label, File(name, file.path)
