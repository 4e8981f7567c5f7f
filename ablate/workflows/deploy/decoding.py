"""Image files decoded as a network's preprocessing says, by what decodes the images of runs. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.deploy.records import Preprocessing
from ablate.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ablate.training.config import DataConfig
    from ablate.training.config.data import Source
    from ablate.training.data.listing import ImageFile

    Pixels = NDArray[np.uint8]

NAMED = 3
HOW = ("image_size", "resize", "channels", "exif", "depth", "reader")
"""What pixels depend on, by its name in a study's `data:` block and in a preprocessing."""


def data_config(how: Preprocessing, source: Source) -> DataConfig:
    """The `data:` block that a preprocessing stands for, of a source.

    Raises DataError for one that names a function of somebody's: a file must not have code imported.
    """
    from pydantic import ValidationError

    from ablate.training.config import DataConfig

    if how.reader is not None:
        raise DataError(
            f"the images of this network are read by {how.reader}, code that its file only names",
            hint="`ablate predict STUDY/VARIANT` and `ablate deploy --on STUDY` use the study's own reader.",
        )
    try:
        return DataConfig.model_validate(
            {name: getattr(how, name) for name in HOW}
            | {"source": source, "classes": len(how.classes), "multi_label": how.multi_label}
        )
    except ValidationError as error:
        told = "; ".join(str(one["msg"]) for one in error.errors())
        raise DataError(f"the preprocessing of this network cannot be used: {told}") from None


def decode_files(images: Sequence[Path], how: Preprocessing) -> list[Pixels | str]:
    """Of each file its pixels, (S, S, C) or of its own size with `resize: device`; or why it cannot be read."""
    from ablate.training.config.data import ImageFolder
    from ablate.training.data.listing import ImageFile

    config = data_config(how, ImageFolder(name="image_folder", root="."))
    found, problems, _ = decode([ImageFile(str(path), 0, str(path)) for path in images], config)
    rows = iter(found)
    return [problem or next(rows) for problem in problems]


def decode(images: Sequence[ImageFile], config: DataConfig) -> tuple[list[Pixels], list[str], list[str]]:
    """The pixels of those that can be read; of each image why it cannot, or nothing; and each one's digest."""
    from ablate.training.data.scan import scan

    kept: list[Pixels] = []
    seen = scan(images, config, kept.append)
    return kept, [one.problem for one in seen], [one.content for one in seen]


def refuse_unreadable(names: Sequence[str], problems: Sequence[str], of: str) -> None:
    """Raise DataError that names the first images that cannot be read."""
    wrong = [f"{name} ({problem})" for name, problem in zip(names, problems, strict=True) if problem]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise DataError(
            f"{of}: {len(wrong)} of {len(names)} images cannot be read: {', '.join(wrong[:NAMED])}{more}",
            hint="Give whole image files, or take these out.",
        )
