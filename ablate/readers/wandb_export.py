"""W&B's table of runs, exported as CSV, or the values of one of its charts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ablate.metrics import is_known
from ablate.readers.columns import FINISHED, NOT_FINISHED, VARIANT
from ablate.readers.logged import LoggedRun, as_text
from ablate.readers.replicates import plain_key
from ablate.readers.sheet import TableSheet

OWN = frozenset(
    [
        "notes", "user", "tags", "created", "runtime", "sweep", "id", "hostname", "github", "gpu_count", "gpu_type",
        "os", "python_version", "commit", "project", "entity", "description", "agent", "last_heartbeat", "updated",
        "end_time", "duration", "command", "process_id", "cpu_count", "host",
    ]
)  # fmt: skip
"""Columns that W&B adds to every table."""
_CHART = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<bound>__MIN|__MAX)?")
_PLACES = ("step", "_step", "epoch", "relative time (process)", "wall time", "trainer/global_step", "global_step")
_COUNTS = frozenset(["epoch", "epochs_done", "step", "global_step", "trainer_global_step", "iteration", "batch"])


def is_export(sheet: TableSheet) -> bool:
    """Whether a table is W&B's, and does not name variants in a column of its own."""
    plain = {plain_key(heading) for heading in sheet.headings}
    own = "name" in plain and len(plain & {"state", "runtime", "created", "sweep", "user", "notes", "tags"}) >= 2
    return (own and not plain & set(VARIANT)) or is_chart(sheet)


def is_chart(sheet: TableSheet) -> bool:
    """Whether a table is that of a chart: a step, then a column `RUN - METRIC` for each run, and its bounds."""
    others = sheet.headings[1:]
    matches = [_CHART.fullmatch(heading) for heading in others]
    named = [match for match in matches if match is not None]
    return (
        sheet.headings[:1] != ()
        and sheet.headings[0].strip().lower() in _PLACES
        and len(named) == len(others) > 1
        and len({match["metric"] for match in named}) == 1
    )


def read_export(sheet: TableSheet, metric: str | None) -> list[LoggedRun]:
    """The runs of a table, the oldest first. metric: a column that is one although its name does not tell."""
    if is_chart(sheet):
        return _of_chart(sheet)
    plain = [plain_key(heading) for heading in sheet.headings]
    results = [i for i, heading in enumerate(sheet.headings) if _is_result(heading, metric)]
    skipped = {*results, *(i for i, name in enumerate(plain) if name in OWN | {"name", "state"})}
    settings = [i for i in range(len(plain)) if i not in skipped and plain[i] not in ("group", "job_type")]
    name = plain.index("name")
    state = plain.index("state") if "state" in plain else None
    rows = list(sheet.rows)
    if "created" in plain:
        rows.sort(key=lambda row: row.cells[plain.index("created")])
    return [
        LoggedRun(
            row.cells[name],
            {sheet.headings[i]: _plain(row.cells[i]) for i in settings},
            {sheet.headings[i]: value for i in results if (value := _number(row.cells[i])) is not None},
            finished=state is None or _is_finished(row.cells[state]),
            labels={
                key: row.cells[plain.index(key)]
                for key in ("group", "job_type")
                if key in plain and row.cells[plain.index(key)]
            },
            where=sheet.where(row),
        )
        for row in rows
    ]


def _is_finished(text: str) -> bool:
    return text.lower() in FINISHED or text.lower() not in NOT_FINISHED


def _is_result(heading: str, metric: str | None) -> bool:
    plain = plain_key(heading)
    asked = metric is not None and heading.strip().lower() == metric.strip().lower()
    return asked or heading.startswith("_") or plain in _COUNTS or is_known(heading)


def _of_chart(sheet: TableSheet) -> list[LoggedRun]:
    found = []
    for i, heading in enumerate(sheet.headings):
        match = _CHART.fullmatch(heading) if i else None
        if match is None or match["bound"]:
            continue
        values = [(row, value) for row in sheet.rows if (value := _number(row.cells[i])) is not None]
        step = _number(values[-1][0].cells[0]) if values else None
        metrics = {match["metric"]: values[-1][1]} if values else {}
        ends = {} if step is None else dict.fromkeys(metrics, int(step))
        found.append(LoggedRun(match["run"], {}, metrics, ends, where=f"{sheet.path}: {heading}"))
    return found


def _plain(text: str) -> str:
    number = _number(text)
    return as_text(number) if number is not None else as_text({"true": True, "false": False}.get(text.lower(), text))


def _number(text: str) -> float | None:
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def results_of(runs: Sequence[LoggedRun]) -> tuple[str, ...]:
    """The columns that were taken as results, not as settings."""
    return tuple(dict.fromkeys(name for run in runs for name in run.metrics if not name.startswith("_")))
