"""A finished run tested again: its stored weights on the images it was judged on."""

from __future__ import annotations

from ablate.errors import DataError
from ablate.protocols import Run
from ablate.records import Finished, RunSpec
from ablate.training.data.parts import Subsets, load_parts
from ablate.training.data.same import is_of
from ablate.training.measured import with_measured
from ablate.training.outcome import judged_scores
from ablate.training.stored import StoredNetwork, open_network


def reevaluate_run(spec: RunSpec, result: Finished, run: Run) -> dict[str, float]:
    """The run's metrics, by the code that computed them first.

    Raises DataError where the weights are gone or the images are no longer those of the run.
    """
    stored, parts = reopen(spec, result, run)
    scores = judged_scores(stored.config, run, parts, stored.mode, stored.network)
    return with_measured(scores.metrics(), run.protocol.metric, scores, parts.images.classes)


def reopen(spec: RunSpec, result: Finished, run: Run) -> tuple[StoredNetwork, Subsets]:
    """The run's network and the parts it was trained and tested on."""
    stored = open_network(spec, result)
    parts = load_parts(stored.config, run, stored.mode)
    if not is_of(result.stamp.data_digest, parts.images, stored.config.data, run.cached):
        raise DataError(
            "the images are no longer those this run was trained and tested on",
            hint="Put the old ones back, or train again: `ablate run STUDY --retrain`.",
        )
    return stored, parts
