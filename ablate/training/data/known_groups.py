"""Which test images of a finished run share their luck, where the run itself did not write it down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from ablate.errors import DataError
from ablate.files import read_sealed
from ablate.records import Finished
from ablate.store.outcome_columns import read_columns
from ablate.training.config import DataConfig
from ablate.training.data.cache import copy_key, load_images
from ablate.training.data.findings import ScanReport
from ablate.training.data.grouping import NEAR, group_names, merged_groups, origins_of
from ablate.training.data.sources import list_images

Kept = Callable[[str], Path]
"""The path a key has in the cache, whether it exists or not."""


def groups_of_run(config: DataConfig, result: Finished, kept: Kept) -> Mapping[str, str]:
    """Image id -> the first image of its group; images on their own are left out.

    By the decoded copy that the run was made from, else by that of the data as they are now, else by what ids or the
    table of images alone tell. Nothing is decoded.
    """
    folder = kept("pictures")
    state = folder.stat().st_mtime_ns if folder.is_dir() else 0
    found = _of_copy(config.model_dump_json(), result.stamp.data_digest, folder, state)
    return found if found is not None else _of_ids(config, result)


@lru_cache(maxsize=8)
def _of_copy(config: str, digest: str, folder: Path, state: int) -> Mapping[str, str] | None:
    """None where no decoded copy is kept. state: changes whenever a copy comes or goes."""
    data = DataConfig.model_validate_json(config)
    content = read_sealed(folder / copy_key(data, digest) / "pictures.json")
    if content is not None and data.groups != NEAR:
        report = ScanReport(**content["found"])
        with suppress(DataError):
            return group_names(report.ids, merged_groups(report, data))

    def cached(key: str, build: Callable[[Path], None]) -> Path:
        path = folder.parent / key
        if not path.exists():
            raise FileNotFoundError(path)
        return path

    try:
        found = load_images(data, cached)
    except (OSError, DataError):
        return None
    return group_names(found.ids, found.groups.tolist())


def _of_ids(config: DataConfig, result: Finished) -> Mapping[str, str]:
    try:
        if config.groups is not None and config.groups != NEAR and result.images is not None:
            stored = read_columns(result.folder / result.images, "id")
            ids = [str(name) for name in stored.get("id", ())]
            return _named(ids, origins_of(ids, config.groups))
        if getattr(config.source, "group", None) is not None:
            listed = list_images(config).read().images
            return _named([one.id for one in listed], [one.origin for one in listed])
    except (OSError, ValueError, DataError):
        return {}
    return {}


def _named(ids: Sequence[str], origins: Sequence[object]) -> Mapping[str, str]:
    sizes = Counter(origins)
    first: dict[object, str] = {}
    return {
        name: first.setdefault(origin, name) for name, origin in zip(ids, origins, strict=True) if sizes[origin] > 1
    }
