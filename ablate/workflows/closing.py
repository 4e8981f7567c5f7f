"""A study that names its end: fixed before the first look at results; when it comes, what is complete is judged."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ablate.errors import StudyError
from ablate.files import read_json
from ablate.harness.interruption import Interruption
from ablate.records import Finished
from ablate.results.closing import complete_replicates, cut_plan
from ablate.results.declared_looks import FILE as DECLARED
from ablate.results.open_looks import wanted_by_look
from ablate.results.survey import collect
from ablate.stats.alpha_shares import look_shares
from ablate.store.closing import FILE, Closing, read_closing, write_closing
from ablate.study.ends import end_of, moment_words
from ablate.workflows.options import Options
from ablate.workflows.session import Session

CLOCKS_APART = 0.01
"""Seconds by which the clock of the wall may lag behind the one that waits."""
SHOWN = "report.json"
"""What the study's last report said."""


def to_the_end(session: Session, options: Options) -> Options:
    """The options of a command that trains: a study with an end goes on to its last planned look by itself.

    Raises StudyError where a study that has ended is to be trained.
    """
    if session.plan.closed is not None or is_over(session):
        _refuse_training(session, options)
        return replace(options, look=len(session.plan.looks))
    ends = options.final is not None or has_end(session)
    return replace(options, look=len(session.plan.looks)) if ends and not options.look else options


def name_end(session: Session, options: Options, interruption: Interruption) -> None:
    """Fix the study's end where it is new, and let the interruption come then at the latest.

    Raises StudyError for an end that is past, and for one that is named or changed after results were shown.
    """
    if session.plan.closed is not None:
        return
    closing = _named_end(session, options)
    if closing is not None:
        left = (datetime.fromisoformat(closing.end) - _now()).total_seconds()
        until = time.monotonic() + left + CLOCKS_APART
        interruption.until = until if interruption.until is None else min(interruption.until, until)


def is_over(session: Session) -> bool:
    """Whether the study has named an end that has come."""
    closing = read_closing(_folder(session))
    return closing is not None and closing.is_over(_now())


def close_for_time(session: Session) -> None:
    """Where the study's end has come and runs are left: cut the plan at its complete replicates, and write it down."""
    store, plan, folder = session.store, session.plan, _folder(session)
    closing = read_closing(folder)
    everything = Options(look=len(plan.looks))
    if closing is None or plan.closed is not None or not closing.is_over(_now()):
        return
    if not session.survey(everything).to_run:
        return
    wanted = wanted_by_look(session.study, plan, store, session.origin, look=len(plan.looks))
    cells = collect(plan, store, session.origin, look=len(plan.looks))
    complete = complete_replicates(cells, plan.looks, wanted)
    unfinished = {(cell.variant, cell.replicate.index) for cell in cells if not isinstance(cell.result, Finished)}
    judged = [(variant.name, spec) for variant, spec in plan.runs(len(plan.looks)) if spec.replicate.index < complete]
    closed = replace(
        closing,
        closed=_now().isoformat(timespec="seconds"),
        replicates=complete,
        left_out=tuple(spec.fingerprint for name, spec in judged if (name, spec.replicate.index) in unfinished),
        looks=plan.looks,
        shares=look_shares(plan.looks, plan.shares),
    )
    write_closing(folder, closed)
    session.plan = cut_plan(plan, closed)


def why_not_closed(session: Session) -> str:
    """What is amiss with the end of a study that is open: `passed`, or `changed` after results were shown; else empty.

    For whoever only reads: a command that trains closes the study, or refuses.
    """
    closing, said = read_closing(_folder(session)), session.study.evidence.until
    if closing is None:
        return "changed" if said is not None and has_shown_results(session) else ""
    if said != closing.until and not (said is None and closing.by_option):
        return "changed"
    over = session.plan.closed is None and closing.is_over(_now())
    return "passed" if over and session.survey(Options(look=len(session.plan.looks))).to_run else ""


def end_row(session: Session) -> dict[str, Any] | None:
    """The study's end as plain data: as it is written, the moment once it is fixed, and whether it was closed then."""
    closing, said = read_closing(_folder(session)), session.study.evidence.until
    if closing is None:
        return None if said is None else {"until": said, "end": None, "closed": False}
    return {"until": closing.until, "end": closing.end, "closed": session.plan.closed is not None}


def _named_end(session: Session, options: Options) -> Closing | None:
    folder, said = _folder(session), session.study.evidence.until
    where = session.study.document.where(("evidence", "until"))
    if said is not None and options.final is not None:
        raise StudyError(
            f"--final: the study file names its end already ({where}: until: {said})",
            hint="Leave out --final; --for alone is a pause.",
        )
    text = said if options.final is None else options.final
    before = read_closing(folder)
    kept = before is not None and (text == before.until or (text is None and before.by_option))
    if before is not None and kept and said is not None and before.by_option:
        before = replace(before, by_option=False)
        write_closing(folder, before)  # the file has taken over what --final named
    if kept or (before is None and text is None):
        return before
    if has_shown_results(session):
        named = "none was named" if before is None else f"it was {moment_words(before.end)}"
        raise StudyError(
            f"{'--final' if said is None and text else where}: the end of a study is fixed before its first look at "
            f"results; when this one's were shown, {named}",
            hint="Restore that, or leave the end out: planned looks stay valid. A study of another name may end "
            "otherwise; say in it what was seen before.",
        )
    if text is None:
        (folder / FILE).unlink()
        return None
    end = end_of(text, _now())
    if end <= _now():
        raise StudyError(
            f"{where}: the study's end, {moment_words(end.isoformat())}, has passed", hint="Name a later one."
        )
    closing = Closing(until=text, end=end.isoformat(timespec="seconds"), by_option=options.final is not None)
    write_closing(folder, closing)
    return closing


def _refuse_training(session: Session, options: Options) -> None:
    asked = [
        *(["--retry-failed"] if options.retry_failed else []),
        *(["--retrain"] if options.stale == "retrain" else []),
        *([f"--look {options.look}"] if options.look > len(session.plan.looks) else []),
    ]
    closing = read_closing(_folder(session))
    if asked and closing is not None:
        raise StudyError(
            f"{asked[0]}: the study ended at {moment_words(closing.end)}: nothing more is trained for it",
            hint="Ask what is open by a study of another name, which takes over the finished runs; say in it what was "
            "seen before.",
        )


def has_shown_results(session: Session) -> bool:
    """Whether a report has shown a difference, with a verdict or without."""
    folder = _folder(session)
    shown: Any = read_json(folder / SHOWN)
    effects = shown.get("effects", ()) if isinstance(shown, dict) else ()
    return (folder / DECLARED).exists() or any(effect.get("difference") is not None for effect in effects)


def has_end(session: Session) -> bool:
    """Whether the study names an end."""
    return session.study.evidence.until is not None or read_closing(_folder(session)) is not None


def _folder(session: Session) -> Path:
    return session.store.study(session.study.name)


def _now() -> datetime:
    return datetime.now().astimezone()
