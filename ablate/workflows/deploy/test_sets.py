"""What networks are judged on: the test images of a study's replicates, a folder a class, or a table.

Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.deploy.records import Preprocessing
from ablate.errors import DataError, near_match
from ablate.workflows.deploy.decoding import data_config, decode, refuse_unreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ablate.training.config.data import Source
    from ablate.training.data.listing import ImageFile

    Pixels = NDArray[np.uint8]

CHUNK = 64
"""Images decoded at once."""

Load = Callable[[Preprocessing, Sequence[int]], Sequence["Pixels"]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TestPart:
    """The images that the networks of one replicate are judged on.

    ids: their names. labels: the names of each image's classes, one, or any number with several labels. groups: the
    name of each image's group, which shares its luck; empty where each is on its own. load: pixels of some of them,
    by their places, decoded as a preprocessing says. replicate: of the study; None where there is none.
    """

    ids: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    load: Load
    groups: tuple[str, ...] = ()
    replicate: int | None = None

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSet:
    """name: as it was asked for. parts: one a replicate. preprocessing: of networks whose file has none.

    classes: known of it; a network may know more. notes: sentences on what it is.
    """

    name: str
    classes: tuple[str, ...]
    parts: tuple[TestPart, ...]
    preprocessing: Preprocessing | None = None
    notes: tuple[str, ...] = ()


def folder_or_table(path: Path, how: Preprocessing) -> TestSet:
    """A folder with a sub-folder a class, or a CSV file with the columns path and label.

    how: of the first network, whose classes it must be of. Raises DataError for what is neither, and for classes that
    the network does not know.
    """
    from pydantic import TypeAdapter

    from ablate.training.config.data import Source as AnySource

    if path.is_dir():
        settings = {"name": "image_folder", "root": str(path)}
    elif path.suffix.lower() in (".csv", ".tsv"):
        settings = {"name": "csv", "file": str(path)}
    else:
        raise DataError(
            f"--on {path} is neither a folder of images nor a .csv file",
            hint="A folder has a sub-folder a class; a table the columns path and label. A study goes by its name.",
        )
    source: Source = TypeAdapter(AnySource).validate_python(settings)
    return _of_files(path, source, how)


def _of_files(path: Path, source: Source, how: Preprocessing) -> TestSet:
    from ablate.training.data.sources import listed_anyway

    # Listed first: a reader that a file names is no part of that.
    listing = listed_anyway(data_config(replace(how, reader=None), source))
    contents = listing.read()
    images: list[ImageFile] = list(contents.images)
    if not images:
        raise DataError(f"--on {path} holds no image", hint="A folder has a sub-folder a class, with images in it.")
    labels = tuple(
        tuple(contents.classes[one] for one in (image.label if isinstance(image.label, tuple) else (image.label,)))
        for image in images
    )
    refuse_other_classes([name for one in labels for name in one], how.classes, str(path))

    of = f"--on {path}"

    def load(how: Preprocessing, chosen: Sequence[int]) -> Sequence[Pixels]:
        some = [images[place] for place in chosen]
        config = data_config(how, source)
        pixels, problems, _ = decode(some, config)
        if any(problems):  # then all are looked at, for one list
            parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
            refuse_unreadable([i.id for i in images], [p for part in parts for p in decode(part, config)[1]], of)
        return pixels

    missing = [name for name in how.classes if name not in contents.classes]
    notes = [f"{len(listing.ignored)} files are no images by their names and are passed over"] * bool(listing.ignored)
    notes += [f"no image is of {', '.join(map(repr, missing[:3]))}{' and others' * (len(missing) > 3)}"] * bool(missing)
    part = TestPart(ids=tuple(one.id for one in images), labels=labels, load=load, groups=_groups_by_origin(images))
    return TestSet(name=str(path), classes=tuple(contents.classes), parts=(part,), notes=tuple(notes))


def _groups_by_origin(images: Sequence[ImageFile]) -> tuple[str, ...]:
    if not any(one.origin for one in images):
        return ()
    return tuple(one.origin or one.id for one in images)


def refuse_other_classes(there: Sequence[str], known: Sequence[str], of: str) -> None:
    """Raise DataError where images are of a class that the networks do not tell apart."""
    strangers = sorted(set(there) - set(known))
    if strangers:
        raise DataError(
            f"{of} has images of {strangers[0]!r}, which the network does not know"
            + (f", and of {len(strangers) - 1} more such classes" if len(strangers) > 1 else ""),
            hint=f"{near_match(strangers[0], known)}The network's classes: {', '.join(list(known)[:40])}.",
        )
