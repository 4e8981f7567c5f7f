"""A result of `ablate deploy` as tables of words: what a terminal and a Markdown file show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ablate.deploy.budgets import is_no_worse, optimised_of
from ablate.deploy.records import Claim, DeployResult, Machine, Row, SpeedUp, Timing


class Table(NamedTuple):
    """title, the heads of the columns, the cells."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def tables_of(result: DeployResult) -> list[Table]:
    """Answers, costs, and what it comes to."""
    tables = [_answers(result), _costs(result)]
    best = optimised_of(result)
    return tables if best is None or best is result.rows[0] else [*tables, summary(result.rows[0], best)]


def _answers(result: DeployResult) -> Table:
    first = result.rows[0]
    rows = [
        [
            row.name,
            row.step.engine,
            row.step.precision,
            percent(row.mean_accuracy),
            *claim_cells(row.claim),
            "-" if row is first else percent(row.changed),
            "-" if row is first or row.largest_difference is None else f"{row.largest_difference:.2g}",
        ]
        for row in result.rows
    ]
    columns = ["file", "engine", "precision", "top-1", "points, 90 % interval", "no worse?", "changed", "logits differ"]
    runs = f", {result.replicates} replicates" if result.replicates > 1 else ""
    title = f"{result.test_set}: {result.images:,} images{runs}; tolerable: {result.tolerable:g} points"
    return Table(title, columns, rows)


def _costs(result: DeployResult) -> Table:
    first = result.rows[0]
    batch = first.batch.batch if first.batch else 0
    rows = [
        [
            row.name,
            beside(row, first, lambda one: one.bytes, size),
            beside(row, first, lambda one: one.single.p50 if one.single else None, seconds),
            beside(row, first, lambda one: one.single.p95 if one.single else None, seconds),
            beside(
                row,
                first,
                lambda one: one.batch.images_per_second if one.batch else None,
                lambda value: f"{value:,.0f}",
            ),
            beside(row, first, lambda one: one.load_seconds, seconds),
            beside(row, first, lambda one: one.peak_bytes, size),
            split(row.speed_up) if row is not first else "-",
        ]
        for row in result.rows
    ]
    columns = ["file", "size", "p50", "p95", f"images/s at {batch}", "load", "memory", "faster, by what"]
    return Table(machine_line(result.machine, [row.single for row in result.rows if row.single]), columns, rows)


def summary(first: Row, best: Row) -> Table:
    """Original, optimised, change."""
    rows = [
        [
            "top-1",
            percent(first.mean_accuracy),
            percent(best.mean_accuracy),
            f"{100 * (best.mean_accuracy - first.mean_accuracy):+.1f} points"
            + (f", {best.claim.word}" if best.claim else ""),
        ]
    ]
    if first.single and best.single:
        ratio = first.single.p50 / best.single.p50
        rows.append(["latency", seconds(first.single.p50), seconds(best.single.p50), f"{ratio:.2f} times as fast"])
    rows.append(["size", size(first.bytes), size(best.bytes), f"{best.bytes / first.bytes:.2f} of it"])
    return Table("", ["", f"original: {first.name}", f"optimised: {best.name}", "change"], rows)


def claim_cells(claim: Claim | None) -> list[str]:
    """The difference with its interval, and the word."""
    if claim is None:
        return ["-", "-"]
    if claim.difference is None or claim.lo is None or claim.hi is None:
        return ["-", claim.word]
    return [f"{100 * claim.difference:+.2f} [{100 * claim.lo:+.2f}, {100 * claim.hi:+.2f}]", claim.word]


def machine_line(machine: Machine, timings: Sequence[Timing]) -> str:
    """On what, by how many threads, how busy."""
    sets = "unknown" if machine.instruction_sets is None else ", ".join(machine.instruction_sets) or "none that matter"
    threads = "1 thread" if machine.threads == 1 else f"{machine.threads} threads"
    load = f"; load {machine.load[0]:.1f} to {machine.load[1]:.1f} on {machine.cores} cores" if machine.load else ""
    counts = sorted({one.calls for one in timings})
    calls = f", batch 1: {' to '.join(map(str, [counts[0], *counts[1:][-1:]]))} calls" if counts else ""
    return f"{machine.cpu} ({sets}), {threads}{calls}{load}; in brackets: the ratio to the first file's"


def notes_of(result: DeployResult) -> list[str]:
    """What to know beside the tables, a sentence each."""
    notes = [f"{note[:1].upper()}{note[1:]}." for note in result.notes]
    for row in result.rows:
        if row.claim is not None and row.claim.reason:
            notes.append(f"{row.name}: not assessable, {row.claim.reason}.")
    if len(result.rows) > 1 and not any(map(is_no_worse, result.rows)):
        notes.append("No file is shown to be no worse than the first.")
    if result.budget:
        fits = "no file fits" if result.choice is None else f"the most accurate file that fits is {result.choice}"
        notes.append(f"Budget {result.budget}: {fits}.")
    return notes


def markdown_of(result: DeployResult) -> str:
    """The same as a Markdown page."""
    lines = [f"# {' / '.join(row.name for row in result.rows[:2])} on {result.test_set}", ""]
    for table in tables_of(result):
        if table.title:
            lines += [_escaped(table.title), ""]
        lines += [_line(table.columns), _line(["---"] * len(table.columns)), *map(_line, table.rows), ""]
    lines += [f"- {_escaped(note)}" for note in notes_of(result)]
    return "\n".join([*lines, ""])


def beside(row: Row, first: Row, figure: Callable[[Row], float | None], shown: Callable[[float], str]) -> str:
    """A figure with its ratio to the first row's in brackets."""
    value, other = figure(row), figure(first)
    if value is None:
        return "-"
    return shown(value) if row is first or not other else f"{shown(value)} ({value / other:.2f})"


def split(speed_up: SpeedUp | None) -> str:
    """How many times faster, and by which change; `?` where no file shows that change alone."""
    if speed_up is None:
        return "-"
    parts = [
        f"{name} {'?' if factor is None else f'{factor:.2f}'}"
        for name, factor in (
            ("network", speed_up.network),
            ("engine", speed_up.engine),
            ("precision", speed_up.precision),
        )
        if factor != 1.0
    ]
    return f"{speed_up.whole:.2f}" + (f" = {' x '.join(parts)}" if parts else "")


def percent(share: float) -> str:
    """One digit after the point, as accuracies are shown elsewhere."""
    return f"{100 * share:.1f} %"


def seconds(value: float) -> str:
    """With a unit that leaves two or three digits before the point."""
    if value < 1e-3:
        return f"{value * 1e6:.0f} us"
    return f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"


def rate(value: float) -> str:
    """Whole images a second; below ten with a digit after the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def size(value: float) -> str:
    """In megabytes, or kilobytes."""
    return f"{value / 1e6:.2f} MB" if value >= 1e5 else f"{value / 1e3:.1f} kB"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
