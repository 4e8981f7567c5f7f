"""What a trainer hands back, held against the images it was handed: was it judged on what it was to be judged on?

A trainer has all images and nobody can keep it from reading them. What can be known is that it took its parts
from the harness and that the scores it returns are of the images it was to be judged on; where a search needs
that and it is not so, the run has failed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from ablate.errors import SplitError, TrainerError
from ablate.splits.request import CALL, Handed
from ablate.splits.rules import Protocol
from ablate.store.outcome_columns import GROUP

WAY_OUT = "or write `split: trainer` in the study's search: (or tune:), and the result says that nobody checked it."
SLACK = 1e-3
"""A metric may be rounded to so much, and scores are kept in single precision."""


def refuse_own_split(protocol: Protocol, handed: Handed | None) -> None:
    """Raise SplitError where a search has to know the parts of a run and its trainer split by itself."""
    if protocol.must_split and handed is None:
        raise SplitError(
            "the trainer did not take its parts from run.split, so a search cannot know that it left the test images "
            "alone",
            hint=f"Let it call `parts = {CALL}` and use parts.fit, parts.val and parts.judged, {WAY_OUT}",
        )


def check_judged(protocol: Protocol, handed: Handed | None, metrics: Mapping[str, float], images: Path | None) -> None:
    """Raise SplitError where a run was judged on other images than it was to be, or a search cannot know."""
    refuse_own_split(protocol, handed)
    if handed is None:
        return
    if images is None:
        if protocol.must_split:
            raise SplitError(
                "the trainer returned numbers alone, so a search cannot know which images they are of",
                hint=f"Return an ablate.Outcome whose images= holds the ids and scores of parts.judged, {WAY_OUT}",
            )
        return
    columns = read_ids_and_means(images, (protocol.metric, "score"))
    _refuse_other_images(handed, columns.ids)
    if protocol.must_split and not columns.means:
        raise SplitError(
            "the trainer returned ids without scores, so a search cannot know which images its numbers are of",
            hint=f"Put a column `score` beside the ids, one number per image of parts.judged, {WAY_OUT}",
        )
    if handed.is_sealed:
        _refuse_other_value(protocol.metric, metrics[protocol.metric], columns.means)


def write_groups(images: Path, handed: Handed | None) -> None:
    """Add the groups that the trainer named to its table of scores, as column `group`, unless it wrote one itself.

    Whoever judges the scores has to know which images share their luck.
    """
    if handed is None or not handed.groups:
        return
    import numpy as np

    with ZipFile(images, "a", ZIP_DEFLATED) as archive:
        if f"{GROUP}.npy" in archive.namelist():
            return
        column = BytesIO()
        names = [handed.groups.get(name, "") for name in read_ids_and_means(images, ()).ids]
        np.save(column, np.array(names), allow_pickle=False)
        archive.writestr(f"{GROUP}.npy", column.getvalue())


class Columns(NamedTuple):
    """What is needed of a table of scores: its ids, and the means of some columns of numbers."""

    ids: list[str]
    means: Mapping[str, float]


def read_ids_and_means(images: Path | BytesIO, wanted: Sequence[str]) -> Columns:
    """The ids of an npz, and the means of those wanted columns that hold one number per image.

    Raises TrainerError where it is none, or has no ids.
    """
    import numpy as np

    try:
        # Opened here, because numpy forgets to close an archive that it cannot read.
        with images.open("rb") if isinstance(images, Path) else nullcontext(images) as stream:
            table = np.load(stream, allow_pickle=False)
            if not isinstance(table, np.lib.npyio.NpzFile):
                raise ValueError("it holds one array and no columns")
            if "id" not in table:
                raise ValueError(f"it has no column 'id', only {', '.join(map(repr, table.files)) or 'none at all'}")
            ids = [str(name) for name in table["id"]]
            columns = {name: table[name] for name in wanted if name in table}
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise TrainerError(
            f"the trainer's table of images cannot be read: {error}",
            hint="Write it by np.savez(path, id=..., target=..., score=...): ids as text or numbers (no objects), "
            "one row per image.",
        ) from error
    means = {
        name: float(np.mean(column, dtype=np.float64))
        for name, column in columns.items()
        if column.shape == (len(ids),) and column.dtype.kind in "fiub" and len(column)
    }
    return Columns(ids, means)


def _refuse_other_images(handed: Handed, found: Sequence[str]) -> None:
    part = "val" if handed.is_sealed else "test"
    wanted, counted = set(handed.judged), Counter(found)
    twice = next((name for name, times in counted.items() if times > 1), None)
    if twice is not None:
        raise SplitError(f"the id {twice!r} appears twice among the scores", hint="Return one row per image.")
    foreign = [name for name in found if name not in wanted]
    if foreign:
        raise SplitError(
            f"the run was to be judged on the {len(wanted)} images of parts.{part}, and {len(foreign)} of the "
            f"{len(found)} it was judged on {_origin(handed, foreign)}, such as {foreign[0]!r}",
            hint=f"Judge it on parts.judged{_why(handed)}, and return the ids that were given to run.split.",
        )
    if len(found) < len(wanted):
        missing = next(name for name in handed.judged if name not in counted)
        raise SplitError(
            f"{len(wanted) - len(found)} of the {len(wanted)} images of parts.{part} have no score, such as "
            f"{missing!r}",
            hint="Return one row per image of parts.judged: leaving some out would choose by them.",
        )


def _origin(handed: Handed, foreign: Sequence[str]) -> str:
    name = foreign[0]
    for part in ("fit", "val", "test"):
        if name in getattr(handed, part):
            return f"are others, of parts.{part}"
    return "are in none of its parts"


def _why(handed: Handed) -> str:
    return ", which is parts.val while a search runs: its test images are sealed" if handed.is_sealed else ""


def _refuse_other_value(metric: str, value: float, means: Mapping[str, float]) -> None:
    mean = means.get(metric, means.get("score") if metric == "accuracy" else None)
    if mean is not None and not math.isclose(mean, value, rel_tol=SLACK, abs_tol=SLACK):
        raise SplitError(
            f"the trainer returned {metric} = {value:g}, and the mean of its scores on parts.val is {mean:g}",
            hint="While a search runs, a metric is of the images of parts.judged, as the scores are.",
        )
