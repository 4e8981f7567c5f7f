"""Images that come with a data set without a label: for prediction only."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from ablate.readers.image_folders import is_system_entry
from ablate.training.config import DataConfig, LabelledFiles
from ablate.training.data.sources import taken_by


def unlabelled_files(config: DataConfig) -> list[Path]:
    """The images below the source's root that lie in none of its parts and whose names carry no label, by path.

    Food-11's folder `test` is such a part. Empty for sources that know no images without labels.
    """
    source = config.source
    if not isinstance(source, LabelledFiles):
        return []
    root = Path(source.root).expanduser().resolve()
    parts = {(root / part).resolve() for part in (source.train, source.test) if part is not None}
    takes = taken_by(config)
    found = [
        path
        for path in root.rglob("*")
        if takes(path.name)
        and not any(map(is_system_entry, path.relative_to(root).parts))
        and path.is_file()
        and parts.isdisjoint(path.resolve().parents)
        and not re.fullmatch(source.pattern, unicodedata.normalize("NFC", path.stem))
    ]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())
