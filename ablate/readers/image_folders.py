"""Folders of images as people have them: what in them belongs to nobody, what is a class, what is a part of a split."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import DataError

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What torchvision's ImageFolder takes for an image, in any case."""

VIDEOS = (".mp4", ".avi", ".mkv", ".webm", ".gif")
"""What is taken for a video, in any case."""

SYSTEM_ENTRIES = frozenset({
    "__macosx", "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder",
    "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
    "$recycle.bin", "recycler", "recycled", "system volume information",
    "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot",
    "lost+found", "__pycache__",
})  # fmt: skip
"""Names, in lower case, that systems give to files and folders of their own; all hidden names come on top."""

NAMED = 5
"""How many entries a sentence names before it counts the others."""

_MORE = r"(set|data|images?|imgs?|split|part|val)?s?"
_TRAIN = re.compile(
    rf"(train(ing)?|trn|fit|learn(ing)?){_MORE}|trainings?daten|entrenamiento|entra[iî]nement|apprentissage"
    r"|treino|treinamento|addestramento|.*(训练|訓練|学習|學習|обуч).*"
)
_HELD_OUT = re.compile(
    rf"(val|valid|validation|validate|dev|eval|evaluation|test|testing|tst|holdout|heldout|held|hold){_MORE}"
    r"|validierung|testdaten|validaci[oó]n|validaç[aã]o|prueba|teste|convalida|.*(验证|驗證|検証|测试|測試|テスト|тест|валид).*"
)
_VALIDATION = re.compile(
    rf"(val|valid|validation|validate|dev){_MORE}|validierung|validaci[oó]n|validaç[aã]o|convalida"
    r"|.*(验证|驗證|検証|валид).*"
)
_NUMBERED = re.compile(r"(cv|fold|part|set|split|subset)[\W_]*\w{1,2}")


class Top(NamedTuple):
    """What lies directly in a folder, by name: sub-folders, files, and what belongs to nobody."""

    folders: list[os.DirEntry[str]]
    files: list[os.DirEntry[str]]
    nobodys: list[str]


def is_system_entry(name: str) -> bool:
    """Whether a file or folder is hidden, or one that a system keeps for itself: nobody's image and nobody's class."""
    return name.startswith((".", "~$")) or name.casefold() in SYSTEM_ENTRIES


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image somebody put there."""
    return name.lower().endswith(EXTENSIONS) and not is_system_entry(name)


def is_video(name: str) -> bool:
    """Whether a file's name is that of a video somebody put there."""
    return name.lower().endswith(VIDEOS) and not is_system_entry(name)


def takes_all(name: str) -> bool:
    """Whether a file counts where a reader of the user's reads it: all do that are not a system's own."""
    return not is_system_entry(name)


def top_of(folder: str | Path) -> Top:
    """What lies directly in a folder. Raises DataError where it cannot be listed."""
    found = Top([], [], [])
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(f"cannot list {folder}: {error.strerror}", hint="Check that you may read it.") from error
    for entry in entries:
        if is_system_entry(entry.name):
            found.nobodys.append(entry.name)
        else:
            (found.folders if entry.is_dir() else found.files).append(entry)
    return found


def refuse_no_classes(root: Path, folders: Sequence[str], *, what: str, such_as: str = "*.jpg") -> None:
    """Raise DataError where a folder's sub-folders are fewer than two, or parts of a split and no classes.

    what: begins the sentence, such as the name of the setting. such_as: what a class folder holds.
    """
    if parts := parts_among(root, folders):
        raise DataError(f"{what} holds parts of a split, not classes: {_few(parts)}", hint=_parts_hint(root, parts))
    if len(folders) >= 2:
        return
    ending = "s" * (len(folders) != 1)
    raise DataError(
        f"{what} has {len(folders)} class folder{ending}, two or more are needed"
        if ":" in what
        else f"{what} holds {len(folders)} class folder{ending}, two or more are needed",
        hint=f"It must hold one sub-folder per class (root/<class>/{such_as}).{_way_out(root)}",
    )


def parts_among(root: Path, folders: Sequence[str]) -> list[str]:
    """Those of a folder's sub-folders that are parts of a split, training parts first; none where they are classes.

    One is named for training, another for what is held out, in any of the usual words; or all are numbered parts
    that hold the same sub-folders.
    """
    train = [name for name in folders if _is(name, _TRAIN)]
    held_out = [name for name in folders if _is(name, _HELD_OUT) and name not in train]
    if train and held_out and 2 * len(train + held_out) >= len(folders):
        return train + held_out
    if all(_NUMBERED.fullmatch(name.casefold()) for name in folders) and alike_below(root, folders):
        return list(folders)
    return []


class ReadyParts(NamedTuple):
    """The sub-folders of a split somebody has made already; test is what was kept apart for testing, None for none."""

    train: str
    val: str | None
    test: str | None


def ready_parts(root: Path, folders: Sequence[str]) -> ReadyParts | None:
    """Which part of a ready-made split each sub-folder is; None where they are classes, or it cannot be told.

    Parts without class folders are left out: nobody knows the labels of their images. A validation part without
    a test part beside it is what there is to test on.
    """
    named = parts_among(root, folders)
    train = [name for name in named if _is(name, _TRAIN)]
    held_out = [name for name in named if name not in train and len(top_of(root / name).folders) > 1]
    val = [name for name in held_out if _is(name, _VALIDATION)]
    test = [name for name in held_out if name not in val]
    if len(train) != 1 or len(val) > 1 or len(test) > 1 or len(top_of(root / train[0]).folders) < 2:
        return None
    if not test:
        val, test = [], val
    return ReadyParts(train[0], next(iter(val), None), next(iter(test), None))


def alike_below(root: Path, folders: Sequence[str]) -> list[str]:
    """The names of the sub-folders that each of several folders holds alike, two or more; none where they differ."""
    if len(folders) < 2:
        return []
    below = [[entry.name for entry in top_of(root / name).folders] for name in folders]
    return below[0] if len(below[0]) > 1 and all(names == below[0] for names in below) else []


def class_notes(folders: Sequence[os.DirEntry[str]]) -> list[str]:
    """What is to be said of class folders before anything is read: those without an image, and nested ones."""
    empty = [one.name for one in folders if not _holds_image(one.path)]
    nested = [one.name for one in folders if (top := top_of(one.path)).folders and not _images_in(top)]
    notes = [f"there is no image in {_few(empty)}, and `ablate run` refuses class folders without one"] if empty else []
    if nested and len(nested) == len(folders) - len(empty):
        notes.append(
            f"the images of each class ({_few(nested)}) are in sub-folders, which count as part of it; if "
            "the sub-folders are the classes, the root should be the folder that holds them"
        )
    return notes


def _images_in(top: Top) -> int:
    return sum(is_image(entry.name) for entry in top.files)


def _holds_image(folder: str) -> bool:
    return any(is_image(name) for _, _, names in os.walk(folder, followlinks=False) for name in names)


def nobodys_note(names: Sequence[str]) -> str:
    """The sentence on what was passed over."""
    entries = "1 hidden or system entry is" if len(names) == 1 else f"{len(names)} hidden or system entries are"
    return f"{entries} ignored: {_few(names)}"


def _is(name: str, pattern: re.Pattern[str]) -> bool:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # trainSet
    words = re.findall(r"[^\W\d_]+", spaced.casefold())
    return any(pattern.fullmatch(word) for word in words)


def _parts_hint(root: Path, parts: Sequence[str]) -> str:
    train, *others = [descended(root / part) for part in parts]
    alone = f"root: {train}"
    if len(top_of(train).folders) > 1:
        test = next((one for one in others if len(top_of(one).folders) > 1), None)
        if test is None:
            return (
                f"Take the training part, {alone}. {_below(root, others[0])} has no class folders: labels of its "
                "images in a table are read by source csv."
            )
        return f"{_both(root, train, test, 'image_folder')} evidence.test: official, or take one part alone, {alone}."
    both = _both(root, train, others[0], "labelled_files")
    return f"{both} evidence.test: official, where the file names carry the labels; else use csv."


def _both(root: Path, train: Path, test: Path, name: str) -> str:
    parts = f"train: {_below(root, train)}, test: {_below(root, test)}"
    return f"Keep both parts with source: {{name: {name}, root: {root}, {parts}}} and"


def _below(root: Path, folder: Path) -> str:
    return folder.relative_to(root).as_posix()


def _way_out(root: Path) -> str:
    top = top_of(root)
    images = _images_in(top)
    if not top.folders:
        side = f" {images} image{'s are' if images != 1 else ' is'} in it directly: labels in file names are read"
        return f"{side} by source labelled_files, those of a table by csv." if images else ""
    if len(top.folders) > 1:
        return ""
    inner = descended(Path(top.folders[0].path))
    below = [entry.name for entry in top_of(inner).folders]
    if parts := parts_among(inner, below):
        return f" {inner} holds parts of a split: {_few(parts)}. {_parts_hint(inner, parts)}"
    return f" Did you mean {inner}?" if below else ""


def descended(folder: Path) -> Path:
    """The folder, or the first one below that holds more than another folder."""
    for _ in range(8):
        top = top_of(folder)
        if len(top.folders) != 1 or any(is_image(entry.name) for entry in top.files):
            break
        folder = Path(top.folders[0].path)
    return folder


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
