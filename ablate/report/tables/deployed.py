"""Tables of files of trained networks that were measured and judged against the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ablate.deploy.records import DeployResult, Row
from ablate.report.tables.table import Column, Table, table_of
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import compact, number, with_interval

MEGABYTE = 10**6


def summary_table(result: DeployResult, optimised: Row, say: Words = ENGLISH) -> Table:
    """Original, optimised, change: accuracy, latency, size, and what of the network was counted."""
    first = result.rows[0]
    lines: list[tuple[str, str, str, str]] = []

    def line(name: str, value: Callable[[Row], float | None], shown: Callable[[float | None], str]) -> None:
        before, after = value(first), value(optimised)
        if before is not None and after is not None:
            lines.append((name, shown(before), shown(after), _relative(before, after)))

    points = 100 * (optimised.mean_accuracy - first.mean_accuracy)
    change = say("unit.size", n=number(points, 1, sign="+"))
    before, after = (number(100 * row.mean_accuracy, 1) for row in (first, optimised))
    lines.append((say("deploy.accuracy"), before, after, change))
    line(say("deploy.latency"), lambda row: None if row.single is None else 1000 * row.single.p50, milliseconds)
    line(say("deploy.size"), lambda row: row.bytes / MEGABYTE, megabytes)
    line(say("deploy.parameters"), lambda row: row.step.parameters, compact)
    line(say("deploy.multiply_adds"), lambda row: row.step.multiply_adds, compact)
    line(say("deploy.memory"), lambda row: None if row.peak_bytes is None else row.peak_bytes / MEGABYTE, megabytes)
    names, originals, optima, changes = zip(*lines, strict=True)
    return table_of(
        say("deploy.summary"),
        [
            Column(say("deploy.figure"), "text", names),
            Column(say("deploy.original"), "number", originals),
            Column(say("deploy.optimised"), "number", optima),
            Column(say("deploy.change"), "number", changes),
        ],
        say("deploy.summary_note", name=optimised.name, cpu=cpu_words(result, say)),
        "deploy-summary",
    )


def answers_table(result: DeployResult, say: Words = ENGLISH) -> Table:
    """A line a row: accuracy, its difference, the claim, and how far the answers are from the first row's."""
    rows = result.rows
    return table_of(
        say("deploy.rows"),
        [
            *_names(rows, say),
            Column(say("deploy.accuracy"), "number", [number(100 * row.mean_accuracy, 1) for row in rows]),
            Column(say("deploy.difference"), "number", [difference_words(row) for row in rows]),
            Column(say("deploy.no_worse"), "text", [claim_words(row, say) for row in rows]),
            Column(say("deploy.changed"), "number", [number(100 * row.changed, 1) for row in rows]),
            Column(say("deploy.logits"), "number", [_digits(row.largest_difference) for row in rows]),
        ],
        say("deploy.rows_note", size=say("unit.size", n=number(result.tolerable, 1))),
        "deploy-answers",
    )


def costs_table(result: DeployResult, say: Words = ENGLISH) -> Table:
    """A line a row: times, sizes and memory, with a ratio beside the times."""
    rows, batch = result.rows, next((row.batch.batch for row in result.rows if row.batch is not None), None)
    single, several = [row.single for row in rows], [row.batch for row in rows]
    columns: list[Column | None] = [
        Column(say("deploy.row"), "text", [row.name for row in rows]),
        _times(say("deploy.p50"), [None if one is None else one.p50 for one in single]),
        _times(say("deploy.p95"), [None if one is None else one.p95 for one in single]),
        _known(say("deploy.ratio"), [ratio_words(row, rows[0]) for row in rows]),
        _times(say("deploy.batch_p50", n=batch), [None if one is None else one.p50 for one in several]),
        _times(say("deploy.batch_p95", n=batch), [None if one is None else one.p95 for one in several]),
        _known(say("deploy.throughput"), ["-" if one is None else number(one.images_per_second, 0) for one in several]),
        Column(say("deploy.size"), "number", [megabytes(row.bytes / MEGABYTE) for row in rows]),
        _known(say("deploy.parameters"), [compact(row.step.parameters) for row in rows]),
        _known(say("deploy.multiply_adds"), [compact(row.step.multiply_adds) for row in rows]),
        _known(say("deploy.load"), [_digits(row.load_seconds) for row in rows]),
        _known(
            say("deploy.memory"),
            ["-" if row.peak_bytes is None else number(row.peak_bytes / MEGABYTE, 0) for row in rows],
        ),
    ]
    if rows[0].single is None:
        return table_of(say("deploy.costs"), columns, name="deploy-costs")
    note = say("deploy.costs_note", threads=say.count(result.machine.threads, "thread"), cpu=cpu_words(result, say))
    return table_of(say("deploy.costs"), columns, note, "deploy-costs")


def split_table(result: DeployResult, say: Words = ENGLISH) -> Table | None:
    """How much of each row's speed-up is the network's, the library's and the precision's; None where none is known."""
    rows = [(row, row.speed_up) for row in result.rows[1:] if row.speed_up is not None]
    if not rows:
        return None
    parts = ("whole", "network", "engine", "precision")
    cells = {part: [_factor(getattr(speed_up, part)) for _, speed_up in rows] for part in parts}
    return table_of(
        say("deploy.split"),
        [
            Column(say("deploy.row"), "text", [row.name for row, _ in rows]),
            Column(say("deploy.whole"), "number", cells["whole"]),
            Column(say("deploy.network"), "number", cells["network"]),
            Column(say("deploy.engine"), "number", cells["engine"]),
            Column(say("deploy.precision"), "number", cells["precision"]),
        ],
        say("deploy.split_note"),
        "deploy-split",
    )


def cpu_words(result: DeployResult, say: Words = ENGLISH) -> str:
    """The processor with its instruction sets, which stand beside every latency."""
    machine = result.machine
    sets = say("deploy.unknown") if machine.instruction_sets is None else ", ".join(machine.instruction_sets)
    none = say("deploy.none_of_them")
    return f"{machine.cpu} ({sets or none})"


def difference_words(row: Row) -> str:
    """Accuracy less the first row's, in points, with its interval; a dash for the first."""
    claim = row.claim
    if claim is None or claim.difference is None:
        return "-"
    lo, hi = (None if end is None else 100 * end for end in (claim.lo, claim.hi))
    return with_interval(100 * claim.difference, lo, hi, 1, sign="+")


def claim_words(row: Row, say: Words) -> str:
    """`non-inferior`, or `not assessable: why`; the first row is the reference."""
    if row.claim is None:
        return say("deploy.reference")
    word = say(f"no_worse.{row.claim.word}")
    if row.claim.word != "not_assessable" or not row.claim.reason:
        return word
    return say("verdict.with_reason", word=word, reason=say.by("short_reason", row.claim.reason))


def milliseconds(value: float | None) -> str:
    """Three digits: `38.2`, `0.412`, `120`."""
    return _digits(value)


def megabytes(value: float | None) -> str:
    """Three digits; more are those of the graph."""
    return _digits(value)


def ratio_words(row: Row, first: Row) -> str:
    """How many times as fast as the first at one image."""
    if row.single is None or first.single is None or row.single.p50 <= 0:
        return "-"
    return _factor(first.single.p50 / row.single.p50)


def _digits(value: float | None) -> str:
    if value is None:
        return "-"
    size = abs(value)
    if 0 < size < 1e-3:
        return f"{value:.1e}"
    return number(value, 0 if size >= 100 else 1 if size >= 10 else 2) if size >= 1 else f"{value:.3g}"


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"


def _relative(before: float, after: float) -> str:
    return "-" if before == 0 else f"{number(100 * (after / before - 1), 0, sign='+')} %"


def _names(rows: Sequence[Row], say: Words) -> list[Column]:
    return [
        Column(say("deploy.row"), "text", [row.name for row in rows]),
        Column(say("deploy.engine"), "text", [row.step.engine for row in rows]),
        Column(say("deploy.precision"), "text", [row.step.precision for row in rows]),
    ]


def _times(name: str, seconds: Sequence[float | None]) -> Column | None:
    return _known(name, [milliseconds(None if one is None else 1000 * one) for one in seconds])


def _known(name: str, cells: Sequence[str]) -> Column | None:
    """The column, where at least one row has a value."""
    return Column(name, "number", cells) if set(cells) != {"-"} else None
