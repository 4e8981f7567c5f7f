"""Wide tables in which a column is a run: which columns these are, of which metric, and which run each is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.metrics import is_known, is_rate
from ablate.readers.columns import metric_name, proposed, spelling, twice
from ablate.readers.replicates import first_names, plain_label
from ablate.readers.sheet import TableSheet
from ablate.readers.tested import OF_TEST
from ablate.readers.units import without_unit

_RUN = r"(?:seed|fold|run|rep|replicate|repeat|split|trial|cv)[ _\-#.]*\d{1,9}"
_AT_END = re.compile(rf"(?:(?P<metric>.*)[ _\-./])?(?P<run>{_RUN})", re.IGNORECASE)
_AT_START = re.compile(rf"(?P<run>{_RUN})[ _\-./](?P<metric>.+)", re.IGNORECASE)
_NUMBER = re.compile(r"(?P<run>\d{1,9})(?P<metric>)")
_SAYS_NOTHING = frozenset(
    ["test", "eval", "cv", "outer", "score", "scores", "result", "results", "value", "values", "metric", "performance"]
)


class Across(NamedTuple):
    """Columns of one metric that are one run each. metric: empty where no heading says what was measured."""

    metric: str
    places: tuple[int, ...]
    labels: tuple[str, ...]


def runs_across(
    sheet: TableSheet, asked: str | None, used: Sequence[int | None], *, only_named: bool = False
) -> Across | None:
    """The runs of the metric asked for; where none is asked for, of accuracy, or of the only rate, or the only metric.

    `seed0`, `fold 2`, `accuracy_seed1`, `seed1_accuracy`, `split0_test_score`, `0`. None where fewer than two columns
    are runs, or with only_named where none of them names the metric. Raises StudyError where these are of several
    metrics, or of another one than is asked for.
    """
    groups: dict[str, list[tuple[int, str]]] = {}
    for i, heading in enumerate(sheet.headings):
        if i not in used and (parts := _parts(heading)) is not None:
            groups.setdefault(parts[0], []).append((i, parts[1]))
    several = {metric: found for metric, found in groups.items() if len(found) > 1}
    if not several or (only_named and _plain(metric_name(asked or "")) not in map(_plain, several)):
        return None
    metric = _chosen(list(several), asked, f"{sheet.path}:{sheet.heading_line}")
    places, labels = zip(*several[metric], strict=True)
    for label in labels:
        same = [place for place, other in several[metric] if other == label]
        if len(same) > 1:
            raise twice(sheet, same[1])
    return Across(metric, places, labels)


def is_run_column(sheet: TableSheet, column: int) -> bool:
    """Whether a heading says of which run its column is."""
    return _parts(sheet.headings[column]) is not None


def _parts(heading: str) -> tuple[str, str] | None:
    """The metric and the run in a heading: `acc` and `1` of `acc_seed1`."""
    plain = without_unit(heading)[0].strip()
    if plain.isdecimal() and plain != heading.strip():
        return None  # 25%, a quantile
    match = _NUMBER.fullmatch(plain) or _AT_END.fullmatch(plain) or _AT_START.fullmatch(plain)
    if match is None:
        return None
    metric = (match["metric"] or "").strip(" _-./")
    says_nothing = set(re.split(r"[ _\-./]+", metric.lower())) <= _SAYS_NOTHING
    return "" if not metric or says_nothing else metric_name(metric), plain_label(match["run"])


def _chosen(metrics: Sequence[str], asked: str | None, line: str) -> str:
    if asked is not None:
        named = [metric for metric in metrics if _plain(metric) == _plain(metric_name(asked))]
        unsaid = [metric for metric in metrics if not is_known(metric)]
        if named or len(unsaid) == 1:
            return (named or unsaid)[0]
        raise StudyError(
            f"{line}: the columns of runs are of {first_names(metrics, 5)}, and none is of {asked[:80]!r}",
            hint=f"Say which: --metric '{metrics[0]}'.",
        )
    known = {_plain(metric): metric for metric in reversed(metrics)}
    for name in ("accuracy", *OF_TEST):
        if name in known:
            return known[name]
    rates = [metric for metric in metrics if is_rate(metric)]
    if len(rates) == 1 or len(metrics) == 1:
        return (rates or list(metrics))[0]
    if not rates and "" in metrics:
        return ""
    raise StudyError(
        f"{line}: there are columns of runs of {first_names([metric or 'no named metric' for metric in metrics], 5)}",
        hint=f"Say which: --metric '{proposed(rates or [metric for metric in metrics if metric])}'.",
    )


def _plain(metric: str) -> str:
    return {"acc": "accuracy"}.get(spelling(metric), spelling(metric))
