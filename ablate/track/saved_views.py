"""Saved views of a study in MLflow's own pages: its steps, its curves, what it cost, and the trials of a search.

MLflow keeps a view as a tag of the experiment, as its "Save view" does: JSON of a name, two times and the state of the
page, which is the search with the columns and the charts. The form was read from the pages of MLflow 3.17; other
versions are left without views.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ablate.protocols import StudyCard

PREFIX = "mlflow.sharedViewState."
OWN = "ablate-"
"""What the ids of our views begin with; a user's own are left alone."""
MOST_VIEWS, MOST_CHARACTERS = 40, 20_000
"""Of an experiment, and of one tag's value: more than these MLflow does not take."""
ORDER = "ablate.order"
"""A tag of a variant's run: its place in the study, padded with zeros, since MLflow sorts tags as text."""
_MODES = {"steps": "TABLE", "trials": "CHART", "curves": "CHART", "cost": "TABLE"}
_OWN_ID = re.compile(rf"{OWN}([0-9a-f]{{10}})-({'|'.join(_MODES)})")
_WIDTHS = {"tags.`ablate.interval`": 120, "tags.`ablate.verdict`": 160}
"""Pixels, of columns that hold words; MLflow gives a column 100."""
_SECTIONS = ("val", "train", "test", "judged", "variant", "summary", "work")
"""What the charts are grouped by: the names of metrics up to their slash. `summary` is `variant` in older stores."""
_FOLDED = ("variant", "summary", "work")


class View(NamedTuple):
    """One view. key: what tells it from the study's others."""

    key: str
    name: str
    state: Mapping[str, Any]


def is_known(version: str) -> bool:
    """Whether this version of MLflow's server shows the views as they are written here."""
    found = re.match(r"3\.(\d+)", version)
    return found is not None and int(found[1]) >= 17


def views_of(card: StudyCard) -> tuple[View, ...]:
    """The views of a study: its steps, or the trials of a search, then curves and cost."""
    metric = card.metric
    drawn = _state(card, "replicate", []) | _grouped() | _charted(_curves(metric))
    curves = View("curves", f"{card.name}: curves", drawn)
    spent = _columns("metrics", ["work/parameters", "work/train_seconds", "work/epoch_seconds", "work/peak_bytes"])
    cost = View("cost", f"{card.name}: cost", _state(card, "replicate", spent) | _grouped())
    if card.searched:
        return (View("trials", f"{card.name}: trials", _trials(card)), curves, cost)
    step = _columns("metrics", [metric, "difference"]) + _columns("tags", ["ablate.interval", "ablate.verdict"])
    step += _columns("metrics", ["p", "replicates", "parameters", "seconds"]) + _columns("tags", ["ablate.changes"])
    return (View("steps", f"{card.name}: steps", _state(card, "variant", step)), curves, cost)


def tags_of(views: Sequence[View], study: str, known: Mapping[str, str], *, now: int) -> dict[str, str]:
    """Tags of the experiment that are to be written, so that it has the views; empty where it has them already.

    known: the experiment's tags. now: milliseconds since 1970.
    """
    taken = sum(name.startswith(PREFIX) for name in known)
    found: dict[str, str] = {}
    for view in views:
        name = PREFIX + view_id(study, view.key)
        state = json.dumps(view.state, ensure_ascii=False, separators=(",", ":"))
        before = _envelope(known.get(name, ""))
        if before.get("state") == state and before.get("name") == view.name:
            continue
        if name not in known:
            taken += 1
        made = {"name": view.name, "createdAt": before.get("createdAt", now), "updatedAt": now, "state": state}
        value = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
        if taken <= MOST_VIEWS and len(value) <= MOST_CHARACTERS:
            found[name] = value
    return found


def view_id(study: str, key: str) -> str:
    """The id in a view's address; the same whenever the study is told again."""
    return f"{OWN}{hashlib.sha256(study.encode()).hexdigest()[:10]}-{key}"


def page_of(experiment: str, view: str, mode: str) -> str:
    """The path of a view below the server's address.

    No part of the search is in it: with one MLflow would take that in the view's place.
    """
    asked = f"workflowType=machine_learning&viewStateShareKey={view}&compareRunsMode={mode}"
    return f"/#/experiments/{experiment}/runs?{asked}"


def first_page(card: StudyCard, experiment: str, version: str) -> str:
    """The path of what a reader of the study is to see first, on a server of this version."""
    if not is_known(version):
        return f"/#/experiments/{experiment}/runs?workflowType=machine_learning"
    key = views_of(card)[0].key
    return page_of(experiment, view_id(card.name, key), _MODES[key])


class ViewPage(NamedTuple):
    """Where a saved view is shown; page: the path below the server's address."""

    name: str
    page: str


def newest_views(experiments: Sequence[Mapping[str, Any]]) -> list[ViewPage]:
    """The views of the study that was told last, as the server's list of experiments has them."""
    found: list[tuple[int, str, int, ViewPage]] = []
    for experiment in experiments:
        for tag in experiment.get("tags", []):
            identity = str(tag.get("key", "")).removeprefix(PREFIX)
            told = _OWN_ID.fullmatch(identity)
            if told is not None:
                made = _envelope(str(tag.get("value", "")))
                written = made.get("updatedAt")
                page = page_of(str(experiment.get("experiment_id", "")), identity, _MODES[told[2]])
                view = ViewPage(str(made.get("name", "")), page)
                found.append((written if isinstance(written, int) else 0, told[1], list(_MODES).index(told[2]), view))
    if not found:
        return []
    newest = max(found)[1]
    return [view for _, study, _, view in sorted(found, key=lambda one: one[2]) if study == newest]


def _envelope(value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _state(card: StudyCard, level: str, columns: Sequence[str]) -> dict[str, Any]:
    """The state of a page: which runs, in the order of the study, and with which columns.

    Sorted by time MLflow would add the runs that these are below.
    """
    return {
        "searchFilter": f"tags.`ablate.level` = '{level}'{_of_study(card.name)}",
        "orderByKey": f"tags.`{ORDER}`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns),
        "columnOrder": list(columns),
        "columnWidths": {name: width for name, width in _WIDTHS.items() if name in columns},
        "runsHiddenMode": "SHOW_ALL",
        "autoRefreshEnabled": True,
        "hideEmptyCharts": True,
    }


def _columns(kind: str, names: Sequence[str]) -> list[str]:
    """As MLflow names columns. kind: metrics, params or tags."""
    return [f"{kind}.`{name}`" for name in names]


def _grouped() -> dict[str, Any]:
    """One row a variant: the mean over its replicates."""
    by_variant = {"mode": "tag", "groupByData": "ablate.variant"}
    return {
        "groupBy": {"aggregateFunction": "average", "groupByKeys": [by_variant]},
        "useGroupedValuesInCharts": True,
    }


def _charted(charts: Sequence[Mapping[str, Any]], first: str = "val") -> dict[str, Any]:
    """Charts before those MLflow makes of every metric by itself, in sections of our order.

    first: the section on top.
    """
    return {
        "compareRunCharts": list(charts),
        "compareRunSections": [_section(name) for name in sorted(_SECTIONS, key=lambda name: name != first)],
        "isAccordionReordered": True,  # or MLflow sorts the sections by their names
    }


def _of_study(name: str) -> str:
    """The condition that keeps to one study of the experiment. MLflow knows no way to write a quote in a value."""
    return "" if "'" in name else f" AND tags.`ablate.study` = '{name}'"


def _section(name: str) -> dict[str, Any]:
    return {"uuid": f"{OWN}{name}", "name": name, "display": name not in _FOLDED, "isReordered": True, "deleted": False}


def _curves(metric: str) -> list[dict[str, Any]]:
    names = dict.fromkeys(f"{part}/{name}" for part in ("val", "train") for name in (metric, "loss"))
    return [_chart("LINE", name.partition("/")[0], name, metricKey=name) for name in names]


def _trials(card: StudyCard) -> dict[str, Any]:
    """Parallel coordinates of all settings, each of the first two against the metric, and the history."""
    searched = card.searched
    metric = f"judged/{card.metric}"
    charts = [_chart("PARALLEL", "judged", "all settings", selectedParams=list(searched), selectedMetrics=[metric])]
    charts[0]["showAllRuns"] = True
    for name in searched[:2]:
        axes = {"xaxis": {"key": name, "type": "PARAM"}, "yaxis": {"key": metric, "type": "METRIC"}}
        charts.append(_chart("SCATTER", "judged", name, runsCountToCompare=1000, **axes))
    charts.append(_chart("BAR", "judged", metric, metricKey=metric, runsCountToCompare=50))
    columns = _columns("metrics", [metric]) + _columns("params", searched)
    return _state(card, "replicate", columns) | _charted(charts, "judged")


def _chart(kind: str, section: str, name: str, **own: Any) -> dict[str, Any]:
    """One chart; MLflow fills in what is not said of its range and scale."""
    chart: dict[str, Any] = {
        "type": kind,
        "uuid": f"{OWN}{kind.lower()}-{name}",
        "metricSectionId": f"{OWN}{section}",
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        "displayName": name.rpartition("/")[2],
    }
    if kind == "LINE":
        chart |= {
            "lineSmoothness": 0,
            "xAxisScaleType": "linear",
            "scaleType": "linear",
            "range": {},
            "xAxisKey": "step",
            "selectedXAxisMetricKey": "",
            "yAxisKey": "metric",
            "yAxisExpressions": [],
            "ignoreOutliers": False,
            "useGlobalXaxisKey": True,
            "useGlobalLineSmoothing": True,
        }
    return chart | own
