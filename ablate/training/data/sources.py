"""Where pictures come from: each source is listed the same way, cheaply, before anything is decoded.

A new source is a settings class in `config/data.py` and one case in `list_images`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import assert_never

from ablate.errors import DataError
from ablate.readers.image_folders import is_image, takes_all
from ablate.training.config import CsvTable, DataConfig, Digits, ImageFolder, LabelledFiles, Torchvision
from ablate.training.data.folders import (
    find_image_folder,
    find_labelled_files,
    list_image_folder,
    list_labelled_files,
)
from ablate.training.data.listing import Contents, FlawedListing, ImageFile, Listing, by_label
from ablate.training.data.tables import find_table, list_table


def locate_pictures(config: DataConfig) -> None:
    """Raise DataMissing where the folder or the table is not there; nothing in it is looked at."""
    match config.source:
        case ImageFolder() as source:
            find_image_folder(source)
        case LabelledFiles() as source:
            find_labelled_files(source)
        case CsvTable() as source:
            find_table(source)
        case Torchvision() | Digits():
            pass  # downloaded, or installed: their own listing knows
        case other:
            assert_never(other)


def list_images(config: DataConfig) -> Listing:
    """List the configured source. Raises DataError where it cannot be listed, DataMissing where it is not there.

    Raises FlawedListing where it can be listed, but not trained on as it is.
    """
    match config.source:
        case ImageFolder() as source:
            return list_image_folder(source, takes=taken_by(config))
        case LabelledFiles() as source:
            return list_labelled_files(source, takes=taken_by(config))
        case CsvTable() as source:
            return list_table(source, multi_label=config.multi_label)
        case Torchvision() as source:
            from ablate.training.data.torchvision_sets import list_torchvision

            return list_torchvision(source)
        case Digits():
            return Listing("digits", f"digits of scikit-learn {version('scikit-learn')}", (), _digits)
        case other:
            assert_never(other)


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
            hint=f"Set base.data.classes to {len(classes)}, or mend the data.",
        )


def _digits() -> Contents:
    """All 1,797 scans, 8x8; the values 0 to 16 become 0 to 255."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    scans = np.round(data.images * 255 / 16).astype(np.uint8)
    return Contents(
        classes=tuple("0123456789"),
        pictures=by_label(
            ImageFile(f"digits:{index:04}", int(label), scan)
            for index, (label, scan) in enumerate(zip(data.target, scans, strict=True))
        ),
    )
