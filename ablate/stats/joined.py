"""Answers of several networks, or to several views, joined into one answer an image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablate.stats.cells import Array, StatisticsError
from ablate.store.outcome_columns import GROUP, read_columns


class Answers(NamedTuple):
    """One answer an image, in the order of the ids.

    ids: shape (n,). targets: (n,) class indices, or (n, classes) of 0 and 1 where an image has several
    labels. probabilities: (n, classes). scores: (n,), 1 where the answer is right, else 0. groups: the name of
    each one's group, "" for one on its own; empty where the run does not say.
    """

    ids: tuple[str, ...]
    targets: NDArray[np.int64]
    probabilities: Array
    scores: Array
    groups: tuple[str, ...] = ()


def read_answers(path: Path) -> Answers:
    """A run's outcomes. Raises StatisticsError where they are gone or hold no probabilities."""
    if not path.is_file():
        raise StatisticsError(f"the outcomes of a finished run are gone: {path}", hint="Train it again.")
    try:
        columns: dict[str, NDArray[Any]] = read_columns(path, "id", "target", "prob", "score", GROUP)
    except (OSError, ValueError) as error:
        raise StatisticsError(f"{path} cannot be read: {error}", hint="Train it again.") from error
    if "prob" not in columns or "target" not in columns:
        raise StatisticsError(
            f"{path.name} holds no probabilities",
            hint="A trainer that writes `prob` and `target` can be derived from.",
        )
    order = np.argsort(columns["id"], kind="stable")
    return Answers(
        ids=tuple(str(name) for name in columns["id"][order]),
        targets=columns["target"][order].astype(np.int64),
        probabilities=columns["prob"][order].astype(np.float64),
        scores=columns["score"][order].astype(np.float64),
        groups=tuple(str(name) for name in columns[GROUP][order]) if GROUP in columns else (),
    )


def joined(members: Sequence[Answers], how: Literal["mean", "vote"]) -> Answers:
    """One answer an image by several networks.

    mean: the class with the largest mean probability. vote: the class most networks name, ties by the
    mean. Where an image has several labels, each label is decided by itself, at one half.
    Raises StatisticsError where the networks were tested on different images: one of them may have been
    trained on what another was tested on.
    """
    first = members[0]
    if any(member.ids != first.ids for member in members):
        raise StatisticsError(
            "the networks were tested on different images",
            hint="Join only networks whose runs share their test images.",
        )
    probabilities = np.stack([member.probabilities for member in members])
    mean: Array = probabilities.mean(axis=0)
    if first.targets.ndim == 2:
        said = mean > 0.5
        if how == "vote":
            share = (probabilities > 0.5).mean(axis=0)
            said = np.where(share == 0.5, said, share > 0.5)
        right = (said == (first.targets > 0)).all(axis=1)
        return first._replace(probabilities=mean, scores=right.astype(np.float64))
    weight = mean
    if how == "vote":
        named = np.zeros_like(mean)
        for said_classes in probabilities.argmax(axis=2):
            named[np.arange(len(named)), said_classes] += 1
        weight = 2 * named + mean  # a mean is at most 1: it only breaks ties
    right = weight.argmax(axis=1) == first.targets
    return first._replace(probabilities=mean, scores=right.astype(np.float64))
