"""How a search is printed on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ablate.cli.show import note, say, say_report, say_table, shown_metric
from ablate.cli.translation import spoken, translated

if TYPE_CHECKING:
    from ablate.workflows.search.result import Confirmation, SearchRun


def show_search(found: SearchRun) -> None:
    """The best setting, what it is worth, and how much each parameter mattered."""
    from ablate.search import BASELINE_TRIAL

    count = {state: sum(trial.state == state for trial in found.tried) for state in ("complete", *_ENDED)}
    extra = "".join(f", {count[state]} {translated(word)}" for state, word in _ENDED.items() if count[state])
    trained = f"{found.trained} run{'' if found.trained == 1 else 's'} trained now"
    beside = sum(trial.number == BASELINE_TRIAL and trial.state == "complete" for trial in found.tried)
    ended = sum(trial.number != BASELINE_TRIAL for trial in found.tried)
    finished = f"{count['complete'] - beside} of {max(found.wanted, ended)} trials finished"
    baseline = translated(", and the baseline") if beside else ""
    say(f"{found.name}: {translated(finished)}{extra}{baseline}; {translated(trained)}.")
    if found.answered:
        many = "1 suggestion matched" if found.answered == 1 else f"{found.answered} suggestions matched"
        say(f"{many} a finished run; the answer is from the records.")
    if found.known_to_fail:
        note(f"{found.known_to_fail} more matched a failed run, and count as failed: --retry-failed trains again.")
    if found.stopped:
        say(f"Ended before the last trial: {found.stopped}.")
    if found.best is not None:
        rows = [[key, _number(value)] for key, value in found.best.point.items()]
        shown = _metric(found.metric, found.best.value)
        which = f"{found.best.name}, the baseline as it is" if _is_baseline(found) else found.best.name
        say_table(["best setting", f"{which}: validation {found.metric} {shown}"], rows)
    if len(found.question.objectives) > 1:
        names = [objective.name for objective in found.question.objectives]
        rows = [
            [trial.name, *(_metric(n, v) for n, v in zip(names, trial.values or (), strict=False))]
            for trial in found.front
        ]
        say_table(["no other is better in both", *names], rows)
    if found.importance:
        rows = [[row.name, _share(row.fanova), _share(row.ped_anova)] for row in found.importance]
        say_table(["parameter", "fANOVA", "PED-ANOVA"], rows)
    _show_what_it_is_worth(found)
    if not found.delivered:
        note("MLflow is not up to date; the journals are. The same command brings it up to date.")
    say_report(found.page)


_ENDED = {"pruned": "pruned", "diverged": "diverged", "failed": "failed", "refused": "refused by the trainer"}


def _show_what_it_is_worth(found: SearchRun) -> None:
    if found.unchecked:
        note(f"{found.unchecked[:1].upper()}{found.unchecked[1:]}.")
    if found.best is None:
        return
    none_better = _is_baseline(found) and "On validation no setting was better than the baseline"
    if found.confirmation is not None:
        if none_better:
            note(f"{none_better}. The best of the others are confirmed: {', '.join(found.confirmation.settings)}.")
        _show_confirmation(found.confirmation)
    elif none_better:
        note(f"{none_better}: there is nothing to confirm{' yet' if found.exit_code >= 128 else ''}.")
    else:
        note("The best of many trials looks better than it is: confirm it before you quote it (confirm: in search:).")


def _is_baseline(found: SearchRun) -> bool:
    from ablate.workflows.search.confirm import is_baseline

    return found.best is not None and is_baseline(found.question, found.best)


def _show_confirmation(found: Confirmation) -> None:
    from ablate.report.tables.table import NAME_WIDTH, terminal_steps
    from ablate.report.wording.headline import first_sentence
    from ablate.report.wording.language import words_of
    from ablate.report.wording.robustness import uses_lines

    words = words_of(spoken())
    say(f"Confirmation on the sealed part: {first_sentence(found.findings, words)}")
    table = terminal_steps(found.findings, words)
    say_table(list(table.columns), [list(row) for row in table.rows], first=NAME_WIDTH)
    for line in uses_lines(found.findings, words):
        say(f"- {line}")
    if found.alone:
        note(f"The winner's changes were not assessed one by one: {found.alone}.")
    if found.moved:
        note(f"The search's storage was recreated after the sealed part was read: {'; '.join(found.moved)}.")
    if found.later:
        note(f"Not confirmed, because the sealed part is read only once: {', '.join(found.later)}.")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def search_json(found: SearchRun) -> dict[str, Any]:
    """The search as plain data; accuracy in percent."""
    from ablate.metrics import is_share
    from ablate.report.page.summary_json import summary_json

    scale = 100 if "accuracy" in found.metric or is_share(found.metric) else 1
    best, confirmation = found.best, found.confirmation
    return {
        "study": found.name,
        "metric": found.metric,
        "objectives": [objective.name for objective in found.question.objectives],
        "trials": len(found.tried),
        "complete": sum(trial.state == "complete" for trial in found.tried),
        "pruned": sum(trial.state == "pruned" for trial in found.tried),
        "failed": sum(trial.state == "failed" for trial in found.tried),
        "trained": found.trained,
        "answered": found.answered,
        "stopped": found.stopped or None,
        "best": None
        if best is None or best.value is None
        else {"trial": best.number, "value": scale * best.value, "setting": dict(best.point)},
        "front": [trial.number for trial in found.front],
        "importance": {row.name: {"fanova": row.fanova, "ped_anova": row.ped_anova} for row in found.importance},
        "confirmation": None if confirmation is None else summary_json(confirmation.findings, confirmation.report),
        "unchecked": found.unchecked or None,
        "storage": found.place,
        "report": str(found.page),
    }


def _metric(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if value == int(value) and abs(value) >= 10:  # parameters
        return f"{int(value):,}"
    return shown_metric(name, value)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
