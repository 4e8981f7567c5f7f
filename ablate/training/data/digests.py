"""The digest of a data set: of the names of its classes, and of the images that are used with their labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ablate.files import sha256_json
from ablate.training.data.listing import Contents, ImageFile


def data_digest(contents: Contents, hashes: Sequence[str], unused: Collection[str] = ()) -> str:
    """Of names, images and labels; of parts, origins and texts where the source has any.

    hashes: sha256 of each image's file. unused: ids of images that are left out as unreadable, and do not count.
    """
    both = [pair for pair in zip(contents.images, hashes, strict=True) if pair[0].id not in unused]
    whole: list[Any] = [list(contents.classes), sorted([one.id, _class_of(one, contents), file] for one, file in both)]
    origins = sorted([one.id, one.origin] for one, _ in both if one.origin)
    if contents.official_test is not None or origins:
        tested = (contents.official_test or frozenset()).difference(unused)
        whole.append({"test": sorted(tested), "origins": origins})
    texts = sorted([one.id, one.text] for one, _ in both if one.text)
    if texts:
        whole.append({"texts": texts})
    return sha256_json(whole)


def _class_of(image: ImageFile, contents: Contents) -> Any:
    if isinstance(image.label, int):
        return contents.classes[image.label]
    return [contents.classes[label] for label in image.label]
