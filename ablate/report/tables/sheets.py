"""The tables as data for other programs: one value per cell, full precision, units in headings, in English."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from ablate.metrics import is_rate
from ablate.report.facts.effect import Between
from ablate.report.facts.findings import Findings, VariantRow
from ablate.report.facts.summaries import epoch_means
from ablate.report.tables.answers import answer_sheets
from ablate.report.tables.details import reruns_table
from ablate.report.tables.table import Table
from ablate.report.wording.escape import csv_cell, csv_lines
from ablate.report.wording.sentences import metric_words
from ablate.results.question import Metric

_PARTS = ("train", "val", "test", "unused")
EFFECT_COLUMNS = {
    "name": "compared.name", "variant": "compared.variant", "reference": "compared.reference",
    "family": "compared.family", "look": "course.look", "family_size": "compared.family_size",
    "difference": "measured.difference", "lo": "measured.lo", "hi": "measured.hi", "lo_all": "measured.lo_all",
    "hi_all": "measured.hi_all", "p": "decision.p", "p_adjusted": "decision.p_adjusted", "n": "measured.n",
    "images": "measured.images", "verdict": "decision.verdict", "verdict_text": "decision.verdict_text",
    "supplement": "decision.supplement", "reason": "decision.reason", "visible": "course.visible",
    "extra_parameters": "extra.parameters", "extra_steps": "extra.steps", "extra_seconds": "extra.seconds",
    "extra_flops": "extra.flops", "extra_images_seen": "extra.images_seen",
    "extra_step_seconds": "extra.step_seconds", "n_planned": "measured.n_planned", "share": "course.share",
    "early": "course.early", "stopped": "course.stopped", "chance": "course.chance", "wins": "measured.wins",
    "relative": "measured.relative",
}  # fmt: skip
"""Heading -> where an EffectRow has it, in the order of the columns of effects.csv, which never changes."""
NO_WORSE_COLUMNS = {
    "no_worse": "word", "tolerable": "tolerable", "p_no_worse": "p", "p_inferior": "p_inferior",
    "no_worse_reason": "reason",
}  # fmt: skip
"""The last columns: heading -> where the claim has it."""
_MEASURED = ("difference", "lo", "hi", "lo_all", "hi_all", "visible", "mean", "spread", "published", "tolerable")
_UNITS = {"seconds": "s", "extra_seconds": "s", "extra_step_seconds": "s", "peak_bytes": "bytes", "relative": "share"}
_BARE = ("difference", "mean", "lo", "hi")
"""Repeated at the end under the headings they had before these named their unit."""
_SAME_IMAGES = tuple(f"{name}_same_images_{end}" for name in ("p", "no_gain") for end in Between._fields)
_VARIANT_FIELDS = (
    "name", "reference", "n", "mean", "lo", "hi", "spread",
    "parameters", "flops", "steps", "images_seen", "peak_bytes", "seconds",
)  # fmt: skip
VARIANT_COLUMNS = (*_VARIANT_FIELDS, *_PARTS, "published", "published_images", "changes")


def sheets(findings: Findings) -> Mapping[str, Table]:
    """File name -> sheet. Rates are in percent, their differences in points, as everywhere in a report."""
    found = {
        "effects.csv": _effects(findings),
        "variants.csv": _variants(findings),
        "runs.csv": _runs(findings),
        "epochs.csv": _epochs(findings),
        "provenance.csv": _provenance(findings),
        "reruns.csv": reruns_table(findings),
    }
    found |= {name: make_sheet(name, *content) for name, content in answer_sheets(findings.exploratory.answers)}
    return {name: table for name, table in found.items() if table.rows}


def csv_text(table: Table) -> str:
    """The sheet as CSV; a cell that a spreadsheet would take for a formula starts with an apostrophe."""
    return csv_lines([*map(csv_cell, table.columns)], ([*map(csv_cell, row)] for row in table.rows))


def _heading(name: str, metric: Metric, *, level: bool = False) -> str:
    if name in _MEASURED:
        unit = metric.unit if level or name == "published" else "points" if metric.unit else ""
        return f"{name} ({unit or metric_words(metric)})"
    return f"{name} ({_UNITS[name]})" if name in _UNITS else name


def _effects(findings: Findings) -> Table:
    needed = ["needed_replicates", "needed_images"]
    look = ["next_replicates", "next_runs", "next_seconds (s)"]
    bare = [name for name in _BARE if name in EFFECT_COLUMNS]
    headings = [_heading(name, findings.study.metric) for name in EFFECT_COLUMNS]
    headings += [*needed, *look, "factors", *bare, *_SAME_IMAGES]
    headings += [_heading(name, findings.study.metric) for name in NO_WORSE_COLUMNS]
    rows = []
    for row in findings.effects:
        open_ = {row.course.needed.unit: row.course.needed.number} if row.course.needed is not None else {}
        further = tuple(row.course.next_look) if row.course.next_look is not None else (None, None, None)
        more = [open_.get("replicates"), open_.get("images"), *further, "; ".join(row.compared.factors)]
        again = fields_of_row(row, [EFFECT_COLUMNS[name] for name in bare])
        same = [None] * len(_SAME_IMAGES) if row.same_images is None else [*row.same_images.p, *row.same_images.no_gain]
        claim = [None] * len(NO_WORSE_COLUMNS)
        if row.no_worse is not None:
            claim = fields_of_row(row.no_worse, NO_WORSE_COLUMNS.values())
        rows.append([*fields_of_row(row, EFFECT_COLUMNS.values()), *more, *again, *same, *claim])
    return make_sheet("effects", headings, rows)


def _variants(findings: Findings) -> Table:
    bare = [name for name in _BARE if name in VARIANT_COLUMNS]
    headings = [_heading(name, findings.study.metric, level=True) for name in VARIANT_COLUMNS]
    rows = [[*cells_of_variant(row), *fields_of_row(row, bare)] for row in findings.variants]
    return make_sheet("variants", [*headings, *bare], rows)


def cells_of_variant(row: VariantRow) -> list[Any]:
    """What stands under VARIANT_COLUMNS."""
    published = (row.published.value, row.published.images) if row.published else (None, None)
    counts = [row.counts.get(part) for part in _PARTS]
    changes = json.dumps(dict(row.changes), ensure_ascii=False)
    return [*fields_of_row(row, _VARIANT_FIELDS), *counts, *published, changes]


def _runs(findings: Findings) -> Table:
    metrics = list(dict.fromkeys(name for run in findings.runs.rows for name in run.metrics))
    columns = ["variant", "replicate", "status", "reason", "message", "epoch", "seconds"]
    rows = [
        [*fields_of_row(run, columns), *(run.metrics.get(name) for name in metrics), run.folder]
        for run in findings.runs.rows
    ]
    named = [_heading(column, findings.study.metric) for column in columns]
    return make_sheet("runs", [*named, *map(_of_metric, metrics), "folder"], rows)


def _of_metric(name: str) -> str:
    return f"{name} (%)" if is_rate(name) else name


def _epochs(findings: Findings) -> Table:
    metrics = list(dict.fromkeys(name for history in findings.runs.histories for name in history.metrics))
    named = [
        f"{name} {what} (%)" if is_rate(name) else f"{name} {what}"
        for name in metrics
        for what in ("mean", "least", "most")
    ]
    rows = []
    for variant in findings.variants:
        means = {
            name: {m.epoch: m for m in epoch_means(findings.runs.histories, variant.name, name)} for name in metrics
        }
        for epoch in sorted({epoch for found in means.values() for epoch in found}):
            here = [means[name].get(epoch) for name in metrics]
            numbers = [value for m in here for value in ((m.mean, m.lo, m.hi) if m else (None, None, None))]
            rows.append([variant.name, epoch, max(m.n for m in here if m), *numbers])
    return make_sheet("epochs", ["variant", "epoch", "n", *named], rows)


def _provenance(findings: Findings) -> Table:
    """One line per variant and way its runs were made."""
    versions = list(dict.fromkeys(name for group in findings.provenance.groups for name in group.stamp.versions))
    numerics = list(dict.fromkeys(name for group in findings.provenance.groups for name in group.numerics))
    headings = ["group", "variant", "runs", "first (UTC)", "last (UTC)", "device", "system", *versions, *numerics]
    rows = []
    for number, group in enumerate(findings.provenance.groups, start=1):
        stamp = group.stamp
        made = [_iso(group.first), _iso(group.last), stamp.device, stamp.platform]
        told = [stamp.versions.get(name) for name in versions] + [_plain(group.numerics.get(name)) for name in numerics]
        origin = [stamp.git_commit, stamp.source_digest, stamp.data_digest]
        rows += [[number, variant, runs, *made, *told, *origin] for variant, runs in group.runs.items()]
    return make_sheet("provenance", [*headings, "git_commit", "code", "data"], rows)


def _iso(at: float | None) -> str | None:
    return None if at is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | float) else json.dumps(value, ensure_ascii=False)


def fields_of_row(row: object, columns: Iterable[str]) -> list[Any]:
    """Some fields of a record, each by its name or by its path (`measured.lo`)."""
    return [attrgetter(column)(row) for column in columns]


def make_sheet(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """A table of plain values: None is an empty cell, a float has eight digits."""
    return Table(title, tuple(columns), tuple(tuple(map(_text, row)) for row in rows))


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:.8g}"
        case _:
            return str(value)


# --- tables of the report ---------------------------------------------------------------------

_NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"
_INTERVAL = re.compile(rf"({_NUMBER})? ?(?:\[({_NUMBER}), ({_NUMBER})\]|\(no interval\))")
_OF = re.compile(rf"({_NUMBER}) of ({_NUMBER})")
_QUANTITY = re.compile(rf"({_NUMBER}) ?(s|min|h|%|[kMGT]?B?)")
_FACTORS = {"s": 1.0, "min": 60.0, "h": 3600.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_TIMES = ("s", "min", "h")
_KEPT_HEADINGS = {
    "FLOPs per image": "FLOPs an image",
    "Time per run": "Time a run",
    "Time per step": "Time a step",
}
"""As a report shows them now -> as the CSV files have had them from the start: programs read these."""


def kept_heading(shown: str) -> str:
    """What a column of a CSV file is called: its heading in the report, or the one it had first."""
    return _KEPT_HEADINGS.get(shown, shown)


def data_sheet(table: Table) -> Table:
    """A table of the report as data: an interval is three columns, `57.5 k` is 57500, nothing is drawn.

    Rounded as it is shown: effects.csv, variants.csv, runs.csv and epochs.csv have every digit.
    """
    columns: list[tuple[str, list[str]]] = []
    headings = [kept_heading(heading) for heading in table.columns]
    for i, kind in enumerate(table.kinds):
        cells = ["" if row[i] == "-" else row[i] for row in table.rows]
        if kind == "verdict" and table.marks:
            cells = [mark.verdict if mark is not None else "" for mark in table.marks]
        if kind != "bar":
            columns += _as_data(headings[i], cells) if kind == "number" else [(headings[i], cells)]
    rows = tuple(zip(*(cells for _, cells in columns), strict=True)) if columns else ()
    return Table(table.title, tuple(heading for heading, _ in columns), rows)


_IN_NUMBERS = {"same": "0", "<0.001": "0.000"}
"""What a shown cell says in a word or by a sign -> the number it is, rounded like its neighbours."""


def _as_data(heading: str, cells: list[str]) -> list[tuple[str, list[str]]]:
    filled = [cell for cell in cells if cell]
    if any("[" in cell or "(no interval)" in cell for cell in filled):
        return _split(heading, cells, _INTERVAL, ("", ", low", ", high"))
    if any(" of " in cell for cell in filled):
        return _split(heading, cells, _OF, ("", ", of"))
    numbers = [_IN_NUMBERS.get(cell, cell) for cell in cells]
    found = [_QUANTITY.fullmatch(cell) for cell in numbers if cell]
    if not found or not all(found):
        return [(heading, cells)]
    units = {one[2] for one in found if one is not None and one[2]}
    word = "s" if units & set(_TIMES) else "%" if "%" in units else "bytes" if any("B" in u for u in units) else ""
    named = f"{heading} ({word})" if word and f"({word})" not in heading else heading
    return [(named, [_plain_number(cell) if cell else "" for cell in numbers])]


def _split(heading: str, cells: list[str], form: re.Pattern[str], ends: Sequence[str]) -> list[tuple[str, list[str]]]:
    """One column for each part of what the cells say; as they are where one says something else."""
    found = [form.fullmatch(cell) or re.fullmatch(f"({_NUMBER})", cell) for cell in cells]
    if any(cell and one is None for cell, one in zip(cells, found, strict=True)):
        return [(heading, cells)]
    name, unit = (parts[1], parts[2]) if (parts := re.fullmatch(r"(.*)( \([^()]*\))", heading)) else (heading, "")
    columns = []
    for number, end in enumerate(ends, start=1):
        groups = [one[number] if one is not None and number <= one.re.groups else None for one in found]
        if any(groups):
            columns.append((f"{name}{end}{unit}", [_plain_number(value) if value else "" for value in groups]))
    return columns


def _plain_number(text: str) -> str:
    match = _QUANTITY.fullmatch(text)
    assert match is not None
    factor = _FACTORS.get(match[2].removesuffix("B"), 1.0)
    digits = match[1].replace(",", "").removeprefix("+")
    return digits if factor == 1.0 else f"{float(digits) * factor:.8g}"
