"""Runs on W&B's server, read through its package; nothing else here needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablate.errors import StudyError, refuse_uninstalled
from ablate.readers.logged import LoggedRun, as_number, flat

SCHEME = "wandb:"
MOST_RUNS = 50_000
_INSTEAD = (
    "Without it: export the table of runs as CSV in W&B's page (or a folder of offline runs) and judge that: "
    "`ablate judge export.csv`."
)


def read_runs(source: str) -> list[LoggedRun]:
    """The runs of `wandb:ENTITY/PROJECT`, the oldest first.

    Raises NotInstalled without the package, and StudyError where the project cannot be read.
    """
    project = source.removeprefix(SCHEME).strip("/")
    if not 1 <= len(project.split("/")) <= 2 or not project:
        raise StudyError(f"{source[:200]!r} names no project of W&B", hint="Write wandb:ENTITY/PROJECT.")
    refuse_uninstalled("wandb", instead=_INSTEAD)
    import wandb

    found: list[LoggedRun] = []
    try:
        runs = wandb.Api().runs(project, order="+created_at")
        if hasattr(runs, "upgrade_to_full"):  # else each run's settings would be a request of its own
            runs.upgrade_to_full()
        for run in runs:
            if len(found) == MOST_RUNS:
                raise StudyError(f"{project} has more than {MOST_RUNS:,} runs", hint="Judge a table exported as CSV.")
            found.append(_run(run))
    except StudyError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the package and its network raise
        raise StudyError(
            f"W&B's project {project[:100]} cannot be read: {type(error).__name__}: {str(error)[:200]}",
            hint=f"Is its name right, and are you logged in (`wandb login`)? {_INSTEAD}",
        ) from None
    return found


def _run(run: Any) -> LoggedRun:
    config: Mapping[str, Any] = run.config
    summary: Mapping[str, Any] = dict(run.summary)
    numbers = {
        str(name): number
        for name, value in summary.items()
        if not str(name).startswith("_") and (number := as_number(value)) is not None
    }
    step = as_number(summary.get("_step"))
    labels = {key: getattr(run, key, None) for key in ("group", "job_type")}
    return LoggedRun(
        str(run.name),
        flat({str(key): value for key, value in config.items() if not str(key).startswith("_")}),
        numbers,
        {} if step is None else dict.fromkeys(numbers, int(step)),
        finished=run.state == "finished",
        labels={key: str(value) for key, value in labels.items() if value},
        where=f"{run.name} ({run.id})",
    )
