"""How results are printed on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.cli.show import note, say, say_table

if TYPE_CHECKING:
    from ablate.report.findings import Findings
    from ablate.searching import SearchRun
    from ablate.workflow import StudyRun


def show_findings(findings: Findings, report: Path) -> None:
    """The sentence, the table of steps, and where the report lies."""
    from ablate.report.derived import derived_table
    from ablate.report.tables import terminal_steps
    from ablate.report.words import first_sentence

    say(first_sentence(findings))
    table = terminal_steps(findings)
    say_table(list(table.columns), [list(row) for row in table.rows])
    if table.note:
        note(table.note)
    if findings.derived:
        made = derived_table(findings)
        say_table(list(made.columns), [list(row) for row in made.rows], title=made.title)
    for cell in findings.failed:
        note(f"Failed: {cell.variant}, replicate {cell.replicate}: {cell.reason}")
    say(f"Report: {report}")


def show_study_run(done: StudyRun) -> None:
    """The findings, then what was trained and whether MLflow has it all."""
    show_findings(done.findings, done.report)
    if done.trained or done.exit_code >= 128:
        note(f"{done.trained} runs trained now.")
    elif done.findings.failed:
        note("Nothing to train: what failed is not tried again unasked. --retry-failed does, once it is mended.")
    else:
        note("Nothing to train: every run was there already.")
    if not done.delivered:
        note("MLflow is not up to date; the journals are. `ablate sync STUDY` brings it up to date.")


def show_search(found: SearchRun) -> None:
    """The best setting, and how much each parameter mattered."""
    finished = [trial for trial in found.tried if trial.value is not None]
    say(f"{found.name}: {len(finished)} of {len(found.tried)} trials finished, {found.trained} trained now.")
    if found.answered:
        say(f"{found.answered} suggestions equalled a finished run and were answered from the records.")
    if found.best is not None:
        rows = [[key, _number(value)] for key, value in found.best.point.items()]
        shown = _metric(found.metric, found.best.value)
        say_table(["best setting", f"trial {found.best.number}: validation {found.metric} {shown}"], rows)
        note("The best of many trials looks better than it is: confirm it on replicates before you quote it.")
    if found.importance:
        rows = [[key, f"{100 * share:.0f} %"] for key, share in found.importance.items()]
        say_table(["parameter", "share of the variance over the trials"], rows)
    say(f"Trials: {found.table}")


def search_json(found: SearchRun) -> dict[str, Any]:
    """The search as plain data; accuracy in percent."""
    scale = 100 if "accuracy" in found.metric else 1
    best = found.best
    return {
        "study": found.name,
        "metric": found.metric,
        "trials": len(found.tried),
        "trained": found.trained,
        "answered": found.answered,
        "best": None
        if best is None or best.value is None
        else {"trial": best.number, "value": scale * best.value, "setting": dict(best.point)},
        "importance": dict(found.importance),
        "table": str(found.table),
    }


def show_plan(summary: Mapping[str, Any]) -> None:
    """Variants, then what there is to do and what it will show."""
    rows = [
        [
            row["name"],
            row["changes"] or "-",
            *(_count(row[key]) for key in ("parameters", "train", "val", "test", "unused")),
        ]
        for row in summary["variants"]
    ]
    say_table(["variant", "changes", "parameters", "train", "val", "test", "unused"], rows)
    cached, stale, to_run = summary["cached"], len(summary["stale"]), summary["to_run"]
    say(f"{summary['runs']} runs: {cached} finished, {stale} stale, {to_run} to train.")
    for item in summary["stale"][:8]:
        say(f"  stale: {item['variant']}, replicate {item['replicate']}: {', '.join(item['differs'])} changed")
    seconds = summary["estimate_seconds"]
    say(f"Time: {'not known before the first run' if seconds is None else f'about {seconds:.0f} s'}.")
    for look in summary["visible_step"]:
        points = look["points"]
        shown = "not known before the data were looked at" if points is None else f"about {points:.1f} points"
        say(f"Smallest step {look['replicates']} replicates can show: {shown}.")


def show_status(states: Sequence[Mapping[str, Any]]) -> None:
    """A line a study, and a line for each run that is not simply finished or waiting."""
    if not states:
        say("No study has run in this folder yet. `ablate demo` runs the quick start.")
        return
    columns = ["study", "finished", "running", "failed", "interrupted", "waiting"]
    say_table(columns, [[state["study"], *(str(state[name]) for name in columns[1:])] for state in states])
    for state in states:
        for item in state["details"]:
            say(f"{state['study']}, {item['variant']}, replicate {item['replicate']}: {item['state']} {item['text']}")


def _metric(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if "accuracy" in name else f"{value:.4g}"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
