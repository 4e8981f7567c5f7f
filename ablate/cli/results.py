"""How results are printed on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.cli.show import note, say, say_report, say_table
from ablate.cli.translation import translated, translated_part

if TYPE_CHECKING:
    from ablate.report.gather.assemble import Findings
    from ablate.report.wording.language import Words
    from ablate.workflows.run import StudyRun


def show_findings(findings: Findings, report: Path, words: Words | None = None) -> None:
    """The sentence, the table of steps, and where the report lies."""
    from ablate.report.page.first_screen import read_on_terminal
    from ablate.report.page.learning import learning_lines
    from ablate.report.page.render import undrawn
    from ablate.report.page.sections import page_of
    from ablate.report.tables.derived import derived_table
    from ablate.report.tables.first_screen import shown_on_terminal
    from ablate.report.tables.table import NAME_WIDTH
    from ablate.report.wording.evidence import banners, how_to_go_on
    from ablate.report.wording.headline import first_sentence
    from ablate.report.wording.language import ENGLISH
    from ablate.report.wording.no_worse import no_worse_lines
    from ablate.report.wording.other_sets import set_title
    from ablate.report.wording.robustness import uses_lines

    words = words or ENGLISH
    for line in [*banners(findings, words), first_sentence(findings, words), *learning_lines(findings, words)]:
        say(line)
    table = shown_on_terminal(findings, words)
    say_table(list(table.columns), [list(row) for row in table.rows], first=NAME_WIDTH)
    for line in read_on_terminal(findings, words):
        note(line)
    for line in [*no_worse_lines(findings, words), *findings.notices.cautions, *uses_lines(findings, words)]:
        say(f"- {line}")
    if findings.next_steps.settling is not None:
        note(how_to_go_on(findings, words))
    if findings.exploratory.derived:
        made = derived_table(findings)
        say_table(list(made.columns), [list(row) for row in made.rows], title=made.title)
    for one in findings.other_sets:
        if one.findings is not None:
            there = shown_on_terminal(one.findings, words)
            title = set_title(one.facts, words)
            say_table(list(there.columns), [list(row) for row in there.rows], first=NAME_WIDTH, title=title)
    for cell in findings.runs.failed:
        note(words("terminal.failed", variant=cell.variant, replicate=cell.replicate, reason=cell.reason))
    say_report(report, words("terminal.report"), words("terminal.and"))
    if told := undrawn(page_of(findings, words)):
        note(told)


def show_study_run(done: StudyRun) -> None:
    """The findings, then what was trained and whether MLflow has it all."""
    from ablate.report.wording.language import words_of

    words = words_of(done.language)
    show_findings(done.findings, done.report, words)
    if done.trained or done.exit_code >= 128:
        note(words.form("terminal.trained", done.trained, n=done.trained))
    elif done.findings.evidence.closed is not None:
        note(words("terminal.closed"))
    elif done.findings.runs.failed:
        note(words("terminal.not_retried"))
    else:
        note(words("terminal.nothing"))
    if not done.delivered:
        note(words("terminal.behind"))
    if done.exit_code >= 128:
        note(words("terminal.interrupted"))


def null_words(findings: Findings) -> str:
    """What came of comparisons that have no difference to find."""
    found = findings.exploratory.self_test
    judged, wrong = (0, 0) if found is None else (found.judged, found.false_verdicts)
    called = {0: "None was", judged: "All were"}.get(wrong, "1 was" if wrong == 1 else f"{wrong} were")
    return (
        f"Nothing was changed: all {judged} steps repeat the baseline under other random seeds, and yet their numbers "
        f"differ.\n{called} called better or worse, which would be a mistake: one such study in twenty may have any."
    )


def show_plan(summary: Mapping[str, Any], metric: str) -> None:
    """Variants, then what there is to do and what it will show."""
    rows = [
        [
            f"{row['alias']} ({row['name']})" if row["alias"] else row["name"],
            row["changes"] or "-",
            *(_count(row[key]) for key in ("parameters", "train", "val", "test", "unused")),
        ]
        for row in summary["variants"]
    ]
    say_table(["variant", "changes", "parameters", "train", "val", "test", "unused"], rows)
    for row in summary["variants"]:
        if row["trained"] is not None and row["trained"] != row["parameters"]:
            say(f"{row['name']}: {row['trained']:,} of the parameters are trained")
        for text in row["notes"]:
            say(f"{row['name']}: {text}")
    if "tuning_trials" in summary:
        say(f"Before them, to tune every variant in the same way: {summary['tuning_trials']} trials.")
    _show_runs(summary)
    seconds = summary["estimate_seconds"]
    asked = " with --reuse" if summary["stale"] else ""
    say(f"Time: {'not known before the first run' if seconds is None else f'about {seconds:.0f} s{asked}'}.")
    _show_visible(summary, metric)
    for text in summary["data_notes"]:
        say(f"{text[:1].upper()}{text[1:]}.")
    for text in summary["trainer_notes"]:
        say(text)


def _show_visible(summary: Mapping[str, Any], metric: str) -> None:
    """What each look can show, and what that rests on, or why it is not known."""
    from ablate.metrics import is_rate
    from ablate.report.wording.numbers import counted

    rate = is_rate(metric)
    unknown = f"not known before {'the data were looked at' if rate else 'two replicates have finished'}"
    for look in summary["visible_step"]:
        points = look["points"]
        shown = "not known" if "visible_why" in summary else unknown
        if points is not None:
            shown = f"about {points:.1f} points" if rate else f"about {points:.3g} in {metric}"
        say(f"Smallest difference that {counted(look['replicates'], 'replicate')} can show: {shown}.")
    if "visible_why" in summary:
        say(f"That is because {summary['visible_why']}.")
    if summary["visible_basis"]:
        say(f"That is {summary['visible_basis']}.")
    if summary["ends"]:
        say(_end_words(**summary["ends"]))


def _end_words(until: str, end: str | None, *, closed: bool) -> str:
    from ablate.study.ends import moment_words

    if closed and end:
        return f"The study was closed for time: it ended at {moment_words(end)}."
    when = f"at {moment_words(end)}" if end else f"by evidence.until: {until}"
    return f"The study ends {when}; the replicates that are complete then are judged."


STALE_SHOWN = 8


def _show_runs(summary: Mapping[str, Any]) -> None:
    """How many there are in which state, and why."""
    cached, stale, to_run = summary["cached"], len(summary["stale"]), summary["to_run"]
    say(f"{summary['runs']} runs: {cached} finished, {stale} stale, {to_run} to train.")
    if summary["elsewhere"]:
        say(
            f"  Of those, {summary['elsewhere']} finished with the same settings on data in another place; "
            "`ablate run` uses them if the images are the same."
        )
    if summary["former"]:
        say(f"  {summary['former']['note']}")
    if summary["threads"]:
        say(f"  {summary['threads']['note']}")
    for item in summary["stale"][:STALE_SHOWN]:
        say(f"  stale: {item['variant']}, replicate {item['replicate']}: {', '.join(item['differs'])} changed")
    if stale > STALE_SHOWN:
        say(f"  ... and {stale - STALE_SHOWN} more")
    if stale:
        say("  `ablate run` asks for a choice: --reuse takes them as they are, --retrain trains them again.")


def show_network(summary: Mapping[str, Any]) -> None:
    """Layer by layer, then the sums."""
    layers = summary["layers"]
    rows = [
        [layer["name"], layer["kind"], " x ".join(map(str, layer["shape"])) or "-",
         *(f"{layer[key]:,}" if layer["parameters"] else "-" for key in ("parameters", "trained"))]
        for layer in layers
    ]  # fmt: skip
    say_table(["layer", "kind", "output", "parameters", "trained"], rows)
    if summary["parameters"] is None:
        say("The trainer does not describe its networks.")
        return
    frozen = summary["parameters"] - summary["trained"] if summary["trained"] is not None else 0
    say(f"Parameters: {summary['parameters']:,}" + (f", of which {frozen:,} are frozen." if frozen else "."))
    if summary["flops"] is not None:
        say(f"Forward pass of one image: {summary['flops'] / 1e9:.3g} GFLOP.")
    say(f"Memory in fp32: parameters {_megabytes(summary['parameter_bytes'])}.")
    if summary["batch_output_bytes"] is not None:
        size = _megabytes(summary["batch_output_bytes"])
        say(f"Outputs of all layers for a batch of {summary['batch_size']}: {size}.")
    for text in summary["notes"]:
        say(f"{text[:1].upper()}{text[1:]}.")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def show_status(states: Sequence[Mapping[str, Any]]) -> None:
    """One line per study, and a line for each run that is not simply finished or waiting."""
    from ablate.study.ends import moment_words

    if not states:
        say("No study has run in this folder yet. `ablate demo` runs the quick start.")
        return
    columns = ["study", "finished", "running", "failed", "pruned", "interrupted", "waiting"]
    say_table(columns, [[state["study"], *(str(state[name]) for name in columns[1:])] for state in states])
    for state in states:
        for item in state["details"]:
            text = f": {translated(item['text'])}" if item["text"] else ""
            run = translated_part(f"{state['study']}, {item['variant']}, replicate {item['replicate']}")
            say(f"{run}: {translated(item['state'])}{text}")
    for state in states:
        if "ends" in state:
            end = moment_words(state["ends"])
            say(
                f"{state['study']}: closed for time at {end}."
                if state["closed"]
                else f"{state['study']}: ends at {end}."
            )
        if state["later"]:
            say(
                f"{state['study']}: {state['later']} more runs belong to later looks, and start on request: run --look."
            )


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
