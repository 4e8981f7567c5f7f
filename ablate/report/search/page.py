"""The page of a search: best setting, what it is worth, figures, every trial; as files in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ablate import files
from ablate.records import BASELINE
from ablate.report.figures.fonts import missing_font, texts_in
from ablate.report.search.facts import SearchFacts, TrialRow, shown_value
from ablate.report.search.figures import (
    contour_info,
    front_info,
    history_info,
    importance_info,
    parallel_info,
    search_curves_info,
    slice_infos,
    timeline_info,
)
from ablate.report.search.printing import (
    Block,
    Command,
    Grid,
    Heading,
    Lines,
    SearchImage,
    SearchWords,
    as_html,
    as_markdown,
    grid,
)
from ablate.report.wording.escape import csv_lines
from ablate.report.wording.numbers import counted, duration, listed, number

PAGE, HTML, BEST, TRIALS = "report.md", "report.html", "best.yaml", "trials.csv"
MOST_ROWS = 60
"""Trials shown on the page; the CSV has them all."""
WORDS = {
    "complete": "",
    "pruned": "given up early",
    "diverged": "diverged",
    "failed": "failed",
    "refused": "refused by the trainer",
}


def render_search(facts: SearchFacts, folder: Path) -> Path:
    """Write the page, best.yaml, the tables and the figures; each file whole, the page last."""
    pictures = draw_search(facts)
    for picture in pictures:
        files.write_bytes(folder / picture.path, picture.content)
    files.write_text(folder / TRIALS, trials_csv(facts))
    if facts.importance:
        rows = [[row.name, row.fanova, row.ped_anova] for row in facts.importance]
        files.write_text(folder / "importance.csv", csv_lines(["parameter", "fanova", "ped_anova"], rows))
    if facts.best_file is not None:
        files.write_text(folder / BEST, facts.best_file)
    kept = {picture.path for picture in pictures}
    for path in (folder / "figures").glob("*.png"):
        if f"figures/{path.name}" not in kept:
            path.unlink()
    blocks = page_blocks(facts, pictures)
    files.write_text(folder / HTML, as_html(facts.name, blocks))
    files.write_text(folder / PAGE, as_markdown(blocks))
    return folder / PAGE


def draw_search(facts: SearchFacts) -> tuple[SearchImage, ...]:
    """Every figure for which there are numbers."""
    from ablate.report.figures.drawing import picture

    return tuple(
        SearchImage(f"figures/{one.name}.png", one.title, one.caption, picture(one.draw, one.info))
        for one in _figures(facts)
    )


class _Drawing(NamedTuple):
    """A figure to be drawn."""

    name: str
    draw: Callable[[Any], Any]
    info: Any
    title: str
    caption: str


def _figures(facts: SearchFacts) -> list[_Drawing]:
    from ablate.report.search import drawing as ink

    def of(name: str, draw: Callable[[Any], Any], info: Any, title: str, caption: str) -> list[_Drawing]:
        return [] if info is None else [_Drawing(name, draw, info, title, caption)]

    better = f"{'Up' if facts.goals[0].is_more_better else 'Down'} and to the left is better."
    found = of("front", ink.draw_front, front_info(facts), "Two objectives", better)
    found += of("history", ink.draw_history, history_info(facts), "History", "Each trial and the best so far.")
    found += of(
        "importance", ink.draw_importance, importance_info(facts), "Which parameters mattered",
        "Shares without error bars or signs: they say where to look, not what a change gains. fANOVA: of the "
        "variance over all trials; PED-ANOVA: of what tells the better trials from all.",
    )  # fmt: skip
    for i, info in enumerate(slice_infos(facts), start=1):
        caption = "Darker trials came later; the ring is the best" + (
            ". A triangle lies beyond the axis." if info.edge else "."
        )
        found += of(f"slice-{i}", ink.draw_slice, info, f"Slice along {info.ticks.label}", caption)
    contour = contour_info(facts)
    found += of("contour", ink.draw_contour, contour, "The two most important parameters", "The ring is the best.")
    found += of(
        "parallel", ink.draw_parallel, parallel_info(facts), "All parameters at once",
        "A line a trial; under and above each axis the least and the most that was tried.",
    )  # fmt: skip
    curves = search_curves_info(facts)
    shown = "" if curves is None or curves.shown == curves.total else f" The latest {curves.shown} of {curves.total}."
    found += of(
        "curves", ink.draw_search_curves, curves, "Learning curves",
        f"Validation by epoch; a cross is where a trial was given up.{shown}",
    )  # fmt: skip
    found += of("timeline", ink.draw_timeline, timeline_info(facts), "Who worked when", "A bar an attempt.")
    return found


def undrawn(facts: SearchFacts) -> str:
    """What the figures cannot show of their names, and the remedy; empty where they show everything."""
    return missing_font(text for one in _figures(facts) for text in texts_in(one.info))


def page_text(facts: SearchFacts, pictures: Sequence[SearchImage]) -> str:
    """The page in Markdown."""
    return as_markdown(page_blocks(facts, pictures))


def page_blocks(facts: SearchFacts, pictures: Sequence[SearchImage]) -> list[Block]:
    """The page from top to bottom."""
    blocks: list[Block] = [Heading(facts.name, 1)]
    if facts.question:
        blocks.append(SearchWords(facts.question))
    blocks += [*_first_screen(facts), *_confirmation(facts), *_how(facts)]
    if pictures and (told := undrawn(facts)):
        blocks.append(SearchWords(told))
    for shown in pictures:
        blocks += [Heading(shown.title), shown]
    return [*blocks, Heading("Trials"), *_trials(facts)]


def describe_search(facts: SearchFacts) -> str:
    """The first screen in Markdown."""
    return as_markdown(_first_screen(facts)).rstrip("\n")


def _first_screen(facts: SearchFacts) -> list[Block]:
    """A sentence and the best setting."""
    blocks: list[Block] = [SearchWords(first_search_sentence(facts), is_lead=True)]
    if facts.best is not None and facts.best.point:
        base = facts.baseline.point if facts.baseline is not None else {}
        rows = [
            [name, shown_value(value), shown_value(base.get(name, "-"))] for name, value in facts.best.point.items()
        ]
        blocks.append(grid(["Parameter", "Best setting", "Baseline"], rows))
    if len(facts.goals) > 1:
        blocks.append(_front_table(facts))
    if facts.unchecked:
        blocks.append(SearchWords(f"{facts.unchecked[:1].upper()}{facts.unchecked[1:]}."))
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
        Heading("Confirmation"),
        SearchWords(
            f"The best settings and the baseline were trained {found.replicates} times more, with fresh luck, and "
            "tested on the part that the search had sealed. Optimism is what a setting lost on the way: part luck of "
            "the best of many, part the difference between validation and test images, which the baseline has as well.",
            link=("The whole report.", found.page),
        ),
        grid(["Setting", "In the search", "Confirmed", "Optimism", "n", "Against the baseline"], rows),
    ]
    if facts.unchecked:
        blocks.append(
            SearchWords(
                f"Here that is not known: {facts.unchecked}. These settings may have been chosen on images they are "
                "tested on."
            )
        )
    if found.winner:
        blocks += [
            SearchWords(f"Each change of {found.rows[0].name}, the best of these on validation, turned back alone:"),
            grid(["Parameter", "The winner's value against the baseline's"], found.winner),
        ]
    if found.alone:
        blocks.append(SearchWords(f"The winner's changes were not asked about one by one: {found.alone}."))
    if found.moved:
        anew = "The search's storage was begun anew after the sealed part was read"
        blocks.append(SearchWords(f"{anew}: {'; '.join(found.moved)}."))
    if found.later:
        blocks.append(
            SearchWords(
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
        lines.insert(1, f"{counted(cached, 'suggestion')} equalled a finished run and cost nothing.")
    if facts.stopped:
        lines.insert(1, f"It ended before its last trial: {facts.stopped}.")
    blocks: list[Block] = [Heading("How it was searched"), Lines(tuple(lines))]
    if facts.best_file is not None and not facts.unchanged:
        blocks.append(SearchWords("A study of the best setting against the baseline:", link=(BEST, BEST)))
        blocks.append(Command(f"ablate run reports/{facts.name}/{BEST}"))
    return blocks


def _front_table(facts: SearchFacts) -> Grid:
    rows = sorted(
        (trial for trial in facts.complete if trial.number in facts.front),
        key=lambda trial: trial.values[1] if trial.values is not None else 0.0,
    )
    columns = ["Nobody is better in both", *(goal.label for goal in facts.goals), "Setting"]
    return grid(columns, [[row.name, *_values(facts, row), _point(row)] for row in rows])


def _trials(facts: SearchFacts) -> list[Block]:
    """The finished trials, the best first, then the others."""
    sign = -1 if facts.goals[0].is_more_better else 1
    rows = sorted(facts.trials, key=lambda t: (t.value is None, sign * (t.value or 0.0), t.number))
    names = [axis.name for axis in facts.axes]
    columns = ["Trial", *(goal.label for goal in facts.goals), *names, "Epochs", ""]
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
    rest = [SearchWords(f"{more} more are in the table of all:", link=(TRIALS, TRIALS))] if more > 0 else []
    return [grid(columns, cells), *rest]


def trials_csv(facts: SearchFacts) -> str:
    """Every trial, a line each; values as they are stored, not in percent."""
    names = [axis.name for axis in facts.axes]
    columns = ["trial", *names, *(f"val {g.name}" if i == 0 else g.name for i, g in enumerate(facts.goals))]
    columns += ["state", "epochs", "seconds", "cached", "reason", "fingerprint"]
    rows: list[list[Any]] = []
    for row in facts.trials:
        values = row.values or [None] * len(facts.goals)
        stored = [None if v is None else v / goal.scale for v, goal in zip(values, facts.goals, strict=True)]
        point = [row.point.get(name) for name in names]
        print_ = " ".join(fingerprint[:12] for fingerprint in row.fingerprints)
        rows.append(
            [row.number, *point, *stored, row.state, row.epochs, round(row.seconds, 3), row.cached, row.reason, print_]
        )
    return csv_lines(columns, rows)


def _value(facts: SearchFacts, value: float | None) -> str:
    goal = facts.goals[0]
    unit = " %" if "(%)" in goal.label else ""
    return f"{number(value, goal.decimals)}{unit}"


def _values(facts: SearchFacts, row: TrialRow) -> list[str]:
    values = row.values or [None] * len(facts.goals)
    return [number(value, goal.decimals) for value, goal in zip(values, facts.goals, strict=True)]


def _point(row: TrialRow) -> str:
    return ", ".join(f"{name}: {shown_value(value)}" for name, value in row.point.items())
