"""The baseline on nested shares of its training images: what the last images brought, and what more of them may."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ablate.errors import StudyError
from ablate.records import BASELINE
from ablate.study.designs.layout import DesignCell, Layout, difference
from ablate.study.study import Study

SHARES = (0.25, 0.5, 0.75)
"""Of the images the baseline is fitted to, beside all of them."""

FAMILY = "data"
"""What the steps from share to share are judged in."""


def data_shares(study: Study, baseline: DesignCell) -> Layout:
    """The baseline, and the same on each share of its images; each share holds the one before it.

    Validation images stay as they are: the shares are of the images beyond them. With `control: steps` each share is
    trained for as many optimiser steps as the baseline takes, else for as many epochs.
    Raises StudyError for a trainer without `data.train`, and where only the data know how many images a share is.
    """
    config = study.resolve({}).model_dump(mode="json")
    cells = [baseline]
    for share in SHARES:
        overrides = {"data.train": _train(study, config, share)} | _epochs(study, config, share)
        cells.append(DesignCell(f"{100 * share:g}% of the images", overrides, BASELINE, (("base",),)))
    steps = zip((*SHARES, 1.0), (*cells[1:], baseline), strict=True)
    questions = [
        difference(f"from {100 * less:g}% to {100 * more:g}% of the images", after.name, before.name, FAMILY)
        for (less, before), (more, after) in pairwise(steps)
    ]
    return Layout(tuple(cells), tuple(questions))


def _train(study: Study, config: Mapping[str, Any], share: float) -> float | int:
    """`data.train` of a share: the validation images, which it includes, and the share of the others."""
    data = config.get("data")
    where = study.document.where(("base", "data", "train"))
    if not isinstance(data, Mapping) or "train" not in data:
        raise StudyError(
            f"{where}: --design data trains on shares of data.train, and the trainer {study.trainer.shown} has no such "
            "setting",
            hint="Compare numbers of training images by a setting of your own, each a level of one factor (each:).",
        )
    train, val = data["train"], study.evidence.val or 0
    if train == "all":
        if isinstance(val, int) and val:
            raise StudyError(
                f"{where}: data.train is all and evidence.val is {val} images: what share of all images that is, only "
                "the data know",
                hint="With --design data write evidence.val as a share below 1, such as 0.1.",
            )
        train = _not_tested(study, where)
    if val and isinstance(train, int) != isinstance(val, int):
        raise StudyError(
            f"{where}: data.train is {train} and evidence.val is {val}: one is a share and one a number, and how many "
            "images a part of the rest is, only the data know",
            hint="Write both as shares below 1, or both as numbers of images.",
        )
    found = float(val + share * (train - val))
    return round(found) if isinstance(train, int) else round(found, 6)


def _not_tested(study: Study, where: str) -> float:
    """The share of all images that `train: all` trains on."""
    test = study.evidence.test
    folds = None if isinstance(test, str) else test.folds
    share = None if isinstance(test, str) else test.share
    if folds is not None:
        return 1 - 1 / folds
    if isinstance(share, float):
        return 1 - share
    raise StudyError(
        f"{where}: data.train is all, and how many images that is, only the data know",
        hint="For --design data write a share below 1 or a number: --set data.train=0.8.",
    )


def _epochs(study: Study, config: Mapping[str, Any], share: float) -> dict[str, int]:
    """The epochs that give a share as many steps as the baseline takes, where the study asks for equal steps."""
    if not study.control:
        return {}
    if "epochs" not in config:
        raise StudyError(
            f"{study.document.where(('control',))}: the trainer {study.trainer.shown} has no setting `epochs` to match "
            "steps by",
            hint="Leave control out: each share is then trained as the baseline is.",
        )
    return {"epochs": max(1, round(config["epochs"] / share))}
