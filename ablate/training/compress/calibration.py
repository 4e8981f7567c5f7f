"""Training images to find INT8's ranges on; the test part is not touched."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ablate.deploy.quantization import ENOUGH_IMAGES, refuse_too_few
from ablate.errors import DataError
from ablate.protocols import Run
from ablate.records import Finished, RunSpec
from ablate.settings import settings_of_record
from ablate.training.config import Config
from ablate.training.data.parts import load_parts
from ablate.training.data.same import is_of
from ablate.training.numerics import set_up
from ablate.training.seeding import epoch_order

BATCH = 32


def calibration_batches(spec: RunSpec, result: Finished, run: Run) -> Iterator[NDArray[np.float32]]:
    """(n, C, S, S) float32 as the network is given them: the first images of the run's first epoch, 300 at most.

    Of the fit part alone: neither what a run is tested on nor what it was chosen by. Not augmented. Raises DataError,
    before the first batch, where that part is too small or the images are no longer those of the run.
    """
    config = settings_of_record(Config, spec.config)
    mode = set_up(config)
    parts = load_parts(config, run, mode, ready=False)
    if not is_of(result.stamp.data_digest, parts.images, config.data, run.cached):
        raise DataError(
            "the images are no longer those this run was trained on",
            hint="Put the old ones back, or train again: `ablate run STUDY --retrain`.",
        )
    fit = parts.fit
    refuse_too_few(len(fit))
    chosen = epoch_order(spec.replicate, 0, len(fit))[:ENOUGH_IMAGES].to(fit.rows.device)
    return (np.ascontiguousarray(fit.images_of(rows).float().cpu().numpy()) for rows in chosen.split(BATCH))
