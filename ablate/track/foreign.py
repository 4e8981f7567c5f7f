"""Runs in MLflow that others made, read and never written to. Imports mlflow inside functions only."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import copysign, inf
from typing import TYPE_CHECKING, NamedTuple

from ablate.errors import AblateError, TrackingError, near_match
from ablate.safety.addresses import text_without_secrets, without_secrets
from ablate.track.client import check_readable, open_client
from ablate.track.refusals import refusal_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_RUNS = 50_000
FINGERPRINT = "ablate.fingerprint"
PARENT = "mlflow.parentRunId"


class ForeignRun(NamedTuple):
    """One run as it stands in MLflow. metrics: the last value of each. started: milliseconds since 1970."""

    id: str
    name: str
    finished: bool
    started: int
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]

    def group(self, key: str) -> str | None:
        """The value of a tag, else of a parameter, of this name."""
        return self.tags.get(key, self.params.get(key))


def read_runs(uri: str, experiment: str) -> list[ForeignRun]:
    """Every run of an experiment, the oldest first.

    Raises TrackingError where the store cannot be read, or has no experiment of that name.
    """
    address = check_readable(uri)
    try:
        client = open_client(address)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            known = [item.name for item in client.search_experiments()]
            raise TrackingError(
                f"no experiment {experiment!r} in {without_secrets(uri)}",
                hint=f"{near_match(experiment, known)}There are: {', '.join(known[:20])}.",
            )
        return sorted(_search(client, found.experiment_id), key=lambda run: run.started)
    except AblateError:
        raise
    except Exception as error:  # whatever a store and its driver raise
        refusal = refusal_of(error, uri, wanted="read")
        if refusal is not None:
            raise refusal from error
        reason = text_without_secrets(str(error), uri)
        raise TrackingError(f"{without_secrets(uri)} cannot be read: {reason}", hint="Is the address right?") from error


def single_runs(runs: Sequence[ForeignRun], metric: str) -> list[ForeignRun]:
    """Those that stand for a training run of their own, each once, in the order given.

    Left out are runs that hold others (which name them as parent) and do not have the metric, and
    second entries of one run under the same fingerprint, as `ablate` makes for each study that shows it.
    """
    parents = {run.tags.get(PARENT) for run in runs}
    seen: set[str] = set()
    single = []
    for run in runs:
        fingerprint = run.tags.get(FINGERPRINT)
        if fingerprint in seen or (run.id in parents and metric not in run.metrics):
            continue
        if fingerprint is not None:
            seen.add(fingerprint)
        single.append(run)
    return single


def summaries_of_others(runs: Sequence[ForeignRun], metric: str, by: str) -> set[str]:
    """The ids of runs that hold finished runs of the same variant, and report the metric as these do.

    Such a parent tells the mean, or the best, of its folds once more, and is no run beside them.
    """
    ids = {run.id: run.group(by) for run in runs if metric in run.metrics}
    holders = {(run.tags.get(PARENT, ""), run.group(by)) for run in runs if run.finished and run.id in ids}
    return {run for run, variant in ids.items() if (run, variant) in holders}


def _as_logged(value: float) -> float:
    """A database keeps infinity as the largest number it has."""
    return value if abs(value) < sys.float_info.max else copysign(inf, value)


def _search(client: MlflowClient, experiment: str) -> list[ForeignRun]:
    found: list[ForeignRun] = []
    token = None
    while len(found) < MOST_RUNS:
        page = client.search_runs([experiment], max_results=1000, page_token=token)
        found += [
            ForeignRun(
                id=run.info.run_id,
                name=run.info.run_name or "",
                finished=run.info.status == "FINISHED",
                started=run.info.start_time or 0,
                tags=dict(run.data.tags),
                params=dict(run.data.params),
                metrics={name: _as_logged(value) for name, value in run.data.metrics.items()},
            )
            for run in page
        ]
        token = page.token
        if not token:
            return found
    raise TrackingError(
        f"the experiment has more than {MOST_RUNS:,} runs",
        hint="Copy those to be judged into an experiment of their own.",
    )
