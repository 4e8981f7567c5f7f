"""The page of a search: best setting, what it is worth, how it was found, figures, every trial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ablate.records import BASELINE
from ablate.report.page.blocks import Block, Bullets, Commands, Image, Page, Section, Sheet, Text
from ablate.report.page.markdown import markdown_blocks
from ablate.report.search.facts import SearchFacts, TrialRow, shown_value
from ablate.report.tables.table import Column, Kind, table_of
from ablate.report.wording.language import ENGLISH
from ablate.report.wording.numbers import counted, duration, listed, number

BEST, TRIALS = "best.yaml", "trials.csv"
MOST_ROWS = 60
"""Trials shown on the page; the CSV has them all."""
WORDS = {
    "complete": "",
    "pruned": "pruned",
    "diverged": "diverged",
    "failed": "failed",
    "refused": "refused by the trainer",
}

_CONFIRMED: tuple[tuple[str, Kind], ...] = (
    ("Setting", "text"),
    ("In the search", "number"),
    ("Confirmed", "number"),
    ("Optimism", "number"),
    ("n", "number"),
    ("Against the baseline", "text"),
)
_TURNED_BACK: tuple[tuple[str, Kind], ...] = (
    ("Parameter", "text"),
    ("The winner's value against the baseline's", "text"),
)


def search_page(facts: SearchFacts, images: Sequence[Image], undrawn: str = "") -> Page:
    """The page from top to bottom. undrawn: what the images cannot show of their names, a sentence."""
    opening: list[Block] = [Text(facts.question, "question")] if facts.question else []
    opening += _first_screen(facts)
    if undrawn:
        opening.append(Text(undrawn, "warning"))
    figures = [Section(image.title, Path(image.path).stem, (image,)) for image in images]
    sections = [
        Section("Confirmation", "confirmation", tuple(_confirmation(facts))),
        Section("How it was searched", "how", tuple(_how(facts))),
        *figures,
        Section("Trials", "trials", tuple(_trials(facts))),
    ]
    return Page(
        title=facts.name,
        words=ENGLISH,
        opening=tuple(opening),
        sections=tuple(section for section in sections if section.blocks),
        footer=f"Every trial, values as they are stored: {TRIALS}.",
    )


def _sheet(title: str, columns: Sequence[tuple[str, Kind]], rows: Sequence[Sequence[str]]) -> Sheet:
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    kept = [Column(name, kind, found) for (name, kind), found in zip(columns, cells, strict=True)]
    return Sheet(table_of(title, kept))


def describe_search(facts: SearchFacts) -> str:
    """The first screen in Markdown."""
    return markdown_blocks(_first_screen(facts))


def _first_screen(facts: SearchFacts) -> list[Block]:
    """A sentence and the best setting."""
    blocks: list[Block] = [Text(ENGLISH("warning.small", keeps=facts.small), "warning")] if facts.small else []
    blocks.append(Text(first_search_sentence(facts), "lead"))
    if facts.best is not None and facts.best.point:
        base = facts.baseline.point if facts.baseline is not None else {}
        rows = [
            [name, shown_value(value), shown_value(base.get(name, "-"))] for name, value in facts.best.point.items()
        ]
        columns: list[tuple[str, Kind]] = [("Parameter", "text"), ("Best setting", "text"), ("Baseline", "text")]
        blocks.append(_sheet("Best setting", columns, rows))
    if len(facts.goals) > 1:
        blocks.append(_front_table(facts))
    if facts.unchecked:
        blocks.append(Text(f"{facts.unchecked[:1].upper()}{facts.unchecked[1:]}."))
    return blocks


def first_search_sentence(facts: SearchFacts) -> str:
    """What was found, and how far it is to be believed."""
    best, goal = facts.best, facts.goals[0]
    if best is None:
        return f"None of {counted(len(facts.trials), 'trial')} finished."
    finished = sum(trial.number >= 0 for trial in facts.complete)
    which = f"{best.name}, the baseline as it is" if facts.unchanged else best.name
    text = f"The best of {counted(finished, 'finished trial')} is {which}: {_value(facts, best.value)}"
    text += f" {goal.label.partition(' (')[0].lower()}"
    if facts.baseline is not None and facts.baseline.value is not None and not facts.unchanged:
        text += f", against {_value(facts, facts.baseline.value)} of the baseline"
    if facts.confirmation is not None:
        others = "; the best of the others" if facts.unchanged else ""
        return f"{text}{others}. Confirmed on the sealed part: {facts.confirmation.sentence}"
    if facts.unchanged:
        return f"{text}. No setting was better than it: there is nothing to confirm."
    return f"{text}. The best of many looks better than it is: what it is worth, only a confirmation says."


def _confirmation(facts: SearchFacts) -> list[Block]:
    found = facts.confirmation
    if found is None:
        return []
    unit = facts.goals[0]
    rows = []
    for row in found.rows:
        seen = "-" if row.confirmed is None else number(row.confirmed, unit.decimals)
        drop = "-" if row.confirmed is None else number(row.in_search - row.confirmed, unit.decimals, sign="+")
        rows.append([row.name, number(row.in_search, unit.decimals), seen, drop, str(row.n), row.verdict])
    if facts.baseline is not None and facts.baseline.value is not None and found.baseline is not None:
        before, after = facts.baseline.value, found.baseline
        drop = number(before - after, unit.decimals, sign="+")
        replicates = str(found.replicates)
        rows.append([BASELINE, number(before, unit.decimals), number(after, unit.decimals), drop, replicates, ""])
    blocks: list[Block] = [
        Text(
            f"The best settings and the baseline were trained {found.replicates} times more, with fresh luck, and "
            "tested on the part that the search had sealed. Optimism is what a setting lost on the way: part luck of "
            "the best of many, part the difference between validation and test images, which the baseline has as well.",
            link=("The whole report.", found.page),
        ),
        _sheet("Confirmation", _CONFIRMED, rows),
    ]
    if facts.unchecked:
        blocks.append(
            Text(
                f"Here that is not known: {facts.unchecked}. These settings may have been chosen on images they are "
                "tested on."
            )
        )
    if found.winner:
        blocks += [
            Text(f"Each change of {found.rows[0].name}, the best of these on validation, turned back alone:"),
            _sheet("Changes of the winner", _TURNED_BACK, found.winner),
        ]
    if found.alone:
        blocks.append(Text(f"The winner's changes were not assessed one by one: {found.alone}."))
    if found.moved:
        anew = "The search's storage was recreated after the sealed part was read"
        blocks.append(Text(f"{anew}: {'; '.join(found.moved)}."))
    if found.later:
        blocks.append(
            Text(
                f"After the sealed part was read, {listed(found.later)} came out among the best. It is not read again: "
                "a second reading would be a selection, too."
            )
        )
    return blocks


def _how(facts: SearchFacts) -> list[Block]:
    trials = [trial for trial in facts.trials if trial.number >= 0]
    ended = {state: sum(trial.state == state for trial in trials) for state in WORDS}
    kinds = [
        f"{ended['complete']} finished",
        *(f"{ended[s]} {WORDS[s]}" for s in WORDS if s != "complete" and ended[s]),
    ]
    epochs = sum(trial.epochs for trial in facts.trials)
    seconds = sum(trial.seconds for trial in facts.trials)
    cached = sum(trial.cached for trial in facts.trials)
    replicates = counted(facts.replicates, "replicate")
    lines = [
        f"{counted(len(trials), 'trial')}{' and the baseline' if len(facts.trials) > len(trials) else ''}: "
        f"{', '.join(kinds)}; {counted(epochs, 'epoch')} trained in "
        f"{duration(seconds)}.",
        f"A trial is judged on validation images ({facts.val} of all), the mean over {replicates}; {facts.test}.",
        f"Sampler {facts.sampler}, pruner {facts.pruner}. Kept in {facts.place}.",
    ]
    if cached:
        lines.insert(1, f"{counted(cached, 'suggestion')} matched a finished run and cost nothing.")
    if facts.stopped:
        lines.insert(1, f"It ended before its last trial: {facts.stopped}.")
    blocks: list[Block] = [Bullets(tuple(lines))]
    if facts.best_file is not None and not facts.unchanged:
        blocks.append(Text("A study of the best setting against the baseline:", link=(BEST, BEST)))
        blocks.append(Commands((f"ablate run reports/{facts.name}/{BEST}",)))
    return blocks


def _front_table(facts: SearchFacts) -> Sheet:
    rows = sorted(
        (trial for trial in facts.complete if trial.number in facts.front),
        key=lambda trial: trial.values[1] if trial.values is not None else 0.0,
    )
    columns: list[tuple[str, Kind]] = [
        ("No other is better in both", "text"),
        *_goal_columns(facts),
        ("Setting", "text"),
    ]
    return _sheet("Pareto front", columns, [[row.name, *_values(facts, row), _point(row)] for row in rows])


def _trials(facts: SearchFacts) -> list[Block]:
    """The finished trials, the best first, then the others."""
    sign = -1 if facts.goals[0].is_more_better else 1
    rows = sorted(facts.trials, key=lambda t: (t.value is None, sign * (t.value or 0.0), t.number))
    names = [axis.name for axis in facts.axes]
    columns: list[tuple[str, Kind]] = [("Trial", "text"), *_goal_columns(facts)]
    columns += [*((name, "text") for name in names), ("Epochs", "number"), ("State", "text")]
    cells = [
        [
            row.name,
            *_values(facts, row),
            *(shown_value(row.point.get(name, "")) for name in names),
            "-" if row.cached else str(row.epochs),
            "from the records" if row.cached and row.state == "complete" else WORDS[row.state],
        ]
        for row in rows[:MOST_ROWS]
    ]
    more = len(rows) - MOST_ROWS
    rest = [Text(f"{more} more are in the table of all:", link=(TRIALS, TRIALS))] if more > 0 else []
    return [_sheet("Trials", columns, cells), *rest]


def _goal_columns(facts: SearchFacts) -> list[tuple[str, Kind]]:
    return [(goal.label, "number") for goal in facts.goals]


def _value(facts: SearchFacts, value: float | None) -> str:
    goal = facts.goals[0]
    unit = " %" if "(%)" in goal.label else ""
    return f"{number(value, goal.decimals)}{unit}"


def _values(facts: SearchFacts, row: TrialRow) -> list[str]:
    values = row.values or [None] * len(facts.goals)
    return [number(value, goal.decimals) for value, goal in zip(values, facts.goals, strict=True)]


def _point(row: TrialRow) -> str:
    return ", ".join(f"{name}: {shown_value(value)}" for name, value in row.point.items())
