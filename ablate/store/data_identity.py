"""Whose a finished run is, where two data sets are asked the same question in one work folder.

Where data lie is no part of a run's identity, so that a folder can be moved. Two data sets under one
configuration therefore share fingerprints, and each study must tell its own runs from the other's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ablate import files
from ablate.records import Config, Finished
from ablate.store.work_folder import SPEC


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIdentity:
    """A variant's data as far as they are known.

    places: dotted key -> where they lie. digest: of the images and labels, None before the first look.
    former: other digests that runs may carry of the same data.
    """

    places: Mapping[str, Any] = field(default_factory=dict)
    digest: str | None = None
    former: tuple[str, ...] = ()

    def has(self, digest: str) -> bool:
        """Whether a digest is one of these data."""
        return digest == self.digest or digest in self.former

    def is_of(self, finished: Finished) -> bool:
        """Whether a finished run was made on these data, now or before they changed.

        It was where the images are the same, wherever they lay then, and where it was made from the
        same place. What was made elsewhere, on other images, or on images nobody has compared yet,
        is another study's run.
        """
        if self.digest is not None and self.has(finished.stamp.data_digest):
            return True
        if not self.places:
            return True
        spec = files.read_json(finished.folder / SPEC)
        if spec is None:
            return True
        config = spec["spec"]["config"]
        return all(_at(config, key) == value for key, value in self.places.items())


ANY_DATA = DataIdentity()
"""Where nobody says whose a run shall be."""


def _at(config: Config, key: str) -> Any:
    here: Any = config
    for part in key.split("."):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here
