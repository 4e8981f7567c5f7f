"""What was measured, as a Markdown table: medians, and ratios within a round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

YARDSTICK = "d"
COLUMNS = (
    "",
    "contender",
    "runs",
    "seconds",
    "over as many of (d)",
    "processor s",
    "first epoch, s",
    "peak memory, GB",
    "test accuracy, %",
)


BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
"""What stands between them in docs/performance.md is this benchmark's."""


class Row(NamedTuple):
    """One contender. samples: by round, what `Score` has, as dictionaries. runs: trainings in one sample."""

    key: str
    name: str
    runs: int
    samples: Sequence[Sequence[Mapping[str, float]]]
    missing: str = ""


def table(rows: Sequence[Row]) -> str:
    """Seconds, the ratio to as many runs of the yardstick in the same round, first epoch, memory, accuracy."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    yardstick = next((row for row in rows if row.key == YARDSTICK), None)
    for row in rows:
        if row.missing:
            lines.append(f"| {row.key} | {row.name} | | {row.missing} | | | | | |")
            continue
        values = {name: every(row, name) for name in ("seconds", "processor", "first_epoch", "peak_bytes", "accuracy")}
        cells = [
            f"({row.key})",
            row.name,
            str(row.runs),
            f"{statistics.median(values['seconds']):.1f}",
            ratio_text(row, yardstick),
            f"{statistics.median(values['processor']):.1f}",
            f"{statistics.median(values['first_epoch']):.1f}",
            f"{statistics.median(values['peak_bytes']) / 1e9:.2f}",
            f"{100 * statistics.mean(values['accuracy']):.1f} (n = {len(values['accuracy'])})",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page(
    rows: Sequence[Row],
    about: Mapping[str, Any],
    *,
    profiles: Mapping[str, Mapping[str, float]],
) -> str:
    """All that is shown: where and when, the table, whether all are equally accurate, where the time goes."""
    where = (
        f"Measured {about['date']} on {about['processor']}, {about['cores']} cores, load {about['load']} before the "
        f"start, torch {about['torch']}; {about['images']} images, {about['epochs']} epochs, {about['rounds']} rounds."
    )
    parts = [where, table(rows), accuracy_line(rows)]
    if profiles:
        parts.append(phase_table(profiles))
    return "\n\n".join(parts)


def replace_block(path: Path, text: str) -> None:
    """Put the text between the two marks of a Markdown file."""
    before, found, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise SystemExit(f"{path} has no block of figures: {BEGIN} ... {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def every(row: Row, name: str) -> list[float]:
    """One value of all samples."""
    return [sample[name] for taken in row.samples for sample in taken]


def ratios(row: Row, yardstick: Row) -> list[float]:
    """For each round, the median of the row over as many runs of the yardstick's median in that round."""
    return [
        statistics.median(sample["seconds"] for sample in own)
        / (row.runs * statistics.median(sample["seconds"] for sample in other))
        for own, other in zip(row.samples, yardstick.samples, strict=True)
    ]


def ratio_text(row: Row, yardstick: Row | None) -> str:
    """`.95 (.93 to .97)`: the median of the rounds and their range."""
    if yardstick is None or not yardstick.samples:
        return ""
    found = ratios(row, yardstick)
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def accuracy_line(rows: Sequence[Row]) -> str:
    """Whether all are equally accurate, as far as so many runs can tell: by a one-way analysis of variance.

    Of contenders that are one run; the mean of a study's changed variants is no sample of the same.
    """
    from scipy.stats import f_oneway

    runs = [every(row, "accuracy") for row in rows if row.samples and row.runs == 1]
    known = [one for one in runs if len(one) > 1]
    if len(known) < 2:
        return "Too few runs to compare accuracies."
    within = math.sqrt(statistics.mean(statistics.variance(one) for one in known))
    p = float(f_oneway(*known).pvalue)
    said = "no more than that explains" if p >= 0.05 else "MORE THAN THAT EXPLAINS"
    return (
        f"After so few epochs the accuracies of one contender's runs have a standard deviation of {100 * within:.1f} "
        f"points; the contenders' means differ by {said} (one-way analysis of variance of single runs, p = {p:.2f})."
    )


def phase_table(phases: Mapping[str, Mapping[str, float]]) -> str:
    """Seconds by what was done, a column a contender."""
    names = sorted({name for found in phases.values() for name in found}, key=lambda name: -_most(phases, name))
    lines = [f"| seconds of all threads | {' | '.join(phases)} |", f"|---|{'---|' * len(phases)}"]
    for name in names:
        lines.append(f"| {name} | {' | '.join(f'{found.get(name, 0):.1f}' for found in phases.values())} |")
    return "\n".join(lines)


def _most(phases: Mapping[str, Mapping[str, float]], name: str) -> float:
    return max(found.get(name, 0.0) for found in phases.values())


def as_json(rows: Sequence[Row], about: Mapping[str, Any]) -> dict[str, Any]:
    """All that was measured."""
    return {**about, "rows": [row._asdict() for row in rows]}
