"""Rows made without training: averaged views of a test image, several networks with one answer.

They stand apart from the study's comparisons: they belong to no family, shrink none, and get no verdict,
because their networks are those of the variants above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ablate.report.facts.exploratory import DerivedRow
from ablate.report.facts.findings import Findings
from ablate.report.tables.table import Column, Table, table_of, with_unit
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import with_interval
from ablate.report.wording.sentences import metric_title
from ablate.splits.rules import Folds, TestRule
from ablate.stats.accuracy import variant_accuracy
from ablate.stats.cells import Cells, StatisticsError
from ablate.stats.engine import estimate
from ablate.stats.joined import Answers, joined, read_answers
from ablate.study.derivation import Derivation


class DerivedRequest(NamedTuple):
    """One network of a group. plain: outcomes of its own run; derived: those that count, by views or the same."""

    plain: Path
    derived: Path


def derived_row(
    derivation: Derivation, groups: Sequence[Sequence[DerivedRequest] | None], test: TestRule, reason: str
) -> DerivedRow:
    """Measure one derivation. groups: None where a run or a test by views is missing, and `reason` says why."""
    row = DerivedRow(
        name=derivation.name,
        sources=derivation.sources,
        words=derived_words(derivation),
        networks=derivation.networks,
        reason=reason or "not computed yet; `ablate run` computes it",
    )
    if not any(groups):
        return row
    try:
        return _measured(row, derivation, groups, test)
    except StatisticsError as error:
        return replace(row, reason=error.message)


def _measured(
    row: DerivedRow, derivation: Derivation, groups: Sequence[Sequence[DerivedRequest] | None], test: TestRule
) -> DerivedRow:
    answers = [None if group is None else _answers(group, derivation) for group in groups]
    numbering: dict[str, int] = {}
    images = tuple(
        None
        if found is None
        else np.array([numbering.setdefault(name, len(numbering)) for name in found[0].ids], np.int64)
        for found in answers
    )
    firsts: dict[str, int] = {}
    groups_of = tuple(
        None
        if found is None or row is None
        else np.array(
            [firsts.setdefault(name or f"/{image}", image) for image, name in zip(row, found[2], strict=True)]
        )
        for found, row in zip(answers, images, strict=True)
    )
    cells = Cells(
        scores=(
            tuple(None if found is None else found[0].scores for found in answers),
            tuple(None if found is None else found[1] for found in answers),
        ),
        images=images,
        repetition=tuple(r // test.count for r in range(len(groups))) if isinstance(test, Folds) else (),
        groups=groups_of,
    )
    level = variant_accuracy(cells, 0)
    (gain,) = estimate(cells, np.array([[1.0, -1.0]]))
    assert level is not None
    assert gain is not None
    return replace(
        row,
        n=level.n_replicates,
        mean=100 * level.mean,
        lo=_finite(100 * level.lo),
        hi=_finite(100 * level.hi),
        difference=100 * gain.difference,
        difference_lo=_finite(100 * gain.lo),
        difference_hi=_finite(100 * gain.hi),
        reason="",
    )


def _answers(group: Sequence[DerivedRequest], derivation: Derivation) -> tuple[Answers, Any, Sequence[str]]:
    """The joined answer of networks, the mean score of them asked singly, and which group of images each is of."""
    together = joined([read_answers(member.derived) for member in group], derivation.how)
    singly = [read_answers(member.plain) for member in group]
    if any(one.ids != together.ids for one in singly):
        raise StatisticsError("the test images are no longer those of the runs", hint="Train the runs again.")
    told = next((one.groups for one in singly if one.groups), ("",) * len(together.ids))
    return together, np.mean([one.scores for one in singly], axis=0), told


def derived_words(derivation: Derivation) -> str:
    """What is done, in words."""
    parts = []
    tta = derivation.tta or {}
    if tta.get("draws"):
        draws = ENGLISH.count(tta["draws"], "draw")
        parts.append(f"mean of {1 + tta['draws']} views: as it is, and {draws} of the training augmentation")
    elif tta:
        views = (5 if tta.get("crops") else 1) * (2 if tta.get("flip") else 1)
        kinds = ["as it is"]
        kinds += [f"four corners after padding by {tta['crops']}"] if tta.get("crops") else []
        kinds += ["each mirrored" if len(kinds) > 1 else "mirrored"] if tta.get("flip") else []
        parts.append(f"mean of {views} views: {ENGLISH.listed(kinds)}")
    if derivation.networks > 1:
        joint = "vote" if derivation.how == "vote" else "mean"
        of = "networks" if derivation.members == 1 else "networks of different replicates"
        parts.append(f"{joint} of {derivation.networks} {of}")
    return "; ".join(parts)


def derived_table(findings: Findings, say: Words = ENGLISH) -> Table:
    """A line a derived row."""
    rows, metric = findings.exploratory.derived, findings.study.metric
    level = with_unit(metric_title(metric), metric.unit)
    columns = [
        Column(say("derived.row"), "text", [row.name for row in rows]),
        Column(say("derived.source"), "text", [say.listed(list(row.sources)) for row in rows]),
        Column(say("derived.how"), "text", [row.words for row in rows]),
        Column(level, "number", [with_interval(row.mean, row.lo, row.hi, metric.decimals) for row in rows]),
        Column(say("derived.gain"), "number", [_gain(row, metric.decimals) for row in rows]),
        Column(say("column.n"), "number", [str(row.n) for row in rows]),
        None
        if not any(row.reason for row in rows)
        else Column(say("derived.missing"), "text", [r.reason for r in rows]),
    ]
    return table_of(say("derived.title"), columns, say("derived.note"), "derived")


def _gain(row: DerivedRow, decimals: int) -> str:
    return with_interval(row.difference, row.difference_lo, row.difference_hi, decimals, sign="+")


def derived_json(rows: Sequence[DerivedRow]) -> list[dict[str, Any]]:
    """The rows as plain data: accuracy in percent, differences in points."""
    return [
        {
            "name": row.name,
            "from": list(row.sources),
            "how": row.words,
            "networks": row.networks,
            "n": row.n,
            "mean": row.mean,
            "lo": row.lo,
            "hi": row.hi,
            "difference": row.difference,
            "difference_lo": row.difference_lo,
            "difference_hi": row.difference_hi,
            "reason": row.reason,
        }
        for row in rows
    ]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
