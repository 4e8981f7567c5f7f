"""Where images come from: each source is listed the same way, cheaply, before anything is decoded.

A new source is a settings class in `config/data.py` and one case in `_source_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from typing import NamedTuple, assert_never

from ablate.errors import DataError
from ablate.readers.image_folders import is_image, takes_all
from ablate.training.config.clips import VideoFolder
from ablate.training.config.data import CsvTable, DataConfig, Digits, ImageFolder, LabelledFiles, Torchvision
from ablate.training.data.folders import (
    IMAGES,
    find_image_folder,
    find_labelled_files,
    list_image_folder,
    list_labelled_files,
)
from ablate.training.data.listing import Contents, FlawedListing, ImageFile, Listing, by_label
from ablate.training.data.tables import find_table, list_table
from ablate.training.data.video_folders import find_video_folder, list_video_folder


class _Source(NamedTuple):
    """locate: raises DataMissing where it is not there, and looks at nothing in it. read: lists it."""

    locate: Callable[[], object]
    read: Callable[[], Listing]


def _source_of(config: DataConfig) -> _Source:
    match config.source:
        case ImageFolder() as source:
            return _Source(
                partial(find_image_folder, source),
                partial(list_image_folder, source, IMAGES._replace(takes=taken_by(config))),
            )
        case LabelledFiles() as source:
            return _Source(
                partial(find_labelled_files, source), partial(list_labelled_files, source, takes=taken_by(config))
            )
        case CsvTable() as source:
            return _Source(partial(find_table, source), partial(list_table, source, multi_label=config.multi_label))
        case VideoFolder() as source:
            return _Source(partial(find_video_folder, source), partial(list_video_folder, source))
        case Torchvision() as source:
            return _Source(_its_listing_knows, partial(_list_torchvision, source))
        case Digits():
            return _Source(_its_listing_knows, _list_digits)
        case other:
            assert_never(other)


def locate_images(config: DataConfig) -> None:
    """Raise DataMissing where the folder or the table is not there; nothing in it is looked at."""
    _source_of(config).locate()


def list_images(config: DataConfig) -> Listing:
    """List the configured source. Raises DataError where it cannot be listed, DataMissing where it is not there.

    Raises FlawedListing where it can be listed, but not trained on as it is.
    """
    return _source_of(config).read()


def _its_listing_knows() -> None:
    """Nothing to be found beforehand: it is downloaded, or installed."""


def _list_torchvision(source: Torchvision) -> Listing:
    from ablate.training.data.torchvision_sets import list_torchvision

    return list_torchvision(source)


def _list_digits() -> Listing:
    return Listing("digits", f"digits of scikit-learn {version('scikit-learn')}", (), _digits)


def taken_by(config: DataConfig) -> Callable[[str], bool]:
    """Which files count as images, by name: those with an image's extension; with a reader all that are somebody's."""
    return is_image if config.reader is None else takes_all


def listed_anyway(config: DataConfig) -> Listing:
    """The configured source, whatever would be refused of it."""
    try:
        return list_images(config)
    except FlawedListing as error:
        return error.listing


def refuse_other_classes(classes: Sequence[str], config: DataConfig, place: str) -> None:
    """Raise DataError where the source does not have `data.classes` classes."""
    if len(classes) != config.classes:
        raise DataError(
            f"base.data.classes is {config.classes}, but {place} has {len(classes)} classes: {', '.join(classes)}",
            hint=f"Set base.data.classes to {len(classes)}, or fix the data.",
        )


def _digits() -> Contents:
    """All 1,797 scans, 8x8; the values 0 to 16 become 0 to 255."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    scans = np.round(data.images * 255 / 16).astype(np.uint8)
    return Contents(
        classes=tuple("0123456789"),
        images=by_label(
            ImageFile(f"digits:{index:04}", int(label), scan)
            for index, (label, scan) in enumerate(zip(data.target, scans, strict=True))
        ),
    )
