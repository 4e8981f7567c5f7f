"""A folder of images before a study of it is written: what a look at every image tells."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from ablate.errors import AblateError, DataError
from ablate.readers.image_folders import (
    class_notes,
    descended,
    nobodys_note,
    ready_parts,
    refuse_no_classes,
    top_of,
)

if TYPE_CHECKING:
    from ablate.store.checked_copy import Cached
    from ablate.training.config import DataConfig
    from ablate.training.data.cache import DecodedImages

COMPARED = 20_000
"""With more images they are not compared pair by pair: `ablate data stats` does, in its own time."""


class Folder(NamedTuple):
    """Where the images lie, as a study names it: the settings of its source, and the classes.

    notes: what was taken for what. by_name: what names alone say, which a look at the images says better.
    """

    source: Mapping[str, str]
    classes: Sequence[str]
    notes: Sequence[str] = ()
    by_name: Sequence[str] = ()

    @property
    def has_test(self) -> bool:
        """Whether a test part was made already."""
        return "test" in self.source


class Look(NamedTuple):
    """What every image told.

    counts: class -> readable images. tested: those of the folder's own test part. sides: the median width and
    height, 0 where no header could be read. unreadable: id and reason. alike: pairs that look alike beyond equal
    ones, None where they were not compared. groups: the pattern of data.groups. origins: what it finds, in words.
    smallest: the class with the fewest images to draw a test part from, and how many these are. depth: as
    data.depth has it. seconds: to decode them.
    """

    counts: Mapping[str, int]
    tested: int
    sides: tuple[int, int]
    unreadable: Sequence[tuple[str, str]]
    alike: int | None
    groups: str
    origins: str
    smallest: tuple[str, int]
    depth: str
    notes: Sequence[str]
    seconds: float

    @property
    def images(self) -> int:
        """Readable images."""
        return sum(self.counts.values())

    @property
    def chance(self) -> float:
        """What always naming the largest class scores."""
        return max(self.counts.values()) / self.images


def find_folder(root: Path) -> Folder:
    """The classes of a folder, or of the parts of a split in it, by names alone.

    Raises DataError where there is no such folder, or nothing in it can be told to be classes.
    """
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", hint="Give the folder that holds one folder per class.")
    inner = descended(root)
    inner = inner if len(top_of(inner).folders) > 1 else root
    notes = [] if inner == root else [f"the images are below {inner}, the only folder in {root}"]
    top = top_of(inner)
    names = [entry.name for entry in top.folders]
    source = {"name": "image_folder", "root": str(inner)}
    parts = ready_parts(inner, names)
    if parts is not None:
        source |= {key: name for key, name in parts._asdict().items() if name is not None}
        left_out = [name for name in names if name not in parts]
        notes += [f"not read beside the parts: {', '.join(left_out)}"] if left_out else []
        top = top_of(inner / parts.train)
    refuse_no_classes(Path(inner, source.get("train", "")), [entry.name for entry in top.folders], what=str(inner))
    by_name = class_notes(top.folders) + ([nobodys_note(top.nobodys)] if top.nobodys else [])
    return Folder(source, [entry.name for entry in top.folders], notes, by_name)


def look_at(folder: Folder, side_of: Callable[[tuple[int, int]], int], cached: Cached) -> Look:
    """What is seen where every image is decoded at the side that `side_of` makes of the images' own (median) size.

    Raises DataError for everything that a run would refuse, save for unreadable images, which may be left out.
    """
    from ablate.training.data.origin_names import origins_in_names
    from ablate.training.data.scan import sides_of
    from ablate.training.data.sources import list_images

    contents = list_images(_settings(folder, 64, None, None)).read()
    found = sides_of(contents.images[:: max(1, len(contents.images) // 200)])
    sides = (int(median(w for w, _ in found)), int(median(h for _, h in found))) if found else (0, 0)
    side = side_of(sides)
    named = origins_in_names([image.id for image in contents.images], len(contents.classes))
    started = time.monotonic()
    config, images = _decoded(folder, side, named.pattern if named else None, cached)
    seconds = time.monotonic() - started
    notes = list(images.notes)
    smallest = _smallest(images)
    if named and smallest[1] < 2:
        config = config.model_copy(update={"groups": None})
        images = _decoded(folder, side, None, cached)[1]
        smallest = _smallest(images)
        notes.append(f"the names look like {named.origins} origins, too few for a test part of each class")
        named = None
    labels = Counter(images.targets.tolist())
    return Look(
        counts={name: labels.get(place, 0) for place, name in enumerate(images.classes)},
        tested=len(images.official_test),
        sides=sides,
        unreadable=images.problems,
        alike=_alike(images),
        groups=named.pattern if named else "",
        origins=f"{named.origins:,} origins, such as {named.largest} with {named.images:,} images" if named else "",
        smallest=smallest,
        depth=str(config.depth or ""),
        notes=notes,
        seconds=seconds,
    )


def _settings(folder: Folder, side: int, groups: str | None, depth: str | None) -> DataConfig:
    from ablate.training.config import DataConfig

    return DataConfig.model_validate(
        {
            "source": dict(folder.source),
            "classes": len(folder.classes),
            "image_size": side,
            "train": "all",
            "on_bad_image": "skip",
            "groups": groups,
            "depth": depth,
        }
    )


def _decoded(folder: Folder, side: int, groups: str | None, cached: Cached) -> tuple[DataConfig, DecodedImages]:
    """The images as a run would have them; those of more than 8 bits scaled, since a run refuses to guess."""
    from ablate.training.data.cache import load_kinds, open_told
    from ablate.training.data.problems import Problems

    config = _settings(folder, side, groups, None)
    try:
        load_kinds(config, cached)
    except AblateError:
        config = _settings(folder, side, groups, "scale")
        load_kinds(config, cached)
    problems = Problems()
    images, _ = open_told(config, cached, problems)
    problems.refuse()
    return config, images


def _smallest(images: DecodedImages) -> tuple[str, int]:
    """The class with the fewest images that may be tested on by drawing: equal ones, and those of one origin, are one.

    Images of the folder's own test part are not drawn.
    """
    held: dict[int, set[int]] = defaultdict(set)
    for index, (label, group) in enumerate(zip(images.targets.tolist(), images.groups.tolist(), strict=True)):
        if index not in images.official_test:
            held[label].add(group)
    count, label = min((len(held[label]), label) for label in range(len(images.classes)))
    return images.classes[label], count


def _alike(images: DecodedImages) -> int | None:
    from ablate.training.data.likeness import near_pairs

    if len(images.ids) > COMPARED:
        return None
    groups = images.groups
    return sum(bool(groups[pair.first] != groups[pair.second]) for pair in near_pairs(images.pixels))
