"""Folders of images: a sub-folder a class, or the label in each file's name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ablate.errors import DataError
from ablate.readers.image_folders import alike_below, is_image, is_video, nobodys_note, refuse_no_classes, top_of
from ablate.training.config import ImageFolder, LabelledFiles
from ablate.training.config.clips import VideoFolder
from ablate.training.data.file_tree import File, FoundImages, Takes, files_below, place_of, refuse_missing
from ablate.training.data.listing import (
    EXTENSIONS,
    Contents,
    FlawedListing,
    ImageFile,
    Listing,
    by_label,
    class_names,
    first_of,
    nfc,
    resolved,
    version_of,
)


class Wanted(NamedTuple):
    """What a folder of classes holds. such_as: for a message. endings: of its files. way_out: for other files.

    takes: which files count, by name. gathered: what they are together, where a clip has several files.
    """

    noun: str
    such_as: str
    endings: str
    way_out: str
    takes: Takes
    gathered: Callable[[FoundImages], FoundImages] | None = None


IMAGES = Wanted(
    "image",
    "*.jpg",
    ", ".join(EXTENSIONS),
    " Files of other kinds are read by a function of yours: data.reader: my_pkg.io:read.",
    is_image,
)


def find_image_folder(source: ImageFolder | VideoFolder, such_as: str = "*.jpg") -> Path:
    """Where it is. Raises DataMissing."""
    folder = resolved(source.root)
    refuse_missing(
        folder, f"base.data.source.root ({source.root})", f"one sub-folder per class, root/<class>/{such_as}"
    )
    for key, part in _parts_of(source).items():
        if part:
            refuse_missing(folder / part, f"base.data.source.{key} ({part})", "one sub-folder per class")
    return folder


def list_image_folder(source: ImageFolder | VideoFolder, wanted: Wanted = IMAGES) -> Listing:
    """A sub-folder a class, whose names are the classes'; in one folder, or in those of the parts.

    Raises FlawedListing where class folders are empty, or a class is in another part than the training part alone.
    """
    folder = find_image_folder(source, wanted.such_as)
    wrong: list[DataError] = []
    parts = {key: _class_folders(folder, part, key, wanted) for key, part in _parts_of(source).items()}
    files = [file for part in parts.values() for file in part.images()]
    if wanted.gathered is not None:
        parts = {key: part.gathered(wanted.gathered) for key, part in parts.items()}
    classes = list(parts["train"].classes)
    for key, part in parts.items():
        if unknown := [name for name in part.classes if name not in classes]:
            named, what = _parts_of(source)[key], f"holds classes that {source.train} lacks"
            wrong.append(
                DataError(
                    f"base.data.source.{key} ({named}) {what}: {first_of(unknown)}",
                    hint="Give both parts the same class folders.",
                )
            )
        classes += unknown
    numbers = {name: number for number, name in enumerate(classes)}
    labelled = [(numbers[label], file) for part in parts.values() for label, file in part.labelled()]
    found = [one for part in parts.values() for one in part.classes.values()]
    wrong += _empty_classes([one for one in found if not one.images], wanted)

    def read() -> Contents:
        test = parts["test"].images() if "test" in parts else None
        return Contents(
            classes=tuple(classes),
            images=by_label(ImageFile(name, label, path) for label, (name, path) in _unique(labelled)),
            official_test=None if test is None else frozenset(nfc(file.name) for file in test),
        )

    tops = [str(folder), *(str(part.folder) for part in parts.values() if part.folder != folder)]
    watch = (*tops, *(place for one in found for place in one.folders), *(file.path for file in files))
    ignored = [name for part in parts.values() for name in part.ignored] + [x for one in found for x in one.ignored]
    nobodys = [name for part in parts.values() for name in part.nobodys] + [x for one in found for x in one.nobodys]
    nested = () if wanted.gathered else tuple(note for part in parts.values() for note in _nested(part))
    notes = (*_nobodys(nobodys), *nested)
    # The part joins those to train on: with the same folders as `test` it would be another data set.
    below = [f"val={part}" if key == "val" else part for key, part in _parts_of(source).items() if part]
    place = "\0".join([str(folder), *below])
    listing = Listing(str(folder), version_of(place, files), watch, read, tuple(map(nfc, ignored)), notes)
    if wrong:
        raise FlawedListing(wrong, listing)
    return listing


def _parts_of(source: ImageFolder | VideoFolder) -> dict[str, str]:
    """Key of the settings -> sub-folder; "" for the root itself."""
    parts = {"train": source.train or "", "val": source.val, "test": source.test}
    return {key: part for key, part in parts.items() if part is not None}


def find_labelled_files(source: LabelledFiles) -> Path:
    """Where they are. Raises DataMissing."""
    root = resolved(source.root)
    holds = "the parts, such as root/train/<label>_<number>.jpg"
    refuse_missing(root, f"base.data.source.root ({source.root})", holds)
    return root


def list_labelled_files(source: LabelledFiles, takes: Takes = is_image) -> Listing:
    """Parts in sub-folders, every file name with its label in it."""
    root = find_labelled_files(source)
    parts = {"train": source.train} | ({"test": source.test} if source.test is not None else {})
    found: dict[str, FoundImages] = {}
    for key, name in parts.items():
        refuse_missing(root / name, f"base.data.source.{key} ({name})", "images named <label>_<number>.jpg")
        found[key] = files_below(str(root / name), name, above=(place_of(str(root)),), takes=takes)
        if not found[key].images:
            raise DataError(f"{root / name} holds no image", hint=f"Set base.data.source.{key} to another folder.")
    files = [file for part in found.values() for file in part.images]

    def read() -> Contents:
        texts = _labels_in(files, source.pattern)
        classes = class_names(texts)
        places = {name: index for index, name in enumerate(classes)}
        labelled = [(places[text], file) for text, file in zip(texts, files, strict=True)]
        test = frozenset(nfc(file.name) for file in found["test"].images) if "test" in found else None
        return Contents(
            classes=_given_names(classes, source.names),
            images=by_label(ImageFile(name, label, path) for label, (name, path) in _unique(labelled)),
            official_test=test,
        )

    folders = [folder for part in found.values() for folder in part.folders]
    version = version_of(f"{root}\0{source.pattern}\0{source.names}", files)
    ignored = tuple(nfc(name) for part in found.values() for name in part.ignored)
    notes = _nobodys([name for part in found.values() for name in part.nobodys])
    return Listing(str(root), version, (*folders, *(file.path for file in files)), read, ignored, notes)


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
            hint="Give one name per label, in the order of the numbers, or leave names out.",
        )
    return tuple(nfc(name) for name in names)


class _Classes(NamedTuple):
    """The class folders of one part: where it lies, class name (NFC) -> what is below, and what lies beside them."""

    folder: Path
    classes: Mapping[str, FoundImages]
    ignored: list[str]
    nobodys: list[str]

    def labelled(self) -> Iterator[tuple[str, File]]:
        """Every image with the name of its class."""
        return ((name, file) for name, found in self.classes.items() for file in found.images)

    def images(self) -> list[File]:
        """Every image."""
        return [file for _, file in self.labelled()]

    def gathered(self, gathered: Callable[[FoundImages], FoundImages]) -> _Classes:
        """With what the files of each class are together."""
        return self._replace(classes={name: gathered(found) for name, found in self.classes.items()})


def _class_folders(root: Path, part: str, key: str, wanted: Wanted) -> _Classes:
    """What a part holds, by codepoint of the classes. Raises DataError below two classes."""
    folder = root / part
    top = top_of(folder)
    place = f"base.data.source.{key if part else 'root'}: {folder}"
    refuse_no_classes(folder, [entry.name for entry in top.folders], what=place, such_as=wanted.such_as)
    named: dict[str, os.DirEntry[str]] = {}
    for entry in top.folders:
        name = nfc(entry.name)
        if name in named:
            raise DataError(
                f"{folder} has two class folders that both read {name!r}: {named[name].name!a}, {entry.name!a}",
                hint="They differ in Unicode normalisation only; merge them.",
            )
        named[name] = entry
    prefix = f"{part}/" if part else ""
    above = (place_of(str(root)), place_of(str(folder)))
    return _Classes(
        folder=folder,
        classes={n: files_below(e.path, f"{prefix}{e.name}", above, wanted.takes) for n, e in sorted(named.items())},
        ignored=[prefix + entry.name for entry in top.files],
        nobodys=[prefix + name for name in top.nobodys],
    )


CLIPS_WAY = " Video files are clips: data.source: {name: video_folder, root: ...}; docs/clips.md."
"""What to do where folders of images hold videos alone."""


def _empty_classes(empty: Sequence[FoundImages], wanted: Wanted) -> list[DataError]:
    """What is wrong with class folders without an image, or a clip; nothing where there is none."""
    if not empty:
        return []
    hidden = sum(wanted.takes(name.rpartition("/")[2].lstrip(".")) for one in empty for name in one.nobodys)
    names = first_of([one.folders[0] for one in empty])
    folders = f"class folder {names} holds" if len(empty) == 1 else f"{len(empty)} class folders hold"
    others = [name for one in empty for name in one.ignored]
    beside = " beside hidden files" if hidden else f", but files of other kinds ({first_of(others)})" if others else ""
    way = wanted.way_out if others else ""
    # A GIF is as often an image.
    videos = [name for name in others if is_video(name.rpartition("/")[2]) and not name.lower().endswith(".gif")]
    if wanted.noun == IMAGES.noun and videos and len(videos) == len(others):
        way = CLIPS_WAY
    return [
        DataError(
            f"{folders} no {wanted.noun}{beside}{'' if len(empty) == 1 else f': {names}'}",
            hint=f"Remove {'it' if len(empty) == 1 else 'them'}, or add {wanted.noun}s ({wanted.endings}).{way}",
        )
    ]


def _nobodys(names: Iterable[str]) -> tuple[str, ...]:
    found = sorted(nfc(name) for name in names)
    return (nobodys_note(found),) if found else ()


def _nested(part: _Classes) -> tuple[str, ...]:
    """A sentence where every class folder holds sub-folders and no image of its own: they may be the classes."""
    for found in part.classes.values():
        depth = found.folders[0].count(os.sep) + 1
        if len(found.folders) < 3 or any(file.path.count(os.sep) == depth for file in found.images):
            return ()
    names = list(part.classes)
    alike = alike_below(part.folder, [Path(found.folders[0]).name for found in part.classes.values()])
    guess = (
        f"all of them hold {first_of(alike)}: if these are the classes, {names[0]} is a part of a split, "
        f"and base.data.source.root should be {part.folder / names[0]}"
        if alike
        else "if the sub-folders are the classes, base.data.source.root should be the folder that holds them"
    )
    return (f"the images of each class ({first_of(names)}) are in sub-folders, which count as part of it; {guess}",)


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
